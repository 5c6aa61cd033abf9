from gateway.model.access import AccessRequest
from gateway.model.decision import Decision
from gateway.model.headers import Headers
from gateway.model.host import Host
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.target import parse_target

ACCESS = AccessRequest("GET", "http", Host("a", 80), parse_target("/"), Headers(()), "p", "c", 0.0, "r")


def test_a_refusal_is_all_that_stands_between_a_request_and_its_upstream() -> None:
    assert Decision(access=ACCESS).allowed
    assert not Decision(access=ACCESS, refusal=Refusal(RefusalCode.FORBIDDEN)).allowed
