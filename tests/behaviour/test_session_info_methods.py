"""What every session-info endpoint does with methods, hosts and other people's credentials, through a socket."""

from __future__ import annotations

import pytest

from gateway.dialects.dialect import DialectServer
from gateway.dialects.normal import Normal
from tests.support.builders.dialects import SERVED, server
from tests.support.builders.example_sessions import FOUND
from tests.support.gateways.who_am_i import Authorities, endpoint

SHOWN = {
    "composio": {"X-Api-Key": "good"},
    "wacht": {"Cookie": "__session=good"},
    "memghost": {"Authorization": "Bearer good"},
    "rocketchat": {"X-User-Id": "rbAXPnMktTFbNpwtJ", "X-Auth-Token": "good"},
    "kratos": {"Cookie": "__session=good"},
    "better_auth": {"Cookie": "__session=good"},
    "oauth2_proxy": {"Cookie": "__session=good"},
    "supabase": {"Authorization": "Bearer good"},
    "session": {"Authorization": "Bearer good"},
}
NOBODY = {"better_auth": 200}
"""The status of a request without a credential where it is not 401."""

QUERY = {"rocketchat": "?sessionId=QoYYFw2t9oKks2niG"}


@pytest.fixture(params=[*SERVED, "session"])
def dialect(request: pytest.FixtureRequest) -> DialectServer:
    return Normal() if request.param == "session" else server(request.param)


def authorities(dialect: DialectServer) -> Authorities:
    return Authorities({"good": FOUND.get(dialect.name, FOUND["memghost"])})


async def test_head_is_get_without_its_body(dialect: DialectServer) -> None:
    path = dialect.paths[0] + QUERY.get(dialect.name, "")
    async with endpoint(dialect, authorities(dialect)) as who:
        for shown in (SHOWN[dialect.name], {}):
            whole, head = await who.ask(path, shown), await who.ask(path, shown, "HEAD")
            assert (head.status, head.body) == (whole.status, b"")
            assert head.headers["Content-Length"] == str(len(whole.body))
            assert head.headers["Content-Type"] == whole.headers["Content-Type"]


async def test_options_says_what_may_be_asked_and_asks_nobody(dialect: DialectServer) -> None:
    known = authorities(dialect)
    async with endpoint(dialect, known) as who:
        answer = await who.ask(dialect.paths[0], SHOWN[dialect.name], "OPTIONS")
    assert (answer.status, answer.headers["Allow"], answer.body) == (204, "GET, HEAD, OPTIONS", b"")
    assert known.asked == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_another_method_is_405_in_the_product_s_words_and_asks_nobody(
    dialect: DialectServer, method: str
) -> None:
    known = authorities(dialect)
    async with endpoint(dialect, known) as who:
        answer = await who.ask(dialect.paths[0], SHOWN[dialect.name], method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    content_type = dialect.documented(dialect.paths[0])[405].content_type
    assert answer.headers["Content-Type"].partition(";")[0] == content_type
    assert answer.body
    assert known.asked == []


@pytest.mark.parametrize("name", SERVED)
async def test_a_credential_of_another_endpoint_s_is_not_read(name: str) -> None:
    foreign = {field: value for other, shown in SHOWN.items() if other != name for field, value in shown.items()}
    own = {"Authorization", *SHOWN[name]} if name == "oauth2_proxy" else SHOWN[name]
    foreign = {field: value for field, value in foreign.items() if field not in own}
    dialect = server(name)
    known = authorities(dialect)
    async with endpoint(dialect, known) as who:
        answer = await who.ask(dialect.paths[0] + QUERY.get(name, ""), foreign)
    assert answer.status == NOBODY.get(name, 401)
    assert known.asked == []
