"""docs/THREATS.md section 2: no spelling of a client's identity header survives, and ours cannot be deleted."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.support.builders.variants import field_names
from tests.support.clients.raw_http import raw_client
from tests.support.gateways.attacks import CLOSE, KEY, Victim, get, request, victim
from tests.support.gateways.serving import IDENTITY, Examples
from tests.support.servers.recording_upstream import OK, UpstreamSide

FORGED = tuple(name + b": forged" for name in IDENTITY)
EVERY_SPELLING = tuple(spelled + b": forged" for name in IDENTITY for spelled in dict.fromkeys(field_names(name)))
AT_ONCE = 100
"""Fields of one request; the limit is 128."""


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS", b"POST", b"PUT", b"PATCH", b"DELETE"])
@pytest.mark.parametrize("path", [b"/public/", b"/optional/", b"/echo/", b"/admin/"])
async def test_no_spelling_survives_on_any_route_by_any_method(attacked: Victim, path: bytes, method: bytes) -> None:
    shown = () if path in {b"/public/", b"/optional/"} else (KEY,)
    spellings = [field for field in EVERY_SPELLING if not field.lower().startswith(b"x-user-id")]
    for start in range(0, len(spellings), AT_ONCE):
        seen = await attacked.attack(
            get(path, *shown, *spellings[start : start + AT_ONCE], method=method), head=method == b"HEAD"
        )
        assert seen.statuses == (200,)
        assert b"forged" not in seen.received[0].raw.lower()


async def test_there_are_many_spellings() -> None:
    assert len(EVERY_SPELLING) > 500


@pytest.mark.parametrize("line", [b"GET /public/ HTTP/1.1", b"GET /echo/ HTTP/1.1", b"GET /optional/ HTTP/1.1"])
async def test_nothing_forged_goes_through_an_upgrade(examples: Examples, tmp_path: Path, line: bytes) -> None:
    async def switch(side: UpstreamSide) -> None:
        await side.head()
        await side.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        await side.closed()

    async with victim(examples, tmp_path, switch) as running, raw_client(running.gateway.port) as client:
        await client.send(request(line, KEY, b"Connection: Upgrade, X-User-Id", b"Upgrade: websocket", *FORGED[2:]))
        assert (await client.head()).status == 101
        (received,) = running.upstream.requests
        assert b"forged" not in received.raw
        assert (b"/public/" in line) or received.all(b"x-user-id") != []


async def test_cached_hits_are_told_as_the_first(attacked: Victim) -> None:
    for _ in range(3):
        seen = await attacked.attack(get(b"/echo/", KEY, *FORGED[2:]))
        assert b"forged" not in seen.received[0].raw
        assert seen.received[0].all(b"x-org-id") == [b"org_abc123xyz456"]


async def test_a_retry_is_as_clean_as_the_first_try(examples: Examples, tmp_path: Path) -> None:
    async def die_on_reuse(side: UpstreamSide) -> None:
        await side.request()
        await side.send(OK)
        if side.upstream.connections == 1:
            await side.reader.readuntil(b"\r\n\r\n")
            side.writer.transport.abort()
        else:
            await side.closed()

    async with victim(examples, tmp_path, die_on_reuse) as running, raw_client(running.gateway.port) as client:
        for _ in range(2):
            await client.send(request(b"GET /echo/ HTTP/1.1", KEY, *FORGED[2:]))
            assert (await client.response()).status == 200
        assert running.upstream.connections == 2
        for received in running.upstream.requests:
            assert b"forged" not in received.raw
            assert received.all(b"x-auth-method") == [b"api_key"]


@pytest.mark.parametrize(
    ("target", "status"), [(b"/nowhere", 404), (b"/echo/", 401), (b"/public/..", 400), (b"/public/", 502)]
)
async def test_error_pages_never_show_what_the_caller_sent(
    examples: Examples, tmp_path: Path, target: bytes, status: int
) -> None:
    async def hang_up(side: UpstreamSide) -> None:
        await side.head()

    async with victim(examples, tmp_path, hang_up) as running:
        marked = b"<script>alert(1)</script>"
        seen = await running.attack(get(target + b"?" + marked, b"X-Mark: " + marked, b"User-Agent: " + marked))
        assert seen.statuses == (status,)
        (response,) = seen.responses
        assert marked not in response.body
        assert marked not in b"".join(value for _, value in response.headers)
        assert set(response.json()["error"]) == {"code", "message", "status", "request_id"}


async def test_what_stands_behind_another_request_is_as_clean(attacked: Victim) -> None:
    first = request(b"POST /public/ HTTP/1.1", b"Content-Length: 3", *FORGED, body=b"abc")
    seen = await attacked.attack(first + first + get(b"/optional/", *FORGED[2:]))
    assert seen.statuses == (200, 200, 200)
    assert all(b"forged" not in received.raw for received in seen.received)


async def test_what_the_session_lacks_is_absent_and_not_the_callers(attacked: Victim) -> None:
    bearer = b"Authorization: Bearer " + attacked.gateway.bearer.encode()
    forged = [field for field in FORGED if not field.startswith(b"X-User-Id")]
    seen = await attacked.attack(get(b"/echo/", bearer, *forged))
    told = {name for name, _ in seen.received[0].headers if name in IDENTITY}
    assert told == {b"X-Session-Id", b"X-User-Id", b"X-Auth-Method"}
    assert b"forged" not in seen.received[0].raw


FOREIGN = (
    b"Remote-User",
    b"Remote-Groups",
    b"X-Remote-User",
    b"X-Remote-Group",
    b"X-Remote-Extra-Scopes",
    b"X-Forwarded-User",
    b"X-Forwarded-Email",
    b"X-Forwarded-Client-Cert",
    b"X-Auth-Request-User",
    b"X-Auth-Request-Groups",
    b"X-Authenticated-User",
    b"X-Authenticated-Userid",
    b"X-Consumer-Username",
    b"X-WebAuth-User",
    b"X-Vouch-User",
    b"X-Authentik-Username",
    b"X-Pomerium-Claim-Email",
    b"X-Goog-Authenticated-User-Email",
    b"X-Goog-IAP-JWT-Assertion",
    b"X-Amzn-Oidc-Data",
    b"X-MS-CLIENT-PRINCIPAL",
    b"X-MS-CLIENT-PRINCIPAL-NAME",
    b"Cf-Access-Authenticated-User-Email",
    b"Tailscale-User-Login",
    b"OIDC_CLAIM_sub",
    b"Shib-Session-Id",
    b"SM_USER",
    b"iv-user",
    b"Client-Cert",
    b"SSL-Client-S-DN",
)


@pytest.mark.parametrize("path", [b"/public/", b"/optional/", b"/echo/"])
async def test_what_other_products_tell_of_a_caller_never_arrives_from_a_client(attacked: Victim, path: bytes) -> None:
    shown = (KEY,) if path == b"/echo/" else ()
    spellings = [spelled + b": forged" for name in FOREIGN for spelled in dict.fromkeys(field_names(name))]
    for start in range(0, len(spellings), AT_ONCE):
        seen = await attacked.attack(get(path, *shown, *spellings[start : start + AT_ONCE]))
        assert seen.statuses == (200,)
        assert b"forged" not in seen.received[0].raw


async def test_a_name_that_the_config_allows_clients_arrives_as_it_is_spelled(
    examples: Examples, tmp_path: Path
) -> None:
    async with victim(examples, tmp_path, identity={"from_clients": ["Remote-User"]}) as running:
        seen = await running.attack(
            get(b"/public/", b"remote-USER: mine", b"Remote-Name: forged", b"X-User-Id: forged")
        )
        assert seen.received[0].all(b"remote-user") == [b"mine"]
        assert b"forged" not in seen.received[0].raw


async def test_under_another_products_names_the_upstream_is_told_by_us_alone(
    examples: Examples, tmp_path: Path
) -> None:
    async with victim(examples, tmp_path, identity={"headers": "remote-user"}) as running:
        seen = await running.attack(get(b"/echo/", KEY, b"Remote-User: forged", b"remote_user: forged"))
        assert seen.received[0].all(b"remote-user") == [b"550e8400-e29b-41d4-a716-446655440002"]
        assert b"forged" not in seen.received[0].raw


HONEST = (b"X-User", b"X-Access-Token", b"CF-Access-Client-Id", b"X-MS-Client-Request-Id", b"X-Remote-Debug", b"X-Shib")


async def test_what_says_something_else_passes(attacked: Victim) -> None:
    seen = await attacked.attack(get(b"/public/", *(name + b": honest" for name in HONEST)))
    assert [seen.received[0].all(name.lower()) for name in HONEST] == [[b"honest"]] * len(HONEST)


OURS = (
    b"X-User-Id",
    b"X-Org-Role",
    b"X-Auth-Method",
    b"X-Forwarded-For",
    b"X-Forwarded-Proto",
    b"X-Forwarded-Host",
    b"X-Request-Id",
    b"traceparent",
    b"Host",
    b"Content-Length",
)


@pytest.mark.parametrize(
    "connection", [b"Connection: close, %b", b"connection: %b, close", b"Connection:\t%b\t ,close,"]
)
async def test_the_connection_field_deletes_nothing_of_ours(attacked: Victim, connection: bytes) -> None:
    for name in (*OURS, b", ".join(OURS), b",".join(OURS).lower(), b"x_user_id", b"*"):
        fields = (KEY, connection % name, b"Content-Length: 3")
        seen = await attacked.attack(request(b"POST /echo/ HTTP/1.1", *fields, body=b"abc"))
        assert seen.statuses == (200,)
        (received,) = seen.received
        assert received.body == b"abc"
        assert [len(received.all(ours)) for ours in OURS] == [1] * len(OURS)


async def test_the_connection_field_cannot_hide_a_credential_from_us(attacked: Victim) -> None:
    named = (b"X-Api-Key", b"Authorization", b"Cookie", b"X-Auth-Token")
    seen = await attacked.attack(get(b"/optional/", b"X-Api-Key: wrong", b"Connection: " + b", ".join(named)))
    assert (seen.statuses, seen.targets) == ((401,), ())


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("J\r\nX-User-Roles: admin", b"J%0D%0AX-User-Roles: admin"),
        ("J\nadmin", b"J%0Aadmin"),
        ("J\0admin", b"J%00admin"),
        ("J\x7f\x1b[2J", b"J%7F%1B[2J"),
        ("Jürgen 李", b"J%C3%BCrgen %E6%9D%8E"),
        ("100%0A", b"100%250A"),
        (" J ", b"%20J%20"),
        ("J\u2028\u0085", b"J%E2%80%A8%C2%85"),
        ("J" * 4096, b"J" * 4096),
    ],
)
async def test_values_of_the_directory_cannot_write_fields(
    examples: Examples, tmp_path: Path, stored: str, told: bytes
) -> None:
    async with victim(examples, tmp_path) as running:
        rename_everybody(tmp_path, stored)
        seen = await running.attack(get(b"/echo/", KEY))
        assert seen.statuses == (200,)
        (received,) = seen.received
        assert [received.all(name) for name in (b"x-user-name", b"x-org-name")] == [[told], [told]]
        assert (received.all(b"x-org-role"), received.all(b"x-user-roles")) == ([b"admin"], [])


@pytest.mark.parametrize("stored", ["J" * 4097, "J" * 8192, "ü" * 1366, "\n" * 1366])
async def test_a_value_that_is_too_long_is_refused_and_never_cut(
    examples: Examples, tmp_path: Path, stored: str
) -> None:
    async with victim(examples, tmp_path) as running:
        rename_everybody(tmp_path, stored)
        assert await running.misjudged([get(b"/echo/", KEY)], (500,)) == []


def rename_everybody(folder: Path, name: str) -> None:
    """Put `name` where an administrator's import, or a user's own profile page, would."""
    connection = sqlite3.connect(folder / "directory.db")
    with connection:
        connection.execute("UPDATE members SET name = ?", (name,))
        connection.execute("UPDATE organizations SET name = ?", (name,))
    connection.close()


async def test_many_callers_at_once_are_never_told_as_each_other(attacked: Victim) -> None:
    bearer = b"Authorization: Bearer " + attacked.gateway.bearer.encode()
    cookie = b"Cookie: __session=" + attacked.gateway.cookie.encode()
    expected = {KEY: b"api_key", bearer: b"bearer", cookie: b"cookie"}

    async def ask(place: int) -> None:
        shown = (*expected,)[place % 3]
        async with raw_client(attacked.gateway.port) as client:
            await client.send(request(b"GET /echo/%d HTTP/1.1" % place, CLOSE, shown))
            assert (await client.response()).status == 200

    await asyncio.gather(*(ask(place) for place in range(60)))
    for received in attacked.upstream.requests:
        place = int(received.target.rpartition(b"/")[2])
        assert received.all(b"x-auth-method") == [expected[(*expected,)[place % 3]]]


async def test_fields_that_a_route_fixes_are_its_own_whatever_caller_and_upstream_say(
    examples: Examples, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("Basic s3cr3t\n")

    def routes(upstream: str) -> list[dict[str, object]]:
        request = {"set": {"Authorization_file": f"{tmp_path}/token", "X-Tenant": "t"}, "remove": ["X-Debug"]}
        response = {"set": {"Strict-Transport-Security": "max-age=1"}, "remove": ["X-Powered-By", "Set-Cookie"]}
        changed = {"request_headers": request, "response_headers": response}
        return [
            {"name": "fixed", "match": {"path": "/fixed/"}, "upstream": upstream, **changed},
            {"name": "open", "match": {"path": "/open/"}, "access": "public", "upstream": upstream, **changed},
            {"name": "free", "match": {"path": "/free/"}, "upstream": upstream},
        ]

    async with victim(examples, tmp_path, routes=routes) as running:
        running.upstream.answer = (
            b"HTTP/1.1 200 OK\r\nx-powered-by: a\r\nX_Powered_By: b\r\nSet-Cookie: c=d\r\nETag: e\r\n"
            b"strict-transport-security: max-age=0\r\nContent-Length: 2\r\n\r\nok"
        )
        told = (b"X_Tenant: evil", b"x-tenant: evil", b"X.Debug: evil", b"Accept: a/b")
        for path in (b"/fixed/", b"/open/", b"/fixed/"):
            seen = await running.attack(get(path, KEY, *told))
            (received,) = seen.received
            assert (received.all(b"authorization"), received.all(b"x-tenant")) == ([b"Basic s3cr3t"], [b"t"])
            assert b"evil" not in received.raw
            assert received.all(b"accept") == [b"a/b"]
            names = [name.lower() for name, _ in seen.responses[0].headers]
            assert not {b"x-powered-by", b"x_powered_by", b"set-cookie"} & set(names)
            assert seen.responses[0].all(b"strict-transport-security") == [b"max-age=1"]
            assert seen.responses[0].one(b"etag") == b"e"
        free = await running.attack(get(b"/free/", KEY, *told))
        assert free.received[0].all(b"x-tenant") == [b"evil"]
        assert free.responses[0].one(b"x-powered-by") == b"a"
        assert b"s3cr3t" not in running.gateway.log()
