"""Where an issuer's key set is: at the configured address, or where the issuer's own document says."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Protocol, TypeVar

import msgspec

from gateway.authorities.http_settings import HttpAuthoritySettings, require_tls
from gateway.authorities.open_http_client import open_http_client
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Unavailable
from gateway.model.errors import UNDECODABLE
from gateway.source.token_file import read_token

_JWK_SET = "application/jwk-set+json, application/json"
"""Kubernetes serves its key set as the first alone (RFC 7517 section 8.5.2), many others as the second."""

_DOCUMENT = "/.well-known/openid-configuration"


class _KeysMetadata(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _Metadata(Protocol):
    issuer: str


Metadata = TypeVar("Metadata", bound=_Metadata)


class IssuerDocument:
    """Reads what an issuer says of itself (OpenID Connect Discovery 1.0 section 4).

    The document's `issuer` must be the config's, character by character (section 4.3): else a document of another
    issuer at the same host would say whose keys count here.
    """

    def __init__(self, issuer: str, settings: HttpAuthoritySettings) -> None:
        self._issuer = issuer
        self._client = open_http_client(issuer.removesuffix("/") + _DOCUMENT, settings)

    async def read(self, kind: type[Metadata]) -> Metadata | Unavailable:
        """Fetch the document and return its members of interest; Unavailable when it cannot be."""
        response = await self._client.get()
        if isinstance(response, Unavailable):
            return response
        if response.status != HTTPStatus.OK:
            return Unavailable(f"the issuer's document: answered {response.status}")
        try:
            metadata = msgspec.json.decode(response.body, type=kind)
        except UNDECODABLE:
            return Unavailable("the issuer's document cannot be read")
        return metadata if metadata.issuer == self._issuer else Unavailable("the issuer's document is another issuer's")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class ConfiguredKeys:
    """Fetches the key set at one address, which is shown the token of `token_file` where there is one."""

    def __init__(self, url: str, settings: HttpAuthoritySettings, token_file: str | None = None) -> None:
        self._client = open_http_client(url, settings, accept=_JWK_SET)
        self._token_file = token_file

    async def fetch(self) -> RemoteResponse | Unavailable:
        """Fetch the key set; Unavailable when it cannot be, or the token cannot be read."""
        if self._token_file is None:
            return await self._client.get()
        try:
            token = read_token(self._token_file)
        except ValueError as fault:
            return Unavailable(f"jwks_token_file {fault}")
        return await self._client.get(headers=(("Authorization", f"Bearer {token}"),))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class DiscoveredKeys:
    """Fetches the key set that an issuer's document names, both anew each time.

    `timeout` of the settings bounds both requests together.
    """

    def __init__(self, issuer: str, settings: HttpAuthoritySettings, *, insecure_http: bool = False) -> None:
        self._settings = settings
        self._insecure_http = insecure_http
        self._document = IssuerDocument(issuer, settings)
        self._url = ""
        self._keys: ConfiguredKeys | None = None

    async def fetch(self) -> RemoteResponse | Unavailable:
        """Fetch the document and then the key set; Unavailable when either cannot be."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                keys = await self._discover()
                return keys if isinstance(keys, Unavailable) else await keys.fetch()
        except TimeoutError:
            return Unavailable("the issuer did not answer in time")

    async def close(self) -> None:
        """Close the connections."""
        await self._document.close()
        if self._keys is not None:
            await self._keys.close()

    async def _discover(self) -> ConfiguredKeys | Unavailable:
        metadata = await self._document.read(_KeysMetadata)
        if isinstance(metadata, Unavailable):
            return metadata
        try:
            require_tls(metadata.jwks_uri, insecure_http=self._insecure_http)
        except ValueError:
            return Unavailable("the issuer's document names an address for its keys that cannot be trusted")
        return await self._keys_at(metadata.jwks_uri)

    async def _keys_at(self, url: str) -> ConfiguredKeys:
        if self._keys is None or url != self._url:
            if self._keys is not None:
                await self._keys.close()
            self._keys, self._url = ConfiguredKeys(url, self._settings), url
        return self._keys
