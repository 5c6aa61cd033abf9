"""What a User-Agent says about a device, for sessions that are created without those facts."""

from __future__ import annotations

from ua_parser import parse

from gateway.model.session import Device


def device_of(user_agent: str) -> Device:
    """Return what can be told of a browser and its system; a field that cannot be told is absent.

    `version` has at most three parts and `long_version` all of them, as the Rocket.Chat document's example has.
    """
    read = parse(user_agent).with_defaults()
    browser, system = read.user_agent, read.os
    short = _dotted(browser.major, browser.minor, browser.patch)
    return Device(
        type="browser" if browser.family != _UNKNOWN else None,
        name=browser.family if browser.family != _UNKNOWN else None,
        version=short or None,
        long_version=_dotted(browser.major, browser.minor, browser.patch, browser.patch_minor) or None,
        os_name=system.family if system.family != _UNKNOWN else None,
        os_version=_dotted(system.major, system.minor, system.patch) or None,
    )


_UNKNOWN = "Other"
"""The parser's family for what it does not know."""


def _dotted(*parts: str | None) -> str:
    known = []
    for part in parts:
        if part is None:
            break
        known.append(part)
    return ".".join(known)
