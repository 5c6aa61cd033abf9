"""How authorities are asked over HTTP: one connection pool an authority.

aiohttp's client shares a cookie jar between users, follows redirects with the credential in hand, decompresses without
asking and sends a request again when its connection breaks. Here all of that is off.

This is the border where its exceptions become answers: no connection, none in time and a connection that breaks are the
authority's fault; whatever else it raises is about this one request.
"""

from __future__ import annotations

import math
import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
from yarl import URL

from gateway.authorities.http_settings import HttpAuthoritySettings, Pairs
from gateway.dialects.dialect import RemoteRequest, RemoteResponse
from gateway.model.answers import Unavailable, Undecided
from gateway.source.certificates import client_context

LARGEST_ANSWER = 1024 * 1024
"""Bytes. A session is some KB, so a larger answer is none; an authority must not fill our memory."""

_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)
_LONGEST_WAIT = 300
"""Seconds. Whoever asks us to wait longer is asked again all the same."""

_CHUNK = 64 * 1024
_KEEPALIVE = 4.0
"""Seconds. Less than the 5 of Node's servers, so that a request hardly ever meets a connection that is being closed."""


class HttpClient:
    """Sends requests to one URL, for answers of the types that `accept` names.

    TLS trusts `ca_file`, else the system's store or `SSL_CERT_FILE`.

    It is made and used within one event loop.
    """

    def __init__(self, url: str, settings: HttpAuthoritySettings, *, accept: str = "application/json") -> None:
        self._url = URL(url, encoded=True)
        self._proxy = _proxy_for(self._url) if settings.proxy == "environment" else None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=settings.connections,
                keepalive_timeout=_KEEPALIVE,
                ssl=client_context(settings.ca_file) if self._url.scheme == "https" else True,
            ),
            timeout=aiohttp.ClientTimeout(total=settings.timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "session-gateway"},
        )

    async def get(self, *, beneath: str = "", headers: Pairs = ()) -> RemoteResponse | Unavailable:
        """Send a GET, to the segment `beneath` the URL's path where one is named."""
        return await self._send("GET", self._url / beneath if beneath else self._url, headers, None)

    async def ask(self, request: RemoteRequest) -> RemoteResponse | Unavailable:
        """Send a dialect's request, its query after the URL's own."""
        url = self._url.extend_query(request.query) if request.query else self._url
        return await self._send(request.method, url, request.headers, None)

    async def post(self, form: Pairs, headers: Pairs = ()) -> RemoteResponse | Unavailable:
        """Send a form."""
        return await self._send("POST", self._url, headers, aiohttp.FormData(form))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _send(
        self, method: str, url: URL, headers: Pairs, form: aiohttp.FormData | None
    ) -> RemoteResponse | Unavailable:
        """Return the response, whatever its status below 500; a fault of the network is Unavailable."""
        try:
            async with self._session.request(
                method,
                url,
                headers=headers,
                data=form,
                allow_redirects=False,
                middlewares=(_SentOnce().send,),
                proxy=self._proxy,
            ) as response:
                return await _read(response)
        except TimeoutError:
            return Unavailable("the authority did not answer in time")
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as fault:
            # only their names: their texts may hold the URL, whose query may hold a secret
            return Unavailable(f"the authority could not be asked: {type(fault).__name__}")
        except Exception as fault:  # noqa: BLE001 - a border: an answer that is no HTTP, a field that cannot be sent
            return Undecided(f"the authority could not be asked about this: {type(fault).__name__}")


def _proxy_for(url: URL) -> str | None:
    """Return the proxy that the environment names for a URL, read when the authority is built.

    Not by aiohttp's `trust_env`, which also sends what a .netrc says for the host.
    """
    host = url.host or ""
    if proxy_bypass(f"{host}:{url.port}"):
        return None
    return getproxies_environment().get(url.scheme)


class _SentOnce:
    """Sends one request once: the second time it raises what the first one did.

    aiohttp sends GET again when a connection that it reused breaks, and has no switch for that. An authority that ends
    the connection at an odd credential would be asked twice.
    """

    def __init__(self) -> None:
        self._fault: aiohttp.ClientError | None = None

    async def send(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send it, as a client middleware of aiohttp's."""
        if self._fault is not None:
            raise self._fault
        try:
            return await handler(request)
        except aiohttp.ClientError as fault:
            self._fault = fault
            raise


async def _read(response: aiohttp.ClientResponse) -> RemoteResponse | Unavailable:
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(f"the authority answered {response.status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        # 1 MiB of it may be gigabytes, and nobody asked for it
        return Undecided("the authority answered with a content coding that was not asked for")
    body = await _bounded(response.content)
    if body is None:
        return Undecided(f"the authority answered with more than {LARGEST_ANSWER} bytes")
    return RemoteResponse(response.status, response.content_type.lower(), body, _retry_after(response))


def _retry_after(response: aiohttp.ClientResponse) -> int:
    """Return for how many seconds a 429 asks us to wait, at most 5 minutes; 0 where it does not say.

    `Retry-After` in seconds (RFC 9110 section 10.2.3), or Rocket.Chat's `X-RateLimit-Reset`, epoch milliseconds of the
    clock that its `Date` is of.
    """
    if response.status != HTTPStatus.TOO_MANY_REQUESTS:
        return 0
    seconds = response.headers.get("Retry-After", "")
    if _DIGITS.fullmatch(seconds):
        return min(int(seconds), _LONGEST_WAIT)
    reset = response.headers.get("X-RateLimit-Reset", "")
    if not _DIGITS.fullmatch(reset):
        return 0
    try:
        now = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
    except (ValueError, OverflowError):
        return 0
    return max(0, min(math.ceil(int(reset) / 1000 - now), _LONGEST_WAIT))


async def _bounded(content: aiohttp.StreamReader) -> bytes | None:
    """Return the whole body, or `None` as soon as it is too large; the connection is closed then, not drained."""
    body = bytearray()
    async for chunk in content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            return None
    return bytes(body)
