from gateway.endpoints.forward_auth.original import Original
from gateway.endpoints.forward_auth.traefik import TraefikReader, TraefikSettings
from gateway.model.refusal import Refusal, RefusalCode
from tests.support.forward_auth import Asked
from tests.support.requests import access_request

READER = TraefikReader()


def test_what_traefik_overwrites_is_read_and_its_own_request_is_not() -> None:
    told = tuple((name.encode(), value.encode()) for name, value in Asked("PUT", "/a?b", "app.test").told("traefik"))
    asked = access_request("GET", f"{TraefikSettings().path}?own=query", told, b"gateway.internal")
    assert READER.read(asked) == Original("PUT", "http", "app.test", "/a?b", "192.0.2.7")
    assert {name.lower() for name, _ in told} == READER.told


def test_refusals_are_passed_on_as_they_are() -> None:
    for code in RefusalCode:
        assert READER.fold(Refusal(code)) == Refusal(code)


def test_its_door_is_nobodys_until_peers_are_listed() -> None:
    assert (TraefikSettings().path, TraefikSettings().peers, TraefikSettings().max_age) == (
        "/_gateway/auth/traefik",
        (),
        0.0,
    )
