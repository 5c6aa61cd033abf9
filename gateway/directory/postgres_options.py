"""The options in the query of a PostgreSQL URL, under the names that every client of PostgreSQL has (libpq's).

The driver has other names for most of them, and its own TLS modes look for certificate authorities in the home
directory alone, where a service has none.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from gateway.model.errors import DirectoryError

DRIVER_PARAMETERS = frozenset({"host", "port", "target_session_attrs", "prepared_statement_cache_size"})
"""Parameters that SQLAlchemy and the driver read themselves: a list of hosts, which of them to use, and the cache size
that must be 0 behind a connection pooler."""

_FILES = ("sslrootcert", "sslcert", "sslkey")
_OURS = frozenset({"sslmode", "application_name", *_FILES})
_UNVERIFIED: dict[str, Any] = {"disable": False, "allow": "allow", "prefer": "prefer", "require": "require"}
_VERIFIED = ("verify-ca", "verify-full")


def driver_options(query: Mapping[str, str | tuple[str, ...]]) -> dict[str, Any]:
    """Return the driver's arguments for the parameters that it does not read; loads the files that they name.

    `sslmode` is libpq's (PostgreSQL manual, section 34.19). A `sslrootcert` alone means `verify-full`: whoever names an
    authority wants it used. `verify-...` without one trusts the system's store, or `SSL_CERT_FILE`. Raises
    DirectoryError for a parameter, a mode or a file that cannot be used.
    """
    unknown = sorted(set(query) - _OURS - DRIVER_PARAMETERS)
    if unknown:
        raise DirectoryError(f"the directory's url has a parameter that is not known here: {unknown[0]}")
    given = {name: _single(name, query[name]) for name in _OURS & set(query)}
    options: dict[str, Any] = {}
    if "application_name" in given:
        options["server_settings"] = {"application_name": given["application_name"]}
    if set(given) & {"sslmode", *_FILES}:
        options["ssl"] = _tls(given)
    return options


def _tls(given: Mapping[str, str]) -> Any:
    mode = given.get("sslmode", "verify-full")
    if mode in _UNVERIFIED:
        if set(given) & set(_FILES):
            raise DirectoryError("the directory's url names files for TLS, which need the sslmode verify-full")
        return _UNVERIFIED[mode]
    if mode not in _VERIFIED:
        raise DirectoryError(f"the directory's url has no such sslmode: {', '.join([*_UNVERIFIED, *_VERIFIED])}")
    try:
        context = ssl.create_default_context(cafile=given.get("sslrootcert"))
        if "sslcert" in given:
            context.load_cert_chain(given["sslcert"], given.get("sslkey"))
    except (OSError, ValueError) as fault:  # an SSLError is an OSError
        raise DirectoryError(f"the files for TLS that the directory's url names: {type(fault).__name__}") from fault
    context.check_hostname = mode == "verify-full"
    return context


def _single(name: str, value: str | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        raise DirectoryError(f"the directory's url has a parameter twice: {name}")
    return value
