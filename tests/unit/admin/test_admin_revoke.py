import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from gateway.admin.admin_revoke import RevokeEndpoint
from gateway.admin.admin_tokens import AdminTokens
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor, AuditLog
from gateway.telemetry.lines import LineBuffer, Timestamps
from tests.support.builders.records import NOON
from tests.support.clients.raw_http import RawResponse, exchange, raw_client
from tests.support.servers.applications import application

TOKEN = "admin-token-0123456789"
USER = b'{"user": "user_1"}'


class Fleet:
    """Remembers what was ended, and what the audit log was told."""

    def __init__(self) -> None:
        self.ended: list[RevocationTarget] = []
        self.hears = True
        self.fault: Exception | None = None
        self.written: list[bytes] = []

    async def revoke(self, ended: RevocationTarget, _actor: Actor) -> bool:
        if self.fault is not None:
            raise self.fault
        self.ended.append(ended)
        return self.hears

    def admin(self, *tokens: str, **options: float) -> list[web.RouteDef]:
        audit = AuditLog(LineBuffer(self.written.append), Timestamps(lambda: NOON))
        return [web.post("/revoke", RevokeEndpoint(AdminTokens(tokens), self.revoke, audit, **options).answer)]

    @property
    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written]


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
async def port(fleet: Fleet) -> AsyncIterator[int]:
    async with application(fleet.admin(TOKEN)) as number:
        yield number


async def call(port: int, body: bytes, *authorization: str) -> RawResponse:
    fields = "".join(f"Authorization: {value}\r\n" for value in authorization)
    head = f"POST /revoke HTTP/1.1\r\nHost: admin\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    return await exchange(port, head.encode() + body)


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        (b'{"session": "s_1"}', RevocationTarget(RevocationKind.SESSION, "s_1")),
        (b'{"user": "user_1"}', RevocationTarget(RevocationKind.USER, "user_1")),
        (b'{"api_key":"ak_1"}', RevocationTarget(RevocationKind.API_KEY, "ak_1")),
        (b'{"organization": "org_1"}', RevocationTarget(RevocationKind.ORGANIZATION, "org_1")),
    ],
)
async def test_each_kind_of_thing_can_be_ended(fleet: Fleet, port: int, body: bytes, ended: RevocationTarget) -> None:
    answer = await call(port, body, f"Bearer {TOKEN}")
    assert (answer.status, answer.json()) == (200, {"revoked": {ended.kind.value: ended.id}})
    assert fleet.ended == [ended]
    (line,) = fleet.audit
    assert (line["event"], line["outcome"], line["kind"], line["id"]) == ("revoked", "done", ended.kind, ended.id)
    assert (line["by"], line["client"], line["request_id"]) == ("admin_port", "127.0.0.1", "req-1")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
async def test_the_schemes_case_does_not_matter(port: int, scheme: str) -> None:
    assert (await call(port, USER, f"{scheme} {TOKEN}")).status == 200


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ([], 401),
        ([""], 403),
        (["Bearer"], 403),
        (["Bearer "], 403),
        ([f"Bearer {TOKEN[:-1]}"], 403),
        ([f"Bearer {TOKEN}x"], 403),
        ([f"Bearer {TOKEN.upper()}"], 403),
        ([f"Bearer {TOKEN} {TOKEN}"], 403),
        ([f"Basic {TOKEN}"], 403),
        ([TOKEN], 403),
        ([f"Bearer {TOKEN}", f"Bearer {TOKEN}"], 403),
        (["Bearer \u00ff\u00fe"], 403),
    ],
)
async def test_only_the_admin_token_opens(fleet: Fleet, port: int, authorization: list[str], status: int) -> None:
    answer = await call(port, USER, *authorization)
    assert answer.status == status
    assert answer.json()["error"]["request_id"] == "req-1"
    assert (answer.one(b"www-authenticate") is not None) == (status == 401)
    assert fleet.ended == []
    assert [line["event"] for line in fleet.audit] == ["admin_call_refused"]
    assert TOKEN[:-1] not in str(fleet.audit)


async def test_while_tokens_rotate_each_of_them_opens(fleet: Fleet) -> None:
    async with application(fleet.admin("another-token", TOKEN)) as port:
        statuses = [(await call(port, USER, f"Bearer {token}")).status for token in ("another-token", TOKEN, "neither")]
    assert statuses == [200, 200, 403]


@pytest.mark.parametrize("tokens", [(), ("",)])
@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", "Bearer ", "Bearer None"])
async def test_without_a_configured_token_nobody_is_let_in(
    fleet: Fleet, tokens: tuple[str, ...], authorization: str
) -> None:
    async with application(fleet.admin(*tokens)) as port:
        assert (await call(port, USER, authorization)).status == 403
    assert fleet.ended == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"user_1",
        b"[]",
        b'[["user", "user_1"]]',
        b'{"user": "user_1", "user": "user_2"}',
        b'{"user": ["user_1"]}',
        b'{"user": {"user": "user_1"}}',
        b"null",
        b"{}",
        b'{"user": 1}',
        b'{"user": null}',
        b'{"user": ""}',
        b'{"user": "a\\u0000b"}',
        b'{"user": "a\\nb"}',
        b'{"user": "a", "session": "b"}',
        b'{"credential": "a0a1"}',
        b'{"USER": "a"}',
        b'{"user": "' + b"x" * 257 + b'"}',
        b'{"user": "\xff"}',
    ],
)
async def test_a_body_that_does_not_name_one_thing_ends_nothing(fleet: Fleet, port: int, body: bytes) -> None:
    answer = await call(port, body, f"Bearer {TOKEN}")
    assert (answer.status, answer.json()["error"]["code"]) == (400, "malformed_request")
    assert fleet.ended == []
    assert fleet.audit[0]["outcome"] == "refused"


CALL = f"POST /revoke HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
HEAD = CALL + b"Content-Length: 1000000\r\n\r\n"
CHUNKED = CALL + b"Transfer-Encoding: chunked\r\n\r\n"


async def test_a_large_body_is_refused_before_it_is_whole(fleet: Fleet, port: int) -> None:
    async with raw_client(port) as client:
        await client.send(HEAD + b" " * 5000)
        assert (await client.response()).status == 413
    assert fleet.ended == []


async def test_a_body_that_breaks_is_malformed(fleet: Fleet, port: int) -> None:
    async with raw_client(port) as client:
        await client.send(CHUNKED + b"no size\r\n")
        assert (await client.response()).status == 400
    async with raw_client(port) as client:
        await client.send(CHUNKED + b"1;" + b"x" * 40_000 + b"\r\n")
        assert (await client.response()).status == 400
    assert fleet.ended == []


async def test_a_body_that_never_comes_is_given_up(fleet: Fleet) -> None:
    async with application(fleet.admin(TOKEN, body_seconds=0.01)) as port, raw_client(port) as client:
        await client.send(HEAD)
        assert (await client.response()).status == 408
    assert fleet.ended == []


async def test_a_replica_that_could_not_be_told_is_503_so_that_it_is_asked_again(fleet: Fleet, port: int) -> None:
    fleet.hears = False
    answer = await call(port, USER, f"Bearer {TOKEN}")
    assert (answer.status, answer.one(b"retry-after")) == (503, b"1")
    assert fleet.audit[0]["outcome"] == "partly"


async def test_a_failed_revocation_is_audited_and_never_told_as_done(fleet: Fleet, port: int) -> None:
    fleet.fault = RuntimeError("broken")
    assert (await call(port, USER, f"Bearer {TOKEN}")).status == 500
    assert fleet.audit[0]["outcome"] == "failed"
