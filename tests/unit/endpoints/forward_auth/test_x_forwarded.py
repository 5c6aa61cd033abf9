import pytest

from gateway.endpoints.forward_auth.original import Original
from gateway.endpoints.forward_auth.x_forwarded import FORWARDED, ForwardedReader
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode
from tests.support.builders.requests import access_request

READER = ForwardedReader("some proxy")
TOLD = {
    b"X-Forwarded-Method": b"POST",
    b"X-Forwarded-Proto": b"https",
    b"X-Forwarded-Host": b"app.test",
    b"X-Forwarded-Uri": b"/a?b",
    b"X-Forwarded-For": b"192.0.2.1",
}


def read(told: dict[bytes, bytes]) -> Original:
    return READER.read(access_request("GET", "/_gateway/auth?own=query", tuple(told.items()), b"gateway.internal"))


def test_the_five_fields_are_the_original_request_and_the_proxys_own_is_not() -> None:
    assert read(TOLD) == Original("POST", "https", "app.test", "/a?b", "192.0.2.1")
    assert {name.lower() for name in TOLD} == FORWARDED == READER.told


@pytest.mark.parametrize("missing", TOLD)
def test_every_one_of_them_is_needed(missing: bytes) -> None:
    with pytest.raises(MalformedError):
        read({name: value for name, value in TOLD.items() if name != missing})


@pytest.mark.parametrize(("told", "scheme"), [(b"ws", "http"), (b"wss", "https"), (b"gopher", "gopher")])
def test_websockets_have_the_scheme_of_their_handshake(told: bytes, scheme: str) -> None:
    assert read(TOLD | {b"X-Forwarded-Proto": told}).scheme == scheme


@pytest.mark.parametrize("code", RefusalCode)
def test_refusals_are_passed_on_as_they_are(code: RefusalCode) -> None:
    assert READER.fold(Refusal(code)) == Refusal(code)
