from __future__ import annotations

import pytest

from gateway.http1.framing import is_upgrade, refuse_framing
from gateway.model.headers import Headers

WEBSOCKET = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]


@pytest.mark.parametrize(
    ("method", "version", "fields"),
    [
        ("GET", (1, 1), []),
        ("GET", (1, 0), []),
        ("POST", (1, 1), [(b"Content-Length", b"3")]),
        ("POST", (1, 1), [(b"Content-Length", b"0")]),
        ("POST", (1, 1), [(b"Transfer-Encoding", b"Chunked")]),
        ("POST", (1, 1), [(b"Expect", b"100-Continue"), (b"Content-Length", b"3")]),
        ("GET", (1, 1), WEBSOCKET),
        ("POST", (1, 1), [(b"Upgrade", b"h2c"), (b"Content-Length", b"3")]),
    ],
)
def test_what_has_one_reading_passes(method: str, version: tuple[int, int], fields: list[tuple[bytes, bytes]]) -> None:
    assert refuse_framing(method, version, Headers(fields)) is None


@pytest.mark.parametrize(
    ("method", "version", "fields"),
    [
        ("GET", (2, 0), []),
        ("GET", (0, 9), []),
        ("GET", (1, 2), []),
        ("POST", (1, 0), [(b"Transfer-Encoding", b"chunked")]),
        ("POST", (1, 1), [(b"Transfer-Encoding", b"gzip, chunked")]),
        ("POST", (1, 1), [(b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"chunked")]),
        ("POST", (1, 1), [(b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"3")]),
        ("POST", (1, 1), [(b"Content-Length", b"010")]),
        ("POST", (1, 1), [(b"Content-Length", b"00")]),
        ("POST", (1, 1), [(b"Expect", b"a-miracle")]),
        ("POST", (1, 1), [(b"Expect", b"100-continue"), (b"Expect", b"100-continue")]),
        ("POST", (1, 1), WEBSOCKET),
        ("GET", (1, 0), WEBSOCKET),
        ("GET", (1, 1), [*WEBSOCKET, (b"Content-Length", b"0")]),
        ("GET", (1, 1), [*WEBSOCKET, (b"Upgrade", b"h2c")]),
        ("GET", (1, 1), [(b"Connection", b"upgrade, http2-settings"), (b"Upgrade", b"h2c")]),
    ],
)
def test_what_has_two_readings_is_400(method: str, version: tuple[int, int], fields: list[tuple[bytes, bytes]]) -> None:
    refusal = refuse_framing(method, version, Headers(fields))
    assert refusal is not None
    assert refusal.status == 400


def test_an_upgrade_is_one_that_the_connection_field_names() -> None:
    assert is_upgrade(Headers([(b"connection", b"keep-alive, UPGRADE"), (b"upgrade", b"x")]))
    assert not is_upgrade(Headers([(b"upgrade", b"x")]))
    assert not is_upgrade(Headers([(b"connection", b"upgrade")]))
