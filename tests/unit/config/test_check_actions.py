import pytest

from gateway.config.check_actions import check_actions, own_readers
from tests.support.builders.configs import SECRET, lines, partial

PARTS = """\
authorities:
  accounts: {kind: directory, url: "sqlite:///gateway.db", pepper: p}
  signing:
    {kind: directory, url: "sqlite:///s.db", pepper: p, tokens: {issuer: "https://i", audience: a, keys_file: keys.pem}}
  chat: {kind: remote, dialect: rocketchat, url: "https://chat.example.com/info"}
credentials:
  key: {kind: api_key, header: x-api-key, type: project, authority: accounts}
  cookie: {kind: cookie, name: __session, authority: accounts}
  token: {kind: bearer, authority: [accounts, chat]}
  signed: {kind: cookie, name: signed, authority: signing}
  foreign: {kind: token_pair, user_header: x-user-id, token_header: x-auth-token, authority: chat}
"""


def problems(readers: str) -> list[str]:
    return lines(check_actions(partial(f"secret: {SECRET}\n{PARTS}sessions: {{credentials: {readers}}}\n")))


def test_a_reader_of_sessions_of_a_directory_may() -> None:
    assert problems("[cookie, token]") == []


@pytest.mark.parametrize(
    ("readers", "problem"),
    [
        ("[key]", "key shows no session: cookies, bearer tokens and token pairs alone list and end them"),
        ("[foreign]", "foreign asks no directory, whose sessions alone can be listed and ended"),
        ("[nobody]", "nobody is not one of credentials"),
    ],
)
def test_any_other_is_a_problem(readers: str, problem: str) -> None:
    assert problems(readers) == [f"sessions.credentials[0]: {problem}"]


def test_without_a_list_all_that_show_a_session_of_a_directory_are_read() -> None:
    config = partial(f"secret: {SECRET}\n{PARTS}sessions: {{}}\n")
    own = config.sections.sessions
    assert own is not None
    assert own_readers(own, config.credentials, config.authorities) == ("cookie", "token", "signed")
    assert lines(check_actions(config)) == []
    nobody = partial(f"secret: {SECRET}\nsessions: {{}}\n")
    assert lines(check_actions(nobody)) == [
        "sessions: has no reader of a directory's sessions: nobody can ever list theirs"
    ]


@pytest.mark.parametrize(
    ("actions", "problem"),
    [
        ("dialect: rocketchat, credentials: [foreign], actions: [logout]", "credentials[0]: foreign asks no directory"),
        (
            "dialect: rocketchat, credentials: [cookie], actions: [logout, sessions/logout]",
            "actions[1]: sessions/logout is for managers, and there are none",
        ),
        ("dialect: memghost, credentials: [key], actions: [logout]", "credentials[0]: key shows no session"),
        ("dialect: wacht, credentials: [cookie], actions: [sign-out]", ""),
        (
            "dialect: wacht, credentials: [cookie], actions: [sign-out, token]",
            "actions[1]: token hands out tokens, and accounts signs none: give it `tokens`",
        ),
        (
            "dialect: memghost, credentials: [token], actions: [refresh]",
            "actions[0]: refresh hands out tokens, and accounts signs none: give it `tokens`",
        ),
        ("dialect: wacht, credentials: [signed], actions: [token]", ""),
    ],
)
def test_actions_have_readers_of_a_directory_and_managers(actions: str, problem: str) -> None:
    found = lines(check_actions(partial(f"secret: {SECRET}\n{PARTS}session_info:\n  - {{{actions}}}\n")))
    assert [each.startswith(f"session_info[0].{problem}") for each in found] == ([True] if problem else [])


def test_without_the_section_there_is_none() -> None:
    assert lines(check_actions(partial(PARTS))) == []
