from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.directory.session_tokens import RENEWED_AFTER, SessionClaims, SessionTokens
from gateway.model.answers import Found
from gateway.model.errors import DirectoryError
from gateway.model.session import Session
from gateway.signing import KeyRing, TokenFault

START = datetime(2024, 12, 19, 14, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
SESSION = Session(subject="u", id="s")


class Clock:
    def __init__(self) -> None:
        self.now = START.timestamp()

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> SessionTokens:
    return SessionTokens(KeyRing.generate(), "https://gateway.example.com", "gateway", clock)


def test_an_access_token_is_good_for_its_time_and_no_longer(tokens: SessionTokens, clock: Clock) -> None:
    token = tokens.issue_access(SESSION)
    assert tokens.verify_access(token) == SessionClaims("s", "u", START, START + HOUR)
    clock.advance(3599)
    assert isinstance(tokens.verify_access(token), SessionClaims)
    clock.advance(1)
    assert tokens.verify_access(token) is TokenFault.EXPIRED


def test_neither_kind_passes_for_the_other(tokens: SessionTokens) -> None:
    assert tokens.verify_cookie(tokens.issue_access(SESSION)) is TokenFault.PURPOSE
    assert tokens.verify_access(tokens.issue_cookie(SESSION)) is TokenFault.PURPOSE


def test_no_token_outlives_its_session(tokens: SessionTokens) -> None:
    ending = Session(subject="u", id="s", expires_at=START + HOUR / 2)
    for claims in (
        tokens.verify_access(tokens.issue_access(ending)),
        tokens.verify_cookie(tokens.issue_cookie(ending, ttl=7200)),
    ):
        assert isinstance(claims, SessionClaims)
        assert claims.expires_at == ending.expires_at


@pytest.mark.parametrize(
    ("session", "ttl"),
    [(Session(subject="k"), 60), (Session(subject="u", id="s", expires_at=START), 60), (SESSION, 0), (SESSION, -1)],
)
def test_what_has_no_life_gets_no_token(tokens: SessionTokens, session: Session, ttl: float) -> None:
    with pytest.raises(DirectoryError, match="has not expired"):
        tokens.issue_access(session, ttl)


def test_two_tokens_are_never_the_same(tokens: SessionTokens) -> None:
    assert tokens.issue_cookie(SESSION) != tokens.issue_cookie(SESSION)


def answer_for(tokens: SessionTokens, token: str, session: Session = SESSION) -> Found:
    claims = tokens.verify_cookie(token)
    assert isinstance(claims, SessionClaims)
    return Found(session, claims.issued_at, claims.expires_at)


def test_a_cookie_slides_once_it_is_a_minute_old(tokens: SessionTokens, clock: Clock) -> None:
    first = tokens.issue_cookie(SESSION)
    clock.advance(RENEWED_AFTER - 1)
    assert tokens.renew_cookie(answer_for(tokens, first)) is None
    clock.advance(1)
    second = tokens.renew_cookie(answer_for(tokens, first))
    assert second is not None
    renewed, old = answer_for(tokens, second), answer_for(tokens, first)
    assert renewed.expires_at is not None
    assert old.expires_at is not None
    assert renewed.expires_at - old.expires_at == timedelta(seconds=RENEWED_AFTER)


def test_a_cookie_never_slides_beyond_its_session(tokens: SessionTokens, clock: Clock) -> None:
    ending = Session(subject="u", id="s", expires_at=START + HOUR)
    token = tokens.issue_cookie(ending)
    clock.advance(600)
    assert tokens.renew_cookie(answer_for(tokens, token, ending)) is None


def test_a_cookie_that_lasts_as_long_as_its_session_is_not_renewed(tokens: SessionTokens, clock: Clock) -> None:
    ending = Session(subject="u", id="s", expires_at=START + HOUR + timedelta(milliseconds=700))
    token = tokens.issue_cookie(ending, 7200.0)
    clock.advance(600)
    assert tokens.renew_cookie(answer_for(tokens, token, ending)) is None


def test_a_token_lasts_no_longer_than_its_session(tokens: SessionTokens) -> None:
    assert (tokens.lasts(None), tokens.lasts(START + timedelta(seconds=90))) == (int(tokens.ttl), 90)


def test_what_came_without_a_token_is_not_renewed(tokens: SessionTokens, clock: Clock) -> None:
    clock.advance(600)
    assert tokens.renew_cookie(Found(SESSION)) is None
    assert tokens.renew_cookie(Found(Session(subject="k"), START, START + HOUR)) is None
