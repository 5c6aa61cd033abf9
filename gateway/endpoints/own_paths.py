"""Paths of the public port that are the gateway's own, whatever the config says."""

from __future__ import annotations

from collections.abc import Mapping

OWN = "/_gateway/"
"""Beneath it no route is ever looked for. A proxy that asks at an endpoint which is not there would else be answered by
an upstream, and take the 200 of its start page for an allow."""

DEVICES = "/_gateway/devices"
"""A page with one's sessions."""

DOCUMENT = "/_gateway/openapi.json"
"""The OpenAPI document of the public port."""

LOGINS: Mapping[str, tuple[str, ...]] = {
    "rocketchat": ("/api/v1/login",),
    "memghost": ("/auth/login", "/api/v1/auth/login"),
}
"""Product -> where its clients sign in."""
