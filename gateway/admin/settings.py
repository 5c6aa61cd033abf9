"""`admin` in the config: who besides the owner may call the API, and what they may do there."""

from __future__ import annotations

import difflib
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.admin.permissions import PERMISSIONS
from gateway.source.addresses import HostName, Origin
from gateway.source.values import PositiveDuration, SettingsModel, StringList, listed


def _permission(value: str) -> str:
    if value in PERMISSIONS:
        return value
    near = difflib.get_close_matches(value, PERMISSIONS, 1)
    raise ValueError(f"is no permission{f'; did you mean {near[0]}?' if near else ''}")


Permission = Annotated[str, AfterValidator(_permission)]


class AdminSettings(SettingsModel):
    """Who may call the API besides the holder of `listen.admin_token`: nobody by default.

    `credentials` are readers, and `roles` what the users' own roles let them do. `origins` are foreign pages that may
    change things by a cookie. A body is at most `body_bytes` long. `directory` names the authority whose records the
    API shows, where there are several. A creation that its caller has named is remembered for `idempotency` seconds,
    `named_calls` of them at most. At `host` all of this is on the public port too, without the admin token.
    """

    credentials: StringList = ()
    roles: dict[str, Annotated[tuple[Permission, ...], BeforeValidator(listed)]] = Field(default_factory=dict)
    origins: Annotated[tuple[Origin, ...], BeforeValidator(listed)] = ()
    body_bytes: int = Field(default=64 * 1024, ge=1024)
    directory: str | None = None
    host: HostName | None = None
    idempotency: PositiveDuration = 86400.0
    named_calls: int = Field(default=10_000, ge=1)
