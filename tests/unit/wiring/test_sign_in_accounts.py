from gateway.endpoints.sign_in.sign_in_parts import OpenedLogin
from gateway.wiring.sign_in_accounts import NOBODY


def test_what_nobody_asked_for_comes_from_nowhere() -> None:
    assert (NOBODY.ip, NOBODY.host, NOBODY.user_agent, NOBODY.request_id) == ("", "", "", "")


def test_a_login_shows_no_token() -> None:
    assert "secret" not in repr(OpenedLogin("u1", "secret"))
