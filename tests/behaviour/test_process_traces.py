"""Spans that leave a real process by OTLP, as the standard environment variables say, and what a collector may do."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.support.clients.commands import ENVIRONMENT
from tests.support.clients.commands import gateway as command
from tests.support.gateways.running import Running, load, running, until, written
from tests.support.servers.collector import CLIENT, SERVER, collecting, told
from tests.support.servers.recording_upstream import OK, RecordingUpstream, UpstreamSide, recording_upstream

WORKERS = pytest.mark.parametrize("workers", [1, 2])
OTLP = "telemetry: {traces: otlp}\n"
PROTOBUF = "/google/_upb/"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def counts(gateway: Running, outcome: str, spans: int) -> bool:
    return await gateway.metric("gateway_trace_spans_total", outcome=outcome) == spans


def config(folder: Path, upstream: RecordingUpstream, workers: int = 1) -> Path:
    return written(folder, upstream.port, listen=f", workers: {workers}", more=OTLP)


@WORKERS
async def test_spans_go_where_the_standard_variables_say(tmp_path: Path, workers: int) -> None:
    async with recording_upstream() as upstream, collecting() as collector:
        environment = collector.environment(
            OTEL_SERVICE_NAME="edge",
            OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
            OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20a-token",
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        )
        async with running(config(tmp_path, upstream, workers), environment) as gateway:
            assert (await gateway.ask("/public/a?q=1", f"traceparent: {CALLER}")).status == 200
            await collector.until(lambda: len(collector.spans) == 2)
            await until(lambda: counts(gateway, "sent", 2))
    request, sent = sorted(collector.spans, key=lambda span: span.kind != SERVER)
    assert (request.kind, request.name, sent.kind, sent.name) == (SERVER, "GET /public/", CLIENT, "GET")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (CALLER[3:35], CALLER[36:52])
    assert sent.parent_span_id == request.span_id
    assert upstream.requests[0].one(b"traceparent") == f"00-{sent.trace_id.hex()}-{sent.span_id.hex()}-01".encode()
    assert told(request.attributes)["url.path"] == "/public/a"
    resource, headers = collector.resources[0], collector.headers[0]
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("edge", "test")
    assert resource["service.version"]
    assert (headers["authorization"], headers["content-encoding"]) == ("Bearer a-token", "gzip")


@WORKERS
async def test_what_still_waits_is_sent_before_the_gateway_ends(tmp_path: Path, workers: int) -> None:
    async with recording_upstream() as upstream, collecting() as collector:
        environment = collector.environment(OTEL_BSP_SCHEDULE_DELAY="3600000")
        async with running(config(tmp_path, upstream, workers), environment) as gateway:
            for _ in range(10):
                assert (await gateway.ask()).status == 200
            assert collector.spans == []
            assert await gateway.stop() == 0
            assert len(collector.named("GET /public/")) == 10


@WORKERS
async def test_a_collector_that_hangs_keeps_no_request_waiting_and_not_the_end(tmp_path: Path, workers: int) -> None:
    async with recording_upstream() as upstream, collecting() as collector:
        collector.hangs = True
        environment = collector.environment(OTEL_BSP_MAX_QUEUE_SIZE="16", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="8")
        async with running(config(tmp_path, upstream, workers), environment) as gateway:
            assert (await gateway.ask()).status == 200
            await collector.until(lambda: bool(collector.headers))
            async with load(gateway.port) as clients:
                await clients.further(200)
            assert (clients.lost, set(clients.statuses)) == ([], {200})
            assert await gateway.metric("gateway_trace_spans_total", outcome="dropped") > 0
            assert await gateway.stop() == 0
            assert (await gateway.event("spans_lost"))["spans"] > 0


async def test_a_second_signal_does_not_wait_for_the_collector_either(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, collecting() as collector:
        collector.hangs = True
        async with running(config(tmp_path, upstream), collector.environment()) as gateway:
            await gateway.ask()
            await collector.until(lambda: bool(collector.headers))
            gateway.process.send_signal(signal.SIGTERM)
            await gateway.event("draining")
            assert await gateway.stop() == 0
            assert all(line.get("event") != "spans_lost" for line in gateway.lines)


@WORKERS
async def test_a_collector_that_is_away_is_told_of_once_and_not_waited_for(tmp_path: Path, workers: int) -> None:
    async with recording_upstream() as upstream, collecting() as collector:
        nowhere = collector.environment(
            OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1/?key=hunter2", OTEL_EXPORTER_OTLP_TIMEOUT="1"
        )
        async with running(config(tmp_path, upstream, workers), nowhere) as gateway:
            assert (await gateway.ask()).status == 200
            await gateway.event("trace_export_failed")
            for _ in range(20):
                assert (await gateway.ask()).status == 200
            assert await gateway.stop() == 0
        complaints = [line for line in gateway.lines if line.get("log") == "program" and line["level"] == "warning"]
        told_of = [line for line in complaints if line["event"] == "trace_export_failed"]
        assert 1 <= len(told_of) <= workers
        assert {line["event"] for line in complaints} <= {"config_warning", "trace_export_failed", "spans_lost"}
        assert "hunter2" not in str(gateway.lines)


async def test_a_collector_that_comes_back_is_sent_what_ends_from_then_on(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, collecting() as collector:
        collector.status = 400
        async with running(config(tmp_path, upstream), collector.environment()) as gateway:
            await gateway.ask("/public/lost")
            assert "400" in (await gateway.event("trace_export_failed"))["fault"]
            collector.status = 200
            await gateway.ask("/public/sent")
            await gateway.event("trace_export_recovered")
    assert {told(span.attributes)["url.path"] for span in collector.named("GET /public/")} == {"/public/sent"}


@WORKERS
async def test_a_reload_turns_spans_on_and_off_and_loses_none(tmp_path: Path, workers: int) -> None:
    may_answer = asyncio.Event()

    async def slow(side: UpstreamSide) -> None:
        while (request := await side.request()) is not None:
            if request.target == b"/public/slow":
                await may_answer.wait()
            await side.send(OK)

    async with recording_upstream(slow) as upstream, collecting() as collector:
        path = written(tmp_path, upstream.port, listen=f", workers: {workers}")
        off, on = path.read_text(), path.read_text() + OTLP
        async with running(path, collector.environment()) as gateway:
            await gateway.ask("/public/before")
            path.write_text(on)
            assert (await gateway.reload())["outcome"] == "done"
            slow_one = asyncio.gather(gateway.ask("/public/slow"))
            await upstream_has(upstream, b"/public/slow")
            path.write_text(off)
            assert (await gateway.reload())["outcome"] == "done"
            await gateway.ask("/public/after")
            may_answer.set()
            await slow_one
    assert {told(span.attributes)["url.path"] for span in collector.named("GET /public/")} == {"/public/slow"}


async def upstream_has(upstream: RecordingUpstream, target: bytes) -> None:
    async with asyncio.timeout(10.0):
        while all(request.target != target for request in upstream.requests):
            upstream.arrived.clear()
            await upstream.arrived.wait()


@pytest.mark.parametrize(
    ("variables", "forwarded"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, CALLER),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, CALLER[:36]),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, CALLER[:36]),
    ],
)
async def test_the_standard_variables_say_how_much_is_sampled(
    tmp_path: Path, variables: dict[str, str], forwarded: str
) -> None:
    async with recording_upstream() as upstream, collecting() as collector:
        async with running(config(tmp_path, upstream), collector.environment(**variables)) as gateway:
            await gateway.ask("/public/", f"traceparent: {CALLER}")
            await gateway.ask("/public/")
        continued, begun = (request.one(b"traceparent") or b"" for request in upstream.requests)
        asked_for = variables.get("OTEL_TRACES_SAMPLER", "").startswith("parentbased")
        assert continued.startswith(forwarded.encode())
        assert continued.endswith(b"-00") is (variables.get("OTEL_TRACES_SAMPLER") == "always_off")
        assert begun.endswith(b"-00") is ("OTEL_TRACES_SAMPLER" in variables)
        assert bool(collector.spans) is asked_for


@WORKERS
def test_variables_that_cannot_be_used_keep_it_from_starting_with_one_line(tmp_path: Path, workers: int) -> None:
    path = written(tmp_path, 1, listen=f", workers: {workers}", more=OTLP)
    ended = command("serve", "-c", path, environment={"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "telemetry.traces: OTLP is spoken as http/protobuf, and the environment says grpc" in ended.stderr


@pytest.fixture
def without(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine without the extra: an empty package stands where OpenTelemetry would be found."""
    package = tmp_path / "shadow/opentelemetry"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return {"PYTHONPATH": f"{package.parent}:{ENVIRONMENT['PYTHONPATH']}"}


def test_check_names_the_extra_where_it_is_not_installed(tmp_path: Path, without: dict[str, str]) -> None:
    path = written(tmp_path, 1, more=OTLP)
    checked = command("check", "-c", path)
    assert (checked.returncode, checked.stderr) == (0, "")
    for verb in ("check", "serve"):
        ended = command(verb, "-c", path, environment=without)
        text = "telemetry.traces: needs packages that are not installed: pip install 'session-gateway[otel]'"
        assert ended.returncode == 1
        assert f"{path}:5:13: {text}" in (ended.stdout + ended.stderr)


async def test_what_is_off_needs_no_extra(tmp_path: Path, without: dict[str, str]) -> None:
    async with recording_upstream() as upstream:
        async with running(written(tmp_path, upstream.port), without) as gateway:
            assert (await gateway.ask("/public/", f"traceparent: {CALLER}")).status == 200
            assert await gateway.metric("gateway_trace_spans_total") == 0
        assert upstream.requests[0].all(b"traceparent") == [CALLER.encode()]


@WORKERS
@pytest.mark.parametrize("more", ["", OTLP], ids=["off", "on"])
async def test_what_is_off_takes_no_memory(tmp_path: Path, workers: int, more: str) -> None:
    async with recording_upstream() as upstream, collecting() as collector:
        path = written(tmp_path, upstream.port, listen=f", workers: {workers}", more=more)
        async with running(path, collector.environment()) as gateway:
            await gateway.ask()
            mapped = [Path(f"/proc/{pid}/maps").read_text() for pid in (gateway.process.pid, *gateway.workers())]
    # protobuf's library, of which nothing else here makes use
    assert [PROTOBUF in each for each in mapped] == [bool(more)] * len(mapped)
