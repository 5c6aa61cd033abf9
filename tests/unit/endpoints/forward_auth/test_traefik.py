from gateway.endpoints.forward_auth.traefik import TraefikReader, TraefikSettings
from tests.support.builders.forward_auth import Asked


def test_what_traefik_overwrites_is_what_is_believed() -> None:
    fields = Asked().told("traefik")
    assert (TraefikReader().name, TraefikReader().trusted_fields) == (
        "traefik",
        {name.lower().encode() for name, _ in fields},
    )


def test_its_endpoint_is_nobodys_until_peers_are_listed() -> None:
    endpoint = TraefikSettings()
    assert (endpoint.path, endpoint.peers, endpoint.max_age) == ("/_gateway/auth/traefik", (), 0.0)
