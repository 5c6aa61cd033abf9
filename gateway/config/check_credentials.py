"""What is wrong with the lists of readers and authorities although each name is one."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.authorities.kinds import CANNOT_DISOWN
from gateway.config.check_routes import shared_readers, unknown_readers
from gateway.config.own_paths import OwnPath, own_paths
from gateway.config.partial import PartialConfig
from gateway.model.errors import Problem


def check_credentials(parts: PartialConfig) -> Iterator[Problem]:
    """Yield what is wrong with `credentials` and `session_info`."""
    for name, reader in parts.credentials.items():
        yield from _authorities(parts, tuple(reader.authority), name)
    for place, endpoint in parts.session_info.items():
        listed = tuple(endpoint.credentials)
        yield from unknown_readers(parts, listed, "session_info", place, "credentials")
        yield from shared_readers(parts, listed, "session_info", place, "credentials")
    yield from _own_paths(parts)


def _authorities(parts: PartialConfig, names: tuple[str, ...], reader: str) -> Iterator[Problem]:
    for position, name in enumerate(names):
        path = ("credentials", reader, "authority", position)
        if name not in parts.authority_names:
            yield parts.problem(f"{name} is not one of authorities", *path)
        elif name in names[:position]:
            yield parts.problem(f"{name} is listed twice", *path)
        elif isinstance(parts.authorities.get(name), CANNOT_DISOWN) and position < len(names) - 1:
            text = f"{name} cannot tell what is not its own, so {names[position + 1]} would never be asked: put it last"
            yield parts.problem(text, *path)


def _own_paths(parts: PartialConfig) -> Iterator[Problem]:
    """Yield every two that would answer one request."""
    earlier: list[OwnPath] = []
    told = set()
    for own in own_paths(parts.sections, parts.session_info):
        other = next((other for other in earlier if own.meets(other)), None)
        if other is not None and own.place not in told:
            told.add(own.place)  # a dialect has two spellings of its path; one problem says it
            yield parts.problem(f"answers at {own.path}, where {other.owner} is answered already", *own.place)
        earlier.append(own)
