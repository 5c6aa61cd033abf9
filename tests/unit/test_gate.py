"""The judgement as tables of cases: what was shown, what the authority says of it, what the route asks."""

from typing import Any

import pytest

from gateway.credentials.api_key import ApiKeySettings
from gateway.credentials.cookie import CookieSettings
from gateway.credentials.kinds import build_reader
from gateway.credentials.reader import CredentialReading
from gateway.credentials.token_pair import TokenPairSettings
from gateway.gate import Gate, Identified
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.answers import Found, Reason, Rejected, Resolution, Sessions, Tier, Unavailable
from gateway.model.credential import Credential
from gateway.model.decision import Decision
from gateway.model.route import Access, Challenge, CorsRules, LimitBy, Match, OnMany, RateLimit, Require, Route
from gateway.model.session import Member, Organization, Session, User
from gateway.policy.limits import Limits, LocalLimits, Taken
from gateway.policy.routes import RouteTable
from tests.support.builders.requests import access_request

GOOD = Session(
    subject="u1",
    id="s1",
    user=User(id="u1", email="user@example.com"),
    organization=Organization(id="org_1"),
    member=Member(id="m1", role="admin"),
)


def fingerprint(parts: tuple[str, ...]) -> bytes:
    return repr(parts).encode()


READERS = {
    "key": build_reader(
        "key", ApiKeySettings(kind="api_key", header="x-api-key", type="project", authority=["a"]), fingerprint
    ),
    "cookie": build_reader("cookie", CookieSettings(kind="cookie", name="__session", authority=["a"]), fingerprint),
    "pair": build_reader(
        "pair",
        TokenPairSettings(kind="token_pair", user_header="x-user-id", token_header="x-auth-token", authority=["a"]),
        fingerprint,
    ),
}


async def by_secret(credential: Credential, _client: str) -> Resolution:
    """An authority that goes by the last secret part: `good`, a Reason, or `down`."""
    secret = credential.parts[-1]
    if secret == "good":
        return Resolution(Found(GOOD), Tier.AUTHORITY)
    if secret == "down":
        return Resolution(Unavailable("connect refused", retry_after=3), Tier.AUTHORITY)
    return Resolution(Rejected(Reason(secret)), Tier.AUTHORITY)


def gate_of(*routes: Route) -> Gate:
    return Gate(RouteTable(routes), READERS, Sessions(by_secret), IdentityHeaders(), LocalLimits(lambda: 0.0))


async def decide(
    headers: tuple[tuple[bytes, bytes], ...] = (), method: str = "GET", target: str = "/", **route: Any
) -> Decision:
    whole = {"name": "r", "match": Match("/"), "credentials": ("key", "cookie", "pair"), **route}
    return await gate_of(Route(**whole)).decide(access_request(method, target, headers))


def key(value: bytes) -> tuple[bytes, bytes]:
    return (b"X-Api-Key", value)


def cookie(value: bytes) -> tuple[bytes, bytes]:
    return (b"Cookie", b"__session=" + value)


def pair(token: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"X-User-Id", b"u1"), (b"X-Auth-Token", token))


SHOWN: list[tuple[str, tuple[tuple[bytes, bytes], ...], int, int, int]] = [
    # what was shown, its headers, then the status on a required, an optional and a public route (200: it may pass)
    ("nobody", (), 401, 200, 200),
    ("a good key", (key(b"good"),), 200, 200, 200),
    ("a good cookie", (cookie(b"good"),), 200, 200, 200),
    ("a good pair", pair(b"good"), 200, 200, 200),
    ("a user id without a token", pair(b"good")[:1], 401, 200, 200),
    ("a token without a user id", pair(b"good")[1:], 401, 200, 200),
    ("an unknown key", (key(b"unknown"),), 401, 401, 200),
    ("an expired key", (key(b"expired"),), 401, 401, 200),
    ("a revoked key", (key(b"revoked"),), 401, 401, 200),
    ("a key of something gone", (key(b"gone"),), 401, 401, 200),
    ("a forbidden key", (key(b"forbidden"),), 403, 403, 200),
    ("an ambiguous one", (key(b"ambiguous"),), 401, 401, 200),
    ("nobody to ask", (key(b"down"),), 503, 503, 200),
    ("a key twice", (key(b"good"), key(b"good")), 401, 401, 200),
    ("a key and a cookie", (key(b"good"), cookie(b"good")), 401, 401, 200),
    ("a good key and a bad cookie", (key(b"good"), cookie(b"unknown")), 401, 401, 200),
    ("a bad key and a good cookie", (key(b"unknown"), cookie(b"good")), 401, 401, 200),
    ("a key and half a pair", (key(b"good"), *pair(b"good")[:1]), 200, 200, 200),
    ("unreadable bytes", (key(b"\xff\x00"),), 401, 401, 200),
]


@pytest.mark.parametrize("column", [Access.REQUIRED, Access.OPTIONAL, Access.PUBLIC])
@pytest.mark.parametrize("case", SHOWN, ids=lambda case: case[0])
async def test_what_was_shown_decides_by_the_routes_access(
    case: tuple[str, tuple[tuple[bytes, bytes], ...], int, int, int], column: Access
) -> None:
    expected = dict(zip([Access.REQUIRED, Access.OPTIONAL, Access.PUBLIC], case[2:], strict=True))[column]
    if case[0] == "unreadable bytes":  # by_secret knows no such reason: only its own name matters here
        decision = await unreadable(column)
    else:
        decision = await decide(case[1], access=column)
    assert (decision.refusal.status if decision.refusal else 200) == expected


async def unreadable(access: Access) -> Decision:
    async def nobody_knows(_: Credential, _client: str) -> Resolution:
        return Resolution(Rejected(Reason.UNKNOWN))

    route = Route(name="r", match=Match("/"), credentials=("key",), access=access)
    gate = Gate(RouteTable([route]), READERS, Sessions(nobody_knows), IdentityHeaders(), LocalLimits(lambda: 0.0))
    return await gate.decide(access_request(headers=(key(b"\xff\x00"),)))


async def test_first_of_many_is_the_routes_order_not_the_requests() -> None:
    shown = (cookie(b"unknown"), key(b"good"))
    decision = await decide(shown, on_many=OnMany.FIRST)
    assert decision.allowed
    assert decision.credential is not None
    assert decision.credential.reader == "key"


async def test_only_readers_that_the_route_lists_are_read() -> None:
    assert (await decide((key(b"good"),), credentials=("cookie",))).refusal is not None
    assert (await decide((key(b"unknown"), cookie(b"good")), credentials=("cookie",))).allowed


async def test_an_outage_says_when_to_come_back() -> None:
    refusal = (await decide((key(b"down"),))).refusal
    assert refusal is not None
    assert refusal.retry_after == 3


@pytest.mark.parametrize("shown", [(cookie(b"unknown"),), (cookie(b"good"), cookie(b"good"))])
async def test_a_bad_cookie_on_an_optional_route_is_cleared_so_that_nobody_is_locked_out(
    shown: tuple[tuple[bytes, bytes], ...],
) -> None:
    decision = await decide(shown, access=Access.OPTIONAL)
    assert decision.caller_headers
    for name, value in decision.caller_headers:
        assert name == b"Set-Cookie"
        assert value.startswith(b"__session=;")
        assert b"Max-Age=0" in value


async def test_two_cookies_of_a_name_are_cleared_where_a_session_is_required_too() -> None:
    decision = await decide((cookie(b"good"), cookie(b"good")))
    assert decision.refusal is not None
    assert decision.refusal.detail == "two credentials were sent: cookie"
    assert len(decision.caller_headers) > 1
    assert (await decide((cookie(b"unknown"),))).caller_headers == ()


async def test_a_route_may_ask_for_a_password() -> None:
    for shown in ((), (key(b"unknown"),)):
        ((name, _),) = (await decide(shown, challenge=Challenge.BASIC)).caller_headers
        assert name == b"WWW-Authenticate"
    assert (await decide((key(b"down"),), challenge=Challenge.BASIC)).caller_headers == ()


@pytest.mark.parametrize("shown", [(), (cookie(b"down"),), (cookie(b"good"),), (key(b"unknown"),)])
async def test_no_other_answer_clears_a_cookie(shown: tuple[tuple[bytes, bytes], ...]) -> None:
    assert (await decide(shown, access=Access.OPTIONAL)).caller_headers == ()


@pytest.mark.parametrize(
    ("method", "headers", "allowed"),
    [
        ("GET", (), True),
        ("POST", (), False),
        ("POST", ((b"Origin", b"http://gateway.test"),), True),
        ("POST", ((b"Origin", b"https://evil.example"),), False),
        ("POST", ((b"Origin", b"null"),), False),
        ("POST", ((b"Origin", b"https://app.example"),), True),
        ("GET", ((b"Upgrade", b"websocket"), (b"Connection", b"upgrade")), False),
        ("GET", ((b"Upgrade", b"websocket"), (b"Origin", b"http://gateway.test")), True),
    ],
)
async def test_a_cookie_with_an_unsafe_method_needs_an_origin_of_ours(
    method: str, headers: tuple[tuple[bytes, bytes], ...], allowed: bool
) -> None:
    decision = await decide((cookie(b"good"), *headers), method, origins=frozenset({"https://app.example"}))
    assert decision.allowed is allowed
    if not allowed:
        assert decision.refusal is not None
        assert (decision.refusal.status, decision.rule) == (403, "origin")


async def test_a_rule_that_is_not_met_is_403_and_named() -> None:
    assert (await decide((key(b"good"),), require=Require(organization_roles=frozenset({"admin"})))).allowed
    decision = await decide((key(b"good"),), require=Require(roles=frozenset({"owner"})))
    assert decision.refusal is not None
    assert (decision.refusal.status, decision.rule) == (403, "require.roles")


async def test_no_route_is_404_and_path_parameters_must_be_allowed() -> None:
    refusal = (await decide(target="/b", match=Match("/a"))).refusal
    assert refusal is not None
    assert refusal.status == 404
    refusal = (await decide(target="/a;x", access=Access.PUBLIC)).refusal
    assert refusal is not None
    assert refusal.status == 400
    assert (await decide(target="/a;x", access=Access.PUBLIC, path_parameters=True)).allowed


@pytest.mark.parametrize("per", list(LimitBy))
async def test_a_limit_by_address_counts_everybody_and_one_by_subject_only_whom_it_knows(per: LimitBy) -> None:
    route = Route(
        name="r",
        match=Match("/"),
        access=Access.OPTIONAL,
        credentials=("key",),
        rate_limit=RateLimit(per, rate=1.0, burst=1),
    )
    gate = gate_of(route)
    anonymous = [await gate.decide(access_request()) for _ in range(2)]
    assert [decision.allowed for decision in anonymous] == ([True, False] if per is LimitBy.ADDRESS else [True, True])
    other = {"client": "192.0.2.2"}
    known = [await gate.decide(access_request(headers=(key(b"good"),), **other)) for _ in range(2)]
    assert [decision.allowed for decision in known] == [True, False]
    assert known[1].refusal is not None
    assert (known[1].refusal.status, known[1].refusal.retry_after) == (429, 1)


async def test_identify_reads_only_what_it_is_told_to() -> None:
    gate = gate_of(Route(name="r", match=Match("/")))
    access = access_request(headers=(key(b"good"),))
    cookies, keys = (CredentialReading([READERS[name]], OnMany.REJECT) for name in ("cookie", "key"))
    assert gate.identify(access, cookies) == Identified()
    identified = gate.identify(access, keys)
    assert not isinstance(identified, Identified)
    assert (await identified).resolution.session == GOOD
    twice = gate.identify(access_request(headers=(key(b"good"), key(b"good"))), keys)
    assert isinstance(twice, Identified)
    assert twice.resolution.answer == Rejected(Reason.AMBIGUOUS)


def test_who_is_remembered_is_identified_without_waiting() -> None:
    gate = remembering(Route(name="r", match=Match("/")))
    access = access_request(headers=(key(b"good"),))
    identified = gate.identify(access, CredentialReading([READERS["key"]], OnMany.REJECT))
    assert isinstance(identified, Identified)
    assert identified.resolution.session == GOOD


APP = (b"Origin", b"https://app.example")
ASKS = (b"Access-Control-Request-Method", b"POST")
CORS = CorsRules(frozenset({"https://app.example"}), ("X-Trace",), ("X-Total",))


async def test_a_preflight_of_a_listed_page_passes_without_a_credential_by_the_route_of_its_method() -> None:
    decision = await decide((APP, ASKS), "OPTIONS", match=Match("/", "", frozenset({"POST"})), cors=CORS)
    assert decision.allowed
    assert decision.answered
    told = dict(decision.caller_headers)
    assert told[b"Access-Control-Allow-Origin"] == APP[1]
    assert told[b"Access-Control-Allow-Methods"] == b"POST"
    assert told[b"Access-Control-Allow-Headers"] == b"content-type, x-api-key, x-auth-token, x-trace, x-user-id"
    assert decision.identity == ()


@pytest.mark.parametrize(
    ("headers", "method", "target", "status"),
    [
        ((), "OPTIONS", "/", 401),
        ((APP,), "OPTIONS", "/", 401),
        ((ASKS,), "OPTIONS", "/", 401),
        (((b"Origin", b"https://evil.example"), ASKS), "OPTIONS", "/", 401),
        (((b"Origin", b"null"), ASKS), "OPTIONS", "/", 401),
        ((APP, APP, ASKS), "OPTIONS", "/", 401),
        ((APP, ASKS, ASKS), "OPTIONS", "/", 401),
        ((APP, ASKS), "POST", "/", 401),
        ((APP, ASKS), "OPTIONS", "/;a", 400),
        ((APP, (b"Access-Control-Request-Method", b"get")), "OPTIONS", "/", 401),
    ],
)
async def test_nothing_else_passes_as_a_preflight(
    headers: tuple[tuple[bytes, bytes], ...], method: str, target: str, status: int
) -> None:
    match = Match("/", "", frozenset({"GET", "POST", "OPTIONS"}))
    decision = await decide(headers, method, target, match=match, cors=CORS)
    assert not decision.answered
    assert decision.refusal is not None
    assert decision.refusal.status == status


async def test_a_preflight_opens_nothing_on_a_route_without_cors() -> None:
    open_to_pages = Route(name="open", match=Match("/open/"), credentials=("key",), cors=CORS)
    closed = Route(name="closed", match=Match("/"), credentials=("key",))
    decision = await gate_of(open_to_pages, closed).decide(access_request("OPTIONS", "/a", (APP, ASKS)))
    assert not decision.allowed
    assert decision.caller_headers == ()


@pytest.mark.parametrize(("shown", "status"), [((key(b"good"),), None), ((), 401), ((key(b"unknown"),), 401)])
async def test_a_listed_page_may_read_answers_and_refusals_alike(
    shown: tuple[tuple[bytes, bytes], ...], status: int | None
) -> None:
    decision = await decide((*shown, APP), cors=CORS)
    assert (decision.refusal.status if decision.refusal else None) == status
    assert dict(decision.caller_headers) == {
        b"Vary": b"Origin",
        b"Access-Control-Allow-Origin": APP[1],
        b"Access-Control-Allow-Credentials": b"true",
        b"Access-Control-Expose-Headers": b"X-Total",
    }
    assert (await decide(shown, cors=CORS)).caller_headers == ((b"Vary", b"Origin"),)


@pytest.mark.parametrize("per", list(LimitBy))
async def test_a_caller_is_told_how_its_bucket_stands_when_it_passes_and_when_not(per: LimitBy) -> None:
    limit = RateLimit(per, rate=1.0, burst=2)
    gate = gate_of(Route(name="r", match=Match("/"), credentials=("key",), rate_limit=limit))
    decisions = [await gate.decide(access_request(headers=(key(b"good"),))) for _ in range(3)]
    assert [decision.allowed for decision in decisions] == [True, True, False]
    told = [dict(decision.caller_headers) for decision in decisions]
    name = per.value.encode()
    assert [each[b"RateLimit"] for each in told] == [
        b'"%b";r=%d;t=%d' % (name, *each) for each in ((1, 1), (0, 2), (0, 2))
    ]
    assert {each[b"RateLimit-Policy"] for each in told} == {b'"%b";q=2;w=2' % name}
    assert decisions[2].identity == ()
    assert decisions[0].identity != ()


async def test_a_refused_request_of_a_known_caller_costs_no_token() -> None:
    limit = RateLimit(LimitBy.SESSION, rate=1.0, burst=1)
    strict = {"require": Require(roles=frozenset({"owner"})), "credentials": ("key",), "rate_limit": limit}
    gate = gate_of(Route(name="r", match=Match("/"), **strict))
    decisions = [await gate.decide(access_request(headers=(key(b"good"),))) for _ in range(3)]
    assert {decision.rule for decision in decisions} == {"require.roles"}


@pytest.mark.slow
async def test_what_was_judged_of_one_session_is_never_told_of_another_route_or_kind() -> None:
    """Thousands of sessions that come and go, more than are remembered, some of them where another one was."""

    async def numbered(credential: Credential, _client: str) -> Resolution:
        number = credential.parts[-1]
        role = "admin" if int(number) % 2 else "user"
        return Resolution(
            Found(Session(subject="s", user=User(id=f"u{number}"), member=Member(id=f"m{number}", role=role)))
        )

    asking = Route(
        name="admins",
        match=Match("/admin/"),
        credentials=("key",),
        require=Require(organization_roles=frozenset({"admin"})),
    )
    plain = Route(name="all", match=Match("/"), credentials=("key", "cookie"))
    gate = Gate(RouteTable((asking, plain)), READERS, Sessions(numbered), IdentityHeaders(), LocalLimits(lambda: 0.0))
    for number in range(3000):
        shown = str(number).encode()
        by_key = await gate.decide(access_request(headers=(key(shown),)))
        by_cookie = await gate.decide(access_request(headers=(cookie(shown),)))
        guarded = await gate.decide(access_request(target="/admin/", headers=(key(shown),)))
        assert dict(by_key.identity)[b"X-User-Id"] == b"m" + shown
        assert dict(by_cookie.identity)[b"X-User-Id"] == b"u" + shown
        assert (guarded.allowed, guarded.identity == by_key.identity) == (
            (True, True) if number % 2 else (False, False)
        )


async def test_a_session_object_that_comes_again_is_judged_by_each_route_for_itself() -> None:
    admins = Route(name="a", match=Match("/a/"), credentials=("key",), require=Require(roles=frozenset({"owner"})))
    gate = gate_of(admins, Route(name="b", match=Match("/b/"), credentials=("key",)))
    for _ in range(2):
        refused = await gate.decide(access_request(target="/a/", headers=(key(b"good"),)))
        allowed = await gate.decide(access_request(target="/b/", headers=(key(b"good"),)))
        assert (refused.rule, refused.identity, allowed.rule) == ("require.roles", (), "access")
        assert dict(allowed.identity)[b"X-User-Id"] == b"m1"


def remember(credential: Credential) -> Resolution | None:
    return Resolution(Found(GOOD), Tier.MEMORY) if credential.parts == ("good",) else None


class SharedCounter(LocalLimits):
    """Counts like one process, and says that somebody else has to be asked."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.asked = 0

    def take_now(self, key: str, limit: RateLimit) -> Taken | None:  # type: ignore[override]
        del key, limit
        return None

    async def take(self, key: str, limit: RateLimit) -> Taken:
        self.asked += 1
        return super().take_now(key, limit)


def remembering(route: Route, limits: Limits | None = None) -> Gate:
    limits = limits or LocalLimits(lambda: 0.0)
    return Gate(RouteTable((route,)), READERS, Sessions(by_secret, remember), IdentityHeaders(), limits)


@pytest.mark.parametrize(
    ("shown", "route", "rule"),
    [
        ((key(b"good"),), {}, "access"),
        ((key(b"good"),), {"rate_limit": RateLimit(LimitBy.SESSION, 1.0, 1)}, "access"),
        ((key(b"good"),), {"rate_limit": RateLimit(LimitBy.ADDRESS, 1.0, 1)}, "access"),
        ((key(b"good"),), {"cors": CorsRules(frozenset({"https://app.example"}))}, "access"),
        ((key(b"good"),), {"require": Require(roles=frozenset({"owner"}))}, "require.roles"),
        ((key(b"good"), cookie(b"good")), {}, "credential"),
        ((key(b"unknown"),), {"access": Access.PUBLIC}, "public"),
        ((), {"access": Access.OPTIONAL}, "optional"),
        ((), {}, "access"),
    ],
)
def test_what_can_be_judged_at_once_is_not_waited_for(
    shown: tuple[tuple[bytes, bytes], ...], route: dict[str, Any], rule: str
) -> None:
    gate = remembering(Route(**{"name": "r", "match": Match("/"), "credentials": ("key", "cookie"), **route}))
    judged = gate.decide_now(access_request(headers=shown))
    assert isinstance(judged, Decision)
    assert judged.rule == rule


async def test_what_has_to_be_waited_for_is_judged_by_the_same_lines() -> None:
    route = Route(
        name="r", match=Match("/"), credentials=("key", "cookie"), rate_limit=RateLimit(LimitBy.SESSION, 1.0, 2)
    )
    waiting, at_once = gate_of(route), remembering(route)
    for _ in range(3):
        access = access_request(headers=(key(b"good"),))
        judged = waiting.decide_now(access)
        assert not isinstance(judged, Decision)
        later, now = await judged, at_once.decide_now(access)
        assert isinstance(now, Decision)
        assert (later.rule, later.refusal, later.identity) == (now.rule, now.refusal, now.identity)
        assert later.caller_headers == now.caller_headers
    assert now.rule == "rate_limit"


@pytest.mark.parametrize("per", [LimitBy.ADDRESS, LimitBy.SESSION])
async def test_a_counter_that_somebody_shares_is_asked_once_for_each_request(per: LimitBy) -> None:
    limits = SharedCounter()
    limit = RateLimit(per, rate=1.0, burst=1)
    gate = remembering(Route(name="r", match=Match("/"), credentials=("key",), rate_limit=limit), limits)
    rules = []
    for _ in range(2):
        judged = gate.decide_now(access_request(headers=(key(b"good"),)))
        assert not isinstance(judged, Decision)
        rules.append((await judged).rule)
    assert (rules, limits.asked) == (["access", "rate_limit"], 2)
