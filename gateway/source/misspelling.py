"""Which key a misspelt one is meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from gateway.source.values import SettingsModel

_ALIKE = 0.75
"""Of `difflib`'s ratio: `authoritys` and `acess` are above it, `ttl` and `tls` below."""


def meant_key(key: str, beside: Iterable[str]) -> str:
    """Return the known key that `key` is nearly, empty for none, in a settings class that has what stands beside it."""
    others = set(beside) - {key}
    classes = [keys for keys in map(_keys, _classes(SettingsModel)) if key not in keys]
    most = max((len(others & keys) for keys in classes), default=0)
    known = {name for keys in classes if len(others & keys) == most for name in keys} - others
    turned = [name for name in sorted(known) if sorted(name) == sorted(key)]  # two letters changed places
    return next(iter(turned or get_close_matches(key, sorted(known), n=1, cutoff=_ALIKE)), "")


def _classes(parent: type[SettingsModel]) -> Iterator[type[SettingsModel]]:
    for child in parent.__subclasses__():
        yield child
        yield from _classes(child)


def _keys(settings: type[SettingsModel]) -> frozenset[str]:
    return frozenset({*settings.model_fields, *(f"{name}_file" for name in settings.secret_keys())})
