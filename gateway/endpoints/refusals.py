"""The answers that refuse a request: one JSON shape, or a page, without any of the caller's own bytes."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from gateway.endpoints.pages import page_fields, refusal_page
from gateway.http1.navigation import VARIES, is_navigation
from gateway.model.answers import Reason
from gateway.model.credential import CredentialKind
from gateway.model.decision import AccessRequest, Decision, HeaderPairs, Response, json_fields
from gateway.model.host import DEFAULT_PORTS
from gateway.model.refusal import Refusal, RefusalCode
from gateway.sign_in.return_target import sign_in_location

_CHALLENGES = b"WWW-Authenticate"
_CHALLENGE = b'Bearer realm="gateway"'
_FIELDS = json_fields()
_FIELDS_THAT_VARY = (*_FIELDS, VARIES)
_PAGE = (*page_fields(), VARIES)
_SENT_TO_A_LOGIN = ((b"Cache-Control", b"no-store"), VARIES)
_encoder = msgspec.json.Encoder()


class _Error(msgspec.Struct):
    code: str
    message: str
    status: int
    request_id: str


class _Body(msgspec.Struct):
    error: _Error


def refusal_response(
    refusal: Refusal,
    request_id: str,
    caller_headers: HeaderPairs = (),
    *,
    closes: bool = False,
    page: bool | None = None,
) -> Response:
    """Answer with `{"error": {"code", "message", "status", "request_id"}}` and the fields that the status asks for.

    `page` makes a page of it; None stands where nobody opens pages, so that it need not be said what it depends on.

    401 has `WWW-Authenticate` (RFC 9110 section 11.6.1; RFC 6750 section 3 for a rejected token), 429 and 503 have
    `Retry-After` in seconds (RFC 9110 section 10.2.3). `caller_headers` are added; a challenge among
    them stands instead of ours. `closes` ends the connection
    afterwards.
    """
    fields = _FIELDS if page is None else _PAGE if page else _FIELDS_THAT_VARY
    if refusal.code is RefusalCode.UNAUTHENTICATED and not any(name == _CHALLENGES for name, _ in caller_headers):
        challenge = _CHALLENGE + b', error="invalid_token"' if refusal.rejected else _CHALLENGE
        fields += ((_CHALLENGES, challenge),)
    if refusal.retry_after is not None:
        fields += ((b"Retry-After", b"%d" % refusal.retry_after),)
    if page:
        body = refusal_page(refusal.status, refusal.message, request_id)
    else:
        body = _encoder.encode(_Body(_Error(refusal.code.value, refusal.message, refusal.status, request_id)))
    return Response(refusal.status, fields + caller_headers, body, closes)


def decision_refusal(
    decision: Decision, refusal: Refusal, *, sends_to_login: int = 302, signs_in: bool = True
) -> Response:
    """Word why a request that was judged is not carried: a browser's navigation gets a page, or is sent to a login.

    `sends_to_login` is the status of the latter, for a proxy that asked and takes no redirect for an answer. `signs_in`
    tells that our own paths are at the origin that was asked.
    """
    access = decision.access
    page = is_navigation(access.method, access.headers)
    login = login_url(decision, refusal, signs_in=signs_in) if page else ""
    response = refusal_response(refusal, access.request_id, decision.caller_headers, page=page)
    if not login:
        return response
    location = (b"Location", login.encode("ascii"))
    if sends_to_login == refusal.status:
        return Response(refusal.status, (*response.fields, location), response.body)
    return Response(sends_to_login, (*_SENT_TO_A_LOGIN, location, *decision.caller_headers))


def login_url(decision: Decision, refusal: Refusal, *, signs_in: bool = True) -> str:
    """Return where a person is sent for a session, empty where the route names no login or it would not help.

    Only who shows nothing, or a cookie that has had its time: a bad key is its owner's to mend, and of two cookies of a
    name one is a neighbour's.
    """
    route, access = decision.route, decision.access
    if route is None or refusal.code is not RefusalCode.UNAUTHENTICATED:
        return ""
    credential = decision.credential
    foreign = credential is not None and credential.kind is not CredentialKind.COOKIE
    if foreign or refusal.rejected is Reason.AMBIGUOUS or not access.host.name:
        return ""
    offer = route.sign_in
    if signs_in and offer is not None and (not offer.hosts or access.host.name in offer.hosts):
        return sign_in_location(access, origin_of(access), offer.providers)
    if not route.on_unauthenticated:
        return ""
    login = route.on_unauthenticated.replace("{url}", quote(origin_of(access) + str(access.target), safe=""))
    return origin_of(access) + login if login.startswith("/") else login


def origin_of(access: AccessRequest) -> str:
    """Return the origin of a request as browsers spell it, from what was judged (RFC 6454 section 6.2)."""
    host = access.host
    port = "" if host.port == DEFAULT_PORTS[access.scheme] else f":{host.port}"
    return f"{access.scheme}://{host.name}{port}"


def method_not_allowed(methods: Iterable[str], request_id: str) -> Response:
    """Answer with 405 and the allowed `methods` (RFC 9110 section 15.5.6)."""
    allow = ((b"Allow", ", ".join(methods).encode("ascii")),)
    return refusal_response(Refusal(RefusalCode.METHOD_NOT_ALLOWED), request_id, allow)
