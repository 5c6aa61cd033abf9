import pytest

from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.model.route import CorsRules, LimitBy, RateLimit
from gateway.policy.cross_origin import Cors
from gateway.wiring.explanation import Unlimited
from tests.support.builders.requests import access_request

ALLOW = (b"Allow", b"GET, HEAD, OPTIONS")
PAGE = (b"Origin", b"https://app.example.com")
CORS = Cors(CorsRules(frozenset({"https://app.example.com"})), (b"x-api-key",), ("GET",))


def test_without_cors_options_says_the_methods_alone() -> None:
    response = EndpointPolicy().options(access_request("OPTIONS", headers=(PAGE,)), ALLOW)
    assert (response.status, response.fields) == (204, (ALLOW, (b"Cache-Control", b"no-store")))
    assert EndpointPolicy().cross_origin(access_request(headers=(PAGE,))) == ()


@pytest.mark.parametrize(("page", "allowed"), [(b"https://app.example.com", True), (b"https://evil.example", False)])
def test_a_listed_page_alone_is_told_that_it_may_ask(page: bytes, allowed: bool) -> None:
    policy = EndpointPolicy(cors=CORS)
    asked = ((b"Origin", page), (b"Access-Control-Request-Method", b"GET"))
    names = dict(policy.options(access_request("OPTIONS", headers=asked), ALLOW).fields)
    assert (names.get(b"Access-Control-Allow-Origin") == page) is allowed
    assert names[b"Vary"] == b"Origin"
    assert (dict(policy.cross_origin(access_request(headers=asked))).get(b"Access-Control-Allow-Origin") == page) is (
        allowed
    )


def test_calls_are_counted_where_there_is_a_limit() -> None:
    assert EndpointPolicy().limiter("session_info.x", Unlimited()) is None
    assert EndpointPolicy(rate_limit=RateLimit(LimitBy.ADDRESS, 1.0, 1)).limiter("x", Unlimited()) is not None
