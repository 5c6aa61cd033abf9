from pathlib import Path

import pytest
import trustme

from gateway.config.check_routes import OwnPath, check_credentials, check_routes, own_paths
from tests.support.builders.configs import LEAST, SECRET, lines, partial, problems

WITHOUT_TLS = "is reached without TLS: whoever is on the way can read it and forge identity headers"
LOGIN_WITHOUT_TLS = "is reached without TLS: whoever is on the way can read it and sign in instead"
NEVER = "cannot tell what is not its own, so"
EXACT = "warning: routes[0].match.path: is exact, and many serve /a/ alike: routes[1] (r1), a laxer one, "
LISTED = (
    "warning: routes[0].match.methods: lists some methods; all others, made-up ones too, are of routes[1] (r1), "
    "a laxer one"
)
ALIKE = (
    "warning: routes[1].match.path: is answered 404: without letter case or its last slash it is of routes[0] (r0); "
    "case_sensitive: true where the upstream tells them apart"
)
AUTHORITIES = """\
authorities:
  accounts: {kind: directory, url: "sqlite:///gateway.db", pepper: p}
  chat: {kind: remote, dialect: rocketchat, url: "https://chat.example.com/info"}
  opaque: {kind: introspection, url: "https://id.example.com/introspect", client_id: gw, client_secret: s}
  broken: {kind: jwt}
"""
READERS = """\
credentials:
  key: {kind: api_key, header: x-api-key, type: project, authority: accounts}
  same: {kind: api_key, header: X-API-Key, type: user, authority: accounts}
  token: {kind: bearer, authority: accounts}
  broken: {kind: cookie}
"""
SERVED = (
    "session_info:\n"
    "  - {dialect: composio, credentials: [key], hosts: [api.example.com]}\n"
    "  - {dialect: memghost, credentials: [token]}\n"
    "forward_auth: {envoy: {path: /ask/, peers: [10.0.0.0/8]}}\n"
    "identity: {token: {issuer: i, keys_file: k, jwks_path: /keys}}\n"
)


def of_routes(*routes: str, more: str = READERS) -> list[str]:
    """Return the problems of routes, each given without its name and upstream."""
    entries = "".join(
        f"  - {{name: r{place}, upstream: 'http://127.0.0.1:1', {keys}}}\n" for place, keys in enumerate(routes)
    )
    return lines(check_routes(partial(f"{more}routes:\n{entries}")))


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
    assert of_routes(keys) == expected


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
    assert of_routes(keys) == expected


def test_an_upstream_without_tls_is_warned_of_unless_it_is_this_machine() -> None:
    upstreams = "['http://a', 'https://b', 'http://[::1]', 'http://a']"
    text = f"routes: [{{name: r, match: {{}}, access: public, upstream: {upstreams}}}]"
    assert lines(check_routes(partial(text))) == [
        f"warning: routes[0].upstream[0]: {WITHOUT_TLS}",
        f"warning: routes[0].upstream[3]: {WITHOUT_TLS}",
        "warning: routes[0].upstream[3]: is listed twice",
    ]


def test_tls_of_no_use_is_reported() -> None:
    assert of_routes("match: {path: /a/}, access: public, tls: {server_name: a}") == [
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


@pytest.mark.parametrize(
    ("keys", "taken"),
    [
        ("match: {path: /_gateway/session}, access: public", True),
        ("match: {path: /_gateway/session/}, access: public", True),
        ("match: {path: /auth/session}, access: public", True),
        ("match: {path: /auth/session, host: api.example.com}, access: public", True),
        ("match: {path: /auth/session, host: www.example.com}, access: public", False),
        ("match: {path: /auth/}, access: public", False),
        ("match: {}, access: public", False),
    ],
)
def test_a_route_for_an_own_path_is_warned_of(keys: str, taken: bool) -> None:
    endpoint = "session_info: [{dialect: memghost, credentials: [token], hosts: [api.example.com]}]\n"
    problems = of_routes(keys, more=READERS + endpoint)
    assert [line.startswith("warning: routes[0].match.path: the gateway answers /") for line in problems] == [
        True
    ] * taken


def test_a_route_beneath_the_gateways_own_path_is_warned_of_once() -> None:
    alone = "is beneath /_gateway/, where the gateway alone answers: this route gets nothing"
    assert of_routes("match: {path: /_gateway/a}, access: public") == [f"warning: routes[0].match.path: {alone}"]
    assert len(of_routes("match: {path: /_gateway/session}, access: public")) == 1


def test_two_routes_of_one_name_are_reported() -> None:
    rest = "access: public, upstream: 'http://127.0.0.1'"
    text = f"routes: [{{name: r, match: {{path: /a}}, {rest}}}, {{name: r, match: {{path: /b}}, {rest}}}]"
    assert lines(check_routes(partial(text))) == ["routes[1].name: is the name of routes[0] too"]


def test_two_routes_of_one_name_are_reported_although_neither_is_valid() -> None:
    text = "routes: [{name: r, spam: 1}, 7, {name: s}, {name: r, match: {path: a}}, {name: 7}, {name: 7}]"
    assert lines(check_routes(partial(text))) == ["routes[3].name: is the name of routes[0] too"]


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (
            ("match: {path: /a/}, credentials: token", "match: {path: /a/b/}, credentials: token"),
            ["warning: routes[1].match: can never match: routes[0] (r0) takes all of it"],
        ),
        (
            (
                "match: {path: /a/, methods: [GET]}, access: public",
                "match: {path: /a/b/}, credentials: token",
            ),
            ["warning: routes[1].match: is stricter than routes[0] (r0), which takes a part of it"],
        ),
        (
            ("match: {path: /a/b/}, access: public", "match: {path: /a/}, credentials: token"),
            ["warning: routes[0].access: is public, inside of what routes[1] (r1) requires a session for"],
        ),
        (("match: {path: /a/b/}, credentials: token", "match: {path: /a/}, credentials: token"), []),
        (
            ("match: {path: /a/, methods: [PUT, DELETE]}, credentials: token", "match: {path: /a/}, access: public"),
            [
                LISTED,
            ],
        ),
        (
            (
                "match: {path: /a/, methods: [PUT, DELETE]}, credentials: token",
                "match: {path: /a/, methods: [GET]}, access: public",
            ),
            [],
        ),
        (
            ("match: {path: /a/, methods: [GET]}, access: public", "match: {path: /a/}, credentials: token"),
            [
                "warning: routes[1].match: is stricter than routes[0] (r0), which takes a part of it",
                "warning: routes[0].access: is public, inside of what routes[1] (r1) requires a session for",
            ],
        ),
        (
            ("match: {path: /a}, credentials: token", "match: {path: /}, access: public"),
            [
                EXACT + "would take it, so it is answered 404",
            ],
        ),
        (
            (
                "match: {path: /a}, credentials: token",
                "match: {path: /}, access: public, case_sensitive: true",
            ),
            [
                EXACT + "takes it",
            ],
        ),
        (
            ("match: {path: /A/}, credentials: token", "match: {path: /a/}, credentials: token"),
            [
                ALIKE,
            ],
        ),
        (
            (
                "match: {path: /A/}, credentials: token",
                "match: {path: /a/}, credentials: token, case_sensitive: true",
            ),
            [],
        ),
    ],
)
def test_routes_that_hide_each_other_are_warned_of(routes: tuple[str, ...], expected: list[str]) -> None:
    assert of_routes(*routes) == expected


def test_places_are_the_files_though_a_route_before_cannot_be_read() -> None:
    assert of_routes(
        "match: {path: //}", "match: {path: /a/}, access: public", "match: {path: /a/b}, access: public"
    ) == ["warning: routes[2].match: can never match: routes[1] (r1) takes all of it"]


def of_credentials(text: str) -> list[str]:
    return lines(check_credentials(partial(AUTHORITIES + text)))


@pytest.mark.parametrize(
    ("authority", "expected"),
    [
        ("[accounts, opaque]", []),
        ("[broken, chat]", []),
        ("nobody", ["credentials.t.authority[0]: nobody is not one of authorities"]),
        ("[accounts, accounts]", ["credentials.t.authority[1]: accounts is listed twice"]),
        (
            "[chat, accounts]",
            [f"credentials.t.authority[0]: chat {NEVER} accounts would never be asked: put it last"],
        ),
        (
            "[opaque, chat]",
            [f"credentials.t.authority[0]: opaque {NEVER} chat would never be asked: put it last"],
        ),
    ],
)
def test_a_list_of_authorities_can_be_asked_in_its_order(authority: str, expected: list[str]) -> None:
    assert of_credentials(f"credentials: {{t: {{kind: bearer, authority: {authority}}}}}") == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ("[{dialect: composio, credentials: [key, broken]}]", []),
        (
            "[{dialect: composio, credentials: [lost]}]",
            ["session_info[0].credentials[0]: lost is not one of credentials"],
        ),
        (
            "[{dialect: composio, credentials: [key, key]}]",
            ["session_info[0].credentials[1]: key is listed twice"],
        ),
        (
            "[{dialect: composio, credentials: [key, same]}]",
            ["session_info[0].credentials: same and key both read the header x-api-key"],
        ),
        (
            "[{dialect: composio, credentials: key}, {dialect: composio, credentials: key}]",
            ["session_info[1]: answers at /api/v3/auth/session/info, where session_info, composio is answered already"],
        ),
        (
            "[{dialect: composio, credentials: key, hosts: [a]}, {dialect: composio, credentials: key, hosts: [b]}]",
            [],
        ),
        ("[{dialect: nobody's}, {dialect: memghost, credentials: token}]", []),
    ],
)
def test_an_endpoint_reads_what_exists_and_answers_where_nobody_else_does(entries: str, expected: list[str]) -> None:
    assert of_credentials(f"{READERS}session_info: {entries}") == expected


def test_every_own_path_says_whose_it_is() -> None:
    config = partial(LEAST + SERVED)
    owners = {own.path: (own.owner, own.key) for own in own_paths(config.sections, config.session_info)}
    assert owners == {
        "/_gateway/session": ("the session in its normal form", ()),
        "/_gateway/openapi.json": ("the OpenAPI document", ()),
        "/keys": ("the identity token's keys", ("identity", "token", "jwks_path")),
        "/ask": ("forward-auth, envoy", ("forward_auth", "envoy", "path")),
        "/api/v3/auth/session/info": ("session_info, composio", ("session_info", 0)),
        "/api/v3.1/auth/session/info": ("session_info, composio", ("session_info", 0)),
        "/auth/session": ("session_info, memghost", ("session_info", 1)),
        "/api/v1/auth/session": ("session_info, memghost", ("session_info", 1)),
    }


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        (OwnPath("/a", "x"), OwnPath("/a", "y"), True),
        (OwnPath("/a", "x"), OwnPath("/b", "y"), False),
        (OwnPath("/a", "x", (), frozenset({"h"})), OwnPath("/a", "y"), True),
        (OwnPath("/a", "x", (), frozenset({"h", "i"})), OwnPath("/a", "y", (), frozenset({"i"})), True),
        (OwnPath("/a", "x", (), frozenset({"h"})), OwnPath("/a", "y", (), frozenset({"i"})), False),
    ],
)
def test_two_meet_where_one_request_is_for_both(one: OwnPath, other: OwnPath, answer: bool) -> None:
    assert one.meets(other) is answer
    assert other.meets(one) is answer


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


@pytest.mark.parametrize(
    ("admin", "expected"),
    [
        ("credentials: [key, token], roles: {support: [users.read]}, directory: accounts", []),
        ("credentials: [lost], roles: {a: users.read}", ["admin.credentials[0]: lost is not one of credentials"]),
        ("credentials: [key]", ["warning: admin.roles: lets nobody do anything: no role is given a permission"]),
        ("roles: {a: users.read}", ["warning: admin.roles: are nobody's: admin.credentials lists no reader"]),
        ("directory: chat", ["admin.directory: chat is no authority of the kind directory"]),
    ],
)
def test_who_may_call_the_admin_api(admin: str, expected: list[str]) -> None:
    config = partial(f"{AUTHORITIES}{READERS}admin: {{{admin}}}\n")
    assert [line for line in lines(check_credentials(config)) if "admin." in line] == expected


def test_a_permission_that_there_is_not_is_told_with_the_nearest_one() -> None:
    text = LEAST + "admin: {credentials: [key], roles: {support: [user.read]}}\n"
    assert [line.partition(": ")[2] for line in problems(text)] == [
        "admin.roles.support[0]: is no permission; did you mean users.read?"
    ]
