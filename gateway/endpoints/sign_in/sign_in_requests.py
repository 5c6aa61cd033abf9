"""What the endpoints of a sign-in read of a request: parameters, forms, where it comes from."""

from __future__ import annotations

from urllib.parse import parse_qsl

from gateway.endpoints.refusals import origin_of
from gateway.endpoints.sign_in.sign_in_parts import CALLBACK_PATH, Browser
from gateway.http1.downstream import DownstreamRequest
from gateway.http1.faults import ExchangeError
from gateway.model.decision import AccessRequest

_MOST_PARAMETERS = 16
_MOST_BYTES = 64 * 1024
FORM = b"application/x-www-form-urlencoded"


class BadParametersError(Exception):
    """A query or a form holds what it cannot: a name twice, too many, or no text."""


def parameters(text: str) -> dict[str, str]:
    """Return the parameters of a query or form; raises BadParametersError for two of a name (RFC 6749 section 3.1)."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise BadParametersError from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadParametersError
    return found


async def form_of(request: DownstreamRequest, access: AccessRequest) -> dict[str, str]:
    """Return the fields of a form that was posted; raises BadParametersError for a body that is none."""
    kind, body = await body_of_kind(request, access)
    if kind != FORM:
        raise BadParametersError
    try:
        return parameters(body.decode("ascii"))
    except UnicodeDecodeError:
        raise BadParametersError from None


async def body_of_kind(request: DownstreamRequest, access: AccessRequest) -> tuple[bytes, bytes]:
    """Return a body's media type and the body; raises BadParametersError for none, or one that is too long."""
    kinds = access.headers.all(b"content-type")
    if request.body is None or len(kinds) != 1:
        raise BadParametersError
    try:
        return kinds[0].partition(b";")[0].strip().lower(), await request.body.read(_MOST_BYTES)
    except ExchangeError:
        raise BadParametersError from None


def is_of_ours(access: AccessRequest) -> bool:
    """Tell whether a post comes from a page of this very origin (RFC 6454 section 7); one that does not say is none."""
    return list(access.headers.all(b"origin")) == [origin_of(access).encode("ascii")]


def redirect_uri(access: AccessRequest, provider: str) -> str:
    """Return where the issuer sends the browser back to: a path of each provider's own (RFC 9700 section 4.4)."""
    return f"{origin_of(access)}{CALLBACK_PATH}{provider}"


def browser_of(access: AccessRequest) -> Browser:
    """Return where a sign-in comes from."""
    agent = b", ".join(access.headers.all(b"user-agent")).decode("latin-1")[:512]
    return Browser(access.client, access.host.name, agent.replace("\0", ""), access.request_id)
