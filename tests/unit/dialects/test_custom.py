"""How any session endpoint is asked and read, by config alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from gateway.dialects.custom import Custom, CustomSettings
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.credential import Credential, CredentialKind
from tests.support.builders.example_sessions import BEARER, COOKIE, PAIR, PROJECT_KEY

CLAIMS = {"subject": "user.id"}


def custom(**settings: Any) -> Custom:
    return Custom(CustomSettings.model_validate({"send": {"bearer": True}, "claims": CLAIMS} | settings))


def decode(
    answer: Any, status: int = 200, content_type: str = "application/json", **settings: Any
) -> Found | Rejected | Unavailable:
    return custom(**settings).decode(RemoteResponse(status, content_type, msgspec.json.encode(answer)), BEARER)


def found(answer: Any, **claims: Any) -> Found:
    got = decode(answer, claims=CLAIMS | claims)
    assert isinstance(got, Found)
    return got


@pytest.mark.parametrize(
    ("send", "field"),
    [
        ({"cookie": "connect.sid"}, ("Cookie", "connect.sid=bearer-token")),
        ({"header": "X-Auth-Token"}, ("X-Auth-Token", "bearer-token")),
        ({"header": "Authorization", "scheme": "Token"}, ("Authorization", "Token bearer-token")),
        ({"bearer": True}, ("Authorization", "Bearer bearer-token")),
    ],
)
def test_the_credential_is_sent_where_the_config_says(send: dict[str, Any], field: tuple[str, str]) -> None:
    request = custom(send=send, method="POST", headers={"X-Requested-With": "gateway"}).request(BEARER)
    assert request is not None
    assert (request.method, request.headers, request.query) == ("POST", (field, ("X-Requested-With", "gateway")), ())


def test_any_secret_of_one_part_is_sent_and_a_pair_is_not() -> None:
    assert all(custom().request(each) for each in (BEARER, COOKIE, PROJECT_KEY))
    assert custom().request(PAIR) is None
    assert custom().request(BEARER, "another") is None


@pytest.mark.parametrize("secret", ["a b", "a\r\nX-Evil: 1", "a\x00", "ü", "a;b"])
def test_a_secret_that_would_be_another_field_or_cookie_is_not_sent(secret: str) -> None:
    credential = Credential("token", CredentialKind.BEARER, "", (secret,), b"f")
    assert custom(send={"cookie": "sid"}).request(credential) is None
    assert (custom(send={"header": "X-Token"}).request(credential) is None) is (secret != "a;b")


@pytest.mark.parametrize(
    ("answer", "status", "expected"),
    [
        ({"ok": True, "user": {"id": "u1"}}, 200, "u1"),
        ({"ok": True, "user": {"id": "u1"}}, 401, Reason.UNKNOWN),
        ({}, 404, Reason.UNKNOWN),
        (None, 200, Reason.UNKNOWN),
        ({"ok": True, "user": None}, 200, Reason.UNKNOWN),
        ({"ok": True}, 200, Reason.UNKNOWN),
        ({"ok": True, "banned": True, "user": {"id": "u1"}}, 200, Reason.FORBIDDEN),
        ({}, 403, Reason.FORBIDDEN),
        ({"ok": False, "user": {"id": "u1"}}, 200, None),
        ({"ok": True, "user": {"id": "u1"}}, 201, None),
        ({"ok": True, "user": {"name": "u1"}}, 200, None),
        ([{"ok": True}], 200, None),
        ("text", 200, None),
        ({}, 302, None),
        ({}, 429, None),
    ],
)
def test_found_nobody_forbidden_and_nothing_else(answer: Any, status: int, expected: object) -> None:
    got = decode(
        answer,
        status,
        found={"status": 200, "when": "ok"},
        nobody=[404, {"status": 200, "null": True}, {"when": "user", "is": None}],
        forbidden=[403, {"when": "banned"}],
    )
    if expected is None:
        assert isinstance(got, Undecided)
    else:
        assert (got.session.subject if isinstance(got, Found) else got) == (
            Rejected(expected) if isinstance(expected, Reason) else expected
        )


def test_a_redirect_to_a_login_page_may_be_nobody() -> None:
    assert decode({}, 302, "text/html", nobody=302) == Rejected(Reason.UNKNOWN)
    assert isinstance(decode({}, 200, "text/html", nobody=302), Undecided)


def test_a_limit_says_when_to_ask_again() -> None:
    answer = custom().decode(RemoteResponse(429, "text/plain", b"", 7), BEARER)
    assert isinstance(answer, Undecided)
    assert answer.retry_after == 7


@pytest.mark.parametrize(("subject", "expected"), [("u1", "u1"), (42, "42"), (2**63, str(2**63)), (-7, "-7")])
def test_an_id_is_a_text_or_a_whole_number(subject: Any, expected: str) -> None:
    session = found({"user": {"id": subject}}).session
    assert (session.subject, session.user and session.user.id) == (expected, expected)


@pytest.mark.parametrize("subject", ["", None, 0, True, 4.2, [], ["u1"], {"id": "u1"}])
def test_what_does_not_identify_is_cannot_tell(subject: Any) -> None:
    assert isinstance(decode({"user": {"id": subject}}), Undecided)


def test_every_field_is_where_the_config_says_and_nothing_else_is_read() -> None:
    answer = {
        "data": {"user": {"id": 7, "mail": "a@example.com", "ok": True, "roles": [{"name": "admin"}, {"name": "dev"}]}},
        "org": {"id": 3, "role": "owner"},
        "email": "not-this@example.com",
        "scope": "read write",
        "dept": ["sales"],
    }
    claims = {
        "subject": "data.user.id",
        "email": "data.user.mail",
        "email_verified": "data.user.ok",
        "roles": "data.user.roles[].name",
        "organization": "org.id",
        "organization_role": "org.role",
        "free": {"department": "dept"},
    }
    session = found(answer, **claims).session
    assert session.user is not None
    assert session.organization is not None
    assert session.member is not None
    assert (session.user.email, session.user.email_verified) == ("a@example.com", True)
    assert (session.roles, session.scopes) == (("admin", "dev"), ())
    assert (session.organization.id, session.member.role) == ("3", "owner")
    assert session.claims == {"department": ("sales",)}


@pytest.mark.parametrize(
    "exp", [1_900_000_000, 1_900_000_000.5, 1_900_000_000_500, "2030-03-17T17:46:40Z", "2030-03-17T18:46:40.5+01:00"]
)
def test_an_expiry_is_seconds_milliseconds_or_rfc_3339(exp: Any) -> None:
    expires_at = found({"user": {"id": "u"}, "exp": exp}, expires_at="exp").session.expires_at
    assert expires_at is not None
    assert expires_at.replace(microsecond=0) == datetime(2030, 3, 17, 17, 46, 40, tzinfo=UTC)


@pytest.mark.parametrize("exp", [None, 0, -1, 2**63 - 1])
def test_an_expiry_may_be_none(exp: Any) -> None:
    assert found({"user": {"id": "u"}, "exp": exp}, expires_at="exp").session.expires_at is None


@pytest.mark.parametrize("exp", ["2030-03-17T17:46:40", "tomorrow", "", True, [], {}])
def test_an_expiry_that_cannot_be_read_is_cannot_tell(exp: Any) -> None:
    assert isinstance(decode({"user": {"id": "u"}, "exp": exp}, claims=CLAIMS | {"expires_at": "exp"}), Undecided)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"send": {"query": "token"}}, "a query is in the logs"),
        ({"send": {}}, "is one of"),
        ({"send": {"bearer": True, "cookie": "sid"}}, "is one of"),
        ({"send": {"bearer": True, "scheme": "Token"}}, "in a header"),
        ({"claims": {}}, "Field required"),
        ({"claims": {"subject": ""}}, "at least 1"),
        ({"claims": {"subject": "users[].id"}}, "is one value"),
        ({"claims": CLAIMS | {"email": "user..mail"}}, "a path is names"),
        ({"claims": CLAIMS | {"nickname": "user.nick"}}, "Extra inputs"),
        ({"headers": {"authorization": "x"}}, "carries the credential"),
        ({"headers": {"Host": "x"}}, "frames the message"),
        ({"nobody": 200}, "would ever be found"),
        ({"nobody": 429}, "says whose session"),
        ({"nobody": 500}, "says whose session"),
        ({"nobody": [{"is": None}]}, "is required by `is`"),
        ({"found": {"null": True, "when": "x"}}, "no place in a document that is null"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        custom(**wrong)
