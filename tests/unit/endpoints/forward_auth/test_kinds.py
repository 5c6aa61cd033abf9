import pytest
from pydantic import ValidationError

from gateway.endpoints.forward_auth.kinds import ForwardAuthSettings, build_reader
from gateway.endpoints.forward_auth.original import ForwardAuthEndpointSettings
from tests.support.builders.forward_auth import PROXIES


def test_every_proxy_has_its_reader_at_its_own_path() -> None:
    settings = ForwardAuthSettings.model_validate({name: {} for name in PROXIES})
    assert [name for name, _ in settings.endpoints()] == list(PROXIES)
    assert [build_reader(endpoint).name for _, endpoint in settings.endpoints()] == list(PROXIES)
    assert [endpoint.path for _, endpoint in settings.endpoints()] == [f"/_gateway/auth/{name}" for name in PROXIES]


def test_no_endpoint_is_there_by_itself() -> None:
    assert list(ForwardAuthSettings().endpoints()) == []


@pytest.mark.parametrize(
    "endpoint", [{"peers": ["10.0.0.1/8"]}, {"path": ""}, {"max_age": 5}, {"max_age": "2h"}, {"x": 1}]
)
def test_an_endpoint_that_is_written_wrongly_is_refused(endpoint: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ForwardAuthSettings.model_validate({"nginx": endpoint})


def test_settings_of_no_kind_build_nothing() -> None:
    with pytest.raises(TypeError, match="ForwardAuthEndpointSettings"):
        build_reader(ForwardAuthEndpointSettings(path="/a"))
