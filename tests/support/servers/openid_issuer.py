"""An OpenID provider for tests that signs everybody in at once, checks what we send, and can be made to lie."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from tests.support.servers.issuer import EC_KEY, jwk, sign
from tests.support.servers.low_level import listening

CLIENT = "gw"
SECRET = "the client's secret"
BACK_CHANNEL = "http://schemas.openid.net/event/backchannel-logout"

Mutation = Callable[[dict[str, Any]], str]
"""Makes the ID token of claims, rightly or wrongly."""


class OpenIdIssuer:
    """One issuer. `person` are the claims of whoever signs in; `minted` makes the ID token of all claims."""

    def __init__(self, *, pushes: bool = True, names_itself: bool = True) -> None:
        self.url = ""
        self.person: dict[str, Any] = {"sub": "jane-1", "email": "jane@example.com", "email_verified": True}
        self.minted: Mutation = sign
        self.sid = "sid-1"
        self.down = False
        self.refreshes = 0
        self.token_seconds: float = 3600
        self.refused = ""
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: set[str] = set()
        self._pushed: dict[str, dict[str, str]] = {}
        self._pushes = pushes
        self._names_itself = names_itself

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        form = dict(parse_qsl((await request.read()).decode()))
        if self.down:
            return web.Response(status=500)
        match request.path:
            case "/.well-known/openid-configuration":
                return web.json_response(self._document())
            case "/jwks":
                return web.json_response({"keys": [jwk(EC_KEY, "k1")]})
            case "/par" if self._is_client(request):
                name = f"urn:ietf:params:oauth:request_uri:{secrets.token_hex(8)}"
                self._pushed[name] = form
                return web.json_response({"request_uri": name, "expires_in": 60}, status=201)
            case "/authorize":
                return self._authorize(dict(parse_qsl(request.query_string)))
            case _:
                return self._token(form) if self._is_client(request) else web.Response(status=401)

    def logout_token(self, **more: Any) -> str:
        now = int(datetime.now(UTC).timestamp())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": secrets.token_hex(8)}
        named = {"sub": self.person["sub"], "sid": self.sid, "events": {BACK_CHANNEL: {}}}
        whole = {**claims, **named, **more}
        return sign({name: value for name, value in whole.items() if value is not None}, typ="logout+jwt")

    def _document(self) -> dict[str, Any]:
        pushes = {"pushed_authorization_request_endpoint": f"{self.url}/par"} if self._pushes else {}
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "end_session_endpoint": f"{self.url}/end",
            "authorization_response_iss_parameter_supported": self._names_itself,
            **pushes,
        }

    def _authorize(self, query: dict[str, str]) -> web.Response:
        asked = self._pushed.pop(query["request_uri"]) if "request_uri" in query else query
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["state"]) >= 43
        assert len(asked["nonce"]) >= 43
        code = secrets.token_hex(16)
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], **({"iss": self.url} if self._names_itself else {})}
        return web.Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{urlencode(back)}"})

    def _token(self, form: dict[str, str]) -> web.Response:
        if self.refused:
            return web.json_response({"error": self.refused}, status=400)
        nonce = {}
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] not in self.refresh_tokens:
                return web.json_response({"error": "invalid_grant"}, status=400)
            self.refresh_tokens.discard(form["refresh_token"])
            self.refreshes += 1
        else:
            asked = self.codes.pop(form["code"], None)
            if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
                return web.json_response({"error": "invalid_grant"}, status=400)
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
                return web.json_response({"error": "invalid_grant"}, status=400)
            nonce = {"nonce": asked["nonce"]}
        refresh_token = secrets.token_hex(16)
        self.refresh_tokens.add(refresh_token)
        answer = {"access_token": "opaque", "token_type": "Bearer", "expires_in": self.token_seconds}
        return web.json_response({**answer, "id_token": self._id_token(nonce), "refresh_token": refresh_token})

    def _id_token(self, more: dict[str, Any]) -> str:
        now = int(datetime.now(UTC).timestamp())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "sid": self.sid}
        return self.minted({**claims, **self.person, **more})

    def _is_client(self, request: web.BaseRequest) -> bool:
        shown = request.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(shown).decode() == f"{CLIENT}:{SECRET.replace(chr(39), '%27').replace(' ', '+')}"


@contextlib.asynccontextmanager
async def openid_issuer(issuer: OpenIdIssuer) -> AsyncIterator[OpenIdIssuer]:
    """Serve it on loopback."""
    async with listening(issuer.answer) as port:
        issuer.url = f"http://127.0.0.1:{port}"
        yield issuer


def provider(issuer: OpenIdIssuer, **more: Any) -> dict[str, Any]:
    """Return the config of the provider."""
    known = {"kind": "oidc", "issuer": issuer.url, "client_id": CLIENT, "client_secret": SECRET, "timeout": "10s"}
    return {**known, "algorithms": ["ES256"], **json.loads(json.dumps(more))}
