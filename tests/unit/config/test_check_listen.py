from pathlib import Path

import pytest

from gateway.config.check_listen import check_listen
from tests.support.builders.configs import lines, partial


def problems_of(text: str) -> list[str]:
    return lines(check_listen(partial(text)))


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("{public: 0.0.0.0:8080, admin: 127.0.0.1:9090, health: 0.0.0.0:8081}", []),
        ("{public: 127.0.0.1:0, admin: 127.0.0.1:0}", []),
        ("{public: 10.0.0.1:80, admin: 10.0.0.2:80}", []),
        (
            "{public: 0.0.0.0:80, admin: 127.0.0.1:80}",
            ["listen.admin: is where listen.public listens already, at 0.0.0.0:80"],
        ),
        (
            "{public: localhost:80, health: '[::]:9090'}",
            ["listen.health: is where listen.admin listens already, at 127.0.0.1:9090"],
        ),
        ("{public: ['0.0.0.0:80', '[::]:80', '10.0.0.1:81', 'unix:/run/g.sock']}", []),
        (
            "{public: ['[::]:80', '10.0.0.1:80'], admin: 'unix:/run/g.sock', health: 'unix:/run/g.sock'}",
            [
                "listen.public[1]: is where listen.public listens already, at [::]:80",
                "listen.health: is where listen.admin listens already, at unix:/run/g.sock",
            ],
        ),
        (
            "{proxy_protocol: true}",
            ["listen.proxy_protocol: is read from trusted_proxies alone, and there are none"],
        ),
    ],
)
def test_no_two_listen_at_one_place(listen: str, expected: list[str]) -> None:
    assert problems_of(f"listen: {listen}") == expected


def test_a_folder_that_everybody_may_write_in_is_warned_of(tmp_path: Path) -> None:
    listen = f"listen: {{public: 'unix:{tmp_path}/public', admin: 'unix:{tmp_path}/absent/admin'}}"
    assert problems_of(listen) == []
    tmp_path.chmod(0o777)
    text = "is in a folder where everybody may write: another program may listen there in our place"
    assert problems_of(listen) == [f"warning: listen.public: {text}"]


def test_limits_that_take_all_callers_of_a_socket_file_for_one_are_warned_of() -> None:
    text = """\
routes:
  - {name: a, match: {path: /a/}, access: public, upstream: "http://a", rate_limit: {rate: 1/s, burst: 1, per: address}}
  - {name: b, match: {path: /b/}, access: public, upstream: "http://b", rate_limit: {rate: 1/s, burst: 1, per: session}}
listen: """
    why = "counts all callers at the socket file of listen.public as one: trusted_proxies does not list unix"
    assert problems_of(f"{text}{{public: ['127.0.0.1:80', 'unix:/absent/g']}}") == [
        f"warning: routes[0].rate_limit.per: {why}"
    ]
    assert problems_of(f"{text}{{public: 'unix:/absent/g'}}\ntrusted_proxies: [unix]") == []
    assert problems_of(f"{text}{{public: '127.0.0.1:80'}}") == []


NOBODY = "warning: listen.grpc: is where nobody may ask: ext_authz.peers lists nobody"
EVERYBODY = "0.0.0.0/0 believes everybody: any client can ask about, and as, any address and host"
CLEAR = "is without TLS, which listen.tls gives to listen.public alone: credentials of callers come here"
ONE = "\next_authz: {peers: [10.0.0.5/32]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("listen: {grpc: 127.0.0.1:8082}" + ONE, []),
        ("listen: {grpc: 'unix:/absent/grpc'}\next_authz: {peers: [unix]}", []),
        ("listen: {grpc: 127.0.0.1:8082}", [NOBODY]),
        (ONE, ["warning: ext_authz.peers: may ask nowhere: listen.grpc is not written"]),
        (
            "listen: {grpc: 127.0.0.1:8080}" + ONE,
            ["listen.grpc: is where listen.public listens already, at 0.0.0.0:8080"],
        ),
        (
            "listen: {grpc: 127.0.0.1:8082}\next_authz: {peers: [0.0.0.0/0]}",
            [f"warning: ext_authz.peers[0]: {EVERYBODY}"],
        ),
        (
            "listen: {grpc: 0.0.0.0:8082, tls: {cert_file: /absent, key_file: /absent}}" + ONE,
            [f"warning: listen.grpc: {CLEAR}"],
        ),
    ],
)
def test_a_port_for_envoy_has_somebody_who_may_ask(text: str, expected: list[str]) -> None:
    assert problems_of(text) == expected
