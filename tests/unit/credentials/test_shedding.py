from __future__ import annotations

from gateway.credentials.shedding import Shedding
from gateway.model.route import Match, Route
from tests.support.builders.credentials import api_key_reader, query_reader, websocket_protocol_reader
from tests.support.builders.requests import access_request

READERS = {"key": api_key_reader(), "url": query_reader(), "socket": websocket_protocol_reader()}
EVENTS = Route(name="events", match=Match("/events/"), credentials=("key", "url", "socket"))
KEYS = Route(name="keys", match=Match("/keys/"), credentials=("key",))
PASSED_ON = Route(name="passed-on", match=Match("/"), credentials=("url",), forward_credentials=True)
SHEDDING = Shedding((EVENTS, KEYS, PASSED_ON), READERS)
ACCESS = access_request(target="/a?access_token=abc&b=c", headers=((b"Sec-WebSocket-Protocol", b"bearer.a, chat"),))


def test_what_a_route_lists_is_cut_out() -> None:
    bare = SHEDDING.bare(ACCESS, EVENTS)
    assert str(bare.target) == "/a?b=c"
    assert bare.headers.raw[1:] == ((b"Sec-WebSocket-Protocol", b"chat"),)


def test_equal_requests_are_cut_once_and_share_what_is_made_of_them() -> None:
    one, two = SHEDDING.bare(ACCESS, EVENTS), SHEDDING.bare(ACCESS, EVENTS)
    assert one.headers is two.headers
    assert one.made is two.made
    assert one.made is not ACCESS.made


def test_other_routes_leave_a_request_as_it_is() -> None:
    for route in (KEYS, PASSED_ON, None):
        assert SHEDDING.bare(ACCESS, route) is ACCESS


def test_without_such_readers_there_is_nothing_to_do() -> None:
    assert SHEDDING
    assert not Shedding((KEYS, PASSED_ON), READERS)
