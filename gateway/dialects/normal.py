"""Our own dialect: `GET /_gateway/session`, the normal form, for those who develop the services behind the gateway.

Refusals have the shape of the proxy's own: `{"error": {"code", "message", "status", "request_id"}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from typing_extensions import override

from gateway.dialects.dialect import (
    DialectServer,
    Documented,
    InfoRequest,
    InfoResponse,
    json_response,
    waiting_header,
)
from gateway.dialects.wire_times import maybe_utc
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.credential import CredentialKind
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.session import Session

PATH = "/_gateway/session"

_CHALLENGE = b'Bearer realm="gateway"'


class NormalForm(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The caller's session as the gateway knows it, without the secrets of other systems.

    `auth_method` is the `X-Auth-Method` of proxied requests, `expires_at` the credential's own expiry, else the
    session's.
    """

    session: Session
    auth_method: CredentialKind
    expires_at: datetime | None = None


class NormalError(msgspec.Struct):
    """Why there is no answer."""

    code: RefusalCode
    message: str
    status: int
    request_id: str


class NormalErrors(msgspec.Struct):
    """Every failure."""

    error: NormalError


class Normal(DialectServer):
    """The normal form, served."""

    name = "session"
    paths: tuple[str, ...] = (PATH,)
    parameters: tuple[str, ...] = ()

    @override
    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        """Answer with the whole session."""
        match verdict:
            case Found(session):
                if info_request.credential is None:
                    return self.refuse(Refusal(RefusalCode.UNAUTHENTICATED), info_request)
                expires_at = maybe_utc(verdict.expires_at or session.expires_at)
                form = NormalForm(
                    session=_without_secrets(session), auth_method=info_request.credential.kind, expires_at=expires_at
                )
                return json_response(200, form)
            case Unavailable(retry_after=seconds):
                return self.refuse(Refusal(RefusalCode.UNAVAILABLE, retry_after=seconds), info_request)
            case Rejected(reason):
                code = RefusalCode.FORBIDDEN if reason is Reason.FORBIDDEN else RefusalCode.UNAUTHENTICATED
                return self.refuse(Refusal(code, rejected=reason), info_request)
            case None:
                return self.refuse(Refusal(RefusalCode.UNAUTHENTICATED), info_request)

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        """Answer with the refusal's own code, message and status; a 401 has a challenge (RFC 6750 section 3)."""
        error = NormalError(refusal.code, refusal.message, refusal.status, info_request.request_id)
        headers = waiting_header(refusal.status, refusal.retry_after)
        if refusal.code is RefusalCode.UNAUTHENTICATED:
            challenge = _CHALLENGE + b', error="invalid_token"' if refusal.rejected else _CHALLENGE
            headers = (*headers, (b"WWW-Authenticate", challenge))
        return json_response(refusal.status, NormalErrors(error), headers)

    @override
    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers; every failure has the same shape."""
        codes = (
            RefusalCode.UNAUTHENTICATED,
            RefusalCode.FORBIDDEN,
            RefusalCode.METHOD_NOT_ALLOWED,
            RefusalCode.RATE_LIMITED,
            RefusalCode.INTERNAL,
            RefusalCode.UNAVAILABLE,
        )
        failures = [Refusal(code) for code in codes]
        return {200: Documented(NormalForm, "The session in the normal form")} | {
            refusal.status: Documented(NormalErrors, refusal.message) for refusal in failures
        }


def _without_secrets(session: Session) -> Session:
    """Leave out the secrets that other dialects show: a webhook's, and a login token's hash."""
    project, login = session.project, session.login
    return msgspec.structs.replace(
        session,
        project=None if project is None else msgspec.structs.replace(project, webhook_secret=None),
        login=None if login is None else msgspec.structs.replace(login, token_hash=None),
    )
