"""Configs as people would write them, for tests of what is read of them and of their problems."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gateway.config.check_routes import check_routes
from gateway.config.load import check_document
from gateway.config.partial import PartialConfig, read_partial
from gateway.model.errors import Problem
from gateway.source.document import Document, parse_document

SECRET = "0123456789abcdef0123456789abcdef"

LEAST = f"""\
secret: {SECRET}
authorities:
  accounts: {{kind: directory, url: "sqlite:///gateway.db", pepper: {SECRET}}}
credentials:
  key: {{kind: api_key, header: x-api-key, type: project, authority: accounts}}
  token: {{kind: bearer, authority: accounts}}
routes:
  - name: orders
    match: {{path: /orders/}}
    upstream: http://127.0.0.1:8000
"""
"""The least that is useful, without a problem or a warning."""


READERS = """\
credentials:
  key: {kind: api_key, header: x-api-key, type: project, authority: accounts}
  same: {kind: api_key, header: X-API-Key, type: user, authority: accounts}
  token: {kind: bearer, authority: accounts}
  broken: {kind: cookie}
"""
"""Readers of `accounts`, of which two read one place."""


def document(text: str) -> Document:
    return parse_document(text, "c")


def partial(text: str) -> PartialConfig:
    return read_partial(document(text))


def problems(text: str) -> list[str]:
    """Return the problems of a config as `check` prints them, without the file's name."""
    return [str(problem).removeprefix("c:") for problem in check_document(document(text)).problems]


def lines(yielded: Iterable[Problem]) -> list[str]:
    """Return problems as `key.path: text`, warnings marked."""
    return [f"{'warning: ' if each.warning else ''}{each.path}: {each.text}" for each in yielded]


def route_problems(*routes: str, more: str = READERS) -> list[str]:
    """Return the problems of routes, each given without its name and upstream."""
    entries = "".join(
        f"  - {{name: r{place}, upstream: 'http://127.0.0.1:1', {keys}}}\n" for place, keys in enumerate(routes)
    )
    return lines(check_routes(partial(f"{more}routes:\n{entries}")))


def written(folder: Path, text: str = LEAST) -> Path:
    path = folder / "gateway.yaml"
    path.write_text(text, encoding="utf-8")
    return path
