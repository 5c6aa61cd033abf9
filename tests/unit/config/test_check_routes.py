from pathlib import Path

import pytest
import trustme

from gateway.config.check_routes import check_routes
from tests.support.builders.configs import LEAST, SECRET, lines, partial, problems, route_problems

WITHOUT_TLS = "is reached without TLS: whoever is on the way can read it and forge identity headers"
LOGIN_WITHOUT_TLS = "is reached without TLS: whoever is on the way can read it and sign in instead"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("match: {}, credentials: [key, token]", []),
        ("match: {}, credentials: [broken]", []),
        ("match: {}, credentials: [lost]", ["routes[0].credentials[0]: lost is not one of credentials"]),
        ("match: {}, credentials: [key, key]", ["routes[0].credentials[1]: key is listed twice"]),
        ("match: {}, credentials: [key], on_unauthenticated: {redirect: '/login?next={url}'}", []),
        ("match: {}, credentials: [key], on_unauthenticated: {redirect: 'http://localhost/?next={url}'}", []),
        (
            "match: {}, access: public, on_unauthenticated: {redirect: 'https://id.example.com/'}",
            ["routes[0].on_unauthenticated: is never asked for: the route is public"],
        ),
        (
            "match: {}, credentials: [key], on_unauthenticated: {redirect: 'http://id.example.com/?next={url}'}",
            [f"warning: routes[0].on_unauthenticated.redirect: {LOGIN_WITHOUT_TLS}"],
        ),
        ("match: {}, credentials: []", ["routes[0].credentials: reads no credential, so nobody can ever pass"]),
        (
            "match: {}, credentials: [key, same]",
            ["routes[0].credentials: same and key both read the header x-api-key"],
        ),
        ("match: {}", ["routes[0].credentials: same and key both read the header x-api-key"]),
        ("match: {}, access: public", []),
        (
            "match: {}, access: public, credentials: [key]",
            ["warning: routes[0].credentials: is not used: a public route reads no credential"],
        ),
    ],
)
def test_a_route_reads_what_exists(keys: str, expected: list[str]) -> None:
    assert route_problems(keys) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "match: {}, access: public, require: {roles: admin}",
            ["routes[0].require: is never asked for: the route is public"],
        ),
        (
            "match: {}, access: public, rate_limit: {per: session, rate: 1/s, burst: 1}",
            ["routes[0].rate_limit: limits nobody: a public route knows no session; use per: address"],
        ),
        ("match: {}, access: public, rate_limit: {per: address, rate: 1/s, burst: 1}", []),
        (
            "match: {}, access: public, audience: orders",
            ["warning: routes[0].audience: is not used: there is no identity.token"],
        ),
        (
            "match: {path: /a/}, access: public, strip_prefix: /b",
            ["routes[0].strip_prefix: is not what the route's path begins with: /a/"],
        ),
        (
            "match: {path: /ab/}, access: public, strip_prefix: /a",
            ["routes[0].strip_prefix: is not what the route's path begins with: /ab/"],
        ),
        ("match: {path: /a/b/}, access: public, strip_prefix: /a/", []),
        ("match: {path: /a}, access: public, strip_prefix: /a", []),
    ],
)
def test_a_rule_without_effect_is_reported(keys: str, expected: list[str]) -> None:
    assert route_problems(keys) == expected


def test_an_upstream_without_tls_is_warned_of_unless_it_is_this_machine() -> None:
    upstreams = "['http://a', 'https://b', 'http://[::1]', 'http://a']"
    text = f"routes: [{{name: r, match: {{}}, access: public, upstream: {upstreams}}}]"
    assert lines(check_routes(partial(text))) == [
        f"warning: routes[0].upstream[0]: {WITHOUT_TLS}",
        f"warning: routes[0].upstream[3]: {WITHOUT_TLS}",
        "warning: routes[0].upstream[3]: is listed twice",
    ]


def test_tls_of_no_use_is_reported() -> None:
    assert route_problems("match: {path: /a/}, access: public, tls: {server_name: a}") == [
        "routes[0].tls: is of no use: no upstream here is https://"
    ]


def test_one_upstream_is_verified_in_one_way(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    routes = "routes:\n" + "".join(
        f"  - {{name: r{place}, match: {{path: /{place}/}}, upstream: 'https://a.example', tls: {{{tls}}}}}\n"
        for place, tls in enumerate(("", "server_name: b", f"ca_file: {tmp_path}/ca.pem"))
    )
    assert lines(check_routes(partial(LEAST[: LEAST.index("routes:")] + routes))) == [
        "routes[2].tls: is another than that of r0 for the same upstream and server_name"
    ]


def test_two_routes_of_one_name_are_reported() -> None:
    rest = "access: public, upstream: 'http://127.0.0.1'"
    text = f"routes: [{{name: r, match: {{path: /a}}, {rest}}}, {{name: r, match: {{path: /b}}, {rest}}}]"
    assert lines(check_routes(partial(text))) == ["routes[1].name: is the name of routes[0] too"]


def test_two_routes_of_one_name_are_reported_although_neither_is_valid() -> None:
    text = "routes: [{name: r, spam: 1}, 7, {name: s}, {name: r, match: {path: a}}, {name: 7}, {name: 7}]"
    assert lines(check_routes(partial(text))) == ["routes[3].name: is the name of routes[0] too"]


READERS_OF_URLS = f"""\
secret: {SECRET}
trusted_proxies: []
authorities:
  accounts: {{kind: directory, url: "sqlite:///gateway.db", pepper: {SECRET}}}
credentials:
  key: {{kind: api_key, header: x-api-key, type: project, authority: accounts}}
  url: {{kind: query, parameter: access_token, authority: accounts}}
  edge: {{kind: header_jwt, header: x-edge, authority: accounts}}
session_info: [{{dialect: composio, credentials: [key, url]}}]
forward_auth: {{nginx: {{peers: [10.0.0.0/8]}}}}
routes:
  - {{name: events, match: {{path: /events/}}, credentials: [key, url], upstream: "http://127.0.0.1:2"}}
  - {{name: rest, match: {{path: /}}, upstream: "http://127.0.0.1:2"}}
"""


def told(text: str) -> list[str]:
    """Return the problems without their places."""
    return [line.split(": ", 1)[1] for line in problems(text)]


EDGE = "warning: credentials.edge.kind: is believed of trusted_proxies alone, and there are none: this is nobody's"
ASKED = (
    "warning: routes[0].credentials[1]: url is sent on by a proxy that asks at a forward-auth endpoint, secret and all"
)
NOT_SENT = (
    "session_info[0].credentials[1]: url is for routes alone: it is cut out of what is sent, and nothing is sent here"
)
ALIKE_READERS = (
    "routes[0].credentials: sdk and token both read the header authorization (bearer), and neither `prefix` nor "
    "`form` tells their secrets apart"
)


def test_a_secret_that_stays_in_a_url_is_told() -> None:
    assert told(READERS_OF_URLS) == [EDGE, NOT_SENT, ASKED]


def test_readers_that_cannot_be_told_apart_are_told() -> None:
    sdk = "  sdk: {kind: api_key, scheme: Bearer, type: project, authority: accounts}\nroutes:"
    assert told(LEAST.replace("routes:", sdk)) == [ALIKE_READERS]


def test_two_cookies_of_which_one_is_judged_are_not_sent_on() -> None:
    cookie = "  cookie: {kind: cookie, name: sid, on_many: first, authority: accounts}\nroutes:"
    both = LEAST.replace("routes:", cookie) + "    forward_credentials: true\n"
    assert told(LEAST.replace("routes:", cookie)) == []
    (problem,) = told(both)
    assert problem.startswith("routes[0].forward_credentials: sends both of two cookies on, of which cookie judges the")
