"""Which products have actions, and what makes them of a session-info endpoint's settings."""

from __future__ import annotations

from gateway.dialects.action import DialectActions
from gateway.dialects.memghost import MemghostSettings
from gateway.dialects.memghost_actions import MemghostActions
from gateway.dialects.rocketchat import RocketchatSettings
from gateway.dialects.rocketchat_actions import RocketchatActions
from gateway.dialects.settings import EndpointSettings
from gateway.dialects.wacht import WachtSettings
from gateway.dialects.wacht_actions import WachtActions


def build_actions(settings: EndpointSettings) -> DialectActions | None:
    """Make the actions that a session-info endpoint lists, None where it lists none."""
    match settings:
        case MemghostSettings() if settings.actions:
            return MemghostActions(settings.actions)
        case WachtSettings() if settings.actions:
            return WachtActions(settings.actions, settings.profile)
        case RocketchatSettings() if settings.actions:
            return RocketchatActions(settings.actions, frozenset(settings.managers), settings.profile)
    return None
