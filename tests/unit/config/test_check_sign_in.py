import sys

import pytest

from gateway.config.check_sign_in import check_sign_in, is_hashing_installed
from tests.support.builders.configs import lines, partial

KEYS = "tokens: {issuer: i, audience: a, keys_file: k}"
PARTS = f"""\
authorities:
  accounts: {{kind: directory, url: "sqlite:///gateway.db", pepper: p, {KEYS}}}
  plain: {{kind: directory, url: "sqlite:///gateway.db", pepper: p}}
credentials:
  good: {{kind: cookie, name: __Host-a, authority: accounts}}
  wide: {{kind: cookie, name: a, authority: accounts}}
  none: {{kind: cookie, name: __Host-b, authority: plain}}
  key: {{kind: api_key, header: x-api-key, type: project, authority: accounts}}
"""
PROVIDERS = "providers: {company: {kind: oidc, issuer: 'https://i', client_id: c, client_secret: s}}"
NO_PREFIX = "its cookie's name must begin with __Host-: a neighbouring host could set it; or cookie_domain"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("reader: good", []),
        ("reader: wide, cookie_domain: example.com, hosts: [a.example.com, example.com]", []),
        ("reader: lost", ["sign_in.reader: lost is not one of credentials"]),
        ("reader: key", ["sign_in.reader: key is no cookie"]),
        ("reader: wide", [f"sign_in.reader: {NO_PREFIX}"]),
        ("reader: good, cookie_domain: example.com", ["sign_in.cookie_domain: a __Host- cookie has no domain"]),
        (
            "reader: wide, cookie_domain: example.com, hosts: [badexample.com]",
            ["sign_in.hosts[0]: is not within cookie_domain: example.com"],
        ),
        (
            "reader: none",
            ["sign_in.reader: no authority of none is a directory with tokens, which could begin a session"],
        ),
    ],
)
def test_the_cookie_is_one_of_a_directorys_sessions(keys: str, expected: list[str]) -> None:
    assert lines(check_sign_in(partial(f"{PARTS}sign_in: {{{keys}, {PROVIDERS}}}\n"))) == expected


@pytest.mark.parametrize("idle", ["null", "11m", "10m"])
def test_a_session_is_looked_up_more_often_than_it_may_be_idle(idle: str) -> None:
    text = "sign_in.idle: is no longer than cache.fresh: for so long nobody asks whether a session was in use"
    config = partial(f"{PARTS}cache: {{fresh: 10m}}\nsign_in: {{reader: good, idle: {idle}, {PROVIDERS}}}\n")
    assert lines(check_sign_in(config)) == [text] * (idle == "10m")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("sign_in: [company]", []),
        ("sign_in: []", []),
        ("sign_in: [lost]", ["routes[0].sign_in[0]: lost is not one of sign_in.providers"]),
        ("sign_in: [company], access: public", ["routes[0].sign_in: is never asked for: the route is public"]),
        (
            "sign_in: [company], credentials: [key]",
            ["routes[0].sign_in: leads nowhere: the route does not read good, which a sign-in sets"],
        ),
        (
            "sign_in: [company], on_unauthenticated: {redirect: /login}",
            ["routes[0].sign_in: is not used: on_unauthenticated leads to another login"],
        ),
    ],
)
def test_a_route_offers_providers_that_there_are(keys: str, expected: list[str]) -> None:
    route = f"routes:\n  - {{name: r, match: {{}}, upstream: 'http://127.0.0.1:1', {keys}}}\n"
    text = f"{PARTS}sign_in: {{reader: good, {PROVIDERS}}}\n{route}"
    assert lines(check_sign_in(partial(text))) == expected


PEOPLE = "{kind: password, logins: [rocketchat, memghost]}"
READS_ALL = """\
  pair: {kind: token_pair, user_header: x-user-id, token_header: x-auth-token, authority: accounts}
  token: {kind: bearer, authority: accounts}
session_info: [{dialect: memghost, credentials: [token], actions: [refresh]}]
"""
LOGINS = "sign_in.providers.people.logins:"
UNRENEWED = "memghost's clients renew their tokens where no session_info of it has the action refresh"
UNREAD = "no reader of credentials reads what {}'s clients are given"


@pytest.mark.parametrize(
    ("more", "providers", "expected"),
    [
        (READS_ALL, f"people: {PEOPLE}", []),
        (
            "",
            f"people: {PEOPLE}",
            [
                f"warning: {LOGINS} {UNREAD.format('rocketchat')}",
                f"warning: {LOGINS} {UNREAD.format('memghost')}",
                f"warning: {LOGINS} {UNRENEWED}",
            ],
        ),
        (
            READS_ALL,
            "people: {kind: password, logins: [rocketchat]}, others: {kind: password, logins: rocketchat}",
            [f"{LOGINS.replace('people', 'others')} rocketchat's clients sign in by people already"],
        ),
        (
            READS_ALL,
            "people: {kind: password, logins: [rocketchat, rocketchat]}",
            [f"{LOGINS} rocketchat's clients sign in by people already"],
        ),
    ],
)
def test_a_products_clients_sign_in_at_one_provider_and_get_what_is_read(
    more: str, providers: str, expected: list[str]
) -> None:
    text = f"{PARTS}{more}sign_in: {{reader: good, providers: {{{providers}}}}}\n"
    assert lines(check_sign_in(partial(text))) == expected


def test_passwords_need_a_package_that_an_extra_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    config = partial(f"{PARTS}sign_in: {{reader: good, providers: {{people: {{kind: password}}}}}}\n")
    assert is_hashing_installed()
    assert lines(check_sign_in(config)) == []
    monkeypatch.setitem(sys.modules, "argon2", None)
    assert lines(check_sign_in(config)) == [
        "sign_in.providers.people.kind: needs packages that are not installed: pip install 'session-gateway[passwords]'"
    ]
