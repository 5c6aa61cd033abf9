"""A PostgreSQL URL as every client of PostgreSQL reads it (libpq's manual, section "Connection URIs")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from gateway.directory.postgres_options import driver_options
from gateway.model.url import NO_PORT, fault_of_url

_PORT = 5432
_PORTS = 65536
_LISTS = frozenset({"host", "port"})
_OF_THE_SERVER = _LISTS | {"user", "password", "dbname"}
"""Parameters that say again what stands before the question mark, and win."""


class PostgresUrl(msgspec.Struct, frozen=True):
    """Where a database is, who asks it, and how: `options` are the driver's other arguments.

    A host that begins with `/` is the folder of a socket file. There is a port for each host.
    """

    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    user: str
    password: str
    database: str
    options: dict[str, Any]

    def arguments(self) -> dict[str, Any]:
        """Return the driver's arguments; what is not named is the driver's to find, in PGHOST, PGUSER and such."""
        named = {"host": list(self.hosts), "port": list(self.ports), "user": self.user, "password": self.password}
        return {name: value for name, value in {**named, "database": self.database}.items() if value} | self.options

    def __str__(self) -> str:
        """Name the database, where it is and who asks; a user without a password may be a password without a user."""
        pairs = zip(self.hosts, self.ports, strict=True)
        where = " or ".join(host if host.startswith("/") else f"{_bracketed(host)}:{port}" for host, port in pairs)
        database = f"the database {self.database}" if self.database else "the user's own database"
        user = f", as {self.user}" if self.user and self.password else ""
        return f"{database} at {where or 'the host that the environment names'}{user}"

    def __repr__(self) -> str:
        """Show no password."""
        return f"PostgresUrl({self})"


def parse_postgres_url(url: str) -> PostgresUrl:
    """Read a URL; loads the files for TLS that it names.

    Several hosts, `host:port,host:port`, are asked one after the other. Raises ValueError, whose text says what is
    wrong with the URL and shows no part of a password.
    """
    fault = fault_of_url(url)
    if fault:
        raise ValueError(fault)
    before, _, query = url.partition("://")[2].partition("?")
    authority, _, path = before.partition("/")
    user_part, _, servers = authority.rpartition("@")
    user, _, password = user_part.partition(":")
    given = _given(query)
    hosts, ports = _servers(given.get("host", [servers]), given.get("port", []))
    one = {name: values[0] for name, values in given.items() if name not in _LISTS}
    return PostgresUrl(
        hosts=hosts,
        ports=ports,
        user=one.get("user", unquote(user)),
        password=one.get("password", unquote(password)),
        database=one.get("dbname", unquote(path)),
        options=driver_options({name: value for name, value in one.items() if name not in _OF_THE_SERVER}),
    )


def _given(query: str) -> dict[str, list[str]]:
    """Return the values of each parameter, of which `host` and `port` alone may have several."""
    given: dict[str, list[str]] = {}
    for part in filter(None, query.split("&")):
        name, _, value = map(unquote, part.partition("="))  # not parse_qsl, to which a `+` is a blank
        if name in given and name not in _LISTS:
            raise ValueError(f"has a parameter twice: {name}")
        given.setdefault(name, []).append(value)
    return given


def _servers(hosts: Sequence[str], ports: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the hosts, and a port for each; nothing where no host is named."""
    listed = [host for each in hosts for host in ([each] if each.startswith("/") else each.split(","))]
    if listed == [""] and not ports:
        return (), ()
    split = [_host_and_port(host or "localhost") for host in listed]
    beside = [port for each in ports for port in each.split(",")]
    if len(beside) == 1:
        beside *= len(split)
    if beside and len(beside) != len(split):
        raise ValueError("names more or fewer ports than hosts")
    found = beside or [port for _, port in split]
    return tuple(host for host, _ in split), tuple(map(_port, found))


def _host_and_port(text: str) -> tuple[str, str]:
    """Split `host:port`, `[::1]:port` or the folder of a socket file, whose colons are its own."""
    host, mark, port = text.rpartition(":")
    if text.startswith(("/", "%2F", "%2f")) or not mark or port.endswith("]"):
        host, port = text, ""
    return unquote(host.removeprefix("[").removesuffix("]")), port


def _port(text: str) -> int:
    if text and not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) < _PORTS):
        raise ValueError(NO_PORT)
    return int(text or _PORT)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
