"""Our own directory as an authority: what the config says of it, and what is opened by that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import Field
from typing_extensions import override

from gateway.authorities.authority import Authority, verdict_digest
from gateway.authorities.authority_kind import AuthorityBaseSettings, AuthorityKind, OpenedWith
from gateway.authorities.directory_authority import DirectoryAuthority, Recognition
from gateway.directory.hashing import Peppers
from gateway.directory.session_tokens import SessionTokens, TokenLifetimes
from gateway.signing import KeyRing
from gateway.source.values import Duration, PositiveDuration, Secret, SecretList, SettingsModel, StringList


class TokenSettings(SettingsModel):
    """The tokens that the directory issues, and the PEM file of the keys that sign them. `ttl`s are in seconds.

    The refresh token before the current one ends nothing when it is shown again within `refresh_leeway`.
    """

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    keys_file: Path
    ttl: PositiveDuration = 3600.0
    cookie_ttl: PositiveDuration = 86400.0
    refresh_ttl: PositiveDuration = 90 * 86400.0
    refresh_leeway: Duration = 0.0


class DirectorySettings(AuthorityBaseSettings):
    """Our own directory at `url` (sqlite:///FILE or postgresql://...).

    Without `tokens` it recognizes no bearer token and no cookie. `timeout` is for one look-up, in seconds;
    `connections` is the limit of each process to the database. A longer credential than `credential_bytes` is not its.
    `imported_keys` are the products whose hashes of keys were imported and not all used since. A password that a user
    is given has `password_characters` at least.
    """

    kind: Literal["directory"]
    url: Secret
    pepper: Annotated[SecretList, Field(min_length=1)]
    imported_keys: StringList = ()
    tokens: TokenSettings | None = None
    connections: int = Field(default=5, ge=1, le=100)
    credential_bytes: int = Field(default=4096, ge=64)
    password_characters: int = Field(default=8, ge=1, le=128)

    @property
    @override
    def longest_credential(self) -> int:
        return self.credential_bytes


def open_tokens(settings: DirectorySettings, clock: Callable[[], float]) -> SessionTokens | None:
    """Return the issuer of the directory's tokens, if it has one; raises KeyRingError. `clock` is in epoch seconds."""
    tokens = settings.tokens
    if tokens is None:
        return None
    key_ring = KeyRing.load(tokens.keys_file)
    lifetimes = msgspec.convert(tokens, TokenLifetimes, from_attributes=True)
    return SessionTokens(key_ring, tokens.issuer, tokens.audience, clock, lifetimes)


def open_peppers(settings: DirectorySettings) -> Peppers:
    """Return the peppers that hash API keys."""
    return Peppers([secret.get_secret_value().encode() for secret in settings.pepper], settings.imported_keys)


async def open_directory(name: str, settings: DirectorySettings, clock: Callable[[], float]) -> DirectoryAuthority:
    """Open the directory; `clock` is in epoch seconds. Raises SchemaError, DirectoryError or KeyRingError."""
    # here and not above: a process without a directory never loads SQLAlchemy (30 MB)
    from gateway.directory.schema import require_current  # noqa: PLC0415 - see above
    from gateway.directory.store import Directory  # noqa: PLC0415 - see above

    recognition = Recognition(open_peppers(settings), open_tokens(settings, clock))
    store = Directory.open(settings.url.get_secret_value(), connections=settings.connections)
    try:
        await require_current(store)
    except BaseException:
        await store.close()
        raise
    digest = digest_of(settings)
    return DirectoryAuthority(name, store, recognition, clock, timeout=settings.timeout, verdict_digest=digest)


def digest_of(settings: DirectorySettings) -> bytes:
    """Return the verdict digest of the database's address and of the tokens' issuer and audience.

    Peppers and passwords are left out, so that rotating one does not empty the cache.
    """
    url, tokens = urlsplit(settings.url.get_secret_value()), settings.tokens
    issued = (tokens.issuer, tokens.audience) if tokens is not None else ()
    return verdict_digest("directory", url.scheme, url.hostname, url.port, url.path, *issued)


async def _open(settings: DirectorySettings, opened_with: OpenedWith) -> Authority:
    return await open_directory(opened_with.name, settings, opened_with.clock)


KIND = AuthorityKind("directory", DirectorySettings, _open)
