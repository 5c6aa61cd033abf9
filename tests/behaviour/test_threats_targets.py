"""docs/THREATS.md section 1: the decision and the upstream never see different targets."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders.variants import CONTROLS, dot_segments, empty_segments, encoded_again, percent_encodings
from tests.support.gateways.attacks import CLOSE, KEY, Victim, get, request, victim
from tests.support.gateways.serving import ADMINS, MEMBER_KEY, Examples

MEMBER = b"X-Api-Key: " + MEMBER_KEY.encode()


async def test_dot_segments_are_refused_in_every_encoding(attacked: Victim) -> None:
    attacks = [get(b"/public" + trick + b"admin/", KEY) for trick in dot_segments()]
    assert len(attacks) > 300
    assert await attacked.misjudged(attacks, (400,)) == []


@pytest.mark.parametrize("ending", [b"/..", b"/.", b"/%2e%2E", b"/..?x", b"/.%2e;x", b"%2f..", b"%5c..", b"/..%2f"])
async def test_dot_segments_are_refused_at_the_end_too(attacked: Victim, ending: bytes) -> None:
    assert await attacked.misjudged([get(b"/public/a" + ending, KEY)], (400,)) == []


@pytest.mark.parametrize(
    "dots",
    [b"/%EF%BC%8E%EF%BC%8E/", b"/.%ef%bc%8e/", b"/%E2%80%A5/", b"%EF%BC%8F..%EF%BC%8F", b"/..%20/", b"/..%C2%A0/"],
)
async def test_dot_segments_of_compatibility_forms_are_refused(attacked: Victim, dots: bytes) -> None:
    assert await attacked.misjudged([get(b"/public" + dots + b"admin/", KEY)], (400,)) == []


async def test_empty_segments_are_refused_in_every_encoding(attacked: Victim) -> None:
    attacks = [get(b"/public" + pair, KEY) for pair in empty_segments()]
    attacks += [get(pair, KEY) for pair in (b"//admin/", b"///admin/", b"/%2fadmin/", b"/%2Fadmin/", b"//")]
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_bytes_that_servers_read_differently_are_refused_bare_and_encoded(attacked: Victim) -> None:
    bare = [bytes((byte,)) for byte in (*CONTROLS, *range(0x80, 0x100), *b" \\#")]
    encoded = [trick for byte in (*CONTROLS, *b"\\") for trick in [*percent_encodings(bytes((byte,)))][1:]]
    attacks = [get(b"/public/a" + trick + b"b", KEY) for trick in (*bare, *encoded)]
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_escapes_that_no_two_decoders_agree_on_are_refused(attacked: Victim) -> None:
    broken = [b"%", b"%z", b"%zz", b"%2", b"%2z", b"%%32e", b"%u002e", b"%uff0e", b"%-1", b"%+2", b"% 2", b"%\xb2\xb2"]
    overlong = [b"%c0%ae", b"%C0%AF", b"%e0%80%ae", b"%f0%80%80%ae", b"%c1%9c", b"%ff", b"%ed%a0%80", b"%80", b"%c3"]
    attacks = [get(b"/public/" + trick + b"/admin/", KEY) for trick in (*broken, *overlong)]
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_path_parameters_are_refused_where_no_route_allows_them(attacked: Victim) -> None:
    tricks = (
        b"/public;",
        b"/public/a;x=y",
        b"/public/%3b",
        b"/public/a%3Bx",
        b"/admin;x=y",
        b"/;/admin/",
        b"/public;/admin",
    )
    assert await attacked.misjudged([get(trick, KEY) for trick in tricks], (400,)) == []


async def test_path_parameters_are_carried_as_sent_where_a_route_allows_them_and_never_cross_it(
    examples: Examples, tmp_path: Path
) -> None:
    def routes(upstream: str) -> list[dict[str, object]]:
        return [
            {"name": "guarded", "match": {"path": "/a/admin/"}, "require": ADMINS, "upstream": upstream},
            {
                "name": "open",
                "match": {"path": "/a/"},
                "access": "public",
                "path_parameters": True,
                "upstream": upstream,
            },
        ]

    async with victim(examples, tmp_path, routes=routes) as running:
        for kept in (b"/a/b;x=y", b"/a/b;", b"/a/b%3bc", b"/a/x;y/z"):
            assert await running.misjudged([get(kept)], (200,), (kept,)) == []
        hidden = (
            b"/a/admin;x",
            b"/a/admin;x/y",
            b"/a/b;%2f..%2fadmin",
            b"/a;x/admin/",
            b"/a/%61dmin%3b/",
            b"/a/;/admin/",
        )
        assert await running.misjudged([get(target, KEY) for target in hidden], (400,)) == []


async def test_double_encoding_stays_literal(attacked: Victim) -> None:
    twice = [
        encoded_again(trick) for text in (b"..", b"../", b"/", b"\\", b"\0", b";") for trick in percent_encodings(text)
    ]
    targets = [b"/public/a" + trick + b"admin/" for trick in twice if trick.count(b"%25") and b";" not in trick]
    for target in targets:
        assert await attacked.misjudged([get(target)], (200,), (target,)) == []


@pytest.mark.parametrize("slash", [b"%2f", b"%2F"])
async def test_an_encoded_slash_stays_in_its_segment_whatever_its_case(attacked: Victim, slash: bytes) -> None:
    inside = b"/public/a" + slash + b"b"
    assert await attacked.misjudged([get(inside)], (200,), (inside,)) == []
    for across in (b"/public" + slash + b"admin/", b"/admin" + slash + b"x", b"/echo" + slash, b"/public" + slash):
        assert await attacked.misjudged([get(across, KEY)], (404,)) == []


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/private?path=/public/", 404),
        (b"/?/public/", 404),
        (b"/echo/?/../../public/", 401),
        (b"/admin/?x=/public/#", 400),
        (b"/echo?/public/", 401),
    ],
)
async def test_the_query_takes_no_part_in_matching(attacked: Victim, target: bytes, status: int) -> None:
    assert await attacked.misjudged([get(target)], (status,)) == []


async def test_a_query_is_carried_byte_for_byte(attacked: Victim) -> None:
    for query in (b"?", b"??", b"?a=%00%0d%0a", b"?../..//;x%zz", b"?a=b&a=b&&=", b"?\\|^`{}\"<>'"):
        assert await attacked.misjudged([get(b"/public/a" + query)], (200,), (b"/public/a" + query,)) == []


async def test_what_is_judged_is_what_is_sent_where_letters_are_encoded(attacked: Victim) -> None:
    for trick in (b"/%61dmin/", b"/a%64min/x", b"/%61%64%6d%69%6e/", b"/admi%6E"):
        assert await attacked.misjudged([get(trick)], (401,)) == []
        assert await attacked.misjudged([get(trick, MEMBER)], (403,)) == []
        seen = await attacked.attack(get(trick, KEY))
        assert (seen.statuses, seen.targets[0][:6]) == ((200,), b"/admin")


def allowing(**keys: bool) -> Callable[[str], list[dict[str, object]]]:
    """Return routes where a public one allows what `keys` say, and two others guard some paths."""

    def routes(upstream: str) -> list[dict[str, object]]:
        return [
            {"name": "guarded", "match": {"path": "/admin/"}, "require": ADMINS, "upstream": upstream},
            {"name": "inner", "match": {"path": "/open/admin/"}, "upstream": upstream, "strip_prefix": "/open"},
            {"name": "open", "match": {"path": "/open/"}, "access": "public", "upstream": upstream}
            | {"strip_prefix": "/open", **keys},
            {"name": "all", "match": {"path": "/"}, "access": "public", "upstream": upstream, **keys},
            {"name": "strict", "match": {"host": "strict.test", "path": "/strict/"}, "upstream": upstream},
        ]

    return routes


ODD_PATHS = {
    "encoded_slashes": (b"/api/queues/%2F/orders", b"/r/https%3A%2F%2Fexample.com%2Fx", b"/r/a%2f%2fb", b"/%2Fa"),
    "empty_segments": (b"/bucket/a//b", b"/bucket//", b"/x///y", b"//bucket/a"),
    "any_bytes": (b"/a%5Cb", b"/a%0Ab", b"/caf%E9", b"/a%00b", b"/%ff"),
}
"""What real clients send: RabbitMQ's default host, URLs in paths, object keys, file names in Latin-1."""


@pytest.mark.parametrize("key", ODD_PATHS)
async def test_a_path_that_a_route_allows_arrives_as_it_came(examples: Examples, tmp_path: Path, key: str) -> None:
    async with victim(examples, tmp_path, routes=allowing(**{key: True})) as running:
        for path in ODD_PATHS[key]:
            assert await running.misjudged([get(path + b"?q")], (200,), (path + b"?q",)) == []
            assert await running.misjudged([get(b"/open" + path)], (200,), (path,)) == []
            assert await running.misjudged([get(b"/admin" + path, KEY), get(b"/open/admin" + path)], (400,)) == []
        others = [path for other in ODD_PATHS if other != key for path in ODD_PATHS[other]]
        assert await running.misjudged([get(path) for path in others], (400,)) == []
    async with victim(examples, tmp_path, routes=allowing()) as running:
        assert await running.misjudged([get(path) for paths in ODD_PATHS.values() for path in paths], (400,)) == []


GUARDED_SOMEHOW = {
    "encoded_slashes": (b"/%2Fadmin/", b"/x%2F%2Fadmin/"[2:], b"/admin%2F%2Fx", b"/open%2F%2Fadmin/", b"/%2F%2Fadmin"),
    "empty_segments": (b"//admin/", b"///admin/", b"//x/admin/", b"/open//admin/", b"/open//x/admin/y", b"//x//admin/"),
    "any_bytes": (b"/%5Cadmin/", b"/admin%5Cx", b"/admin%00.png", b"/adm%00in/", b"/admin%0A", b"/%C0%AFadmin/"),
}


@pytest.mark.parametrize("key", GUARDED_SOMEHOW)
async def test_what_a_route_allows_is_no_way_to_another_one(examples: Examples, tmp_path: Path, key: str) -> None:
    async with victim(examples, tmp_path, routes=allowing(**{key: True})) as running:
        attacks = [get(path) for path in GUARDED_SOMEHOW[key]]
        attacks += [get(b"/open" + path) for path in GUARDED_SOMEHOW[key] if not path.startswith(b"/open")]
        assert [(raw, seen) for raw, seen, targets in await running.misjudged(attacks, (400,)) if seen != (404,)] == []
        everything = [get(prefix + dots + b"admin/") for dots in dot_segments() for prefix in (b"/open",)]
        assert await running.misjudged(everything, (400,)) == []


async def test_doors_judge_what_a_route_allows_as_the_proxied_path_does(examples: Examples, tmp_path: Path) -> None:
    door = {"traefik": {"peers": ["127.0.0.0/8"]}, "envoy": {"peers": ["127.0.0.0/8"]}}
    keys = {"encoded_slashes": True, "empty_segments": True, "any_bytes": True}
    async with victim(examples, tmp_path, routes=allowing(**keys), forward_auth=door) as running:
        told = (b"X-Forwarded-Method: GET", b"X-Forwarded-Proto: http", b"X-Forwarded-Host: gateway.test")
        known = (b"X-Forwarded-Proto: http", b"X-Real-IP: 192.0.2.1")
        guarded = [path for paths in GUARDED_SOMEHOW.values() for path in paths]
        for path in (*(path for paths in ODD_PATHS.values() for path in paths), *guarded):
            at_traefik = get(
                b"/_gateway/auth/traefik", *told, b"X-Forwarded-Uri: " + path, b"X-Forwarded-For: 192.0.2.1"
            )
            at_envoy = get(b"/_gateway/auth/envoy" + path, *known)
            seen = {(await running.attack(raw)).statuses for raw in (at_traefik, at_envoy, get(path))}
            assert len(seen) == 1, (path, seen)
            assert ((200,) in seen) is (path not in guarded)


SPELLINGS = (b"/ADMIN", b"/Admin/users", b"/%41DMIN/x", b"/EXACT", b"/exact/", b"/%65XACT/", b"/%40team/", b"/admin./x")


def beside_guarded(upstream: str, **more: object) -> list[dict[str, object]]:
    """Routes that guard some paths, and a public one for all others."""
    guarded = [
        {"name": str(place), "match": {"path": path}, "require": ADMINS, "upstream": upstream}
        for place, path in enumerate(("/admin/", "/exact", "/@team/"))
    ]
    return [*guarded, {"name": "open", "match": {"path": "/"}, "access": "public", "upstream": upstream, **more}]


async def test_letter_case_and_a_last_slash_are_no_way_around_a_route(examples: Examples, tmp_path: Path) -> None:
    async with victim(examples, tmp_path, routes=beside_guarded) as running:
        for fields in ((), (MEMBER,), (KEY,)):
            assert await running.misjudged([get(path, *fields) for path in SPELLINGS], (404,)) == []
        for path in (b"/exact", b"/admin", b"/admin/", b"/@team/x"):
            assert await running.misjudged([get(path)], (401,)) == []
            assert await running.misjudged([get(path, MEMBER)], (403,)) == []
            assert await running.misjudged([get(path, KEY)], (200,), (path,)) == []
        for path in (b"/Other/", b"/other"):
            assert await running.misjudged([get(path)], (200,), (path,)) == []


async def test_an_upstream_that_tells_letter_case_apart_gets_every_spelling(examples: Examples, tmp_path: Path) -> None:
    def routes(upstream: str) -> list[dict[str, object]]:
        return beside_guarded(upstream, case_sensitive=True)

    async with victim(examples, tmp_path, routes=routes) as running:
        for path in (b"/ADMIN", b"/EXACT", b"/exact/", b"/%40team/"):
            assert await running.misjudged([get(path)], (200,), (path,)) == []
        assert await running.misjudged([get(b"/%61dmin/"), get(b"/exact"), get(b"/admin")], (401,)) == []


async def test_a_door_judges_letter_case_as_the_proxied_path_does(examples: Examples, tmp_path: Path) -> None:
    door = {"traefik": {"peers": ["127.0.0.0/8"]}}
    async with victim(examples, tmp_path, routes=beside_guarded, forward_auth=door) as running:
        for path, status in ((b"/ADMIN", 404), (b"/exact/", 404), (b"/exact", 401), (b"/other", 200)):
            told = (b"X-Forwarded-Method: GET", b"X-Forwarded-Proto: http", b"X-Forwarded-Host: gateway.test")
            asked = get(b"/_gateway/auth/traefik", *told, b"X-Forwarded-Uri: " + path, b"X-Forwarded-For: 192.0.2.1")
            assert await running.misjudged([asked], (status,)) == []


async def test_a_prefix_is_stripped_of_the_string_that_is_sent(examples: Examples, tmp_path: Path) -> None:
    def routes(upstream: str) -> list[dict[str, object]]:
        return [
            {"name": "a", "match": {"path": "/a/"}, "access": "public", "strip_prefix": "/a", "upstream": upstream},
        ]

    async with victim(examples, tmp_path, routes=routes) as running:
        for target, sent in (
            (b"/a/b", b"/b"),
            (b"/a", b"/"),
            (b"/a/", b"/"),
            (b"/a?q", b"/?q"),
            (b"/%61/b", b"/b"),
            (b"/a/a/b", b"/a/b"),
            (b"/a/%2561", b"/%2561"),
        ):
            assert await running.misjudged([get(target)], (200,), (sent,)) == []
        for target in (b"/a//b", b"/a/%2fb", b"/a/../b", b"/a%2f/b", b"/a/./b"):
            assert await running.misjudged([get(target)], (400,)) == []
        for target in (b"/ab", b"/a%2fb", b"/A/b"):
            assert await running.misjudged([get(target)], (404,)) == []


async def test_an_absolute_form_that_agrees_with_the_host_is_sent_in_origin_form(attacked: Victim) -> None:
    for target, sent in (
        (b"http://gateway.test/public/a?b", b"/public/a?b"),
        (b"HTTP://Gateway.Test.:80/public/", b"/public/"),
        (b"http://gateway.test/public/?x=/../admin", b"/public/?x=/../admin"),
    ):
        assert await attacked.misjudged([get(target)], (200,), (sent,)) == []
        assert b"gateway.test/" not in attacked.upstream.requests[-1].raw
    assert await attacked.misjudged([get(b"http://gateway.test/admin/")], (401,)) == []
    assert await attacked.misjudged([get(b"http://gateway.test"), get(b"http://gateway.test?x")], (404,)) == []
    assert await attacked.misjudged([get(b"http://gateway.test", method=b"OPTIONS")], (400,)) == []


async def test_a_check_in_http_1_0_without_a_host_meets_no_hosts_route(examples: Examples, tmp_path: Path) -> None:
    def routes(upstream: str) -> list[dict[str, object]]:
        return [
            {"name": "guarded", "match": {"host": "admin.test", "path": "/"}, "access": "public", "upstream": upstream},
            {"name": "open", "match": {"path": "/"}, "access": "public", "upstream": upstream},
        ]

    async with victim(examples, tmp_path, routes=routes) as running:
        seen = await running.attack(b"GET /health HTTP/1.0\r\n\r\n")
        assert (seen.statuses, seen.targets) == ((200,), (b"/health",))
        assert seen.received[0].all(b"host") == [b"127.0.0.1:%d" % running.upstream.port]
        assert seen.received[0].all(b"x-forwarded-host") == []
        assert b'"route":"open"' in running.gateway.log()
        refused = [
            b"GET / HTTP/1.0\r\nHost:\r\n\r\n",
            b"GET http://admin.test/ HTTP/1.0\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
        ]
        assert await running.misjudged(refused, (400,)) == []


async def test_only_the_origin_form_is_carried(attacked: Victim) -> None:
    forms = (
        b"*",
        b"http://u@gateway.test/public/",
        b"http://gateway.test:8080/public/",
        b"http://gateway.test#/public/",
        b"http://gateway.test/public/../admin/",
        b"http://gateway.test//admin/",
        b"https://gateway.test/public/",
        b"http://evil.test/public/",
        b"http:/public/",
        b"http:///public/",
        b"gateway.test:80",
        b"gateway.test/public/",
        b"public/",
        b"?/public/",
        b"ftp://gateway.test/public/",
        b"@gateway.test/public/",
        b"\\public\\",
    )
    attacks = [get(form, KEY, method=method) for form in forms for method in (b"GET", b"POST", b"HEAD", b"OPTIONS")]
    assert await attacked.misjudged(attacks, (400,)) == []


@pytest.mark.parametrize(
    ("methods", "status"),
    [
        ((b"TRACE", b"CONNECT", b"TRACK", b"PRI", b"Trace"), 405),
        ((b"get", b"Get", b"propfind", b"Mkcol", b"T" * 65, b"T" * 9000), 501),
        ((b"G\x00T", b"", b"GET,POST", b"\xc7ET"), 400),
    ],
)
async def test_methods_that_are_not_carried(attacked: Victim, methods: tuple[bytes, ...], status: int) -> None:
    attacks = [
        get(target, KEY, method=method) for method in methods for target in (b"/public/", b"/echo/", b"/nowhere")
    ]
    assert await attacked.misjudged(attacks, (status,)) == []


HOSTS_THAT_ARE_NONE = (
    b"",
    b" ",
    b"a@b",
    b"a, for=evil",
    b"a;b",
    b"a:x",
    b"a:",
    b"a:0",
    b"a:65536",
    b"a:80:80",
    b"a:-1",
    b"a:\xb2",
    b"a/b",
    b"a?b",
    b"a#b",
    b"a\\b",
    b"a b",
    b"a\tb",
    b"a..b",
    b".a",
    b"a..",
    b"%61",
    b"\xc3\xa9",
    b"[::1",
    b"::1",
    b"[gg]",
    b"[::1]x",
    b"http://a",
    b"*",
    b"a" * 300,
)


@pytest.mark.parametrize("host", HOSTS_THAT_ARE_NONE)
async def test_a_malformed_host_is_refused(attacked: Victim, host: bytes) -> None:
    raw = b"GET /public/ HTTP/1.1\r\nHost: " + host + b"\r\n" + CLOSE + b"\r\n\r\n"
    assert await attacked.misjudged([raw], (400,)) == []


async def test_a_host_that_is_missing_or_doubled_is_refused(attacked: Victim) -> None:
    line = b"GET /public/ HTTP/1.1"
    attacks = [request(line, again) for again in (b"Host: gateway.test", b"host: evil.test", b"HOST:")]
    attacks += [line + b"\r\n\r\n"]
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_a_host_that_only_other_spellings_name_never_arrives(attacked: Victim) -> None:
    seen = await attacked.attack(
        get(b"/public/", b"X-Forwarded-Host: evil", b"X_Host: kept", b"H.ost: kept", b"Forwarded: host=evil")
    )
    assert seen.statuses == (200,)
    assert b"evil" not in seen.received[0].raw
    assert seen.received[0].all(b"host") == [b"gateway.test"]


async def test_hosts_match_whatever_their_case_dot_and_default_port(examples: Examples, tmp_path: Path) -> None:
    def routes(upstream: str) -> list[dict[str, object]]:
        return [
            {"name": "guarded", "match": {"host": "admin.example.com", "path": "/"}, "upstream": upstream},
            {"name": "open", "match": {"path": "/"}, "access": "public", "upstream": upstream},
        ]

    async with victim(examples, tmp_path, routes=routes) as running:
        for host in (b"admin.example.com", b"ADMIN.example.COM", b"admin.example.com.", b"Admin.Example.Com.:80"):
            raw = b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n" + CLOSE + b"\r\n\r\n"
            assert await running.misjudged([raw], (401,)) == []
        for host in (b"admin.example.com.evil.test", b"xadmin.example.com", b"x.admin.example.com"):
            raw = b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n" + CLOSE + b"\r\n\r\n"
            assert await running.misjudged([raw], (200,), (b"/",)) == []
