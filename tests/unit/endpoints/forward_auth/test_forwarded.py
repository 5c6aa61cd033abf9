import pytest

from gateway.endpoints.forward_auth.forwarded import FORWARDED, read_forwarded
from gateway.endpoints.forward_auth.original import Original
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers

TOLD = {
    b"X-Forwarded-Method": b"POST",
    b"X-Forwarded-Proto": b"https",
    b"X-Forwarded-Host": b"app.test",
    b"X-Forwarded-Uri": b"/a?b",
    b"X-Forwarded-For": b"192.0.2.1",
}


def test_the_five_fields_are_the_original_request() -> None:
    assert read_forwarded(Headers(TOLD.items())) == Original("POST", "https", "app.test", "/a?b", "192.0.2.1")
    assert {name.lower() for name in TOLD} == FORWARDED


@pytest.mark.parametrize("missing", TOLD)
def test_every_one_of_them_is_needed(missing: bytes) -> None:
    with pytest.raises(MalformedError):
        read_forwarded(Headers((name, value) for name, value in TOLD.items() if name != missing))


@pytest.mark.parametrize(("told", "scheme"), [(b"ws", "http"), (b"wss", "https"), (b"gopher", "gopher")])
def test_websockets_have_the_scheme_of_their_handshake(told: bytes, scheme: str) -> None:
    assert read_forwarded(Headers((TOLD | {b"X-Forwarded-Proto": told}).items())).scheme == scheme
