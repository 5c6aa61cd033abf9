import sys
from pathlib import Path

import pytest

from gateway.config.check_sections import check_sections, is_tracing_installed
from tests.support.builders.configs import SECRET, lines, partial, problems

LONGER = "is longer than cache.fresh: a new key may be refused for longer than an old one is believed"


def problems_of(text: str) -> list[str]:
    return lines(check_sections(partial(text)))


SHORT = "is short for a secret: take 32 random characters or more (openssl rand -hex 32)"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (f"secret: [{SECRET}, hunter2]", ["secret[1]"]),
        (f"listen: {{admin_token: {SECRET}}}", []),
        ("listen: {admin_token: hunter2}", ["listen.admin_token"]),
        (f"listen: {{admin_token: [hunter2, {SECRET}]}}", ["listen.admin_token[0]"]),
        (
            f"authorities: {{a: {{kind: directory, url: 'sqlite:///d', pepper: [{SECRET}, hunter2]}}}}",
            ["authorities.a.pepper[1]"],
        ),
    ],
)
def test_what_is_short_enough_to_be_guessed_is_warned_of_without_being_shown(text: str, places: list[str]) -> None:
    assert problems_of(text) == [f"warning: {place}: {SHORT}" for place in places]


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_trusting_everybody_is_warned_of(network: str) -> None:
    assert problems_of(f"trusted_proxies: [10.0.0.0/8, '{network}']") == [
        f"warning: trusted_proxies[1]: {network} trusts everybody: any client can claim any address, host and scheme"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "limits: {head_bytes: 8192, target_bytes: 8192}",
            ["limits.target_bytes: must be less than limits.head_bytes"],
        ),
        (
            "cache: {fresh: 10s, stale: 5s}",
            ["warning: cache.stale: is shorter than cache.fresh, so nothing is ever served stale"],
        ),
        (
            "cache: {fresh: 1s, negative: 5s}",
            [
                f"warning: cache.negative: {LONGER}",
            ],
        ),
    ],
)
def test_bounds_that_contradict_each_other_are_reported(text: str, expected: list[str]) -> None:
    assert problems_of(text) == expected


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    there = tmp_path / "keys.pem"
    there.touch()
    text = "identity: {{token: {{issuer: i, keys_file: {} }}}}"
    assert problems_of(text.format(there)) == []
    assert problems_of(text.format(tmp_path / "absent.pem")) == [
        "identity.token.keys_file: cannot be read: No such file or directory"
    ]


def test_a_file_that_an_authority_names_must_be_there() -> None:
    assert problems_of(
        f"authorities: {{a: {{kind: directory, url: 'sqlite:///x', pepper: {SECRET}, "
        "tokens: {issuer: i, audience: a, keys_file: /nowhere/keys.pem}}}"
    ) == ["authorities.a.tokens.keys_file: cannot be read: No such file or directory"]


IN_THE_CLEAR = "is asked without TLS: whoever is on the way can read credentials and say who everybody is"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://chat.example.com/info", []),
        ("http://127.0.0.1:3000/info", []),
        ("http://chat.example.com/info", [f"warning: authorities.chat.url: {IN_THE_CLEAR}"]),
    ],
)
def test_an_authority_that_is_asked_in_the_clear_is_warned_of(url: str, expected: list[str]) -> None:
    assert problems_of(f"authorities: {{chat: {{kind: remote, dialect: rocketchat, url: '{url}'}}}}") == expected


INSECURE = "lets an issuer be asked without TLS: whoever is on the way can say who everybody is"


@pytest.mark.parametrize(
    "authority",
    [
        "kind: jwt, issuer: 'http://id.internal', audience: a, insecure_http: true",
        "kind: introspection, url: 'http://id.internal/i', client_id: g, client_secret: s, insecure_http: true",
    ],
)
def test_an_issuer_that_may_be_asked_in_the_clear_is_warned_of(authority: str) -> None:
    assert problems_of(f"authorities: {{a: {{{authority}}}}}") == [f"warning: authorities.a.insecure_http: {INSECURE}"]
    without = problems(f"secret: {SECRET}\nauthorities: {{a: {{{authority.replace('true', 'false')}}}}}")
    assert any("must be https:// or on loopback" in problem for problem in without)


@pytest.mark.parametrize("url", ["mysql://u:s3cr3t@h/d", "sqlite://", "gateway.db"])
def test_a_directory_in_an_unknown_database_is_reported_without_its_url(url: str) -> None:
    assert problems_of(f"authorities: {{a: {{kind: directory, url: '{url}', pepper: {SECRET}}}}}") == [
        "authorities.a.url: must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sslmode=require&application_name=gw", []),
        ("sslmode=always", ["has no such sslmode: disable, allow, prefer, require, verify-ca, "]),
        ("sslmode=disable&sslmode=require", ["has a parameter twice: sslmode"]),
        ("sslrootcert=/nowhere/ca.pem", ["has a sslrootcert that cannot be used: No such file or directory"]),
        ("spam=s3cr3t", ["has a parameter that is not known here: spam"]),
    ],
)
def test_what_a_database_is_asked_besides_is_read_too(query: str, expected: list[str]) -> None:
    url = f"postgresql://u:s3cr3t@h/d?{query}"
    found = problems_of(f"authorities: {{a: {{kind: directory, url: '{url}', pepper: {SECRET}}}}}")
    assert len(found) == len(expected)
    for problem, text in zip(found, expected, strict=True):
        assert problem.startswith(f"authorities.a.url: {text}")
        assert "s3cr3t" not in problem


def test_a_directory_s_url_that_cannot_be_parsed_is_reported() -> None:
    (problem,) = problems_of(
        f"authorities: {{a: {{kind: directory, url: 'postgresql://u:s3cr3t@[h/d', pepper: {SECRET}}}}}"
    )
    assert problem == "authorities.a.url: cannot be read as a URL"


def test_clients_are_allowed_other_products_names_alone() -> None:
    names = "[Remote-User, x_user_id, X-Identity-Token, X-Forwarded-User, X-Mine]"
    token = f"token: {{issuer: i, keys_file: {__file__}}}"
    assert problems_of(f"identity: {{{token}, from_clients: {names}}}") == [
        "identity.from_clients[1]: is the header of identity.headers.user_id, which no client may send",
        "identity.from_clients[2]: is the header of identity.token, which no client may send",
        "identity.from_clients[3]: X-Forwarded-User is a proxy's word, which no client may send",
        "warning: identity.from_clients[4]: X-Mine is no other product's identity header, and passes anyway",
    ]


def test_the_identity_token_has_a_header_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "k").touch()
    token = f"{{header: x_user_id, issuer: i, keys_file: {tmp_path / 'k'}}}"
    assert problems_of(f"identity: {{token: {token}}}") == [
        "identity.token.header: is the header of identity.headers.user_id too"
    ]


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("peers: [10.0.0.0/8]", []),
        ("path: /ask", ["warning: forward_auth.nginx.peers: lists nobody, so this endpoint refuses everybody"]),
        (
            "peers: [10.0.0.0/8, '::/0']",
            [
                (
                    "warning: forward_auth.nginx.peers[1]: ::/0 believes everybody: "
                    "any client can ask about, and as, any address and host"
                )
            ],
        ),
    ],
)
def test_an_endpoint_for_everybody_or_for_nobody_is_warned_of(endpoint: str, expected: list[str]) -> None:
    assert problems_of(f"forward_auth: {{nginx: {{{endpoint}}}}}") == expected


@pytest.mark.parametrize(("max_age", "warned"), [("30s", False), ("31s", True)])
def test_an_allow_is_kept_no_longer_than_the_token_in_it_is_good(tmp_path: Path, max_age: str, warned: bool) -> None:
    (tmp_path / "k").touch()
    endpoint = f"forward_auth: {{nginx: {{peers: [10.0.0.0/8], max_age: {max_age}}}}}\n"
    problems = problems_of(endpoint + f"identity: {{token: {{issuer: i, keys_file: {tmp_path / 'k'}, ttl: 60s}}}}")
    assert [line.split(": ")[1] for line in problems] == (["forward_auth.nginx.max_age"] if warned else [])


def test_spans_need_packages_that_an_extra_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems_of("telemetry: {traces: otlp}") == []
    monkeypatch.setattr("gateway.config.check_sections.is_tracing_installed", lambda: False)
    assert problems_of("telemetry: {traces: none}") == []
    assert problems_of("telemetry: {traces: otlp}") == [
        "telemetry.traces: needs packages that are not installed: pip install 'session-gateway[otel]'"
    ]


def test_the_extra_is_installed_where_this_is_developed() -> None:
    assert is_tracing_installed()


def test_half_of_the_extra_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    assert not is_tracing_installed()
