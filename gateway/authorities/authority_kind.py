"""What the table of kinds says of a kind of authority: its settings, and how it is opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from pydantic import Field

from gateway.authorities.authority import Authority
from gateway.source.values import PositiveDuration, SettingsModel

MOST_CREDENTIAL_BYTES = 4096
"""The largest cookie that browsers keep (RFC 6265 section 6.1); many servers take no more than 8 KB of fields."""


class AuthorityBaseSettings(SettingsModel):
    """An entry under `authorities`: the name of its kind, and the bounds that every authority has.

    `timeout` is for one look-up, in seconds, of which `connections` may be under way at once.
    """

    kind: str = ""
    timeout: PositiveDuration = 2.0
    connections: int = Field(default=64, ge=1)

    @property
    def longest_credential(self) -> int:
        """The bytes of a credential beyond which the authority is not asked."""
        return MOST_CREDENTIAL_BYTES

    @property
    def at_once(self) -> int:
        """How many look-ups may be under way."""
        return self.connections

    @property
    def asked_host(self) -> str:
        """The host that is asked about each credential, empty where there is none; for traces."""
        return ""


class OpenedWith(msgspec.Struct, frozen=True):
    """What an authority is opened with besides its settings: `name` is the config's, `clock` in epoch seconds.

    `free_claims` are the claims that rules and identity headers ask for.
    """

    name: str
    clock: Callable[[], float]
    free_claims: Sequence[str] = ()


class AuthorityKind(msgspec.Struct, frozen=True):
    """One kind of authority. `open` runs within the event loop that will ask it, and raises GatewayError.

    `can_disown` is False for one that never says *not mine*, so that an authority listed after it is never asked.
    `settings_in` returns the class of the settings of what the config says, where it is more than `settings`. `probe`
    does what opening does without I/O, so that `check` tells what it raises.
    """

    name: str
    settings: type[AuthorityBaseSettings]
    open: Callable[[Any, OpenedWith], Awaitable[Authority]]
    can_disown: bool = True
    settings_in: Callable[[dict[str, Any]], type[AuthorityBaseSettings]] | None = None
    probe: Callable[[Any], object] = bool
