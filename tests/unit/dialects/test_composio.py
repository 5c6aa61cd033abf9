"""What is composio's own beside what every dialect does (tests/contracts, tests/behaviour)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.composio import Composio
from gateway.dialects.dialect import InfoRequest, InfoResponse, RemoteResponse
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.refusal import Refusal, RefusalCode
from tests.support.builders.example_sessions import (
    BEARER,
    COMPOSIO,
    COMPOSIO_JSON,
    MEMBER,
    ORGANIZATION_KEY,
    PROJECT_KEY,
    USER_KEY,
)
from tests.support.gateways.who_am_i import NOW

DIALECT = Composio()
V3, V31 = DIALECT.paths


def decode(answer: Any, status: int = 200) -> Found | Rejected | Unavailable:
    return DIALECT.decode(RemoteResponse(status, "application/json", msgspec.json.encode(answer)), PROJECT_KEY)


def say(verdict: Verdict | None, **fields: Any) -> Any:
    reply = DIALECT.reply(
        verdict, InfoRequest(path=V3, now=NOW, credential=fields.pop("credential", PROJECT_KEY), **fields)
    )
    assert isinstance(reply, InfoResponse)
    return msgspec.json.decode(reply.body)


@pytest.mark.parametrize(
    ("credential", "header"),
    [(PROJECT_KEY, "x-api-key"), (USER_KEY, "x-user-api-key"), (ORGANIZATION_KEY, "x-org-api-key")],
)
def test_a_key_is_sent_in_the_header_of_its_type(credential: Any, header: str) -> None:
    request = DIALECT.request(credential)
    assert request is not None
    assert request.headers == ((header, credential.parts[0]),)


def test_metadata_survives_under_3_1_alone() -> None:
    member = msgspec.structs.replace(MEMBER, metadata={"team": ["a", 1]})
    found = Found(msgspec.structs.replace(COMPOSIO, member=member))
    for path, expected in ((V31, found), (V3, Found(COMPOSIO))):
        reply = DIALECT.reply(found, InfoRequest(path=path, now=NOW, credential=PROJECT_KEY))
        assert isinstance(reply, InfoResponse)
        assert decode(msgspec.json.decode(reply.body)) == expected


def test_a_session_that_no_key_opened_shows_no_key() -> None:
    session = msgspec.structs.replace(COMPOSIO, api_key=None)
    assert say(Found(session), credential=BEARER) == {**COMPOSIO_JSON, "api_key": None}


def test_the_key_that_is_echoed_is_the_one_that_was_shown_and_is_not_remembered() -> None:
    decoded = decode(COMPOSIO_JSON)
    assert isinstance(decoded, Found)
    assert b"sk_live_abc123xyz456" not in msgspec.json.encode(decoded.session)


def test_a_remote_s_deleted_rows_open_nothing() -> None:
    deleted_key = {**COMPOSIO_JSON, "api_key": {**COMPOSIO_JSON["api_key"], "deleted": True}}
    deleted_project = {**COMPOSIO_JSON, "project": {**COMPOSIO_JSON["project"], "deleted": True}}
    assert decode(deleted_key) == Rejected(Reason.REVOKED)
    assert decode(deleted_project) == Rejected(Reason.GONE)


@pytest.mark.parametrize("missing", ["project", "api_key", "org_member"])
def test_all_three_keys_must_be_there(missing: str) -> None:
    assert isinstance(decode({key: value for key, value in COMPOSIO_JSON.items() if key != missing}), Unavailable)


def test_the_document_s_other_example_is_a_member_alone() -> None:
    document = {
        "project": None,
        "api_key": None,
        "org_member": dict.fromkeys(("id", "email", "name", "role"), "string"),
    }
    decoded = decode(document)
    assert isinstance(decoded, Found)
    assert decoded.session.member is not None
    assert (decoded.session.subject, decoded.session.member.role, decoded.session.project) == ("string", "string", None)


def test_a_new_webhook_version_is_no_outage() -> None:
    assert isinstance(
        decode({**COMPOSIO_JSON, "project": {**COMPOSIO_JSON["project"], "webhook_version": "V9"}}), Found
    )


def test_times_that_are_none_tell_nothing() -> None:
    assert isinstance(
        decode({**COMPOSIO_JSON, "project": {**COMPOSIO_JSON["project"], "created_at": "long ago"}}), Unavailable
    )


@pytest.mark.parametrize(
    ("status", "reason"), [(400, Reason.UNKNOWN), (401, Reason.UNKNOWN), (403, Reason.FORBIDDEN), (404, Reason.GONE)]
)
def test_the_product_s_refusals_are_rejections(status: int, reason: Reason) -> None:
    error = {"message": "m", "code": 10000 + status, "slug": "HTTP_X", "status": status}
    assert decode({"error": error}, status) == Rejected(reason)


def test_a_short_bad_key_is_not_padded_and_a_bad_token_is_not_shown() -> None:
    short = msgspec.structs.replace(PROJECT_KEY, parts=("sk_1",))
    assert say(Rejected(Reason.UNKNOWN), credential=short)["error"]["message"] == "Invalid API key: sk_1*****"
    assert say(Rejected(Reason.UNKNOWN), credential=BEARER)["error"]["message"] == "Invalid credential."


def test_a_refusal_that_the_product_has_no_word_for_is_its_500() -> None:
    reply = DIALECT.refuse(Refusal(RefusalCode.TOO_LARGE), InfoRequest(path=V3, now=NOW))
    assert reply.status == 500
