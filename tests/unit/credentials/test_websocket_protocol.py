from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from pydantic import ValidationError

from gateway.credentials.reader import UNREADABLE
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from tests.support.builders.credentials import reader_settings, websocket_protocol_reader
from tests.support.builders.requests import access_request

FIELD = b"Sec-WebSocket-Protocol"


def offering(*values: bytes) -> AccessRequest:
    return access_request(headers=((b"A", b"b"), *((FIELD, value) for value in values)))


def parts(reading: Reading) -> tuple[str, ...] | None:
    assert not isinstance(reading, Ambiguous)
    return reading.parts if reading is not None else None


@pytest.mark.parametrize("values", [(b"chat, bearer.a.b-c",), (b"bearer.a.b-c ,chat",), (b"chat", b"bearer.a.b-c")])
def test_a_protocol_that_begins_so_is_the_secret(values: tuple[bytes, ...]) -> None:
    assert parts(websocket_protocol_reader().read(offering(*values))) == ("a.b-c",)


def test_two_are_ambiguous_and_another_protocol_is_none() -> None:
    assert websocket_protocol_reader().read(offering(b"bearer.a, bearer.b")) == Ambiguous("socket")
    assert websocket_protocol_reader().read(offering(b"chat, Bearer.a, bearer")) is None
    assert websocket_protocol_reader().read(offering()) is None


@pytest.mark.parametrize("value", [b"bearer.", b"bearer.a\xff"])
def test_what_is_no_secret_behind_it_was_shown_and_is_nobodys(value: bytes) -> None:
    assert parts(websocket_protocol_reader().read(offering(value))) == (UNREADABLE,)


@pytest.mark.parametrize(
    ("secret", "read"),
    [
        (urlsafe_b64encode(b"a.b~c").rstrip(b"="), "a.b~c"),
        (urlsafe_b64encode(b"a.b~c"), "a.b~c"),
        (urlsafe_b64encode(b"a\xff"), UNREADABLE),
        (b"a", UNREADABLE),
        (b"", UNREADABLE),
    ],
)
def test_it_may_be_encoded_as_kubernetes_does(secret: bytes, read: str) -> None:
    reader = websocket_protocol_reader(begins="base64url.bearer.authorization.k8s.io.", base64url=True)
    assert parts(reader.read(offering(b"base64url.bearer.authorization.k8s.io." + secret))) == (read,)


def test_with_a_type_it_is_a_key() -> None:
    reading = websocket_protocol_reader(type="project").read(offering(b"bearer.a"))
    assert isinstance(reading, Credential)
    assert (reading.kind, reading.key_type) == (CredentialKind.API_KEY, "project")


def test_it_is_cut_out_of_the_protocols() -> None:
    bare = websocket_protocol_reader().without(offering(b"chat, bearer.a", b"mqtt"))
    assert bare.headers.raw[1:] == ((b"A", b"b"), (FIELD, b"chat, mqtt"))
    assert websocket_protocol_reader().without(offering(b"bearer.a")).headers.raw[1:] == ((b"A", b"b"),)
    access = offering(b"chat")
    assert websocket_protocol_reader().without(access) is access


@pytest.mark.parametrize("wrong", ["", "a b", "a,b"])
def test_what_it_begins_with_is_a_token(wrong: str) -> None:
    with pytest.raises(ValidationError):
        reader_settings(kind="websocket_protocol", begins=wrong)
