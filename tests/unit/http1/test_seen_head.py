from __future__ import annotations

import pytest

from gateway.http1.seen_head import NOTHING_SEEN, SeenHead, host_seen, seen_head


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (b"GET /a?b HTTP/1.1\r\nHost: h.test:80\r\nX : y\r\n\r\n", SeenHead("GET", "/a?b", "h.test")),
        (b"\r\n\r\nGET /a HTTP/1.1\r\nhost:H.test\r\n\r\n", SeenHead("GET", "/a", "h.test")),
        (b"GET /a HTTP/1.1\r\nHost: h.te", SeenHead("GET", "/a", "")),
        (b"GET /a HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n", SeenHead("GET", "/a", "")),
        (b"GET /a HTTP/1.1\r\nHost: a@b\r\n", SeenHead("GET", "/a", "")),
        (b"GET /a HTTP/1.1\r\n\r\nHost: body.test\r\n", SeenHead("GET", "/a", "")),
        (b"GET /a", SeenHead("GET", "/a", "")),
        (b"GET http://h.test/a HTTP/1.1\r\n", SeenHead("GET", "http://h.test/a", "")),
        (b"GET <script> HTTP/1.1\r\n", SeenHead("GET", "", "")),
        (b"GET /\xff HTTP/1.1\r\n", SeenHead("GET", "/\udcff", "")),
        (b"GET /\x1b[2J HTTP/1.1\r\n", SeenHead("GET", "/", "")),
        (b"GE", NOTHING_SEEN),
        (b"G" * 33 + b" /a", NOTHING_SEEN),
        (b"\x16\x03\x01 /a", NOTHING_SEEN),
        (b"", NOTHING_SEEN),
    ],
)
def test_what_was_refused_is_told_as_far_as_it_was_seen(raw: bytes, seen: SeenHead) -> None:
    assert seen_head(raw) == seen


def test_a_host_is_seen_where_there_is_one() -> None:
    assert host_seen([b"H.test."]) == "h.test"
    assert host_seen([]) == host_seen([b"a", b"a"]) == host_seen([b"a/b"]) == ""
