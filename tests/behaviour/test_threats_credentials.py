"""docs/THREATS.md section 4, credentials: what cannot be read is never let in, and never passes for nobody."""

import asyncio
import json
import random
import resource
from itertools import permutations
from pathlib import Path

import pytest

from gateway.telemetry.exposition import render, snapshot
from tests.support.clients.raw_http import raw_client
from tests.support.gateways.attacks import KEY, Victim, get, request
from tests.support.gateways.serving import LOGIN_TOKEN, PROJECT_KEY, USER_ID, USER_KEY

ANONYMOUS = ((401, 0), (200, 1))
BAD = ((401, 0), (401, 0))
GOOD = ((200, 1), (200, 1))
MALFORMED = ((400, 0), (400, 0))


async def judged(running: Victim, *fields: bytes) -> tuple[tuple[int, int], ...]:
    """Return status and number of requests that arrived, on a required route and on an optional one.

    A credential never arrives, and where nobody is known no identity does.
    """
    found = []
    for path in (b"/echo/", b"/optional/"):
        seen = await running.attack(get(path, *fields))
        found.append((*seen.statuses, len(seen.received)))
        for received in seen.received:
            assert PROJECT_KEY.encode() not in received.raw
            assert running.gateway.cookie.encode() not in received.raw
            assert running.gateway.bearer.encode() not in received.raw
    if found[0] == (401, 0) and found[1] == (200, 1):
        assert running.upstream.requests[-1].all(b"x-auth-method") == []
    return tuple(found)


COOKIES = {
    b"Cookie: __session=%s": GOOD,
    b"cookie: a=b; __session=%s; c=d": GOOD,
    b"Cookie: $Version=1;__session=%s": GOOD,
    b"Cookie: a=b;  __session=%s ;": GOOD,
    b"Cookie: ": ANONYMOUS,
    b"Cookie: ;;;": ANONYMOUS,
    b"Cookie: __session": ANONYMOUS,
    b"Cookie: __session=": ANONYMOUS,
    b"Cookie: __session= ": ANONYMOUS,
    b"Cookie: __session; a=b": ANONYMOUS,
    b"Cookie: =__session": ANONYMOUS,
    b"Cookie: ==": ANONYMOUS,
    b"Cookie: __Session=garbage": ANONYMOUS,
    b"Cookie: __session_=garbage": ANONYMOUS,
    b"Cookie: x__session=garbage": ANONYMOUS,
    b"Cookie: __Host-__session=garbage": ANONYMOUS,
    b"Cookie: %%5f_session=garbage": ANONYMOUS,
    b"Cookie: \xc2\xa0__session=%s": ANONYMOUS,
    b"Cookie: a=b; \xa0__session=%s": ANONYMOUS,
    b"Cookie: \xef\xbb\xbf__session=%s; a=b": ANONYMOUS,
    b"Cookie: a=b; \xe2\x80\x83 \xe3\x80\x80__session\xc2\x85=%s": ANONYMOUS,
    b"Cookie: __session\xc2\xa0=%s": ANONYMOUS,
    b"Cookie: a=b,__session=%s": ANONYMOUS,
    b"Cookie: a=b, __session = %s": ANONYMOUS,
    b"Cookie: a=b,\xc2\xa0__session=%s": ANONYMOUS,
    b"Cookie: a=b __session=%s": ANONYMOUS,
    b"Cookie: a=b\t__session=%s": ANONYMOUS,
    b'Cookie: a="b" __session="%s"': ANONYMOUS,
    b'Cookie: a="b"__session=%s': ANONYMOUS,
    b"Cookie: __SESSION=%s": ANONYMOUS,
    b"Cookie: _.session=%s; a=b": ANONYMOUS,
    b"Cookie: _ session=%s": ANONYMOUS,
    b"Cookie: _[session=%s": ANONYMOUS,
    b"Cookie: __session[]=%s": ANONYMOUS,
    b"Cookie: +__session=%s": ANONYMOUS,
    b"Cookie: %%20__session=%s": ANONYMOUS,
    b"Cookie: %%5F_s%%45ssion=%s": ANONYMOUS,
    b"Cookie: a=b,%%5f_session=%s": ANONYMOUS,
    b'Cookie: a="; __session=garbage"': BAD,
    b'Cookie: __session="%s"': BAD,
    b"Cookie: __session='%s'": BAD,
    b'Cookie: __session="': BAD,
    b'Cookie: __session=""': BAD,
    b'Cookie: __session="\\145\\171"': BAD,
    b"Cookie: __session==%s": BAD,
    b"Cookie: __session=%s, __session=%s": BAD,
    b"Cookie: __session=%s; __session=%s": BAD,
    b"Cookie: __session=%s; __session=garbage": BAD,
    b"Cookie: __session=garbage; __session=%s": BAD,
    b"Cookie: __session=; __session=%s": BAD,
    b"Cookie: __session=%s; __session": BAD,
    b"Cookie: __session=%s\r\nCookie: __session=%s": BAD,
    b"Cookie: __session=%s\r\ncookie: __session=": BAD,
    b"Cookie: __session=garbage\r\nCOOKIE: __session=%s": BAD,
    b"Cookie: __session=%s\xff": BAD,
    b"Cookie: __session=\xc3\xa9": BAD,
    b"Cookie: __session=\xff\xfe": BAD,
    b"Cookie: __session=%%00": BAD,
    b"Cookie: __session=" + b"e" * 20_000: BAD,
    b"Cookie: __session=%s\x00": MALFORMED,
    b"Cookie: __session=\x0b": MALFORMED,
    b"Cookie: __session=" + b"e" * 65_536: ((431, 0), (431, 0)),
}


@pytest.mark.parametrize("field", COOKIES)
async def test_a_cookie_is_read_strictly(attacked: Victim, field: bytes) -> None:
    token = attacked.gateway.cookie.encode()
    assert await judged(attacked, field.replace(b"%s", token).replace(b"%%", b"%")) == COOKIES[field]


AUTHORIZATIONS = {
    b"Authorization: Bearer %s": GOOD,
    b"authorization: bEARER   %s ": GOOD,
    b"Authorization: ": ANONYMOUS,
    b"Authorization: Basic %s": ANONYMOUS,
    b"Authorization: Bearers %s": ANONYMOUS,
    b"Authorization: Bearer_ %s": ANONYMOUS,
    b"Authorization: %s": ANONYMOUS,
    b"Authorization: Bearer": BAD,
    b"Authorization: Bearer\t%s": BAD,
    b"Authorization: Bearer=%s": BAD,
    b"Authorization: Bearer,%s": BAD,
    b"Authorization: Bearer %s,": BAD,
    b"Authorization: Bearer %s, Bearer %s": BAD,
    b"Authorization: Bearer %s %s": BAD,
    b"Authorization: Bearer Bearer %s": BAD,
    b'Authorization: Bearer "%s"': BAD,
    b"Authorization: Bearer %s==": BAD,
    b"Authorization: Bearer %s~": BAD,
    b"Authorization: Bearer %s.": BAD,
    b"Authorization: Bearer %s\xff": BAD,
    b"Authorization: Bearer \xe2\x80\x8b%s": BAD,
    b"Authorization: Bearer null": BAD,
    b"Authorization: Bearer .": BAD,
    b"Authorization: Bearer ..": BAD,
    b"Authorization: Bearer e30.e30.": BAD,
    b"Authorization: Bearer " + b"e" * 20_000: BAD,
    b"Authorization: Bearer " + b"." * 20_000: BAD,
    b"Authorization: Bearer " + b"e" * 40_000: ((431, 0), (431, 0)),
    b"Authorization: Bearer %s\x00": MALFORMED,
}


@pytest.mark.parametrize("field", AUTHORIZATIONS)
async def test_a_bearer_token_is_read_strictly(attacked: Victim, field: bytes) -> None:
    assert await judged(attacked, field.replace(b"%s", attacked.gateway.bearer.encode())) == AUTHORIZATIONS[field]


KEYS = {
    b"X-Api-Key: %s": GOOD,
    b"x-API-key:\t%s\t": GOOD,
    b"X-Api-Key: ": ANONYMOUS,
    b"X_Api_Key: %s": ANONYMOUS,
    b"X.Api~Key: %s": ANONYMOUS,
    b"X-User-Api-Key: %s": BAD,
    b"X-Org-Api-Key: %s": BAD,
    b"X-Api-Key: %s, %s": BAD,
    b"X-Api-Key: %s,": BAD,
    b'X-Api-Key: "%s"': BAD,
    b"X-Api-Key: %s %s": BAD,
    b"X-Api-Key: %s\xa0": BAD,
    b"X-Api-Key: %s\r\nX-Api-Key: %s": BAD,
    b"X-Api-Key: %s\r\nx-api-key: garbage": BAD,
    b"X-Api-Key: garbage\r\nX-API-KEY: %s": BAD,
    b"X-Api-Key: \r\nX-Api-Key: %s": BAD,
    b"X-Api-Key: " + b"\xff" * 100: BAD,
    b"X-Api-Key: " + b"k" * 20_000: BAD,
    b"X-Api-Key: ' OR 1=1 --": BAD,
    b"X-Api-Key: %s\x00": MALFORMED,
}


@pytest.mark.parametrize("field", KEYS)
async def test_an_api_key_is_read_strictly(attacked: Victim, field: bytes) -> None:
    assert await judged(attacked, field.replace(b"%s", PROJECT_KEY.encode())) == KEYS[field]


PAIR = (b"X-User-Id: " + USER_ID.encode(), b"X-Auth-Token: " + LOGIN_TOKEN.encode())


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        (PAIR, GOOD),
        (PAIR[:1], ANONYMOUS),
        (PAIR[1:], ANONYMOUS),
        ((PAIR[0], b"X-Auth-Token: "), ANONYMOUS),
        ((PAIR[0], b"X-Auth-Token: garbage"), BAD),
        ((b"X-User-Id: somebody", PAIR[1]), BAD),
        ((*PAIR, PAIR[0]), BAD),
        ((*PAIR, PAIR[1]), BAD),
        ((*PAIR, b"x-user-id: somebody"), BAD),
        ((b"X-User-Id: somebody", *PAIR), BAD),
        (
            (b"X-User-Id: " + USER_ID[:-1].encode(), b"X-Auth-Token: " + USER_ID[-1:].encode() + LOGIN_TOKEN.encode()),
            BAD,
        ),
        ((b"X-User-Id: \xff", PAIR[1]), BAD),
    ],
)
async def test_a_pair_is_read_strictly(
    attacked: Victim, fields: tuple[bytes, ...], verdict: tuple[tuple[int, int], ...]
) -> None:
    assert await judged(attacked, *fields) == verdict


async def test_two_credentials_are_none_whichever_is_good_and_comes_first(attacked: Victim) -> None:
    bearer = b"Authorization: Bearer " + attacked.gateway.bearer.encode()
    cookie = b"Cookie: __session=" + attacked.gateway.cookie.encode()
    good = (KEY, b"X-User-Api-Key: " + USER_KEY.encode(), bearer, cookie, b"\r\n".join(PAIR))
    bad = (b"X-Api-Key: x", b"X-User-Api-Key: x", b"Authorization: Bearer x", b"Cookie: __session=x")
    pairs = [pair for pair in permutations((*good, *bad), 2) if pair[0][:10] != pair[1][:10]]
    for first, second in pairs:
        assert await judged(attacked, first, second) == BAD, (first, second)


async def test_a_public_route_reads_no_credential_and_forwards_none(attacked: Victim) -> None:
    cookie = b"Cookie: a=b; __session=x; __session=y"
    seen = await attacked.attack(get(b"/public/", KEY, b"X-Api-Key: x", b"Authorization: Bearer x", cookie, *PAIR))
    assert seen.statuses == (200,)
    (received,) = seen.received
    names = (b"x-api-key", b"authorization", b"x-user-id", b"x-auth-token")
    assert [received.all(name) for name in names] == [[]] * 4
    assert received.all(b"cookie") == [b"a=b"]


async def test_a_bad_cookie_on_an_optional_route_is_cleared_and_a_good_one_is_not(attacked: Victim) -> None:
    for value in (b"garbage", b"x; __session=y"):
        (refused,) = (await attacked.attack(get(b"/optional/", b"Cookie: __session=" + value))).responses
        assert refused.one(b"set-cookie") == b"__session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
    (both,) = (
        await attacked.attack(get(b"/optional/", KEY, b"Cookie: __session=" + attacked.gateway.cookie.encode()))
    ).responses
    assert (both.status, both.all(b"set-cookie")) == (401, [])


async def test_garbage_leaves_one_bounded_line_each_and_no_traceback(
    attacked: Victim, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    randomness = random.Random(20261121)  # noqa: S311 - garbage that is the same each time
    many = 2000

    async def throw(count: int) -> None:
        for _ in range(count):
            head = randomness.choice([b"GET /public/", b"GET /echo/?", b"\x16\x03\x01", b"", b"POST / HTTP/1.1\r\n"])
            noise = randomness.randbytes(randomness.choice([8, 200, 9000]))
            async with raw_client(attacked.gateway.port) as client:
                await client.send(head + noise + b" HTTP/1.1\r\n\r\n\r\n\r\n")
                assert (await client.read_some()).startswith(b"HTTP/1.")

    await asyncio.gather(*(throw(many // 8) for _ in range(8)))
    lines = attacked.gateway.log().splitlines()
    assert len(lines) == many
    assert max(map(len, lines)) < 8192
    assert {json.loads(line)["log"] for line in lines} == {"access"}
    assert caplog.records == []
    assert "Traceback" not in "".join(capfd.readouterr())
    assert attacked.upstream.requests == []


async def test_names_that_callers_make_up_are_no_growing_memory(attacked: Victim) -> None:
    for start in range(0, 5000, 100):
        fields = [b"X-Made-Up-%d: y" % number for number in range(start, start + 100)]
        async with raw_client(attacked.gateway.port) as client:
            await client.send(request(b"GET /public/ HTTP/1.1", *fields))
            assert (await client.response()).status == 200
    assert b"x-made-up" not in render(snapshot(attacked.gateway.process.metrics.registry))[0].lower()
    assert b"X-Made-Up" not in attacked.gateway.log()


async def test_long_names_that_callers_make_up_are_not_kept(attacked: Victim) -> None:
    async with raw_client(attacked.gateway.port) as client:

        async def ask(many: int) -> int:
            """Send as many requests, each with a name of its own, and return the bytes that the process holds then."""
            for number in range(many):
                await client.send(request(b"GET /public/ HTTP/1.1", b"X-%d-" % number + b"x" * 30_000 + b": y"))
                assert (await client.response()).status == 200
                attacked.upstream.requests.clear()
            return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

        before = await ask(100)
        assert await ask(1_000) - before < 20_000_000  # it was 60 kB for each name


async def test_a_cookie_of_somebody_elses_arrives_as_it_came_and_ours_never(attacked: Victim) -> None:
    ours = b"__session=" + attacked.gateway.cookie.encode()
    for others in (b'q="__session"', b'q="__session=x"; r=a,__session', b"next=/?__session=1", b"a=1;b= 2 ;c"):
        for cookies in (ours + b"; " + others, others + b"; " + ours):
            seen = await attacked.attack(get(b"/echo/", b"Cookie: " + cookies))
            assert seen.statuses == (200,)
            assert seen.received[0].all(b"cookie") == [others]
