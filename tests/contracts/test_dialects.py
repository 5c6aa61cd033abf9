"""One suite for every dialect: one table of sessions and JSON, read in both directions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.dialect import Dialect, InfoRequest, InfoResponse, RemoteResponse
from gateway.dialects.kinds import DialectName, dialect_named
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import Session
from tests.support.builders.example_sessions import (
    ANSWERS,
    BEARER,
    COOKIE,
    CREDENTIALS,
    FOUND,
    PAIR,
    PROJECT_KEY,
)

NAMES: tuple[DialectName, ...] = ("composio", "wacht", "memghost", "rocketchat")
NOW = datetime(2024, 12, 19, 15, 0, tzinfo=UTC)
JSON = "application/json"


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> DialectName:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def dialect(name: DialectName) -> Dialect:
    return dialect_named(name)


def info_request_of(name: str, query: str | None = None) -> InfoRequest:
    credential = CREDENTIALS[name]
    query = "sessionId=QoYYFw2t9oKks2niG" if name == "rocketchat" and query is None else query
    return InfoRequest(
        path=dialect_named(name).paths[0], query=query, now=NOW, request_id="req-1", credential=credential
    )  # type: ignore[arg-type]


def reply_to(dialect: Dialect, found: Found) -> InfoResponse:
    reply = dialect.reply(found, info_request_of(dialect.name))
    assert isinstance(reply, InfoResponse)
    return reply


def decode(dialect: Dialect, status: int, body: bytes, content_type: str = JSON) -> Found | Rejected | Unavailable:
    return dialect.decode(RemoteResponse(status, content_type, body), CREDENTIALS[dialect.name])


def is_within(part: Any, whole: Any) -> bool:
    """Tell whether every field of `part` is in `whole` with the same value; wacht's document allows for more."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and is_within(part[key], whole[key]) for key in part)
    return bool(part == whole)


def test_the_document_s_example_comes_back_field_for_field(dialect: Dialect) -> None:
    reply = reply_to(dialect, FOUND[dialect.name])
    answered = msgspec.json.decode(reply.body)
    assert reply.status == 200
    if dialect.name == "wacht":
        assert is_within(ANSWERS["wacht"], answered)
    else:
        assert answered == ANSWERS[dialect.name]
        assert list(answered) == list(ANSWERS[dialect.name])


def test_the_document_s_example_is_understood(dialect: Dialect) -> None:
    decoded = decode(dialect, 200, msgspec.json.encode(ANSWERS[dialect.name]))
    expected = FOUND[dialect.name]
    if dialect.name == "wacht":  # the document's session has no id and no times of its own
        session = msgspec.structs.replace(expected.session, id=None, created_at=None, updated_at=None)
        expected = Found(session)
    assert decoded == expected


def test_what_is_said_is_understood(dialect: Dialect) -> None:
    assert decode(dialect, 200, reply_to(dialect, FOUND[dialect.name]).body) == FOUND[dialect.name]


def test_an_answer_of_another_product_is_no_answer(dialect: Dialect) -> None:
    for other, answer in ANSWERS.items():
        if other != dialect.name:
            assert isinstance(decode(dialect, 200, msgspec.json.encode(answer)), Unavailable)


def test_a_new_field_at_the_remote_is_no_outage(dialect: Dialect) -> None:
    answer = {**ANSWERS[dialect.name], "brand_new": {"deep": [1, None]}}
    assert isinstance(decode(dialect, 200, msgspec.json.encode(answer)), Found)


def test_an_answer_without_one_of_its_ids_is_no_answer(dialect: Dialect) -> None:
    ids = {
        "composio": ("org_member", "id"),
        "wacht": ("session", "active_signin", "user_id"),
        "memghost": ("user_id",),
        "rocketchat": ("userId",),
    }
    for wrong in ("", None, 7):
        answer = msgspec.json.decode(msgspec.json.encode(ANSWERS[dialect.name]))
        *way, last = ids[dialect.name]
        place = answer
        for key in way:
            place = place[key]
        place[last] = wrong
        assert isinstance(decode(dialect, 200, msgspec.json.encode(answer)), Unavailable)


@pytest.mark.parametrize("body", [b"null", b'{"active": false}', b'{"active":false,"anything":[]}'])
def test_a_success_that_says_nobody_is_a_rejection(dialect: Dialect, body: bytes) -> None:
    assert decode(dialect, 200, body) == Rejected(Reason.UNKNOWN)


@pytest.mark.parametrize("content_type", [JSON, "text/html", ""])
def test_401_is_a_rejection_whatever_is_in_it(dialect: Dialect, content_type: str) -> None:
    assert decode(dialect, 401, b"<html>", content_type) == Rejected(Reason.UNKNOWN)


@pytest.mark.parametrize("status", [301, 302, 307, 402, 404, 408, 418, 429, 500, 502, 503, 504])
def test_any_other_status_without_the_product_s_envelope_tells_nothing(dialect: Dialect, status: int) -> None:
    assert isinstance(decode(dialect, status, b'{"message": "no such route"}'), Unavailable)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", JSON),
        (b"{", JSON),
        (b"[]", JSON),
        (b"{}", JSON),
        (b'"x"', JSON),
        (b"\xff\xfe", JSON),
        (b"[" * 100_000, JSON),
        (b'{"a":' * 100_000, JSON),
        (b"<html>log in</html>", "text/html"),
    ],
)
def test_what_is_not_the_dialect_s_json_tells_nothing(dialect: Dialect, body: bytes, content_type: str) -> None:
    assert isinstance(decode(dialect, 200, body, content_type), Unavailable)


def test_the_right_json_under_a_wrong_content_type_tells_nothing(dialect: Dialect) -> None:
    assert isinstance(decode(dialect, 200, msgspec.json.encode(ANSWERS[dialect.name]), "text/html"), Unavailable)


def test_what_we_refuse_is_heard_as_a_refusal(dialect: Dialect) -> None:
    """Our own endpoint is a remote authority for another gateway."""
    info_request = info_request_of(dialect.name)
    for verdict, expected in (
        (None, Rejected(Reason.UNKNOWN)),
        (Rejected(Reason.UNKNOWN), Rejected(Reason.UNKNOWN)),
        (Rejected(Reason.EXPIRED), Rejected(Reason.UNKNOWN)),
        (Rejected(Reason.REVOKED), Rejected(Reason.UNKNOWN)),
        (Rejected(Reason.AMBIGUOUS), Rejected(Reason.UNKNOWN)),
    ):
        reply = dialect.reply(verdict, info_request)
        assert isinstance(reply, InfoResponse)
        assert decode(dialect, reply.status, reply.body) == expected


@pytest.mark.parametrize("name", ["composio", "wacht", "memghost"])  # to rocketchat a pair without user is a wrong pair
def test_a_session_that_is_gone_is_heard_as_gone(dialect: Dialect) -> None:
    reply = dialect.reply(Rejected(Reason.GONE), info_request_of(dialect.name))
    assert isinstance(reply, InfoResponse)
    assert reply.status == 404
    assert decode(dialect, reply.status, reply.body) == Rejected(Reason.GONE)


def test_an_authority_that_cannot_be_asked_is_503_with_retry_after(dialect: Dialect) -> None:
    reply = dialect.reply(Unavailable("down", 7), info_request_of(dialect.name))
    assert isinstance(reply, InfoResponse)
    assert reply.status == 503
    assert (b"Retry-After", b"7") in reply.headers
    assert b"down" not in reply.body
    assert isinstance(decode(dialect, reply.status, reply.body), Unavailable)


def test_too_many_is_429_with_retry_after(dialect: Dialect) -> None:
    reply = dialect.refuse(Refusal(RefusalCode.RATE_LIMITED, "per address", None, 3), info_request_of(dialect.name))
    assert reply.status == 429
    assert (b"Retry-After", b"3") in reply.headers
    assert isinstance(decode(dialect, reply.status, reply.body), Unavailable)


def test_a_fault_is_500_without_a_word_of_ours(dialect: Dialect) -> None:
    reply = dialect.refuse(Refusal(RefusalCode.INTERNAL, "KeyError: 'x'"), info_request_of(dialect.name))
    assert reply.status == 500
    assert b"KeyError" not in reply.body
    assert isinstance(decode(dialect, reply.status, reply.body), Unavailable)


def test_every_answer_is_documented(dialect: Dialect) -> None:
    documented = dialect.documented(dialect.paths[0])
    assert {200, 401, 405, 429, 500, 503} <= documented.keys()


def test_only_the_credential_that_the_dialect_names_is_sent(dialect: Dialect) -> None:
    sent = {
        "composio": {"x-api-key": "sk_live_abc123xyz456"},
        "wacht": {"Cookie": "__session=cookie-token"},
        "memghost": {"Authorization": "Bearer bearer-token"},
        "rocketchat": {"X-User-Id": PAIR.parts[0], "X-Auth-Token": PAIR.parts[1]},
    }
    for name, credential in {"composio": PROJECT_KEY, "wacht": COOKIE, "memghost": BEARER, "rocketchat": PAIR}.items():
        request = dialect.request(credential)
        if name == dialect.name:
            assert request is not None
            assert dict(request.headers) == sent[name]
        else:
            assert request is None


@settings(max_examples=300)
@given(body=st.binary(max_size=300), status=st.sampled_from([200, 400, 401, 403, 404, 500]))
def test_no_answer_of_a_remote_raises(body: bytes, status: int) -> None:
    for name in NAMES:
        assert decode(dialect_named(name), status, body) is not None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_a_damaged_answer_never_raises_and_never_changes_who_it_is_about(
    data: st.DataObject, name: DialectName
) -> None:
    dialect = dialect_named(name)
    answer = msgspec.json.decode(msgspec.json.encode(ANSWERS[name]))
    key = data.draw(st.sampled_from(sorted(answer)))
    answer[key] = data.draw(_json)
    decoded = decode(dialect, 200, msgspec.json.encode(answer))
    if isinstance(decoded, Found) and key not in {"org_member", "session", "user_id", "userId"}:
        assert decoded.session.subject == FOUND[name].session.subject


_text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
_instants = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - same
    timezones=st.just(UTC),
).map(lambda instant: instant.replace(microsecond=instant.microsecond // 1000 * 1000))


def sessions(name: DialectName) -> st.SearchStrategy[Session]:
    """Sessions that differ from the example in every field that the dialect carries."""
    example = FOUND[name].session
    if name == "memghost":
        return st.builds(
            lambda sid, user, created, active: msgspec.structs.replace(
                example,
                id=sid,
                subject=user,
                user=msgspec.structs.replace(example.user, id=user),
                created_at=created,
                last_activity_at=active,
            ),
            _text,
            _text,
            _instants,
            _instants,
        )
    if name == "composio":
        return st.builds(
            lambda member, project, email, created, hook: msgspec.structs.replace(
                example,
                subject=member,
                member=msgspec.structs.replace(example.member, id=member, email=email),
                project=msgspec.structs.replace(
                    example.project, id=project, name=email, created_at=created, webhook_url=hook
                ),
            ),
            _text,
            _text,
            _text,
            _instants,
            st.none() | _text,
        )
    if name == "wacht":
        return st.builds(
            lambda sid, org, workspace, at, attempts: msgspec.structs.replace(
                example,
                id=sid,
                organization=org and msgspec.structs.replace(example.organization, id=org, slug=org),
                workspace=workspace and msgspec.structs.replace(example.workspace, id=workspace),
                created_at=at,
                signin_attempts=tuple(attempts),
            ),
            _text,
            st.none() | _text,
            st.none() | _text,
            st.none() | _instants,
            st.lists(st.dictionaries(_text, _text, max_size=2), max_size=2),
        )
    return st.builds(
        lambda roles, at, device, host: msgspec.structs.replace(
            example,
            roles=tuple(roles),
            created_at=at,
            device=example.device if device else None,
            login=msgspec.structs.replace(example.login, at=at, host=host),
        ),
        st.lists(_text, max_size=3),
        _instants,
        st.booleans(),
        st.none() | _text,
    )


@settings(max_examples=200)
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_what_is_said_and_heard_keeps_every_field_that_the_dialect_carries(
    data: st.DataObject, name: DialectName
) -> None:
    dialect = dialect_named(name)
    found = msgspec.structs.replace(FOUND[name], session=data.draw(sessions(name)))
    assert decode(dialect, 200, reply_to(dialect, found).body) == found
