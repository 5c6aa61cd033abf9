"""A session-info endpoint on a real socket, with authorities that go by a table."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec

from gateway.credentials.api_key import ApiKeySettings
from gateway.credentials.bearer import BearerSettings
from gateway.credentials.cookie import CookieSettings
from gateway.credentials.kinds import build_reader
from gateway.credentials.reader import Reader
from gateway.credentials.token_pair import TokenPairSettings
from gateway.dialects.dialect import DialectServer
from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.endpoints.session_info import SessionInfoEndpoint
from gateway.gate import Gate
from gateway.http1.downstream import DownstreamRequest
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.answers import Reason, Rejected, Resolution, Sessions, Tier, Verdict
from gateway.model.credential import Credential
from gateway.model.decision import Response
from gateway.policy.limits import LocalLimits
from gateway.policy.routes import RouteTable
from gateway.telemetry.record import RequestRecord
from tests.support.servers.fronts import front

NOW = datetime(2024, 12, 19, 15, 0, tzinfo=UTC)
"""The instant of the memghost document's example."""


def _fingerprint(parts: tuple[str, ...]) -> bytes:
    return repr(parts).encode()


READERS: dict[str, Reader] = {
    "project_key": build_reader(
        "project_key",
        ApiKeySettings(kind="api_key", header="x-api-key", type="project", authority=("a",)),
        _fingerprint,
    ),
    "user_key": build_reader(
        "user_key", ApiKeySettings(kind="api_key", header="x-user-api-key", type="user", authority=("a",)), _fingerprint
    ),
    "org_key": build_reader(
        "org_key",
        ApiKeySettings(kind="api_key", header="x-org-api-key", type="organization", authority=("a",)),
        _fingerprint,
    ),
    "token": build_reader("token", BearerSettings(kind="bearer", authority=("a",)), _fingerprint),
    "cookie": build_reader("cookie", CookieSettings(kind="cookie", name="__session", authority=("a",)), _fingerprint),
    "pair": build_reader(
        "pair",
        TokenPairSettings(kind="token_pair", user_header="x-user-id", token_header="x-auth-token", authority=("a",)),
        _fingerprint,
    ),
}
LISTED = {
    "composio": ("project_key", "user_key", "org_key"),
    "wacht": ("cookie",),
    "memghost": ("token",),
    "rocketchat": ("pair",),
    "kratos": ("cookie", "user_key"),
    "better_auth": ("cookie",),
    "oauth2_proxy": ("cookie", "token"),
    "supabase": ("token",),
    "session": tuple(READERS),
}


class Authorities:
    """Knows what it is told: a verdict by the last secret part, and other sessions by their id."""

    def __init__(self, verdicts: Mapping[str, Verdict], others: Mapping[str, Verdict] | None = None) -> None:
        self._verdicts = verdicts
        self._others = others or {}
        self.asked: list[Credential] = []
        self.fault: Exception | None = None
        self.stale_for: float | None = None

    async def resolve(self, credential: Credential, _client: str) -> Resolution:
        self.asked.append(credential)
        if self.fault is not None:
            raise self.fault
        verdict = self._verdicts.get(credential.parts[-1], Rejected(Reason.UNKNOWN))
        if self.stale_for is not None:
            return Resolution(verdict, Tier.MEMORY, self.stale_for, stale=True, authority="a")
        return Resolution(verdict, Tier.AUTHORITY, authority="a")

    async def session_of(self, credential: Credential, session_id: str, authority: str, _client: str) -> Any:
        assert (credential, authority) == (self.asked[-1], "a")
        return self._others.get(session_id, Rejected(Reason.GONE))


class Endpoint:
    """One endpoint and a client for it; `records` are what was written down, in order."""

    def __init__(self, client: aiohttp.ClientSession, port: int, records: list[RequestRecord]) -> None:
        self._client = client
        self.port = port
        self.records = records

    async def ask(
        self, path: str, headers: Sequence[tuple[str, str]] | Mapping[str, str] = (), method: str = "GET"
    ) -> Asked:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._client.request(method, url, headers=headers, allow_redirects=False) as answer:
            return Asked(answer, await answer.read())


class Asked:
    """An answer as a client sees it."""

    def __init__(self, answer: aiohttp.ClientResponse, body: bytes) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = body

    def json(self) -> Any:
        import json  # noqa: PLC0415 - not msgspec, which would be judge in its own case

        return json.loads(self.body)


@contextlib.asynccontextmanager
async def endpoint(
    dialect: DialectServer, authorities: Authorities, policy: EndpointPolicy | None = None
) -> AsyncIterator[Endpoint]:
    """Serve `dialect` on loopback with the readers that `LISTED` has for it."""
    limits = LocalLimits(lambda: 0.0)
    gate = Gate(RouteTable(()), READERS, Sessions(authorities.resolve), IdentityHeaders(), limits)
    readers = tuple(READERS[name] for name in LISTED[dialect.name])
    policy = msgspec.structs.replace(policy or EndpointPolicy(), readers=readers)
    endpoint = SessionInfoEndpoint(dialect, policy, gate, authorities.session_of, limits, time.monotonic)
    accesses = AccessReader((), 8192, NOW.timestamp)
    records: list[RequestRecord] = []

    async def answer(request: DownstreamRequest) -> Response:
        record = RequestRecord("req-1", 0.0)
        records.append(record)
        access = accesses.read(request, request.head.block.headers, record.request_id)
        assert access.target.match in endpoint.paths
        answered = endpoint.answer(request, access, record)
        response = await answered if asyncio.iscoroutine(answered) else answered
        assert isinstance(response, Response)
        return response

    jar = aiohttp.DummyCookieJar()
    async with front(answer) as port, aiohttp.ClientSession(cookie_jar=jar) as client:
        yield Endpoint(client, port, records)
