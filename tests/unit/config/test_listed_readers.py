from gateway.config.listed_readers import shared_readers, unknown_readers
from tests.support.builders.configs import lines, partial

CONFIG = """\
credentials:
  key: {kind: api_key, header: x-api-key, type: project, authority: a}
  same: {kind: api_key, header: X-API-Key, type: user, authority: a}
"""


def test_a_name_that_is_nobodys_or_stands_twice_is_a_problem_at_its_place() -> None:
    found = lines(unknown_readers(partial(CONFIG), ("key", "nobody", "key"), "sessions", "credentials"))
    assert found == [
        "sessions.credentials[1]: nobody is not one of credentials",
        "sessions.credentials[2]: key is listed twice",
    ]


def test_two_that_read_one_place_are_a_problem_of_the_list() -> None:
    found = lines(shared_readers(partial(CONFIG), ("key", "same"), "sessions", "credentials"))
    assert found == ["sessions.credentials: same and key both read the header x-api-key"]
