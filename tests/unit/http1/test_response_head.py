from __future__ import annotations

import pytest

from gateway.http1.faults import ExchangeError, Fault
from gateway.http1.response_head import compose_head, compose_switch, read_head

Fields = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    ("status", "head_request", "fields", "length", "chunked", "declared"),
    [
        (200, False, [(b"Content-Length", b"5")], 5, False, b"5"),
        (200, False, [(b"content-length", b"0 ")], 0, False, b"0 "),
        (200, False, [(b"Transfer-Encoding", b"CHUNKED")], None, True, None),
        (200, False, [], None, False, None),
        (200, True, [(b"Content-Length", b"5")], 0, False, b"5"),
        (200, True, [(b"Transfer-Encoding", b"chunked")], 0, False, None),
        (204, False, [(b"Content-Length", b"5")], 0, False, None),
        (304, False, [(b"Content-Length", b"5")], 0, False, b"5"),
    ],
)
def test_the_body_is_framed_as_rfc_9112_says(
    status: int, head_request: bool, fields: Fields, length: int | None, chunked: bool, declared: bytes | None
) -> None:
    head = read_head(status, b"", fields, head_request=head_request)
    assert (head.length, head.chunked, head.declared) == (length, chunked, declared)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (99, []),
        (199, []),
        (1000, []),
        (200, [(b"Content-Length", b"5x")]),
        (200, [(b"Content-Length", b"9" * 19)]),
        (200, [(b"Transfer-Encoding", b"gzip")]),
        (200, [(b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"chunked")]),
        (200, [(b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"5")]),
    ],
)
def test_what_cannot_be_carried_without_guessing_is_a_bad_response(status: int, fields: Fields) -> None:
    with pytest.raises(ExchangeError) as failed:
        read_head(status, b"", fields, head_request=False)
    assert failed.value.fault is Fault.BAD_RESPONSE


@pytest.mark.parametrize("values", [(b"x-hop", b"keep-alive"), (b"keep-alive", b"x-hop"), (b"keep-alive, X-Hop",)])
def test_a_connection_that_is_kept_alive_names_other_fields_all_the_same(values: tuple[bytes, ...]) -> None:
    fields = [(b"X-Hop", b"1"), *((b"Connection", value) for value in values), (b"A", b"1")]
    assert read_head(200, b"OK", fields, head_request=False).lines == [b"A: 1"]


def test_hop_by_hop_fields_and_those_that_connection_names_are_left_out() -> None:
    fields = [(b"A", b"1"), (b"Keep-Alive", b"x"), (b"Connection", b"x-hop"), (b"X-HOP", b"2"), (b"a", b"\xff")]
    head = read_head(200, b"Fine", fields, head_request=True)
    assert (
        compose_head(head, b"F: f\r\n", ((b"C", b"c"),))
        == b"HTTP/1.1 200 Fine\r\nA: 1\r\na: \xff\r\nC: c\r\nF: f\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("value", "is_one"), [(b"text/event-stream", True), (b"Text/Event-Stream;x", True), (b"text/plain", False)]
)
def test_event_streams_are_known(value: bytes, is_one: bool) -> None:
    assert read_head(200, b"", [(b"Content-Type", value)], head_request=False).event_stream == is_one


def test_a_switch_names_its_protocol() -> None:
    head = read_head(200, b"Switching", [(b"Upgrade", b"websocket"), (b"Sec-X", b"1")], head_request=True)
    head.status = 101
    assert compose_switch(head, b"websocket", ()) == (
        b"HTTP/1.1 101 Switching\r\nSec-X: 1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )


def test_what_we_say_takes_the_place_of_what_the_upstream_said_and_cookies_add_up() -> None:
    said = ((b"Access-Control-Allow-Origin", b"a"), (b"Vary", b"Origin"), (b"Set-Cookie", b"ours"))
    fields = [(b"access-control-allow-origin", b"*"), (b"vary", b"Accept"), (b"Set-Cookie", b"its"), (b"A", b"1")]
    sent = compose_head(read_head(200, b"OK", fields, head_request=True), b"", said)
    assert sent.lower().count(b"access-control-allow-origin") == 1
    assert b"Access-Control-Allow-Origin: a\r\n" in sent
    for kept in (
        b"vary: Accept\r\n",
        b"Vary: Origin\r\n",
        b"Set-Cookie: its\r\n",
        b"Set-Cookie: ours\r\n",
        b"A: 1\r\n",
    ):
        assert kept in sent
