"""Problems of a list of readers, wherever a config has one."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.partial import PartialConfig
from gateway.credentials.kinds import shared_places
from gateway.model.errors import Problem


def unknown_readers(config: PartialConfig, names: tuple[str, ...], *path: str | int) -> Iterator[Problem]:
    """Yield the `names`, listed at `path`, that are no reader's, and those that are listed twice."""
    for position, name in enumerate(names):
        if name not in config.reader_names:
            yield config.problem(f"{name} is not one of credentials", *path, position)
        elif name in names[:position]:
            yield config.problem(f"{name} is listed twice", *path, position)


def shared_readers(config: PartialConfig, names: tuple[str, ...], *path: str | int) -> Iterator[Problem]:
    """Yield every two readers of `names` that read the same header or cookie: both would always find a credential."""
    readers = {name: config.credentials[name] for name in names if name in config.credentials}
    for name, earlier, place in shared_places(readers):
        hint = ", and neither `prefix` nor `form` tells their secrets apart" if place.endswith(")") else ""
        yield config.problem(f"{name} and {earlier} both read the {place}{hint}", *path)
