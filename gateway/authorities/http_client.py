"""How authorities are asked over HTTP: one pool an authority, and nothing of a browser's helpfulness.

aiohttp's client shares a cookie jar between users, follows redirects with the credential in hand, decompresses without
asking and sends a request again when its connection breaks. Here all of that is off.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Annotated

import aiohttp
from pydantic import AfterValidator, Field
from yarl import URL

from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Unavailable
from gateway.source.values import PositiveDuration, SettingsModel

Pairs = Sequence[tuple[str, str]]

LARGEST_ANSWER = 1024 * 1024
"""Bytes (DIALECTS, "Spoken"). A session is some KB; whatever is larger is not one."""

_CHUNK = 64 * 1024
_IDLE = 4.0
"""Seconds. Less than the 5 of Node's servers, so that a request hardly ever meets a connection that is being closed."""


def _certificates(path: str) -> str:
    try:
        _tls(path)
    except OSError as fault:  # ssl.SSLError is one too
        why = "no certificate in PEM is in it" if isinstance(fault, ssl.SSLError) else fault.strerror
        raise ValueError(f"cannot be used: {why}") from None
    return path


def _tls(ca_file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


class HttpAuthoritySettings(SettingsModel):
    """What every authority that is asked over HTTP has. `timeout` is of one whole exchange."""

    timeout: PositiveDuration = 2.0
    connections: int = Field(default=64, ge=1)
    ca_file: Annotated[str, AfterValidator(_certificates)] | None = None


class HttpClient:
    """Asks one URL. TLS trusts `ca_file`, else the system's store or `SSL_CERT_FILE`.

    Made and used within one event loop.
    """

    def __init__(self, url: str, settings: HttpAuthoritySettings) -> None:
        self._url = URL(url, encoded=True)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=settings.connections,
                keepalive_timeout=_IDLE,
                ssl=_tls(settings.ca_file) if self._url.scheme == "https" else True,
            ),
            timeout=aiohttp.ClientTimeout(total=settings.timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "session-gateway"},
        )
        self._session._retry_connection = False  # noqa: SLF001 - there is no other switch; aiohttp's own tests use it

    async def get(self, headers: Pairs = (), query: Pairs = ()) -> RemoteResponse | Unavailable:
        """Send a GET with these fields, and `query` after the URL's own."""
        return await self._ask("GET", self._url.extend_query(query) if query else self._url, headers, None)

    async def post(self, form: Pairs, headers: Pairs = ()) -> RemoteResponse | Unavailable:
        """Send a form."""
        return await self._ask("POST", self._url, headers, aiohttp.FormData(form))

    async def close(self) -> None:
        """Give back the connections."""
        await self._session.close()

    async def _ask(
        self, method: str, url: URL, headers: Pairs, form: aiohttp.FormData | None
    ) -> RemoteResponse | Unavailable:
        """Return what was answered, whatever its status; faults of the network are Unavailable."""
        try:
            async with self._session.request(method, url, headers=headers, data=form, allow_redirects=False) as answer:
                if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                    # 1 MiB of it may be gigabytes, and nobody asked for it.
                    return Unavailable("the authority answered with a content coding that was not asked for")
                body = await _read(answer.content)
                if body is None:
                    return Unavailable(f"the authority answered with more than {LARGEST_ANSWER} bytes")
                return RemoteResponse(answer.status, answer.content_type.lower(), body)
        except TimeoutError:
            return Unavailable("the authority did not answer in time")
        except (aiohttp.ClientError, OSError) as fault:  # their texts may hold the URL, whose query may hold a secret
            return Unavailable(f"the authority could not be asked: {type(fault).__name__}")


async def _read(content: aiohttp.StreamReader) -> bytes | None:
    """Return the whole body, or `None` as soon as it is too large; the connection is closed then, not drained."""
    body = bytearray()
    async for chunk in content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            return None
    return bytes(body)
