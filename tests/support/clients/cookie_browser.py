"""A browser's part in a sign-in: it opens pages of one gateway, keeps its cookies, and follows where it is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from tests.support.clients.raw_http import RawResponse, exchange

HOST = "app.test"


@dataclass
class CookieBrowser:
    """One browser at `http://app.test`, which is the gateway at `port`; every other host is asked as it is named."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    host: str = HOST

    async def open(self, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> RawResponse:
        """Ask the gateway, as for a page that a person opens, and follow nothing."""
        shown = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        head = [f"{method} {target} HTTP/1.1", f"Host: {self.host}", "Connection: close", "Sec-Fetch-Mode: navigate"]
        head += [f"Cookie: {shown}"] if shown else []
        head += [f"Content-Length: {len(body)}"] if body else []
        request = "".join(f"{line}\r\n" for line in (*head, *lines)).encode() + b"\r\n" + body
        response = await exchange(self.port, request)
        for cookie in response.all(b"Set-Cookie"):
            self._keep(cookie.decode())
        return response

    async def follow(self, response: RawResponse) -> RawResponse:
        """Go where a redirect leads, over the issuer too, until the gateway answers with something else."""
        while response.status in {302, 303}:
            location = (response.one(b"Location") or b"").decode()
            response = await self.go(location)
        return response

    async def go(self, location: str) -> RawResponse:
        """Open the page that a redirect names."""
        parts = urlsplit(location)
        if not parts.netloc or parts.netloc == self.host:
            return await self.open(parts.path + (f"?{parts.query}" if parts.query else ""))
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client,
            client.get(location, allow_redirects=False) as answer,
        ):
            headers = tuple((name.encode(), value.encode()) for name, value in answer.headers.items())
            return RawResponse(answer.status, b"", b"", headers, await answer.read())

    def _keep(self, cookie: str) -> None:
        pair, *attributes = cookie.split("; ")
        name, _, value = pair.partition("=")
        assert {"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} <= set(attributes), cookie
        assert not name.startswith("__Host-") or not any(each.startswith("Domain") for each in attributes)
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value
