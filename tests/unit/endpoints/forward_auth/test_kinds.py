import pytest
from pydantic import ValidationError

from gateway.endpoints.forward_auth.kinds import ForwardAuthSettings, build_reader
from gateway.endpoints.forward_auth.original import DoorSettings
from tests.support.builders.forward_auth import PROXIES


def test_every_proxy_has_its_reader_at_its_own_path() -> None:
    settings = ForwardAuthSettings.model_validate({name: {} for name in PROXIES})
    assert [name for name, _ in settings.doors()] == list(PROXIES)
    assert [build_reader(door).name for _, door in settings.doors()] == list(PROXIES)
    assert [door.path for _, door in settings.doors()] == [f"/_gateway/auth/{name}" for name in PROXIES]


def test_no_door_is_there_by_itself() -> None:
    assert list(ForwardAuthSettings().doors()) == []


@pytest.mark.parametrize("door", [{"peers": ["10.0.0.1/8"]}, {"path": ""}, {"max_age": 5}, {"max_age": "2h"}, {"x": 1}])
def test_a_door_that_is_written_wrongly_is_refused(door: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ForwardAuthSettings.model_validate({"nginx": door})


def test_settings_of_no_kind_build_nothing() -> None:
    with pytest.raises(TypeError, match="DoorSettings"):
        build_reader(DoorSettings(path="/a"))
