from __future__ import annotations

from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.route import Challenge, Match, Route
from gateway.policy.challenges import challenge_of

GIT = Route(name="git", match=Match("/"), challenge=Challenge.BASIC)
UNAUTHENTICATED = Refusal(RefusalCode.UNAUTHENTICATED)


def test_a_route_for_git_asks_for_a_password_and_others_do_not() -> None:
    ((name, value),) = challenge_of(GIT, UNAUTHENTICATED)
    assert (name, value.split()[0]) == (b"WWW-Authenticate", b"Basic")
    assert challenge_of(Route(name="api", match=Match("/")), UNAUTHENTICATED) == ()


def test_only_a_401_asks() -> None:
    assert challenge_of(GIT, None) == ()
    assert challenge_of(GIT, Refusal(RefusalCode.FORBIDDEN)) == ()
