import pytest

from gateway.model.access import AccessRequest
from gateway.model.headers import Headers
from gateway.model.host import Host
from gateway.model.target import parse_target


@pytest.mark.parametrize(("raw", "upgrade"), [((), False), (((b"UPGRADE", b"websocket"),), True)])
def test_an_upgrade_is_seen_whatever_its_spelling(raw: tuple[tuple[bytes, bytes], ...], upgrade: bool) -> None:
    access = AccessRequest("GET", "http", Host("a", 80), parse_target("/"), Headers(raw), "p", "c", 0.0, "r")
    assert access.is_upgrade is upgrade
