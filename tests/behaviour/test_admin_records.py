"""Our own records by the admin API: users and sessions, named creations, and that nobody gives what they have not."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.permissions import PERMISSIONS
from tests.support.clients.admin_client import AdminClient
from tests.support.clients.raw_http import RawResponse
from tests.support.gateways.serving import (
    COOKIE_SESSION,
    LOGIN_TOKEN,
    USER_ID,
    Examples,
    Gateway,
    config,
    serving,
    serving_examples,
)
from tests.support.servers.recording_upstream import recording_upstream

DIALECTS = [
    {"dialect": "wacht", "credentials": ["cookie"]},
    {"dialect": "memghost", "credentials": ["token"]},
    {"dialect": "rocketchat", "credentials": ["pair"]},
]
ROLES = {
    "support": [
        *("users.read", "users.create", "users.change", "users.password", "members.change"),
        *("sessions.read", "sessions.create", "sessions.end"),
    ],
    "reader": sorted(each for each in PERMISSIONS if each.endswith(".read")),
    "keeper": ["keys.read", "keys.create", "keys.change", "keys.delete", "keys.rotate", "members.create"],
    "nothing": [],
}
ADMIN = {"credentials": ["token", "project_key"], "roles": ROLES}


@pytest.fixture
async def gateway(examples: Examples, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with serving_examples(examples, tmp_path, admin=ADMIN, session_info=DIALECTS) as (running, _):
        yield running


@pytest.fixture
def call(gateway: Gateway) -> AdminClient:
    return AdminClient(gateway.admin_port)


def etag(answer: RawResponse) -> str:
    return (answer.one(b"etag") or b"").decode()


async def opened(call: AdminClient, user: str, **more: Any) -> dict[str, Any]:
    answer = await call("POST", "/v1/sessions", {"user": user, **more})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()
    return made


async def test_a_user_is_created_shown_changed_and_deleted(call: AdminClient) -> None:
    made = await call("POST", "/v1/users", {"id": "jane", "email": "jane@example.com", "roles": ["user"]})
    assert (made.status, made.one(b"location")) == (201, b"/v1/users/jane")
    shown = await call("GET", "/v1/users/jane")
    assert (shown.json()["email"], etag(shown)) == ("jane@example.com", etag(made))
    assert (await call("GET", "/v1/users/jane", None, f"If-None-Match: {etag(shown)}")).status == 304
    changed = await call("PATCH", "/v1/users/jane", {"name": "Jane"}, f"If-Match: {etag(shown)}")
    assert (changed.status, changed.json()["name"], changed.json()["email"]) == (200, "Jane", "jane@example.com")
    listed = await call("PATCH", "/v1/users/jane", {"name": "Jane"}, f'If-Match: "x", W/"y" ,{etag(changed)}')
    assert (listed.status, etag(listed)) == (200, etag(changed))
    for stale in (etag(shown), f"W/{etag(changed)}", '"x"', f'"x", {etag(shown)}'):
        late = await call("PATCH", "/v1/users/jane", {"name": "Joan"}, f"If-Match: {stale}")
        assert (late.status, late.json()["code"]) == (412, "outdated")
    assert (await call("PATCH", "/v1/users/jane", {"name": None}, "If-Match: *")).json().get("name") is None
    assert (await call("DELETE", "/v1/users/jane", None, f"If-Match: {etag(changed)}")).status == 412
    assert (await call("DELETE", "/v1/users/jane")).status == 204
    gone = await call("GET", "/v1/users/jane")
    assert (gone.status, gone.json()["code"]) == (404, "no_record")


@pytest.mark.parametrize("user", ["a/b", "%2f", "a?b#c", "a:b@c;d=e", "{id}", "+"])
async def test_a_row_is_found_where_its_location_says_whatever_its_id(call: AdminClient, user: str) -> None:
    made = await call("POST", "/v1/users", {"id": user})
    shown = await call("GET", (made.one(b"location") or b"").decode())
    assert (shown.status, shown.json()["id"]) == (200, user)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": USER_ID}, 409),
        ({"password": "x"}, 422),
        ({"roles": "admin"}, 422),
        ({"roles": [1]}, 422),
        ({"id": ""}, 422),
        ({"id": "a b"}, 422),
        ({"name": "a\u0000b"}, 422),
        ({"name": "x" * 2000}, 422),
        ([], 422),
    ],
)
async def test_a_user_that_cannot_be_is_refused_in_words(call: AdminClient, body: Any, status: int) -> None:
    answer = await call("POST", "/v1/users", body)
    assert (answer.status, answer.one(b"content-type")) == (status, b"application/problem+json")
    assert answer.json()["detail"]


async def test_lists_come_in_pages_and_by_filter(call: AdminClient) -> None:
    for number in range(4):
        assert (await call("POST", "/v1/users", {"id": f"u{number}", "email": f"u{number}@x.test"})).status == 201
    seen, cursor = [], ""
    while True:
        page = (await call("GET", f"/v1/users?limit=2{cursor}")).json()
        seen += [row["id"] for row in page["rows"]]
        if "cursor" not in page:
            break
        cursor = f"&cursor={page['cursor']}"
    assert len(seen) == len(set(seen))
    assert {f"u{number}" for number in range(4)} | {USER_ID} <= set(seen)
    assert [row["id"] for row in (await call("GET", "/v1/users?email=u2@x.test")).json()["rows"]] == ["u2"]
    for query in ("limit=0", "limit=x", "cursor=!!", "mail=a", "limit=1&limit=1"):
        assert (await call("GET", f"/v1/users?{query}")).status in {400, 422}, query


async def test_a_session_of_a_login_of_ones_own_opens_every_door_until_it_is_ended(
    call: AdminClient, gateway: Gateway
) -> None:
    device = {"type": "browser", "name": "Firefox"}
    made = await opened(call, USER_ID, device=device, ip="192.0.2.7", ttl=3600)
    session_id = made["session"]["id"]
    doors = {
        "/session": f"Cookie: __session={made['cookie']}",
        "/auth/session": f"Authorization: Bearer {made['bearer']}",
        "/api/v1/sessions/info": f"X-User-Id: {made['pair']['user_id']}\r\nX-Auth-Token: {made['pair']['token']}",
    }
    for path, credential in doors.items():
        asked = f"{path}?sessionId={session_id}" if path.startswith("/api") else path
        answer = await AdminClient(gateway.port, credential)("GET", asked)
        assert (answer.status, session_id.encode() in answer.body) == (200, True), path
    rows = (await call("GET", f"/v1/sessions?user={USER_ID}&live=true")).json()["rows"]
    (row,) = [row for row in rows if row["id"] == session_id]
    assert (row["device"]["name"], row["login"]["ip"]) == ("Firefox", "192.0.2.7")
    assert "token" not in str(rows)
    assert (await call("DELETE", f"/v1/sessions/{session_id}")).status == 204
    for path, credential in doors.items():
        assert (await AdminClient(gateway.port, credential)("GET", path)).status in {401, 404}, path
        assert (await AdminClient(gateway.port, credential)("GET", "/echo/")).status == 401
    assert (await call("DELETE", "/v1/sessions/nothing")).status == 404


async def test_all_sessions_of_a_user_end_but_one(call: AdminClient, gateway: Gateway) -> None:
    one, two = [await opened(call, USER_ID, credentials=["bearer"]) for _ in range(2)]
    assert set(one) == {"session", "bearer"}
    kept = one["session"]["id"]
    answer = await call("DELETE", f"/v1/users/{USER_ID}/sessions?except={kept}")
    assert two["session"]["id"] in answer.json()["ended"]
    statuses = []
    for made in (one, two):
        by_bearer = AdminClient(gateway.port, f"Authorization: Bearer {made['bearer']}")
        statuses.append((await by_bearer("GET", "/echo/")).status)
    assert statuses == [200, 401]


async def test_a_named_creation_is_done_once_and_answered_alike(call: AdminClient, tmp_path: Path) -> None:
    async def create(name: str, key: str) -> RawResponse:
        body = {"user": USER_ID, "scopes": [name]}
        return await call("POST", "/v1/sessions", body, f"Idempotency-Key: {key}")

    answers = await asyncio.gather(*(create("a", "key-1") for _ in range(5)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    other = await create("b", "key-1")
    assert (other.status, other.json()["code"]) == (422, "another_body")
    assert (await create("a", "key-2")).json()["session"]["id"] != answers[0].json()["session"]["id"]
    with sqlite3.connect(tmp_path / "directory.db") as database:
        stored = str(database.execute("SELECT * FROM named_calls").fetchall())
        assert answers[0].json()["bearer"] not in stored
        assert answers[0].json()["session"]["id"] not in stored
        # as a crash behind the creation leaves it, and long enough ago that no process can be at it
        database.execute("UPDATE named_calls SET answer = NULL, at = at - 3000000")
        sessions = database.execute("SELECT count(*) FROM sessions").fetchone()
    lost = await create("a", "key-1")
    assert (lost.status, lost.json()["code"]) == (409, "answer_lost")
    with sqlite3.connect(tmp_path / "directory.db") as database:
        assert database.execute("SELECT count(*) FROM sessions").fetchone() == sessions
    assert (await create("a", "a b")).status == 400


async def test_two_processes_that_get_the_same_named_call_answer_alike(call: AdminClient, tmp_path: Path) -> None:
    """The name is there, as the other process has written it, and the answer comes while this one waits."""
    made = await call("POST", "/v1/users", {"name": "Jane"}, "Idempotency-Key: one")
    with sqlite3.connect(tmp_path / "directory.db") as database:
        (answer,) = database.execute("SELECT answer FROM named_calls").fetchone()
        database.execute("UPDATE named_calls SET answer = NULL")
    waiting = asyncio.gather(call("POST", "/v1/users", {"name": "Jane"}, "Idempotency-Key: one"))
    await asyncio.sleep(0)
    with sqlite3.connect(tmp_path / "directory.db") as database:
        database.execute("UPDATE named_calls SET answer = ?", (answer,))
    assert [(each.status, each.body) for each in await waiting] == [(201, made.body)]


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_an_instant_that_no_zone_can_write_is_refused_and_spoils_no_list(call: AdminClient, instant: str) -> None:
    session = (await opened(call, USER_ID))["session"]["id"]
    key = (await call("GET", "/v1/keys?limit=1")).json()["rows"][0]["id"]
    for path in (f"/v1/sessions/{session}", f"/v1/keys/{key}"):
        answer = await call("PATCH", path, {"expires_at": instant})
        assert (answer.status, answer.json()["detail"]) == (
            422,
            "expires_at: no instant between the years 1 and 9999",
        )
    assert [(await call("GET", f"/v1/{noun}")).status for noun in ("sessions", "keys")] == [200, 200]


async def test_whoever_helps_people_gets_into_no_organization_by_it(call: AdminClient) -> None:
    """A session may be switched to any organization of its user, and an e-mail address is signed in by."""
    await call("POST", "/v1/users", {"id": "chief"})
    await call("POST", "/v1/organizations", {"id": "org_x", "name": "X"})
    made = await call("POST", "/v1/members", {"organization": "org_x", "user": "chief", "role": "admin"})
    suspended = {"status": "suspended"}
    assert (await call("PATCH", f"/v1/members/{made.json()['id']}", suspended)).status == 200
    await call("POST", "/v1/users", {"id": "helper", "roles": ["support"]})
    helper = call.showing(f"Authorization: Bearer {(await opened(call, 'helper'))['bearer']}")
    for method, path, body in (
        ("POST", "/v1/sessions", {"user": "chief"}),
        ("PATCH", "/v1/users/chief", {"email": "helper@example.com"}),
        ("PATCH", f"/v1/members/{made.json()['id']}", {"status": "active"}),
        ("PUT", "/v1/users/chief/password", {"password": "correct horse"}),
    ):
        answer = await helper(method, path, body)
        assert (answer.status, answer.json()["code"]) == (403, "more_than_own"), path
    assert (await helper("PATCH", "/v1/users/chief", {"name": "Chief"})).status == 200


async def test_nobody_gives_what_they_do_not_have(call: AdminClient) -> None:
    await call("POST", "/v1/users", {"id": "helper", "roles": ["support"]})
    await call("POST", "/v1/users", {"id": "plain"})
    helper = call.showing(f"Authorization: Bearer {(await opened(call, 'helper'))['bearer']}")
    assert (await helper("GET", "/v1/users/plain")).status == 200
    allowed = [
        ("POST", "/v1/users", {"id": "new", "roles": ["support"]}),
        ("PATCH", "/v1/users/plain", {"name": "Plain"}),
        ("PUT", "/v1/users/plain/password", {"password": None}),
        ("POST", "/v1/sessions", {"user": "plain", "scopes": ["sessions.read"]}),
        ("DELETE", f"/v1/sessions/{COOKIE_SESSION}", None),
    ]
    refused = [
        ("POST", "/v1/users", {"roles": ["admin"]}, "more_than_own"),
        ("PATCH", "/v1/users/helper", {"roles": ["support", "admin"]}, "more_than_own"),
        ("PATCH", f"/v1/users/{USER_ID}", {"email": "mine@example.com"}, "more_than_own"),
        ("PUT", f"/v1/users/{USER_ID}/password", {"password": None}, "more_than_own"),
        ("POST", "/v1/sessions", {"user": USER_ID}, "more_than_own"),
        ("POST", "/v1/sessions", {"user": "plain", "scopes": ["orders:write"]}, "more_than_own"),
        ("DELETE", "/v1/users/plain", None, "no_permission"),
    ]
    for method, path, body in allowed:
        assert (await helper(method, path, body)).status in {200, 201, 204}, path
    for method, path, body, code in refused:
        answer = await helper(method, path, body)
        assert (answer.status, answer.json()["code"]) == (403, code), path


async def test_each_role_may_do_at_each_endpoint_what_the_config_gives_it(call: AdminClient) -> None:
    document = (await call("GET", "/v1/openapi.json")).json()
    needed = {
        (method.upper(), path): operation["description"].split("`")[1]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation.get("security") != []
    }
    assert set(needed.values()) == PERMISSIONS
    for role, permissions in ROLES.items():
        await call("POST", "/v1/users", {"id": role, "roles": [role]})
        caller = call.showing(f"Authorization: Bearer {(await opened(call, role))['bearer']}")
        allowed, refused = set(), set()
        for endpoint in needed:
            method, path = endpoint
            answer = await caller(method, path.replace("{id}", "nothing"), {})
            is_refused = answer.status == 403 and answer.json()["code"] == "no_permission"
            (refused if is_refused else allowed).add(endpoint)
            assert answer.status != 401
        assert {needed[each] for each in allowed} == set(permissions), role
        assert not {needed[each] for each in refused} & set(permissions), role


async def test_a_key_is_made_shown_once_rotated_and_deleted(call: AdminClient, gateway: Gateway) -> None:
    async def status(key: str) -> int:
        return (await AdminClient(gateway.port, f"X-Api-Key: {key}")("GET", "/echo/")).status

    assert (await call("POST", "/v1/organizations", {"id": "acme", "name": "Acme"})).status == 201
    assert (await call("POST", "/v1/users", {"id": "jane"})).status == 201
    member = (await call("POST", "/v1/members", {"organization": "acme", "user": "jane"})).json()["id"]
    project = (await call("POST", "/v1/projects", {"organization": "acme", "name": "Orders"})).json()["id"]
    new = {"type": "project", "member": member, "project": project, "name": "ci"}
    made = await call("POST", "/v1/keys", new, "Idempotency-Key: ci-1")
    assert made.status == 201
    key, key_id = made.json()["key"], made.json()["api_key"]["id"]
    assert (await call("POST", "/v1/keys", new, "Idempotency-Key: ci-1")).body == made.body
    assert (made.one(b"location"), await status(key)) == (f"/v1/keys/{key_id}".encode(), 200)
    for path in (f"/v1/keys/{key_id}", "/v1/keys", "/v1/audit"):
        answer = await call("GET", path)
        assert answer.status == 200
        assert key.encode() not in answer.body
    rotations = [
        await call("POST", f"/v1/keys/{key_id}/rotate", {"overlap": "24h"}, "Idempotency-Key: ci-2") for _ in range(2)
    ]
    assert rotations[0].body == rotations[1].body
    rotated = rotations[0].json()
    assert (await status(key), await status(rotated["key"])) == (200, 200)
    at_once = (await call("POST", f"/v1/keys/{rotated['api_key']['id']}/rotate", {})).json()
    assert (await status(rotated["key"]), await status(at_once["key"])) == (401, 200)
    for overlap in ("a day", "-1s", -1, 1e12, None):
        assert (await call("POST", f"/v1/keys/{key_id}/rotate", {"overlap": overlap})).status == 422, overlap
    assert (await call("DELETE", f"/v1/keys/{at_once['api_key']['id']}")).status == 204
    assert await status(at_once["key"]) == 401
    assert (await call("DELETE", "/v1/organizations/acme")).status == 204
    assert await status(key) == 401


async def test_whoever_makes_keys_makes_none_that_can_do_more(call: AdminClient) -> None:
    await call("POST", "/v1/organizations", {"id": "acme", "name": "Acme"})
    await call("POST", "/v1/organizations", {"id": "other", "name": "Other"})
    for user, role in (("keeper", "staff"), ("boss", "owner"), ("peer", "staff")):
        await call("POST", "/v1/users", {"id": user, "roles": ["keeper"] if user != "boss" else ["admin"]})
        await call("POST", "/v1/members", {"id": f"m-{user}", "organization": "acme", "user": user, "role": role})
    await call("POST", "/v1/members", {"id": "m-elsewhere", "organization": "other", "role": "staff"})
    bearer = (await opened(call, "keeper", organization="acme"))["bearer"]
    keeper = call.showing(f"Authorization: Bearer {bearer}")
    new: dict[str, Any] = {"type": "organization", "member": "m-peer"}
    made = await keeper("POST", "/v1/keys", {**new, "scopes": ["keys.read"]})
    assert made.status == 201
    key_id = made.json()["api_key"]["id"]
    assert (await keeper("POST", f"/v1/keys/{key_id}/rotate", {})).status == 201
    boss = (await call("POST", "/v1/keys", {**new, "member": "m-boss"})).json()["api_key"]["id"]
    refused: list[tuple[str, str, Any]] = [
        ("POST", "/v1/keys", {**new, "scopes": ["users.read"]}),
        ("POST", "/v1/keys", {**new, "member": "m-boss"}),
        ("POST", "/v1/keys", {**new, "member": "m-elsewhere"}),
        ("POST", f"/v1/keys/{boss}/rotate", {}),
        ("PATCH", f"/v1/keys/{boss}", {"name": "mine"}),
        ("PATCH", f"/v1/keys/{key_id}", {"scopes": ["orders:write"]}),
        ("POST", "/v1/members", {"organization": "acme", "role": "owner"}),
        ("POST", "/v1/members", {"organization": "other"}),
    ]
    for method, path, body in refused:
        answer = await keeper(method, path, body)
        assert (answer.status, answer.json()["code"]) == (403, "more_than_own"), (path, body)
    assert (await keeper("POST", "/v1/members", {"organization": "acme", "role": "staff"})).status == 201


async def test_a_key_may_do_what_its_scopes_and_its_person_may(call: AdminClient) -> None:
    await call("POST", "/v1/organizations", {"id": "acme", "name": "Acme"})
    await call("POST", "/v1/users", {"id": "helper", "roles": ["support"]})
    await call("POST", "/v1/members", {"id": "m", "organization": "acme", "user": "helper"})
    project = (await call("POST", "/v1/projects", {"organization": "acme", "name": "P"})).json()["id"]
    new = {"type": "project", "member": "m", "project": project, "scopes": ["sessions.read", "keys.read"]}
    service = call.showing(f"X-Api-Key: {(await call('POST', '/v1/keys', new)).json()['key']}")
    statuses = [(await service("GET", path)).status for path in ("/v1/sessions", "/v1/keys", "/v1/users")]
    assert statuses == [200, 403, 403]


async def test_every_change_is_in_the_audit_with_who_did_it(call: AdminClient) -> None:
    await call("POST", "/v1/users", {"id": "jane", "roles": ["support"]})
    jane = call.showing(f"Authorization: Bearer {(await opened(call, 'jane'))['bearer']}")
    assert (await jane("PATCH", "/v1/users/jane", {"name": "Jane"})).status == 200
    rows = (await call("GET", "/v1/audit?kind=user&id=jane")).json()["rows"]
    assert [(row["operation"], row.get("user"), row["credential"]) for row in rows] == [
        ("changed", "jane", "bearer"),
        ("created", None, "admin_token"),
    ]
    assert (rows[0]["before"].get("name"), rows[0]["after"]["name"]) == (None, "Jane")
    assert (await jane("GET", "/v1/audit")).status == 403


async def test_what_one_replica_ends_another_refuses(
    examples: Examples, tmp_path: Path, redis_url: str, key_prefix: str
) -> None:
    async with recording_upstream() as upstream:
        redis = {"url": redis_url, "key_prefix": key_prefix}
        settings = config(upstream.port, examples.settings(tmp_path), redis=redis)
        folders = [tmp_path / name for name in ("one", "two")]
        for folder in folders:
            folder.mkdir()
        async with serving(settings, folders[0]) as one, serving(settings, folders[1]) as two:
            made = await opened(AdminClient(one.admin_port), USER_ID)
            at_two = AdminClient(two.port, f"Authorization: Bearer {made['bearer']}")
            assert (await at_two("GET", "/echo/")).status == 200
            assert (await AdminClient(one.admin_port)("DELETE", f"/v1/sessions/{made['session']['id']}")).status == 204

            async def refused() -> None:
                while (await at_two("GET", "/echo/")).status != 401:  # noqa: ASYNC110 - another replica has no event of ours
                    await asyncio.sleep(0.001)

            await asyncio.wait_for(refused(), 10)


async def test_the_example_token_stays_out_of_every_list(call: AdminClient) -> None:
    for path in ("/v1/users", "/v1/sessions", f"/v1/users/{USER_ID}"):
        assert LOGIN_TOKEN.encode() not in (await call("GET", path)).body
