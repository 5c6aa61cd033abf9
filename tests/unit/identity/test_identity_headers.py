from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.header_names import PRESETS
from gateway.identity.identity_headers import IdentityHeaders, encode_list, encode_value
from gateway.model.credential import CredentialKind
from gateway.model.headers import spelling
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import ApiKey, Member, Organization, Project, Session, User, Workspace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SESSION = Session(
    subject="u1",
    id="s1",
    user=User(id="u1", email="jo@example.com", name="Jo Doe"),
    organization=Organization(id="org_1", name="Acme"),
    member=Member(id="m1", role="admin", email="jo@acme.example", name="Jo of Acme"),
    workspace=Workspace(id="w1"),
    project=Project(
        auto_id=1, id="uuid-1", nano_id="pr_1", org_id="o", name="p", email="", created_at=NOW, updated_at=NOW
    ),
    roles=("user", "admin"),
)
API_KEY = ApiKey(auto_id=1, id="ak_1", type="project", name="ci", created_at=NOW, updated_at=NOW)


def composed(
    session: Session, kind: CredentialKind = CredentialKind.COOKIE, headers: IdentityHeaders | None = None
) -> dict[bytes, bytes]:
    pairs = (headers or IdentityHeaders()).compose(session, kind)
    assert not isinstance(pairs, Refusal)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_a_session_is_told_field_by_field() -> None:
    assert composed(SESSION) == {
        b"X-Session-Id": b"s1",
        b"X-User-Id": b"u1",
        b"X-User-Email": b"jo@example.com",
        b"X-User-Name": b"Jo Doe",
        b"X-User-Roles": b"user,admin",
        b"X-Org-Id": b"org_1",
        b"X-Org-Name": b"Acme",
        b"X-Org-Role": b"admin",
        b"X-Workspace-Id": b"w1",
        b"X-Project-Id": b"pr_1",
        b"X-Auth-Method": b"cookie",
    }


def test_a_key_is_told_as_the_member_it_belongs_to() -> None:
    headers = composed(msgspec.structs.replace(SESSION, id=None, api_key=API_KEY), CredentialKind.API_KEY)
    assert b"X-Session-Id" not in headers
    assert headers[b"X-Api-Key-Id"] == b"ak_1"
    assert headers[b"X-User-Id"] == b"m1"
    assert headers[b"X-User-Email"] == b"jo@acme.example"
    assert headers[b"X-User-Name"] == b"Jo of Acme"
    assert headers[b"X-Auth-Method"] == b"api_key"


def test_what_a_session_lacks_is_absent() -> None:
    assert composed(Session(subject="u1"), CredentialKind.TOKEN_PAIR) == {b"X-Auth-Method": b"token_pair"}
    empty = Session(subject="u", id="", user=User(id="u", email="", name=None), roles=("",))
    assert composed(empty) == {b"X-User-Id": b"u", b"X-Auth-Method": b"cookie"}


def test_the_role_in_the_organization_is_none_of_the_roles() -> None:
    session = msgspec.structs.replace(SESSION, roles=("user",))
    assert (composed(session)[b"X-User-Roles"], composed(session)[b"X-Org-Role"]) == (b"user", b"admin")


def test_a_role_with_a_comma_stays_one_role() -> None:
    session = Session(subject="u", roles=("user,admin", "50%2C"))
    assert composed(session)[b"X-User-Roles"] == b"user%2Cadmin,50%252C"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("plain text, with; all sorts: of (ASCII)", b"plain text, with; all sorts: of (ASCII)"),
        ("Zoë", b"Zo%C3%AB"),
        ("100%", b"100%25"),
        ("a\r\nX-User-Roles: admin", b"a%0D%0AX-User-Roles: admin"),
        ("adm\xffin", b"adm%C3%BFin"),
        ("a\x00b\x7f", b"a%00b%7F"),
        (" padded ", b"%20padded%20"),
        (" ", b"%20"),
        ("\U0001f600", b"%F0%9F%98%80"),
        ("\u2028", b"%E2%80%A8"),
    ],
)
def test_values_are_encoded_as_documented(value: str, encoded: bytes) -> None:
    assert encode_value(value) == encoded


TEXTS = st.text(st.characters(exclude_categories=[]), max_size=30) | st.text(
    st.sampled_from('%20,ab "\r\né'), max_size=8
)


@given(value=TEXTS)
def test_every_value_comes_back_by_percent_decoding(value: str) -> None:
    encoded = encode_value(value)
    assert encoded.isascii()
    assert encoded.decode("ascii").isprintable()
    assert encoded.strip() == encoded
    assert unquote(encoded.decode("ascii"), errors="surrogatepass") == value


@given(one=TEXTS, other=TEXTS)
def test_no_two_values_are_encoded_alike(one: str, other: str) -> None:
    assert (encode_value(one) == encode_value(other)) == (one == other)


@given(values=st.lists(TEXTS.filter(bool), max_size=5))
def test_every_list_comes_back_item_by_item(values: list[str]) -> None:
    encoded = encode_list(tuple(values)).decode("ascii")
    assert [unquote(item, errors="surrogatepass") for item in encoded.split(",") if encoded] == values


def test_a_value_that_is_too_long_is_refused_and_never_cut() -> None:
    headers = IdentityHeaders(value_bytes=10)
    assert composed(Session(subject="u", id="1234567890"), headers=headers)[b"X-Session-Id"] == b"1234567890"
    for session in (Session(subject="u", id="12345678901"), Session(subject="u", roles=("éé",))):
        refusal = headers.compose(session, CredentialKind.BEARER)
        assert isinstance(refusal, Refusal)
        assert refusal.code is RefusalCode.INTERNAL
        assert "12345678901" not in refusal.detail


def test_every_identity_header_is_stripped_in_every_spelling_whether_it_is_set_or_not() -> None:
    spellings = IdentityHeaders().spellings
    for name in composed(SESSION):
        assert spelling(name) in spellings
    for forged in (b"x_api_key_id", b"X.User.Email", b"X-IDENTITY-TOKEN", b"x-org_ROLE"):
        assert spelling(forged) in spellings
    assert spelling(b"X-Api-Key") not in spellings


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_tells_under_its_own_names_and_strips_those(preset: str) -> None:
    headers = IdentityHeaders(PRESETS[preset], token_name="X-Proof")
    names = {name.encode() for name in PRESETS[preset].values()}
    assert set(composed(SESSION, headers=headers)) == names - {b"X-Api-Key-Id"}
    assert headers.spellings == {spelling(name) for name in (*names, b"X-Proof")}


def test_for_forward_auth_every_header_is_there_and_empty_where_unknown() -> None:
    headers = IdentityHeaders()
    composed = headers.compose(Session(subject="u", id="s1"), CredentialKind.BEARER)
    assert not isinstance(composed, Refusal)
    every = headers.compose_every(composed)
    assert {spelling(name) for name, _ in every} == headers.spellings
    assert len(every) == len(headers.spellings)
    assert {name: value for name, value in every if value} == dict(composed)


def test_for_forward_auth_nobody_is_told_by_empty_headers() -> None:
    headers = IdentityHeaders()
    assert {value for _, value in headers.compose_every(())} == {b""}


def test_for_forward_auth_a_token_that_was_composed_stays() -> None:
    composed = ((b"X-Identity-Token", b"signed"),)
    assert IdentityHeaders().compose_every(composed).count(composed[0]) == 1
    assert dict(IdentityHeaders().compose_every(composed))[b"X-Identity-Token"] == b"signed"


def test_claims_have_headers_of_their_own_that_no_client_may_send() -> None:
    headers = IdentityHeaders({"user_id": "X-User-Id", "claims.department": "X-Department", "claims.none": "X-None"})
    session = Session(subject="u", user=User(id="u"), claims={"department": ("sales", "a,b"), "other": ("x",)})
    told = headers.compose(session, CredentialKind.BEARER)
    assert told == ((b"X-User-Id", b"u"), (b"X-Department", b"sales,a%2Cb"))
    assert headers.compose_every(told)[2:] == ((b"X-None", b""), (b"X-Identity-Token", b""))
    assert {b"x-department", b"x-none"} <= headers.names
    long = Session(subject="u", claims={"department": ("x" * 5000,)})
    assert isinstance(headers.compose(long, CredentialKind.BEARER), Refusal)
