import base64
import json
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from gateway.model.headers import Headers
from gateway.telemetry.redaction import MASK, Redactor
from tests.support.builders.records import API_KEY, CREDENTIAL

SIGNED = jwt.encode({"sub": "u", "sid": "s"}, "k" * 32, algorithm="HS256", headers={"kid": "1"})
CHAT_TOKEN = "1Dd4iN_ClKn5jl-xPC36snQ4s9Zd5GZnXCQuCNSKcVE"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ\n-----END PRIVATE KEY-----"


def redacted(**event: Any) -> dict[str, Any]:
    return dict(Redactor(["X-Internal-Pass"])(None, "info", event))


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "proxy-authorization",
        "cookie",
        "Set-Cookie",
        "x-api-key",
        "X_User_Api_Key",
        "x-org-api-key",
        "x-auth-token",
        "token",
        "accessToken",
        "loginToken",
        "tokens",
        "admin_token",
        "secret",
        "client_secret",
        "password",
        "pepper",
        "__session",
        "__dev_session__",
        "private_key",
        "parts",
        "x-internal-pass",
        "X_INTERNAL_PASS",
    ],
)
def test_what_stands_under_a_secrets_name_is_masked(name: str) -> None:
    for value in ["short", b"short", ["short"], {"a": "short"}, ("short",), 12345]:
        assert redacted(**{name: value}) == {name: MASK}


@pytest.mark.parametrize(
    "name",
    ["event", "request_id", "session_id", "user_id", "route", "credential_kind", "keys_file", "fingerprint", "key"],
)
def test_other_names_keep_their_values(name: str) -> None:
    assert redacted(**{name: "orders"}) == {name: "orders"}


@pytest.mark.parametrize(
    "secret",
    [
        SIGNED,
        SIGNED.rpartition(".")[0] + ".",
        API_KEY,
        "sk_test_abcdef",
        "uak_1234567890abcdef",
        CHAT_TOKEN,
        "piYg9QPSNLwocBnkw1+TJCCzyuGqpZtNyVNSObu4Nt8=",
        base64.urlsafe_b64encode(bytes(range(7, 39))).decode(),
        PEM,
    ],
)
@pytest.mark.parametrize(
    "sentence", ["{}", "no such key: {}", "{}, said the client", 'got "{}" here', "k={}&b=1", "<{}>"]
)
def test_what_looks_like_a_secret_is_masked_wherever_it_stands(secret: str, sentence: str) -> None:
    text = redacted(detail=sentence.format(secret))["detail"]
    assert secret not in text
    assert MASK in text
    assert secret not in str(redacted(nested=[{"detail": (sentence.format(secret),)}]))
    assert secret not in str(redacted(body=sentence.format(secret).encode()))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer opaque-0123", f"Authorization: Bearer {MASK}"),
        ("basic dXNlcjpwYXNz", f"basic {MASK}"),
        ("redis://:hunter2@cache:6379/0", f"redis://:{MASK}@cache:6379/0"),
        ("postgresql://gw:hunter2@db/gw", f"postgresql://gw:{MASK}@db/gw"),
        ("GET /session?__dev_session__=abc&x=1", f"GET /session?__dev_session__={MASK}&x=1"),
        ("access_token=abc", f"access_token={MASK}"),
        ("PEM cut short -----BEGIN EC PRIVATE KEY-----\nMC4", f"PEM cut short {MASK}"),
    ],
)
def test_only_the_secret_part_of_a_sentence_is_masked(text: str, masked: str) -> None:
    assert Redactor().text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "the token expired yesterday",
        "bearer credential refused",
        "http://orders:8000 answered 502",
        "gateway_upstream_request_duration_seconds_x",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "https://id.example.com/jwks?kid=1",
        "task sk_1 done",
    ],
)
def test_sentences_without_secrets_are_left_alone(text: str) -> None:
    assert Redactor().text(text) == text


def test_header_fields_are_masked_by_their_names() -> None:
    fields = [(b"X-Api-Key", b"short"), (b"Accept", b"*/*"), ("cookie", "a=b")]
    assert redacted(headers=fields)["headers"] == [["X-Api-Key", MASK], ["Accept", "*/*"], ["cookie", MASK]]


def test_nouns_that_hold_secrets_show_none() -> None:
    event = redacted(shown=CREDENTIAL, headers=Headers([(b"X-Foo", b"hidden")]), config=SecretStr("hidden"))
    assert API_KEY not in str(event)
    assert "hidden" not in str(event)
    assert "a0a1a2a3" in event["shown"]


def test_a_foreign_objects_repr_is_read_too() -> None:
    class Chatty:
        def __repr__(self) -> str:
            return f"Chatty({API_KEY})"

    assert redacted(thing=Chatty())["thing"] == f"Chatty({MASK})"


def test_an_event_is_always_fit_for_json() -> None:
    deep: list[Any] = []
    deep.append(deep)
    event = redacted(deep=deep, big=2**80, odd="\udcff", raw=b"\xff", nothing=None, flag=True, ratio=0.5, both={1: {2}})
    assert json.loads(json.dumps(event))["big"] == str(2**80)
    event["odd"].encode("utf-8")
    assert (event["nothing"], event["flag"], event["ratio"], event["both"]) == (None, True, 0.5, {"1": [2]})


def test_the_callers_own_values_are_not_changed() -> None:
    nested = {"token": "short"}
    redacted(nested=nested)
    assert nested == {"token": "short"}


@pytest.mark.parametrize("part", ["a", "a-", "eyJaaaaaa.", "://a:", "Bearer A1", "-----BEGIN PRIVATE KEY-----"])
def test_long_texts_are_cut_and_cost_no_more_than_their_length(part: str) -> None:
    text = Redactor().text(part * (200_000 // len(part)))
    assert len(text) <= 16 * 1024 + len("[cut]")
