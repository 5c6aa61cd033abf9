import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.endpoints.forward_auth.kinds import ForwardAuthSettings, build_reader
from gateway.endpoints.forward_auth.original import ForwardAuthEndpointSettings
from gateway.model.errors import KindError
from tests.support.builders.forward_auth import PROXIES

SETTINGS: TypeAdapter[ForwardAuthSettings] = TypeAdapter(ForwardAuthSettings)


def test_every_proxy_has_its_reader_at_its_own_path() -> None:
    settings = SETTINGS.validate_python({name: {} for name in PROXIES})
    assert list(settings) == list(PROXIES)
    assert [build_reader(name, endpoint).name for name, endpoint in settings.items()] == list(PROXIES)
    assert [endpoint.path for endpoint in settings.values()] == [f"/_gateway/auth/{name}" for name in PROXIES]


@pytest.mark.parametrize(
    "endpoint", [{"peers": ["10.0.0.1/8"]}, {"path": ""}, {"max_age": 5}, {"max_age": "2h"}, {"x": 1}]
)
def test_an_endpoint_that_is_written_wrongly_is_refused(endpoint: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SETTINGS.validate_python({"nginx": endpoint})


def test_settings_of_no_kind_build_nothing() -> None:
    with pytest.raises(KindError, match="haproxy is not known; must be nginx, traefik, caddy or envoy"):
        build_reader("haproxy", ForwardAuthEndpointSettings(path="/a"))
