from datetime import UTC, datetime, timedelta

import msgspec

from gateway.credentials.reader import UNREADABLE
from gateway.endpoints.info_requests import info_request_of, with_caller, with_quota
from gateway.gate import Identified
from gateway.model.answers import Found, Resolution
from gateway.model.route import LimitBy, RateLimit
from gateway.model.session import Session
from gateway.policy.limits import BucketState, Taken
from tests.support.builders.credentials import credential
from tests.support.builders.requests import access_request

EPOCH = datetime.fromtimestamp(0.0, UTC)
LIMIT = RateLimit(LimitBy.ADDRESS, 1.0, 5)
CALLER = Identified(credential(), Resolution(answer=Found(Session(subject="u")), authority="accounts"))


def test_a_request_is_its_path_query_and_instant() -> None:
    request = info_request_of(access_request(target="/auth/session?x=1"))
    assert (request.path, request.query, request.request_id, request.now) == ("/auth/session", "x=1", "req-1", EPOCH)
    assert (request.credential, request.authority) == (None, "")


def test_who_calls_is_the_credential_and_the_authority_that_knows_it() -> None:
    request = with_caller(info_request_of(access_request()), CALLER)
    assert (request.credential, request.authority, request.malformed) == (CALLER.credential, "accounts", False)
    unreadable = msgspec.structs.replace(credential(), parts=(UNREADABLE,))
    assert with_caller(info_request_of(access_request()), Identified(unreadable)).malformed


def test_the_quota_says_when_the_bucket_is_full_again() -> None:
    request = with_quota(info_request_of(access_request()), Taken(LIMIT, None, BucketState(5, 3, 2.0)))
    assert request.quota is not None
    assert (request.quota.limit, request.quota.remaining) == (5, 3)
    assert request.quota.resets_at == EPOCH + timedelta(seconds=2)
