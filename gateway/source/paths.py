"""URL paths, as a config spells them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from gateway.model.errors import MalformedError
from gateway.model.target import parse_target


def _path(value: str) -> str:
    """Check that the path has one reading, and that it is the one which requests are matched by."""
    try:
        target = parse_target(value)
    except MalformedError as error:
        raise ValueError(f"can never match: {error}") from None
    if target.query is not None:
        raise ValueError("a query takes no part in matching: leave it out")
    if target.match != value:
        raise ValueError(f"can never match, since paths are compared in their canonical form: {target.match}")
    return value


def _prefix(value: str) -> str:
    """Check a path prefix, and spell it without its trailing slash."""
    return _path(value).removesuffix("/") if value else value


CanonicalPath = Annotated[str, AfterValidator(_path)]
"""A path as requests are matched by it."""

PathPrefix = Annotated[str, AfterValidator(_prefix)]
"""A canonical path without a trailing slash, or nothing."""
