import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import COOKIE_SESSION, PROJECT_KEY, Examples, Gateway, serving_examples

SESSION_INFO = [
    {
        "dialect": "composio",
        "credentials": ["project_key"],
        "rate_limit": {"per": "address", "rate": "1/h", "burst": 2},
    },
    {"dialect": "wacht", "credentials": ["cookie"], "hosts": ["accounts.test"]},
]


@pytest.fixture
async def gateway(examples: Examples, tmp_path: Path) -> AsyncIterator[Gateway]:
    (tmp_path / "keys.pem").touch()
    accounts = examples.settings(tmp_path)
    token: dict[str, Any] = {"issuer": "gateway", "keys_file": accounts["tokens"]["keys_file"]}
    async with serving_examples(examples, tmp_path, session_info=SESSION_INFO, identity={"token": token}) as (
        running,
        _,
    ):
        yield running


async def get(gateway: Gateway, path: str, *fields: str, host: str = "gateway.test") -> RawResponse:
    lines = "".join(f"{field}\r\n" for field in fields)
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}Connection: close\r\n\r\n"
    return await exchange(gateway.port, request.encode())


async def test_a_dialect_answers_at_its_documented_path_until_its_limit(gateway: Gateway) -> None:
    fields = f"X-Api-Key: {PROJECT_KEY}"
    statuses = [(await get(gateway, "/api/v3/auth/session/info", fields)).status for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_a_dialect_answers_for_its_hosts_alone(gateway: Gateway) -> None:
    fields = f"Cookie: __session={gateway.cookie}"
    answered = await get(gateway, "/session", fields, host="accounts.test")
    assert answered.status == 200
    assert COOKIE_SESSION in json.dumps(answered.json())
    assert (await get(gateway, "/session", fields)).status == 404


async def test_the_keys_of_identity_tokens_are_public(gateway: Gateway) -> None:
    answered = await get(gateway, "/.well-known/jwks.json")
    (key,) = answered.json()["keys"]
    assert "d" not in key
    assert key["kid"]


async def test_the_normal_form_and_its_description_are_always_there(gateway: Gateway) -> None:
    found = await get(gateway, "/_gateway/session", f"X-Api-Key: {PROJECT_KEY}")
    assert found.status == 200
    paths = (await get(gateway, "/_gateway/openapi.json")).json()["paths"]
    assert {"/_gateway/session", "/api/v3/auth/session/info", "/session"} <= set(paths)
