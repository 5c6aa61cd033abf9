"""Requests as dialects see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from gateway.credentials.reader import UNREADABLE
from gateway.dialects.dialect import InfoRequest, Quota
from gateway.gate import Identified
from gateway.model.decision import AccessRequest
from gateway.policy.limits import Taken


def info_request_of(access: AccessRequest) -> InfoRequest:
    """Return a request as dialects see it, before anybody knows who calls."""
    return InfoRequest(
        path=access.target.match,
        query=access.target.query,
        request_id=access.request_id,
        now=datetime.fromtimestamp(access.received_at, UTC),
    )


def with_caller(info_request: InfoRequest, identified: Identified) -> InfoRequest:
    """Return the request with the credential that was read, and who knows it."""
    credential = identified.credential
    return msgspec.structs.replace(
        info_request,
        credential=credential,
        malformed=credential is not None and UNREADABLE in credential.parts,
        authority=identified.resolution.authority,
    )


def with_quota(info_request: InfoRequest, taken: Taken) -> InfoRequest:
    """Return the request with how the caller's rate limit stands."""
    bucket = taken.bucket
    resets_at = info_request.now + timedelta(seconds=bucket.full_after)
    return msgspec.structs.replace(info_request, quota=Quota(bucket.burst, bucket.remaining, resets_at))
