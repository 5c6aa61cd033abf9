from __future__ import annotations

import pytest

from gateway.front.caller_transport import CallerTransport
from tests.support.fakes.fake_transport import FakeTransport


class Watcher:
    """A FlowWatcher that keeps what it is told, in words."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def client_paused(self) -> None:
        self.told.append("paused")

    def client_resumed(self) -> None:
        self.told.append("resumed")

    def client_gone(self) -> None:
        self.told.append("gone")


def caller(**extra: object) -> tuple[CallerTransport, FakeTransport]:
    protocol = CallerTransport()
    transport = FakeTransport(extra=extra)
    protocol.connection_made(transport)
    return protocol, transport


@pytest.mark.parametrize(
    ("extra", "peer", "scheme"),
    [
        ({"peername": ("192.0.2.1", 5)}, "192.0.2.1", "http"),
        ({"peername": ("2001:db8::1", 5, 0, 0)}, "2001:db8::1", "http"),
        ({"peername": "", "sslcontext": object()}, "unix", "https"),
        ({}, "unix", "http"),
    ],
)
def test_it_tells_who_calls_and_how(extra: dict[str, object], peer: str, scheme: str) -> None:
    protocol, _ = caller(**extra)
    assert (protocol.peer, protocol.scheme) == (peer, scheme)


def test_bytes_are_sent_in_order() -> None:
    protocol, transport = caller()
    protocol.write(b"a")
    protocol.writelines([b"b", b"c"])
    protocol.end_writing()
    assert (transport.written, transport.ended) == (b"abc", True)


@pytest.mark.parametrize("transport", [None, FakeTransport()])
def test_nothing_happens_to_a_caller_that_has_gone_or_goes(transport: FakeTransport | None) -> None:
    protocol = CallerTransport()
    if transport is not None:
        protocol.connection_made(transport)
        transport.close()
    protocol.write(b"a")
    protocol.writelines([b"a"])
    protocol.end_writing()
    protocol.pause_reading()
    protocol.resume_reading()
    protocol.abort()
    assert transport is None or (transport.written, transport.ended, transport.reading) == (b"", False, True)


@pytest.mark.parametrize("error", [OSError(107, "Transport endpoint is not connected"), NotImplementedError()])
def test_a_connection_that_cannot_say_its_end_says_nothing(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise error

    protocol, transport = caller()
    monkeypatch.setattr(transport, "write_eof", fail)
    protocol.end_writing()


def test_reading_is_paused_and_resumed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event loop's transport may raise RuntimeError when it is asked twice."""
    calls: list[str] = []
    protocol, transport = caller()
    monkeypatch.setattr(transport, "pause_reading", lambda: calls.append("pause"))
    monkeypatch.setattr(transport, "resume_reading", lambda: calls.append("resume"))
    for action in (protocol.resume_reading, protocol.pause_reading, protocol.resume_reading):
        action()
        action()
    assert calls == ["pause", "resume"]


def test_whoever_watches_is_told_how_the_caller_takes_its_bytes() -> None:
    protocol, _ = caller()
    watcher = Watcher()
    protocol.pause_writing()
    protocol.watch(watcher)
    assert protocol.writing_paused
    protocol.resume_writing()
    protocol.pause_writing()
    assert (watcher.told, protocol.writing_paused) == (["resumed", "paused"], True)
    protocol.watch(None)
    protocol.resume_writing()
    assert (watcher.told, protocol.writing_paused) == (["resumed", "paused"], False)


def test_a_caller_can_be_cut_off() -> None:
    protocol, transport = caller()
    protocol.abort()
    assert transport.aborted
