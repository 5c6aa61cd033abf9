from gateway.endpoints.forward_auth.caddy import CaddyReader, CaddySettings
from tests.support.builders.forward_auth import Asked


def test_what_caddy_overwrites_is_what_is_believed() -> None:
    fields = Asked().told("caddy")
    assert (CaddyReader().name, CaddyReader().trusted_fields) == (
        "caddy",
        {name.lower().encode() for name, _ in fields},
    )


def test_its_endpoint_is_nobodys_until_peers_are_listed() -> None:
    endpoint = CaddySettings()
    assert (endpoint.path, endpoint.peers, endpoint.max_age) == ("/_gateway/auth/caddy", (), 0.0)
