"""docs/THREATS.md section "Tokens": by hand, against our own directory and an issuer with published keys."""

import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest

from gateway.signing import KeyRing
from tests.support.gateways.attacks import Victim, get, victim
from tests.support.gateways.serving import BEARER_SESSION, READERS, Examples
from tests.support.servers.issuer import (
    EC_KEY,
    ISSUER,
    OTHER_EC_KEY,
    RSA_KEY,
    SHORT_RSA_KEY,
    Jwks,
    forge,
    jwk,
    public_pem,
    sign,
)
from tests.support.servers.low_level import listening

OWN_ISSUER = "http://gateway.test"


class Attacked:
    """A gateway that trusts an issuer besides its own directory."""

    def __init__(self, running: Victim, jwks: Jwks, folder: Path) -> None:
        self.running = running
        self.jwks = jwks
        self.own = KeyRing.load(folder / "keys.pem")
        now = int(datetime.now(UTC).timestamp())
        self.claims: dict[str, Any] = {"iss": ISSUER, "aud": "orders", "sub": "u1", "iat": now - 10, "exp": now + 300}
        user = json.loads(_decoded(running.gateway.bearer.split(".")[1]))["sub"]
        self.own_claims = self.claims | {"iss": OWN_ISSUER, "aud": "gateway", "sub": user, "sid": BEARER_SESSION}

    async def shown(self, token: str) -> tuple[tuple[int, ...], int]:
        """Return the statuses and the number of requests that arrived."""
        seen = await self.running.attack(get(b"/echo/", b"Authorization: Bearer " + token.encode()))
        assert token.encode() not in self.running.gateway.log()
        return seen.statuses, len(seen.received)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@contextlib.asynccontextmanager
async def trusting(examples: Examples, folder: Path, *keys: dict[str, Any], **sections: Any) -> AsyncIterator[Attacked]:
    jwks = Jwks(*(keys or (jwk(EC_KEY, "k1"), jwk(RSA_KEY, "r1"))))
    async with listening(jwks.answer) as port:
        issuer = {
            "kind": "jwt",
            "issuer": ISSUER,
            "audience": "orders",
            "jwks_url": f"http://127.0.0.1:{port}/jwks",
            "algorithms": ["ES256", "RS256"],
        }
        authorities = {"tokens": issuer, "accounts": examples.settings(folder)}
        credentials = READERS | {"token": {"kind": "bearer", "authority": ["tokens", "accounts"]}}
        async with victim(examples, folder, authorities=authorities, credentials=credentials, **sections) as running:
            yield Attacked(running, jwks, folder)


@pytest.fixture
async def attacked(examples: Examples, tmp_path: Path) -> AsyncIterator[Attacked]:
    async with trusting(examples, tmp_path) as running:
        yield running


LET_IN, TURNED_AWAY, CANNOT_TELL = ((200,), 1), ((401,), 0), ((503,), 0)


async def test_honest_tokens_are_let_in(attacked: Attacked) -> None:
    assert await attacked.shown(by_hand(attacked.claims)) == LET_IN
    assert await attacked.shown(sign(attacked.claims, RSA_KEY, "RS256", kid="r1")) == LET_IN
    assert await attacked.shown(attacked.own.sign("at+jwt", attacked.own_claims)) == LET_IN


def without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


@pytest.mark.parametrize("name", ["exp", "iss", "aud", "sub"])
async def test_a_token_without_a_claim_that_bounds_it_is_none(attacked: Attacked, name: str) -> None:
    assert await attacked.shown(sign(without(attacked.claims, name))) == TURNED_AWAY
    assert await attacked.shown(attacked.own.sign("at+jwt", without(attacked.own_claims, name))) == TURNED_AWAY


async def test_claims_that_only_look_right_are_wrong(attacked: Attacked) -> None:
    now = attacked.claims["iat"]
    wrong: list[dict[str, Any]] = [
        *({"iss": iss} for iss in (ISSUER + "/", ISSUER[:-1], ISSUER + ".evil", ISSUER.upper(), "", None, [ISSUER], 1)),
        *({"aud": aud} for aud in ("order", "orders2", "Orders", "", ["other"], [], [["orders"]], {"orders": 1}, None)),
        *({"exp": exp} for exp in (now - 1, 0, -1, "9999999999", None, True, [now + 300], 1e400, float("nan"))),
        *({"nbf": nbf} for nbf in (now + 3600, "soon", None, True, 1e400)),
        *({"iat": iat} for iat in (now + 3600, "now", True)),
        *({"sub": sub} for sub in ("", None, 1, ["u1"], {"u": 1})),
    ]
    for change in wrong:
        assert await attacked.shown(by_hand(attacked.claims | change)) == TURNED_AWAY, change
    own = [change for change in wrong if "aud" not in change and "iss" not in change]
    own += [{"aud": "orders"}, {"aud": ["gateway"]}, {"iss": ISSUER}, {"sid": "other"}, {"sid": None}, {"sid": 1}]
    for change in own:
        assert await attacked.shown(attacked.own.sign("at+jwt", attacked.own_claims | change)) == TURNED_AWAY, change


def by_hand(claims: dict[str, Any], **header: Any) -> str:
    """Sign what no signing library would."""
    header = {"alg": "ES256", "typ": "JWT", "kid": "k1", **header}
    signed = forge(header, claims).rpartition(".")[0]
    algorithm = pyjwt.algorithms.ECAlgorithm(pyjwt.algorithms.ECAlgorithm.SHA256)
    return forge(header, claims, algorithm.sign(signed.encode(), EC_KEY))


async def test_no_algorithm_but_a_listed_one_with_its_own_key(attacked: Attacked) -> None:
    for claims, kid, key in ((attacked.claims, "r1", RSA_KEY), (attacked.claims, "k1", EC_KEY)):
        pem = public_pem(key)
        for alg in ("none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS1", "ES512", "PS256", "EdDSA"):
            header = {"alg": alg, "typ": "JWT", "kid": kid}
            signed = ".".join(forge(header, claims).split(".")[:2]).encode()
            for secret in (pem, pem.strip(), json.dumps(jwk(key, kid)).encode(), b""):
                mac = hmac.new(secret, signed, hashlib.sha256).digest()
                assert await attacked.shown(forge(header, claims, mac)) == TURNED_AWAY
            assert await attacked.shown(forge(header, claims)) == TURNED_AWAY
    own = {"alg": "none", "typ": "at+jwt", "kid": attacked.own.jwks()["keys"][0]["kid"]}
    for alg in ("none", "HS256", "ES256"):
        assert await attacked.shown(forge(own | {"alg": alg}, attacked.own_claims, b"x" * 64)) == TURNED_AWAY
    assert await attacked.shown(forge(without(own, "alg"), attacked.own_claims)) == TURNED_AWAY


async def test_foreign_keys_open_nothing(attacked: Attacked) -> None:
    ours = jwk(OTHER_EC_KEY, "evil")
    assert await attacked.shown(sign(attacked.claims, OTHER_EC_KEY, kid="k1")) == TURNED_AWAY
    for kid in ("r1", "evil", "", "../../dev/null", "' OR 1=1", "\x00", "k1\n"):
        assert await attacked.shown(sign(attacked.claims, OTHER_EC_KEY, kid=kid)) in {TURNED_AWAY, CANNOT_TELL}
    for pointer in ({"jku": "http://127.0.0.1:1/"}, {"x5u": "http://127.0.0.1:1/"}, {"jwk": ours}, {"x5c": ["MII"]}):
        assert await attacked.shown(sign(attacked.claims, OTHER_EC_KEY, **pointer)) == TURNED_AWAY
        assert await attacked.shown(sign(attacked.claims, OTHER_EC_KEY, kid="evil", **pointer)) == CANNOT_TELL
        assert await attacked.shown(sign(attacked.claims, **pointer)) == LET_IN  # as some issuers write into each
    own = KeyRing.generate()
    assert await attacked.shown(own.sign("at+jwt", attacked.own_claims)) == TURNED_AWAY


async def test_critical_extensions_are_refused(attacked: Attacked) -> None:
    for critical in (["exp"], ["b64"], ["x"], [], "exp", None):
        assert await attacked.shown(by_hand(attacked.claims, crit=critical, b64=False, x=1)) == TURNED_AWAY


async def test_a_key_that_is_too_short_is_no_key(examples: Examples, tmp_path: Path) -> None:
    async with trusting(examples, tmp_path, jwk(SHORT_RSA_KEY, "short"), jwk(EC_KEY, "k1")) as attacked:
        token = _signed_with_a_short_key(attacked.claims)
        assert await attacked.shown(token) == TURNED_AWAY


def _signed_with_a_short_key(claims: dict[str, Any]) -> str:
    algorithm = pyjwt.algorithms.RSAAlgorithm(pyjwt.algorithms.RSAAlgorithm.SHA256)
    header = {"alg": "RS256", "typ": "JWT", "kid": "short"}
    signed = ".".join(forge(header, claims).split(".")[:2])
    return forge(header, claims, algorithm.sign(signed.encode(), SHORT_RSA_KEY))


async def test_many_unknown_kids_are_one_fetch_per_cooldown(attacked: Attacked) -> None:
    assert await attacked.shown(sign(attacked.claims)) == LET_IN
    fetches = attacked.jwks.fetches
    for number in range(200):
        assert await attacked.shown(sign(attacked.claims, kid=f"unknown-{number}")) == CANNOT_TELL
    assert attacked.jwks.fetches <= fetches + 1
    assert await attacked.shown(sign(attacked.claims)) == LET_IN


async def test_purposes_do_not_mix(examples: Examples, tmp_path: Path) -> None:
    (tmp_path / "identity.pem").write_bytes(KeyRing.generate().to_pem())

    def identity(keys: str) -> dict[str, Any]:
        return {"token": {"issuer": OWN_ISSUER, "keys_file": str(tmp_path / keys)}}

    def routes(upstream: str) -> list[dict[str, Any]]:
        return [{"name": "echo", "match": {"path": "/echo/"}, "upstream": upstream, "audience": "gateway"}]

    for keys in ("identity.pem", "keys.pem"):  # keys of their own, and the blunder of sharing one file
        async with trusting(examples, tmp_path, identity=identity(keys), routes=routes) as attacked:
            gateway = attacked.running.gateway
            seen = await attacked.running.attack(get(b"/echo/", b"Authorization: Bearer " + gateway.bearer.encode()))
            told = seen.received[0].one(b"x-identity-token")
            assert told is not None
            for token in (told.decode(), gateway.cookie):
                assert await attacked.shown(token) == TURNED_AWAY
            for cookie in (told, gateway.bearer.encode()):
                seen = await attacked.running.attack(get(b"/echo/", b"Cookie: __session=" + cookie))
                assert (seen.statuses, seen.received) == ((401,), ())
            for typ in ("", "JWT", "jwt", "AT+JWT", "application/at+jwt", "at+jwt ", "identity+jwt", "return+jwt"):
                assert await attacked.shown(attacked.own.sign(typ, attacked.own_claims)) == TURNED_AWAY, typ
            for typ in ("identity+jwt", "session-cookie+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "x"):
                assert await attacked.shown(sign(attacked.claims, typ=typ)) == TURNED_AWAY


async def test_tokens_that_are_hard_to_read_are_answered_like_any_other(attacked: Attacked) -> None:
    deep = base64.urlsafe_b64encode(b'{"a":' * 1500 + b"1" + b"}" * 1500).rstrip(b"=").decode()
    huge = forge({"alg": "ES256", "kid": "k1"}, attacked.claims | {"x": "y" * 15_000}, b"s" * 64)
    many = forge({"alg": "RS256", "kid": "r1"}, attacked.claims, b"\xff" * 8000)
    for token in (f"{deep}.{deep}.x", huge, many, "a." * 5000 + "a", "." * 9000, "..", "a.b", "e30.e30.e30.e30.e30"):
        assert await attacked.shown(token) == TURNED_AWAY
    assert await attacked.shown("a" * 40_000) == ((431,), 0)


async def test_an_issuer_that_cannot_be_asked_is_cannot_tell_and_is_not_remembered(
    examples: Examples, tmp_path: Path
) -> None:
    async with trusting(examples, tmp_path) as attacked:
        attacked.jwks.status = 500
        seen = await attacked.running.attack(
            get(b"/optional/", b"Authorization: Bearer " + sign(attacked.claims).encode())
        )
        assert (seen.statuses, seen.received) == ((503,), ())
        assert seen.responses[0].one(b"retry-after") is not None
