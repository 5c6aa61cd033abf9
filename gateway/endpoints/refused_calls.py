"""Why a call that changes sessions is refused, and its body, where it can be read."""

from __future__ import annotations

import asyncio

from gateway.dialects.action import MalformedCallError, ThrottledCallError
from gateway.http1.downstream import DownstreamRequest
from gateway.http1.faults import ExchangeError
from gateway.model.errors import GatewayError, InvalidRecordError, MissingRecordError
from gateway.model.refusal import Refusal, RefusalCode
from gateway.policy.limits import Taken

_BODY_BYTES = 16 * 1024  # an id or a token, with room to spare
_BODY_SECONDS = 10.0


class RefusedCallError(Exception):
    """A call is refused; `taken` is how the rate limit stands where that is why."""

    def __init__(self, code: RefusalCode, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(code, detail)
        self.taken: Taken | None = None

    @classmethod
    def by(cls, refusal: Refusal, taken: Taken | None = None) -> RefusedCallError:
        """Return the error for a refusal that is made already."""
        error = cls(refusal.code, refusal.detail)
        error.refusal, error.taken = refusal, taken
        return error


def refused_by(error: Exception) -> RefusedCallError | None:
    """Return the refusal that an error of an action is, None for a fault of ours."""
    match error:
        case RefusedCallError():
            return error
        case ThrottledCallError():
            return RefusedCallError.by(Refusal(RefusalCode.RATE_LIMITED, "too many unknown ids", None, error.seconds))
        case MissingRecordError():
            return RefusedCallError(RefusalCode.NOT_FOUND, "no such row")
        case MalformedCallError() | InvalidRecordError():
            return RefusedCallError(RefusalCode.MALFORMED, "a parameter or the body")
        case GatewayError():
            return RefusedCallError.by(Refusal(RefusalCode.UNAVAILABLE, "directory", retry_after=1))
    return None


async def body_of(request: DownstreamRequest) -> bytes:
    """Return the whole body; raises RefusedCallError."""
    if request.body is None:
        return b""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await request.body.read(_BODY_BYTES)
    except ExchangeError as error:
        raise RefusedCallError.by(error.refusal) from None
    except TimeoutError:
        raise RefusedCallError(RefusalCode.TIMEOUT, "the body did not arrive in time") from None
