import pytest

from gateway.identity.foreign_names import ForeignNames
from gateway.identity.header_names import DEFAULT_NAMES, PRESETS
from gateway.model.headers import spelling


@pytest.mark.parametrize("preset", sorted(set(PRESETS) - {"default"}))
def test_what_another_product_speaks_is_foreign_where_we_do_not_speak_it(preset: str) -> None:
    assert all(ForeignNames().include(spelling(name.encode())) for name in PRESETS[preset].values())


def test_our_own_names_and_what_everybody_sends_are_not() -> None:
    everybody = ("Accept", "Cookie", "Authorization", "X-Requested-With", "X-CSRF-Token", "Origin", "If-Match")
    assert not any(ForeignNames().include(spelling(name.encode())) for name in (*DEFAULT_NAMES.values(), *everybody))


def test_what_is_allowed_is_allowed_in_every_spelling_and_nothing_else_is() -> None:
    foreign = ForeignNames(["Remote_User", "X-Auth-Request-Email"])
    assert not foreign.include(b"remote-user")
    assert not foreign.include(b"x-auth-request-email")
    assert foreign.include(b"x-auth-request-user")
