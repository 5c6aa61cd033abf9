from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli import main
from gateway.commands.front_config import front
from tests.support.builders.configs import LEAST, written

pytestmark = pytest.mark.slow

PROXIES = ("nginx", "traefik", "caddy", "envoy")


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_config_is_printed_whole(proxy: str, tmp_path: Path) -> None:
    result = front(written(tmp_path), proxy, None)
    assert result.succeeded
    assert result.note == ""
    assert "gateway" in result.output
    assert f"/_gateway/auth/{proxy}" in result.output
    assert "127.0.0.1:8000" in result.output or "address: 127.0.0.1, port_value: 8000" in result.output


@pytest.mark.parametrize(
    ("listen", "gateway", "expected"),
    [
        ("0.0.0.0:8080", None, "gateway:8080"),
        ("[::]:81", None, "gateway:81"),
        ("10.0.0.1:82", None, "10.0.0.1:82"),
        ("0.0.0.0:8080", "gw.internal:83", "gw.internal:83"),
    ],
)
def test_the_gateway_is_asked_where_it_listens_or_where_one_says(
    listen: str, gateway: str | None, expected: str, tmp_path: Path
) -> None:
    path = written(tmp_path, LEAST + f"listen: {{public: '{listen}'}}\n")
    assert f"server {expected};" in front(path, "nginx", gateway).output


def test_what_the_proxy_is_left_to_do_is_said_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, LEAST + "    strip_prefix: /orders\n")
    assert main(["front", "caddy", "-c", str(path)]) == 0
    printed = capsys.readouterr()
    assert printed.err == "gateway: strip_prefix of orders: the proxy's to do, and not in this config\n"
    assert printed.out.startswith("# Caddy asks the gateway")


def test_traefik_and_istio_alone_have_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["front", "traefik", "--static", "-c", str(written(tmp_path))]) == 0
    assert "entryPoints:" in capsys.readouterr().out
    assert main(["front", "istio", "--static", "--gateway", "gw.edge:81", "-c", str(written(tmp_path))]) == 0
    assert "service: gw.edge.svc.cluster.local\n        port: 81\n" in capsys.readouterr().out
    assert main(["front", "nginx", "--static", "-c", str(written(tmp_path))]) == 1


def test_envoy_alone_is_told_of_grpc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["front", "envoy", "-c", str(written(tmp_path))]) == 0
    assert "http2_protocol_options" not in capsys.readouterr().out
    assert main(["front", "envoy", "--grpc", "-c", str(written(tmp_path))]) == 0
    assert "explicit_http_config: {http2_protocol_options: {}}" in capsys.readouterr().out
    assert main(["front", "nginx", "--grpc", "-c", str(written(tmp_path))]) == 1


def test_a_socket_file_is_not_where_every_proxy_asks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = LEAST + "listen: {public: ['unix:/run/g.sock']}\n"
    assert main(["front", "caddy", "-c", str(written(tmp_path, files))]) == 1
    assert "say --gateway HOST:PORT" in capsys.readouterr().err
    assert main(["front", "caddy", "--gateway", "127.0.0.1:8080", "-c", str(written(tmp_path, files))]) == 0
    both = files.replace("g.sock'", "g.sock', '[::]:81'")
    assert main(["front", "caddy", "-c", str(written(tmp_path, both))]) == 0
    assert "gateway:81" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("listen", "gateway", "expected"),
    [
        ("0.0.0.0:8082", None, "socket_address: {address: gateway, port_value: 8082}"),
        ("10.0.0.1:82", None, "socket_address: {address: 10.0.0.1, port_value: 82}"),
        ("unix:/run/grpc.sock", None, "pipe: {path: /run/grpc.sock}"),
        ("unix:/run/grpc.sock", "[::1]:83", "socket_address: {address: ::1, port_value: 83}"),
    ],
)
def test_envoy_asks_over_grpc_where_that_is_listened_at(
    listen: str, gateway: str | None, expected: str, tmp_path: Path
) -> None:
    path = written(tmp_path, LEAST + f"listen: {{grpc: '{listen}'}}\next_authz: {{peers: [unix]}}\n")
    printed = front(path, "envoy", gateway, asks_by_grpc=True).output
    assert f"endpoint: {{address: {{{expected}}}}}" in printed
    assert "encode_raw_headers: true" in printed


def test_who_asks_over_grpc_is_envoy_at_a_port_that_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for proxy, told in (("envoy", "the config has no listen.grpc"), ("nginx", "only Envoy asks over gRPC")):
        assert main(["front", proxy, "--ext-authz", "grpc", "-c", str(written(tmp_path))]) == 1
        assert told in capsys.readouterr().err
