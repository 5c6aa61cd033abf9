"""Behind real proxies: what no client may tell an application never arrives, whoever carries the request.

By the same table as where the gateway carries it itself: other products' identity headers, a proxy's word about the
way here, and what frameworks take for the request's own path or method.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.http1.field_names import LISTED_TOLD_BY_US, TOLD_BY_US_FAMILIES
from gateway.identity.foreign_names import ForeignNames
from gateway.identity.foreign_table import FAMILIES
from tests.support.gateways.proxy_stand import Stand, standing
from tests.support.gateways.serving import PROJECT_KEY, Examples
from tests.support.servers.proxies import KINDS

KEY = f"X-Api-Key: {PROJECT_KEY}"
CARRIED = {b"traceparent", b"tracestate"}
"""A trace goes on through whoever stands in between."""

LISTED = sorted(name.decode() for name in (ForeignNames().listed | LISTED_TOLD_BY_US | {b"proxy"}) - CARRIED)
MADE_UP = sorted(f"{prefix.decode()}made-up" for prefix in (*FAMILIES, *TOLD_BY_US_FAMILIES))
ATTACKED = (
    *("Remote-User", "X-Auth-Request-User", "X-Forwarded-User", "X-WebAuth-User", "X-Goog-Authenticated-User-Email"),
    *(
        "X-Goog-IAP-JWT-Assertion",
        "X-Amzn-Oidc-Data",
        "SCRIPT_NAME",
        "X-HTTP-Method-Override",
        "X-Middleware-Subrequest",
    ),
    *(
        "X-Accel-Mapping",
        "Proxy",
        "X-Forwarded-Host",
        "X-Real-IP",
        "X!User!Id",
        "X.Remote.User",
        "REMOTE_USER",
        "$WSRU",
    ),
    *("X-Proxy-User", "securitytenant", "opendistro_security_impersonate_as", "X-Scope-OrgID", "THANOS-TENANT"),
    *("X-Trino-User", "X-Presto-User", "X-ProxiedEntitiesChain", "X-Hasura-Role", "Impersonate-User", "X-Remote-Group"),
    *("X-Amzn-Request-Context", "X-Amzn-Lambda-Context", "X-Original-URL", "X-IIS-WindowsAuthToken", "X-MSISDN"),
    *("MS-ASPNETCORE-USER", "X-ARR-ClientCert", "OIDC_CLAIM_sub", "OIDC-CLAIM-sub", "MELLON_NAME_ID", "Saml-Subject"),
    *("Shib-Identity-Provider", "Transfer_Encoding", "Content_Length", "X_Api_Key", "X~Org~Role", "x^user^name"),
)


@pytest.fixture(params=KINDS)
async def stand(request: pytest.FixtureRequest, examples: Examples, tmp_path: Path) -> AsyncIterator[Stand]:
    async with standing(request.param, examples, tmp_path) as running:
        yield running


async def arrived(stand: Stand, target: str, *lines: str) -> list[tuple[bytes, bytes]]:
    """Return what reached the application of `lines`, each of which has the value `forged`."""
    await stand.ask(target, *lines)
    return [field for request in stand.came() for field in request.headers if b"forged" in field[1]]


async def test_no_name_that_is_removed_in_line_arrives(stand: Stand) -> None:
    for name in (*ATTACKED, *LISTED, *MADE_UP):
        assert await arrived(stand, "/public/", f"{name}: forged") == [], name


async def test_no_other_spelling_arrives(stand: Stand) -> None:
    for name in ("X-User-Id", "X-Auth-Request-User", "X-Forwarded-User", "Script-Name", "X-Hasura-Role"):
        for sign in "!#$%&'*+.^_`|~":
            assert await arrived(stand, "/public/", f"{name.replace('-', sign)}: forged") == [], (name, sign)
            assert await arrived(stand, "/public/", f"{name.replace('-', sign, 1)}: forged") == [], (name, sign)


async def test_none_arrives_beside_a_credential_or_named_as_of_the_connection(stand: Stand) -> None:
    for name in ATTACKED:
        assert await arrived(stand, "/echo/", KEY, f"{name}: forged") == [], name
        assert await arrived(stand, "/public/", f"{name}: forged", f"Connection: {name}") == [], name


ADDED_ON_THE_WAY = (
    "X-Forwarded-For: 198.51.100.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Port: 443",
    "X-Forwarded-Ssl: on",
    "X-Real-IP: 198.51.100.1",
    "CF-Connecting-IP: 198.51.100.1",
    'CF-Visitor: {"scheme":"https"}',
    "True-Client-IP: 198.51.100.1",
    "X-Request-Id: 0123456789abcdef",
    "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "X-Envoy-Attempt-Count: 1",
    "X-Envoy-External-Address: 198.51.100.1",
    "HTTP2-Settings: AAMAAABkAAQAAP__",
    "TE: trailers",
    "X-Custom: 1",
)


async def test_what_others_add_on_the_way_refuses_nobody(stand: Stand) -> None:
    for line in ADDED_ON_THE_WAY:
        response = await stand.ask("/public/", line)
        assert (response.status, line) == (200, line)
        (request,) = stand.came()
        assert not [value for _, value in request.headers if b"198.51.100.1" in value], line
    (response,) = [await stand.ask("/echo/", KEY, *ADDED_ON_THE_WAY)]
    assert response.status == 200
    (request,) = stand.came()
    assert (request.one(b"X-Custom"), request.one(b"X-Auth-Method")) == (b"1", b"api_key")
