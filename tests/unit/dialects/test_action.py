from datetime import UTC, datetime

import msgspec
import pytest

from gateway.dialects.action import ActionCall, ActionReply, MalformedCallError, body_as
from gateway.dialects.dialect import InfoRequest, InfoResponse
from gateway.model.answers import Found
from gateway.model.session import Session

INFO = InfoRequest(path="/p", now=datetime.fromtimestamp(0, UTC))


class Wanted(msgspec.Struct):
    id: str


def test_a_body_is_decoded_as_what_is_wanted() -> None:
    assert body_as(Wanted, b'{"id": "x"}').id == "x"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"id": 1}', b"[]", b'{"id": "\xff"}', b"[" * 100_000])
def test_any_other_body_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedCallError):
        body_as(Wanted, body)


def test_a_call_without_a_caller_has_no_session() -> None:
    session = Session(subject="u")
    assert ActionCall(info=INFO, method="GET", found=Found(session)).session is session
    with pytest.raises(TypeError):
        assert ActionCall(info=INFO, method="GET").session


def test_no_repr_shows_a_secret() -> None:
    call = ActionCall(info=INFO, method="POST", body=b'{"refresh_token": "secret"}')
    reply = ActionReply(InfoResponse(200, b"secret"), token="secret")
    assert "secret" not in repr(call) + repr(reply)
