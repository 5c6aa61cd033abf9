"""What is wrong with ports, files, secrets, times and trust although each key of theirs is right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.model.problem import Problem
from gateway.runtime.parts import Parts
from gateway.source.addresses import ListenAddress
from gateway.source.document import KeyPath
from gateway.source.values import SettingsModel

_WEAK = 32
"""Characters; a random secret of 128 bits has 32 in hexadecimal."""

_ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what is compared, nothing listens


def check_sections(parts: Parts) -> Iterator[Problem]:
    """Yield what is wrong with everything but routes and lists of names."""
    yield from _ports(parts)
    yield from _secrets(parts)
    yield from _trust(parts)
    yield from _bounds(parts)
    yield from _files(parts)


def _ports(parts: Parts) -> Iterator[Problem]:
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


def _secrets(parts: Parts) -> Iterator[Problem]:
    for position, secret in enumerate(parts.sections.secret):
        if len(secret.get_secret_value()) < _WEAK:
            text = f"is short for a secret: take {_WEAK} random characters or more (openssl rand -hex 32)"
            yield parts.warning(text, "secret", position)


def _trust(parts: Parts) -> Iterator[Problem]:
    for position, network in enumerate(parts.sections.trusted_proxies):
        if network.prefixlen == 0:
            text = f"{network} trusts everybody: any client can claim any address, host and scheme"
            yield parts.warning(text, "trusted_proxies", position)


def _bounds(parts: Parts) -> Iterator[Problem]:
    limits, cache = parts.sections.limits, parts.sections.cache
    if limits.target_bytes >= limits.head_bytes:
        yield parts.problem("must be less than limits.head_bytes", "limits", "target_bytes")
    if cache.stale < cache.fresh:
        yield parts.warning("is shorter than cache.fresh, so nothing is ever served stale", "cache", "stale")
    if cache.negative > cache.fresh:
        text = "is longer than cache.fresh: a new key may be refused for longer than an old one is believed"
        yield parts.warning(text, "cache", "negative")


def _files(parts: Parts) -> Iterator[Problem]:
    """Yield files that are named and cannot be read. Those of secrets were read already."""
    for path, value in _leaves(parts.sections, ()):
        yield from _file(parts, path, value)
    for name, authority in parts.authorities.items():
        for path, value in _leaves(authority, ("authorities", name)):
            yield from _file(parts, path, value)


def _file(parts: Parts, path: KeyPath, value: Any) -> Iterator[Problem]:
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
