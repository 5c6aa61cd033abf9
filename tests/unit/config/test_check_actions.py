import pytest

from gateway.config.check_actions import check_actions
from tests.support.builders.configs import SECRET, lines, partial

PARTS = """\
authorities:
  accounts: {kind: directory, url: "sqlite:///gateway.db", pepper: p}
  chat: {kind: remote, dialect: rocketchat, url: "https://chat.example.com/info"}
credentials:
  key: {kind: api_key, header: x-api-key, type: project, authority: accounts}
  cookie: {kind: cookie, name: __session, authority: accounts}
  token: {kind: bearer, authority: [accounts, chat]}
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


def test_without_the_section_there_is_none() -> None:
    assert lines(check_actions(partial(PARTS))) == []
