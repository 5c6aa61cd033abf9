import pytest

from gateway.config.check_credentials import check_credentials
from tests.support.builders.configs import lines, parts

NEVER = "cannot tell what is not its own, so"
AUTHORITIES = """\
authorities:
  accounts: {kind: directory, url: "sqlite:///gateway.db", pepper: p}
  chat: {kind: remote, dialect: rocketchat, url: "https://chat.example.com/info"}
  opaque: {kind: introspection, url: "https://id.example.com/introspect", client_id: gw, client_secret: s}
  broken: {kind: jwt}
"""


def said(text: str) -> list[str]:
    return lines(check_credentials(parts(AUTHORITIES + text)))


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
    assert said(f"credentials: {{t: {{kind: bearer, authority: {authority}}}}}") == expected


READERS = """\
credentials:
  key: {kind: api_key, header: x-api-key, type: project, authority: accounts}
  same: {kind: api_key, header: X-API-Key, type: user, authority: accounts}
  token: {kind: bearer, authority: accounts}
  broken: {kind: cookie}
"""


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
    assert said(f"{READERS}session_info: {entries}") == expected
