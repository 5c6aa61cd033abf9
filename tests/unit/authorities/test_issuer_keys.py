"""Finding an issuer's keys by its own document, and not believing another's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from gateway.authorities.http_settings import HttpAuthoritySettings
from gateway.authorities.issuer_keys import ConfiguredKeys, DiscoveredKeys
from gateway.authorities.jwt import JwtSettings
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Unavailable
from tests.support.servers.low_level import listening

SETTINGS = HttpAuthoritySettings(timeout="10s")


class Provider:
    """An issuer with a document about itself; `said` overrides what it says."""

    def __init__(self, **said: Any) -> None:
        self.said = said
        self.status = 200
        self.url = ""
        self.paths: list[str] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.paths.append(request.path)
        if request.path.endswith("/.well-known/openid-configuration"):
            document = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.said
            return web.json_response(document, status=self.status)
        return web.json_response({"keys": [request.path]})


@contextlib.asynccontextmanager
async def provider(path: str = "", **said: Any) -> AsyncIterator[tuple[Provider, DiscoveredKeys]]:
    served = Provider(**said)
    async with listening(served.answer) as port:
        served.url = f"http://127.0.0.1:{port}{path}"
        keys = DiscoveredKeys(served.url, SETTINGS)
        try:
            yield served, keys
        finally:
            await keys.close()


@pytest.mark.parametrize("path", ["", "/", "/realms/one", "/realms/one/"])
async def test_the_keys_are_where_the_document_says(path: str) -> None:
    async with provider(path) as (served, keys):
        fetched = await keys.fetch()
        assert isinstance(fetched, RemoteResponse)
        assert served.paths[0] == path.removesuffix("/") + "/.well-known/openid-configuration"
        served.said["jwks_uri"] = served.url + "/moved"
        fetched = await keys.fetch()
        assert isinstance(fetched, RemoteResponse)
        assert fetched.body == b'{"keys": ["' + path.encode() + b'/moved"]}'


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"issuer": ["x"]},
        {"jwks_uri": None},
        {"jwks_uri": "http://keys.example/jwks"},
        {"jwks_uri": "ftp://127.0.0.1/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "/jwks"},
        {"jwks_uri": "https://user:pw@id.example/"},
    ],
)
async def test_a_document_that_is_another_s_or_points_elsewhere_is_not_followed(said: dict[str, Any]) -> None:
    async with provider(**said) as (served, keys):
        assert isinstance(await keys.fetch(), Unavailable)
        assert len(served.paths) == 1


async def test_an_issuer_s_name_agrees_to_the_last_slash() -> None:
    async with provider() as (served, keys):
        served.said["issuer"] = served.url + "/"
        assert isinstance(await keys.fetch(), Unavailable)


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_document_that_is_not_there(status: int) -> None:
    async with provider() as (served, keys):
        served.status = status
        assert isinstance(await keys.fetch(), Unavailable)


async def test_both_requests_together_have_the_timeout() -> None:
    async def silent(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with listening(silent) as port:
        keys = DiscoveredKeys(f"http://127.0.0.1:{port}", HttpAuthoritySettings(timeout="50ms"))
        assert isinstance(await keys.fetch(), Unavailable)
        await keys.close()


async def test_the_keys_at_an_address_are_asked_for_by_their_own_type() -> None:
    accepted = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        accepted.append(request.headers["Accept"])
        return web.json_response({})

    async with listening(answer) as port:
        keys = ConfiguredKeys(f"http://127.0.0.1:{port}/jwks", SETTINGS)
        await keys.fetch()
        await keys.close()
    assert accepted == ["application/jwk-set+json, application/json"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"issuer": "accounts"}, "without a jwks_url"),
        ({"issuer": "http://id.example.com"}, "without a jwks_url"),
        ({"issuer": "accounts", "jwks_url": "http://id.example.com/jwks"}, "https:// or on loopback"),
        ({"issuer": "accounts", "insecure_http": True}, "without a jwks_url"),
    ],
)
def test_an_issuer_whose_keys_nobody_can_trust_is_a_problem(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        JwtSettings(kind="jwt", audience="orders", **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"issuer": "https://id.example.com"},
        {"issuer": "http://127.0.0.1:3000"},
        {"issuer": "http://id.example.com", "insecure_http": True},
        {"issuer": "accounts", "jwks_url": "http://id.example.com/jwks", "insecure_http": True},
    ],
)
def test_an_issuer_alone_is_enough(settings: dict[str, Any]) -> None:
    assert JwtSettings(kind="jwt", audience="orders", **settings)
