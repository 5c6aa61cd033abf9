"""The table of the kinds of authority: from the name in the config to the authority."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import PlainValidator

from gateway.authorities import directory, introspection, jwt, remote
from gateway.authorities.authority import Authority
from gateway.authorities.authority_kind import AuthorityBaseSettings, AuthorityKind, OpenedWith
from gateway.model.errors import GatewayError
from gateway.source.kind_table import KindTable

AUTHORITIES = KindTable(
    AuthorityKind,
    "session_gateway.authorities",
    (directory.KIND, remote.KIND, jwt.KIND, introspection.KIND),
)
"""Every kind of authority; installed packages add theirs."""


def can_disown(settings: AuthorityBaseSettings) -> bool:
    """Tell whether an authority can say *not mine*; one that is listed after another that cannot is never asked."""
    return AUTHORITIES.named(settings.kind).can_disown


async def build_authority(
    name: str, settings: AuthorityBaseSettings, clock: Callable[[], float], free_claims: Sequence[str] = ()
) -> Authority:
    """Open the authority that `settings` describe, within the event loop that will ask it.

    `clock` is in epoch seconds; `free_claims` are those that rules and identity headers ask for. Only a directory
    connects already, to check its schema: raises SchemaError, DirectoryError or KeyRingError for one that cannot serve,
    and OSError for a `ca_file` that cannot be loaded. Whatever else a package's kind raises becomes a GatewayError.
    """
    kind = AUTHORITIES.named(settings.kind)
    try:
        return await kind.open(settings, OpenedWith(name, clock, free_claims))
    except Exception as error:
        if kind.name in AUTHORITIES.own or isinstance(error, GatewayError):
            raise
        raise GatewayError(f"authorities.{name}: {kind.name} cannot be opened: {error!r}") from error


def _settings(kind: AuthorityKind, written: dict[str, Any]) -> type[AuthorityBaseSettings]:
    return kind.settings_in(written) if kind.settings_in is not None else kind.settings


AuthoritySettings = Annotated[
    AuthorityBaseSettings,
    PlainValidator(AUTHORITIES.validator("kind", _settings, lambda kind, settings: kind.probe(settings))),
]
"""What may stand under `authorities` in the config; `kind` tells them apart."""
