"""The second target of a request: where COPY and MOVE write to (RFC 4918 section 10.3)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from gateway.model.errors import MalformedError
from gateway.model.host import DEFAULT_PORTS, parse_authority
from gateway.model.refusal import RefusalCode, mistake
from gateway.model.target import Oddity, Target, parse_target

if TYPE_CHECKING:
    from gateway.model.decision import AccessRequest

FIELD = b"destination"
MOVING = frozenset({"COPY", "MOVE"})


def destination_of(access: AccessRequest, allowed: Collection[Oddity]) -> Target | None:
    """Return the target that a request writes to besides its own, None where it has none.

    `allowed` is what some route allows a path to hold. Raises MalformedError for what is no path of this very host: the
    scheme does not count, since TLS may end at a proxy, and what a trusted proxy took off is taken off here too.
    """
    if access.method not in MOVING or FIELD not in access.headers:
        return None
    values = access.headers.all(FIELD)
    text = values[0].decode("latin-1")
    if len(values) != 1 or not text.startswith("/"):
        text = _path_of_url(text, access)
    if access.prefix and text.startswith(f"{access.prefix}/"):
        text = text.removeprefix(access.prefix)
    if len(values) != 1 or text.startswith("//"):
        raise MalformedError(mistake(RefusalCode.MALFORMED, "the destination is not one path"))
    return parse_target(text, allowed)


def _path_of_url(url: str, access: AccessRequest) -> str:
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if not mark or not slash or scheme.lower() not in DEFAULT_PORTS:
        raise MalformedError(mistake(RefusalCode.MALFORMED, "the destination is neither a path nor a URL"))
    if parse_authority(authority, scheme.lower()).name != access.host.name:
        raise MalformedError(mistake(RefusalCode.FORBIDDEN, "the destination is of another host"))
    return slash + path
