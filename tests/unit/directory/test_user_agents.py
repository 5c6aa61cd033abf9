from __future__ import annotations

import pytest

from gateway.directory.user_agents import device_of
from gateway.model.session import Device

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/113.0.0.0 Safari/537.36"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/16.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (
            CHROME,  # the device of the Rocket.Chat document's example
            Device(
                type="browser",
                name="Chrome",
                version="113.0.0",
                long_version="113.0.0.0",
                os_name="Windows",
                os_version="10",
            ),
        ),
        (
            PHONE,
            Device(
                type="browser",
                name="Mobile Safari",
                version="16.5",
                long_version="16.5",
                os_name="iOS",
                os_version="16.5",
            ),
        ),
        ("", Device()),
        ("something nobody has heard of", Device()),
        ("\0" * 100, Device()),
    ],
)
def test_what_a_user_agent_tells(user_agent: str, device: Device) -> None:
    assert device_of(user_agent) == device
