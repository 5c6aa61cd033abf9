import json
import logging
import subprocess
import sys
from typing import Any

import pytest
import structlog

from gateway.telemetry.lines import LineBuffer, Timestamps
from gateway.telemetry.logging import Format, Level, configure
from gateway.telemetry.redaction import Redactor
from tests.support.builders.records import API_KEY, NOON
from tests.support.repository import ROOT


class Output:
    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.buffer = LineBuffer(self.writes.append)

    def start(self, form: Format = "json", level: Level = "info", *, colour: bool = False) -> None:
        configure(form, level, self.buffer, Timestamps(lambda: NOON), Redactor(), colour=colour)

    @property
    def text(self) -> str:
        return b"".join(self.writes).decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def output() -> Output:
    return Output()


def test_a_line_is_json_with_its_time_level_and_facts(output: Output) -> None:
    output.start()
    structlog.get_logger("gateway.front.server").info("listening", port=8080)
    assert output.events == [
        {
            "time": "2026-01-31T12:00:00.250Z",
            "log": "program",
            "logger": "gateway.front.server",
            "level": "info",
            "event": "listening",
            "port": 8080,
        }
    ]


def test_lines_below_the_level_are_left_out(output: Output) -> None:
    output.start(level="warning")
    structlog.get_logger().info("not this")
    structlog.get_logger().warning("this")
    assert [event["event"] for event in output.events] == ["this"]


def test_every_level_can_be_written(output: Output) -> None:
    output.start(level="debug")
    for level in ("debug", "info", "warning", "error", "critical"):
        structlog.get_logger().log(getattr(logging, level.upper()), "said")
    assert [event["level"] for event in output.events] == ["debug", "info", "warning", "error", "critical"]


def test_libraries_lines_come_out_alike(output: Output) -> None:
    output.start()
    logging.getLogger("sqlalchemy.pool").warning("pool %s is full", "main")
    logging.getLogger("asyncio").log(35, "a level of its own")
    assert [(event["logger"], event["level"], event["event"]) for event in output.events] == [
        ("sqlalchemy.pool", "warning", "pool main is full"),
        ("asyncio", "warning", "a level of its own"),
    ]


def test_libraries_small_talk_is_left_out(output: Output) -> None:
    output.start()
    logging.getLogger("sqlalchemy.engine").info("SELECT 1")
    assert output.events == []


def raised(error: BaseException) -> BaseException:
    local = "2retnuh"[::-1]  # stands in the frame, and not in its source
    try:
        raise error
    except type(error) as caught:
        assert local
        return caught


def test_our_own_faults_have_a_traceback_without_secrets_or_local_variables(output: Output) -> None:
    output.start()
    structlog.get_logger().error("failed", exc_info=raised(ValueError(f"no such key {API_KEY}")))
    logging.getLogger("aiohttp.server").error("Error handling request", exc_info=raised(RuntimeError("ours")))
    ours, theirs = output.events
    assert "Traceback" in ours["exception"]
    assert "ValueError: no such key [redacted]" in ours["exception"]
    assert "RuntimeError: ours" in theirs["exception"]
    assert API_KEY not in output.text
    assert "hunter2" not in output.text


def test_a_librarys_bad_log_call_fails_nobody(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    output.start()
    record = logging.LogRecord("lib", logging.WARNING, "lib.py", 1, "one %s and one %s", ("only",), None)
    for handler in logging.getLogger().handlers:
        if type(handler).__module__ == "gateway.telemetry.logging":  # pytest's own handlers do fail their callers
            handler.handle(record)
    assert output.events == []
    assert "not enough arguments" in capsys.readouterr().err


def test_secrets_are_masked(output: Output) -> None:
    output.start()
    structlog.get_logger().info("asked", headers={"X-Api-Key": "short"}, url=f"/?api_key={API_KEY}")
    logging.getLogger("lib").warning("sent %s", API_KEY)
    assert "short" not in output.text
    assert API_KEY not in output.text


@pytest.mark.parametrize("form", ["json", "console"])
def test_bytes_that_are_no_text_never_fail_a_caller(output: Output, form: Format) -> None:
    output.start(form)
    structlog.get_logger().info("odd \udcff", path="/\udcff")
    logging.getLogger("lib").warning("odd \udcff")
    assert len(output.writes) == 2


def test_people_get_words_and_colour_only_where_it_is_wanted(output: Output) -> None:
    output.start("console")
    structlog.get_logger().info("listening", port=8080)
    structlog.get_logger().error("failed", exc_info=raised(ValueError("plain")))
    assert "listening" in output.text
    assert "port=8080" in output.text
    assert "ValueError: plain" in output.text
    assert "\x1b" not in output.text
    output.start("console", colour=True)
    structlog.get_logger().info("listening")
    assert "\x1b" in output.text


def test_configured_twice_a_line_is_written_once(output: Output) -> None:
    output.start()
    output.start()
    logging.getLogger("lib").warning("once")
    assert len(output.events) == 1


PROGRAM = """
import sys, structlog
from gateway.telemetry.lines import Timestamps
from gateway.telemetry.lines import LineBuffer, write_to
from gateway.telemetry.logging import configure
from gateway.telemetry.redaction import Redactor

lines = LineBuffer(write_to(sys.stdout.buffer))
configure("json", "info", lines, Timestamps(lambda: 0.0), Redactor())
lines.append(b'{"event": "held"}\\n')
structlog.get_logger().info("said")
lines.append(b'{"event": "held to the end"}\\n')
"""


@pytest.mark.processes
def test_lines_leave_in_order_and_what_is_held_leaves_at_exit() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, cwd=ROOT)
    events = [json.loads(line)["event"] for line in ended.stdout.splitlines()]
    assert events == ["held", "said", "held to the end"]
    assert ended.stderr == b""


def test_a_logger_that_was_used_before_follows_a_new_configuration(output: Output) -> None:
    logger = structlog.get_logger()
    output.start("console")
    logger.info("before", x_pass="shown")
    configure("json", "info", output.buffer, Timestamps(lambda: NOON), Redactor(["X-Pass"]))
    logger.info("after", x_pass="hidden")
    assert "shown" in output.text
    assert "hidden" not in output.text
    assert json.loads(output.writes[-1])["event"] == "after"
