"""What is wrong with ports, files, secrets, times and trust although each key of theirs is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gateway.authorities.directory import DirectorySettings
from gateway.authorities.remote import RemoteSettings
from gateway.config.extras import TRACING_REMEDY, is_tracing_installed
from gateway.config.partial import PartialConfig
from gateway.directory.postgres_options import driver_options
from gateway.http1.field_names import is_told_by_us
from gateway.identity.foreign_names import ForeignNames
from gateway.model.errors import DirectoryError, Problem
from gateway.model.headers import spelling
from gateway.source.addresses import ListenAddress, is_loopback
from gateway.source.document import KeyPath
from gateway.source.values import SecretList, SettingsModel

_WEAK = 32
"""Characters; a random secret of 128 bits has 32 in hexadecimal. Keys of less than 112 bits are out of use (NIST SP
800-131A)."""

_DIRECTORY_URL = re.compile(r"(?:sqlite:///|postgres(?:ql)?://).", re.ASCII)
_ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what is compared, nothing listens


def check_sections(parts: PartialConfig) -> Iterator[Problem]:
    """Yield what is wrong with everything but routes and lists of names."""
    yield from _ports(parts)
    yield from _secrets(parts)
    yield from _trust(parts)
    yield from _forward_auth(parts)
    yield from _bounds(parts)
    yield from _identity(parts)
    yield from _transport(parts)
    yield from _telemetry(parts)
    yield from _files(parts)


def _ports(parts: PartialConfig) -> Iterator[Problem]:
    listen = parts.sections.listen
    taken = [("public", listen.public)]
    others = [("admin", listen.admin)] + ([("health", listen.health)] if listen.health is not None else [])
    for name, address in others:
        for earlier, other in taken:
            if _collide(address, other):
                yield parts.problem(f"is where listen.{earlier} listens already", "listen", name)
        taken.append((name, address))


def _collide(one: ListenAddress, other: ListenAddress) -> bool:
    return one.port == other.port != 0 and (one.host == other.host or bool(_ANYWHERE & {one.host, other.host}))


def _secrets(parts: PartialConfig) -> Iterator[Problem]:
    """Yield what is short enough to be guessed, of what we alone choose: what others gave us is theirs to choose."""
    chosen: list[tuple[KeyPath, SecretList]] = [
        (("listen", "admin_token"), parts.sections.listen.admin_token),
        (("secret",), parts.sections.secret),
    ]
    for name, authority in parts.authorities.items():
        if isinstance(authority, DirectorySettings):
            chosen.append((("authorities", name, "pepper"), authority.pepper))
    for path, secrets in chosen:
        for position, secret in enumerate(secrets):
            if len(secret.get_secret_value()) < _WEAK:
                text = f"is short for a secret: take {_WEAK} random characters or more (openssl rand -hex 32)"
                yield parts.warning(text, *path, *((position,) if len(secrets) > 1 else ()))


def _trust(parts: PartialConfig) -> Iterator[Problem]:
    for position, network in enumerate(parts.sections.trusted_proxies):
        if network.prefixlen == 0:
            text = f"{network} trusts everybody: any client can claim any address, host and scheme"
            yield parts.warning(text, "trusted_proxies", position)


def _forward_auth(parts: PartialConfig) -> Iterator[Problem]:
    """Yield endpoints at which anybody, or nobody, may ask, and allows that are kept for longer than what they say."""
    token = parts.sections.identity.token
    for name, endpoint in parts.sections.forward_auth.endpoints():
        if not endpoint.peers:
            yield parts.warning("lists nobody, so this endpoint refuses everybody", "forward_auth", name, "peers")
        for position, network in enumerate(endpoint.peers):
            if network.prefixlen == 0:
                text = f"{network} believes everybody: any client can ask about, and as, any address and host"
                yield parts.warning(text, "forward_auth", name, "peers", position)
        if token is not None and endpoint.max_age > token.ttl / 2:
            text = "is longer than half of identity.token.ttl: an allow that is kept carries a token that has expired"
            yield parts.warning(text, "forward_auth", name, "max_age")


def _bounds(parts: PartialConfig) -> Iterator[Problem]:
    limits, cache = parts.sections.limits, parts.sections.cache
    if limits.target_bytes >= limits.head_bytes:
        yield parts.problem("must be less than limits.head_bytes", "limits", "target_bytes")
    if cache.stale < cache.fresh:
        yield parts.warning("is shorter than cache.fresh, so nothing is ever served stale", "cache", "stale")
    if cache.negative > cache.fresh:
        text = "is longer than cache.fresh: a new key may be refused for longer than an old one is believed"
        yield parts.warning(text, "cache", "negative")


def _identity(parts: PartialConfig) -> Iterator[Problem]:
    """Yield an identity token whose header is another field's, and names that clients could not send anyway."""
    identity = parts.sections.identity
    own = {spelling(name.encode("ascii")): f"identity.headers.{field}" for field, name in identity.headers.items()}
    if identity.token is not None:
        header = spelling(identity.token.header.encode("ascii"))
        if header in own:  # an upstream would take one for the other
            yield parts.problem(f"is the header of {own[header]} too", "identity", "token", "header")
        own.setdefault(header, "identity.token")
    foreign = ForeignNames()
    for position, name in enumerate(identity.from_clients):
        path, canonical = ("identity", "from_clients", position), spelling(name.encode("ascii"))
        if canonical in own:
            yield parts.problem(f"is the header of {own[canonical]}, which no client may send", *path)
        elif is_told_by_us(canonical):
            yield parts.problem(f"{name} is a proxy's word, which no client may send", *path)
        elif not foreign.include(canonical):
            yield parts.warning(f"{name} is no other product's identity header, and passes anyway", *path)


def _transport(parts: PartialConfig) -> Iterator[Problem]:
    """Yield authorities that are asked in the clear, and directories that cannot be opened."""
    for name, authority in parts.authorities.items():
        if isinstance(authority, RemoteSettings) and _in_the_clear(authority.url):
            text = "is asked without TLS: whoever is on the way can read credentials and say who everybody is"
            yield parts.warning(text, "authorities", name, "url")
        wrong = _wrong_with(authority.url.get_secret_value()) if isinstance(authority, DirectorySettings) else ""
        if wrong:
            yield parts.problem(wrong, "authorities", name, "url")


def _wrong_with(directory_url: str) -> str:
    """Return why a directory cannot be opened by this url, empty when nothing is known against it."""
    if not _DIRECTORY_URL.match(directory_url):
        return "must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    if directory_url.startswith("sqlite:"):
        return ""
    try:
        query = parse_qs(urlsplit(directory_url).query, keep_blank_values=True)
        driver_options({name: values[0] if len(values) == 1 else tuple(values) for name, values in query.items()})
    except ValueError:
        return "cannot be read as a URL"  # without the cause, whose text is the URL
    except DirectoryError as refused:
        return str(refused)
    return ""


def _in_the_clear(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def _telemetry(parts: PartialConfig) -> Iterator[Problem]:
    if parts.sections.telemetry.traces != "none" and not is_tracing_installed():
        yield parts.problem(f"needs packages that are not installed: {TRACING_REMEDY}", "telemetry", "traces")


def _files(parts: PartialConfig) -> Iterator[Problem]:
    """Yield files that are named and cannot be read. Those of secrets were read already."""
    for path, value in _leaves(parts.sections, ()):
        yield from _file(parts, path, value)
    for name, authority in parts.authorities.items():
        for path, value in _leaves(authority, ("authorities", name)):
            yield from _file(parts, path, value)


def _file(parts: PartialConfig, path: KeyPath, value: Any) -> Iterator[Problem]:
    if not str(path[-1]).endswith("_file") or not isinstance(value, str | Path):
        return
    try:
        with Path(value).open("rb"):
            return
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        yield parts.problem(f"cannot be read: {said}", *path)


def _leaves(settings: SettingsModel, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SettingsModel):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value
