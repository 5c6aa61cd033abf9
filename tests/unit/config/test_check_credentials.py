import pytest

from gateway.config.check_credentials import check_credentials
from tests.support.builders.configs import LEAST, READERS, lines, partial, problems

AUTHORITIES = """\
authorities:
  accounts: {kind: directory, url: "sqlite:///gateway.db", pepper: p}
  chat: {kind: remote, dialect: rocketchat, url: "https://chat.example.com/info"}
  opaque: {kind: introspection, url: "https://id.example.com/introspect", client_id: gw, client_secret: s}
  broken: {kind: jwt}
"""
NEVER = "cannot tell what is not its own, so"


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
