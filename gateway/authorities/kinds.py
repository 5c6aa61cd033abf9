"""The table of the kinds of authority: from the name in the config to the authority."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, assert_never

from pydantic import Field

from gateway.authorities.authority import Authority
from gateway.authorities.directory import DirectorySettings, open_directory
from gateway.authorities.introspection import IntrospectionAuthority, IntrospectionSettings
from gateway.authorities.jwt import JwtAuthority, JwtSettings
from gateway.authorities.remote import RemoteAuthority, RemoteSettings

AuthoritySettings = Annotated[
    DirectorySettings | RemoteSettings | JwtSettings | IntrospectionSettings,
    Field(discriminator="kind"),
]
"""What may stand under `authorities` in the config; `kind` tells them apart."""

CANNOT_DISOWN = (RemoteSettings, IntrospectionSettings)
"""Settings of kinds that never say *not mine*, so an authority listed after one of them is never asked."""


async def build_authority(
    name: str, settings: AuthoritySettings, clock: Callable[[], float], free_claims: Sequence[str] = ()
) -> Authority:
    """Open the authority that `settings` describe, within the event loop that will ask it.

    `clock` is in epoch seconds; `free_claims` are those that rules and identity headers ask for. Only a directory
    connects already, to check its schema: raises SchemaError, DirectoryError or KeyRingError for one that cannot serve,
    and OSError for a `ca_file` that cannot be loaded.
    """
    match settings:
        case DirectorySettings():
            return await open_directory(name, settings, clock)
        case RemoteSettings():
            return RemoteAuthority(name, settings)
        case JwtSettings():
            return JwtAuthority(name, settings, clock, free=free_claims)
        case IntrospectionSettings():
            return IntrospectionAuthority(name, settings, clock, free=free_claims)
        case _ as never:
            assert_never(never)
