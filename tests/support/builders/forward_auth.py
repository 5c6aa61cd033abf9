"""Decision requests as each proxy sends them, written as bytes, for tests of the endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

PROXIES = ("nginx", "traefik", "caddy", "envoy")

Lines = tuple[tuple[str, str], ...]


def endpoints(**more: Any) -> dict[str, Any]:
    """Return a config section with every forward-auth endpoint open to this machine."""
    return {name: {"peers": ["127.0.0.0/8"], **more} for name in PROXIES}


@dataclass(frozen=True)
class Asked:
    """What a client asked of the proxy, and what the proxy makes of it."""

    method: str = "GET"
    target: str = "/echo/a"
    host: str = "app.test"
    scheme: str = "http"
    client: str = "192.0.2.7"
    lines: Lines = field(default=())

    def showing(self, *lines: tuple[str, str]) -> Asked:
        return replace(self, lines=(*self.lines, *lines))

    def told(self, proxy: str) -> Lines:
        """Return the fields that the proxy overwrites."""
        if proxy == "nginx":
            return (
                ("X-Original-URL", f"{self.scheme}://{self.host}{self.target}"),
                ("X-Original-Method", self.method),
                ("X-Forwarded-For", self.client),
            )
        if proxy == "envoy":
            return (("X-Forwarded-Proto", self.scheme), ("X-Real-IP", self.client))
        return (
            ("X-Forwarded-Method", self.method),
            ("X-Forwarded-Proto", self.scheme),
            ("X-Forwarded-Host", self.host),
            ("X-Forwarded-Uri", self.target),
            ("X-Forwarded-For", self.client),
        )

    def start(self, proxy: str) -> str:
        """Return the request line and Host."""
        if proxy == "envoy":
            return f"{self.method} /_gateway/auth/envoy{self.target} HTTP/1.1\r\nHost: {self.host}\r\n"
        return f"GET /_gateway/auth/{proxy} HTTP/1.1\r\nHost: gateway.internal\r\n"

    def raw(self, proxy: str, told: Lines | None = None) -> bytes:
        """Return the whole decision request, `told` in the place of what the proxy overwrites."""
        fields = (*(self.told(proxy) if told is None else told), *self.lines, ("Connection", "close"))
        written = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return (self.start(proxy) + written + "\r\n").encode("latin-1")
