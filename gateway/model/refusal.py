"""Why a request is not forwarded, and the status that says so."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.answers import Reason, Rejected, Throttled, Unavailable


class RefusalCode(StrEnum):
    """The `code` of a refusal's JSON body; clients depend on it, so values never change."""

    MALFORMED = "malformed_request"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TIMEOUT = "request_timeout"
    TOO_LARGE = "payload_too_large"
    TARGET_TOO_LONG = "uri_too_long"
    MISDIRECTED = "misdirected_request"
    RATE_LIMITED = "rate_limited"
    HEAD_TOO_LARGE = "headers_too_large"
    INTERNAL = "internal_error"
    NOT_IMPLEMENTED = "not_implemented"
    BAD_GATEWAY = "bad_gateway"
    UNAVAILABLE = "unavailable"
    UPSTREAM_TIMEOUT = "upstream_timeout"


_STATUS_AND_MESSAGE: dict[RefusalCode, tuple[int, str]] = {
    RefusalCode.MALFORMED: (400, "The request could not be understood."),
    RefusalCode.UNAUTHENTICATED: (401, "Authentication is required, or the credential is not valid."),
    RefusalCode.FORBIDDEN: (403, "This is not allowed."),
    RefusalCode.NOT_FOUND: (404, "There is nothing here."),
    RefusalCode.METHOD_NOT_ALLOWED: (405, "This method is not allowed here."),
    RefusalCode.TIMEOUT: (408, "The request did not arrive in time."),
    RefusalCode.TOO_LARGE: (413, "The request body is too large."),
    RefusalCode.TARGET_TOO_LONG: (414, "The request target is too long."),
    RefusalCode.MISDIRECTED: (421, "This port is not asked by that host name; listen.admin_hosts names others."),
    RefusalCode.RATE_LIMITED: (429, "Too many requests."),
    RefusalCode.HEAD_TOO_LARGE: (431, "The request head is too large."),
    RefusalCode.INTERNAL: (500, "An unexpected fault occurred."),
    RefusalCode.NOT_IMPLEMENTED: (501, "This method is not implemented."),
    RefusalCode.BAD_GATEWAY: (502, "The upstream could not be reached, or its answer could not be understood."),
    RefusalCode.UNAVAILABLE: (503, "This cannot be answered at the moment."),
    RefusalCode.UPSTREAM_TIMEOUT: (504, "The upstream did not answer in time."),
}


class Refusal(msgspec.Struct, frozen=True):
    """A reason and the status it suggests.

    `detail` is for the log and for `explain`: it names the rule or the place, in our own words, and holds no secret. It
    reaches the caller where it is `told`: then its words are fixed. `rejected` is the look-up's reason, where a look-up
    refused: dialects choose their words by it. `retry_after` is in seconds.
    """

    code: RefusalCode
    detail: str = ""
    rejected: Reason | None = None
    retry_after: int | None = None
    told: bool = False

    @property
    def status(self) -> int:
        """The HTTP status that this refusal suggests (RFC 9110 section 15)."""
        return _STATUS_AND_MESSAGE[self.code][0]

    @property
    def message(self) -> str:
        """One sentence of fixed words for the caller, without any of the caller's own bytes."""
        if self.rejected is Reason.AMBIGUOUS:
            return "Two credentials were sent, or one of them twice."
        message = _STATUS_AND_MESSAGE[self.code][1]
        return f"{message[:-1]}: {self.detail}." if self.told else message


def mistake(code: RefusalCode, kind: str) -> Refusal:
    """Return the refusal of what a caller can mend: `kind` says what was wrong, in fixed words, to the caller too."""
    return Refusal(code, kind, told=True)


def refusal_of(answer: Rejected | Unavailable | None) -> Refusal:
    """Return the refusal for a look-up's answer; `None` means that the request shows no credential.

    Unavailable is never a 401, because clients would throw a good credential away.
    """
    match answer:
        case Throttled(detail=detail, retry_after=seconds):
            return Refusal(RefusalCode.RATE_LIMITED, detail, None, seconds)
        case Unavailable(detail=detail, retry_after=seconds):
            return Refusal(RefusalCode.UNAVAILABLE, detail, None, seconds)
        case Rejected(reason=reason, detail=more):
            code = RefusalCode.FORBIDDEN if reason is Reason.FORBIDDEN else RefusalCode.UNAUTHENTICATED
            return Refusal(code, f"credential {reason}: {more}" if more else f"credential {reason}", reason)
        case None:
            return Refusal(RefusalCode.UNAUTHENTICATED, "no credential")
