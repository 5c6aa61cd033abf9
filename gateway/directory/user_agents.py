"""Which browser and system a User-Agent field tells of."""

from __future__ import annotations

from gateway.model.session import Device

_UNKNOWN = "Other"
"""The User-Agent parser's family for what it does not recognize."""


def device_of(user_agent: str) -> Device:
    """Return the browser and system of a User-Agent; an unknown field is absent.

    `version` has at most three parts and `long_version` all of them, as in the Rocket.Chat document's example.
    """
    from ua_parser import parse  # noqa: PLC0415 - no command that only lists waits for its table of browsers

    parsed = parse(user_agent).with_defaults()
    browser, system = parsed.user_agent, parsed.os
    short = _dotted(browser.major, browser.minor, browser.patch)
    return Device(
        type="browser" if browser.family != _UNKNOWN else None,
        name=browser.family if browser.family != _UNKNOWN else None,
        version=short or None,
        long_version=_dotted(browser.major, browser.minor, browser.patch, browser.patch_minor) or None,
        os_name=system.family if system.family != _UNKNOWN else None,
        os_version=_dotted(system.major, system.minor, system.patch) or None,
    )


def _dotted(*parts: str | None) -> str:
    present = []
    for part in parts:
        if part is None:
            break
        present.append(part)
    return ".".join(present)
