"""Problems of readers, of who asks with them, and of the authorities that they list."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.authorities.directory import DirectorySettings
from gateway.authorities.kinds import can_disown
from gateway.config.check_own_paths import check_own_paths
from gateway.config.listed_readers import shared_readers, unknown_readers
from gateway.config.partial import PartialConfig
from gateway.credentials.header_jwt import HeaderJwtSettings
from gateway.credentials.kinds import in_url
from gateway.model.errors import Problem


def check_credentials(config: PartialConfig) -> Iterator[Problem]:
    """Yield the problems of `credentials` and `session_info`, and of own paths."""
    for name, reader in config.credentials.items():
        if isinstance(reader, HeaderJwtSettings) and not config.sections.trusted_proxies:
            text = "is believed of trusted_proxies alone, and there are none: this is nobody's"
            yield config.warning(text, "credentials", name, "kind")
        yield from _authorities(config, tuple(reader.authority), name)
    yield from _callers(config)
    for place, endpoint in config.session_info.items():
        listed = tuple(endpoint.credentials)
        yield from unknown_readers(config, listed, "session_info", place, "credentials")
        yield from shared_readers(config, listed, "session_info", place, "credentials")
        for position, name in enumerate(listed):
            if name in config.credentials and in_url(config.credentials[name]):
                text = f"{name} is for routes alone: it is cut out of what is sent, and nothing is sent here"
                yield config.problem(text, "session_info", place, "credentials", position)
    yield from check_own_paths(config)


def _callers(config: PartialConfig) -> Iterator[Problem]:
    """Yield the problems of who may call the admin API."""
    admin = config.sections.admin
    yield from unknown_readers(config, admin.credentials, "admin", "credentials")
    yield from shared_readers(config, admin.credentials, "admin", "credentials")
    if admin.credentials and not admin.roles:
        yield config.warning("lets nobody do anything: no role is given a permission", "admin", "roles")
    if admin.host is not None and not admin.credentials:
        yield config.warning("answers nobody: admin.credentials lists no reader", "admin", "host")
    if admin.roles and not admin.credentials:
        yield config.warning("are nobody's: admin.credentials lists no reader", "admin", "roles")
    directories = {name for name, each in config.authorities.items() if isinstance(each, DirectorySettings)}
    if admin.directory is not None and admin.directory not in directories:
        yield config.problem(f"{admin.directory} is no authority of the kind directory", "admin", "directory")


def _authorities(config: PartialConfig, names: tuple[str, ...], reader: str) -> Iterator[Problem]:
    for position, name in enumerate(names):
        path = ("credentials", reader, "authority", position)
        if name not in config.authority_names:
            yield config.problem(f"{name} is not one of authorities", *path)
        elif name in names[:position]:
            yield config.problem(f"{name} is listed twice", *path)
        elif position < len(names) - 1 and (listed := config.authorities.get(name)) and not can_disown(listed):
            text = f"{name} cannot tell what is not its own, so {names[position + 1]} would never be asked: put it last"
            yield config.problem(text, *path)
