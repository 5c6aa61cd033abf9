"""Calls to the admin API, as a program makes them."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import ADMIN_TOKEN


class AdminClient(msgspec.Struct):
    """Asks one admin port; by default as the owner."""

    port: int
    credential: str = f"Authorization: Bearer {ADMIN_TOKEN}"

    async def __call__(self, method: str, path: str, body: Any = None, *fields: str) -> RawResponse:
        """Send a call, its body as JSON; `fields` are further header lines."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: admin", "Connection: close", f"Content-Length: {len(data)}"]
        lines += [self.credential] if self.credential else []
        lines += ["Content-Type: application/json"] if body is not None and not _has_type(fields) else []
        raw = "\r\n".join([*lines, *fields, "", ""]).encode("latin-1") + data
        return await exchange(self.port, raw, head=method == "HEAD")

    def showing(self, credential: str) -> AdminClient:
        """Return a client that shows another credential; an empty one shows none."""
        return AdminClient(self.port, credential)


def _has_type(fields: tuple[str, ...]) -> bool:
    return any(field.lower().startswith("content-type:") for field in fields)
