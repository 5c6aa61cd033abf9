import pytest

from gateway.dialects.memghost import MemghostSettings
from gateway.dialects.product_actions import build_actions
from gateway.dialects.rocketchat import RocketchatSettings
from gateway.dialects.settings import EndpointSettings
from gateway.dialects.wacht import WachtSettings

LISTED = [
    MemghostSettings(dialect="memghost", credentials=("t",), actions=("refresh",)),
    WachtSettings(dialect="wacht", credentials=("c",), actions=("token",)),
    RocketchatSettings(dialect="rocketchat", credentials=("p",), actions=("logout",)),
]


@pytest.mark.parametrize("settings", LISTED, ids=lambda settings: settings.dialect)
def test_what_is_listed_is_made_and_nothing_else(settings: EndpointSettings) -> None:
    actions = build_actions(settings)
    assert actions is not None
    assert (actions.name, len(actions.actions)) == (settings.dialect, 1)
    assert build_actions(settings.model_copy(update={"actions": ()})) is None
