from __future__ import annotations

from gateway.authorities.authority_kind import AuthorityBaseSettings


def test_an_authority_that_says_nothing_of_its_bounds_has_safe_ones() -> None:
    settings = AuthorityBaseSettings(kind="any")
    assert (settings.timeout, settings.at_once, settings.longest_credential) == (2.0, 64, 4096)
    assert settings.asked_host == ""


def test_as_many_look_ups_are_under_way_as_there_are_connections() -> None:
    assert AuthorityBaseSettings(kind="any", connections=3).at_once == 3
