"""The console: plain files of the package, at `/` and beneath `/console/`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from importlib.resources import files
from pathlib import PurePath

from aiohttp import web

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_INDEX = "index.html"

_FIELDS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""No script but its own files, no foreign origin, in no frame: a record's text cannot become a program."""


def console_routes() -> list[web.RouteDef]:
    """Return the routes of the console's files; there are no others."""
    folder = files(__package__) / "console"
    routes = []
    for file in folder.iterdir():
        if PurePath(file.name).suffix in _TYPES:
            path = "/" if file.name == _INDEX else f"/console/{file.name}"
            routes.append(web.get(path, _answering(file.name, file.read_bytes())))
    return routes


def _answering(name: str, content: bytes) -> Callable[[web.Request], Awaitable[web.Response]]:
    etag = f'"{blake2b(content, digest_size=8).hexdigest()}"'
    kind = _TYPES[PurePath(name).suffix]

    async def answer(request: web.Request) -> web.Response:
        if etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers={**_FIELDS, "ETag": etag})
        headers = {**_FIELDS, "ETag": etag}
        return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)

    return answer
