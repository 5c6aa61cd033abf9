"""The options in the query of a PostgreSQL URL, under the names that every client of PostgreSQL has (libpq's).

The driver has other names for most of them, and its own TLS modes look for certificate authorities in the home
directory alone, where a service has none.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

_FILES = ("sslrootcert", "sslcert", "sslkey")
_TLS = frozenset({"sslmode", "sslpassword", "sslnegotiation", *_FILES})
_SETTINGS = ("application_name", "fallback_application_name", "options")
"""What the server is told when a connection begins."""

_SESSION_ATTRIBUTES = ("any", "primary", "standby", "prefer-standby", "read-write", "read-only")
_UNVERIFIED: dict[str, Any] = {"disable": False, "allow": "allow", "prefer": "prefer", "require": "require"}
_VERIFIED = ("verify-ca", "verify-full")
_NO_STATEMENTS = ("statement_cache_size", "prepared_statement_cache_size")
"""The driver's word and SQLAlchemy's for one thing: 0 leaves no statement prepared, though no pooler be noticed."""

_WEAK = ("allow", "prefer")
_SYSTEM = "system"
_LONGEST_WAIT = 86400

_NOTHING_TO_DO: Mapping[str, frozenset[str]] = {
    "channel_binding": frozenset({"disable", "prefer"}),
    "gssencmode": frozenset({"disable", "prefer"}),
    "load_balance_hosts": frozenset({"disable"}),
    "client_encoding": frozenset({"auto", "utf8", "utf-8"}),
}
"""Parameters of which these values are how it is anyway."""

_REFUSED: Mapping[str, str] = {
    "channel_binding": "which the driver cannot require: write channel_binding=prefer, and sslmode=verify-full, "
    "so that the server is known by its certificate",
    "gssencmode": "which the driver cannot: it is disable or prefer",
    "load_balance_hosts": "which the driver does not do: hosts are asked in their order",
    "client_encoding": "which is UTF8 here",
    "pgbouncer": "which is Prisma's: leave it out, a pooler is noticed",
    "ssl": "which is another client's: write sslmode=require, or verify-full",
    "connection_limit": "which is Prisma's: leave it out, and set `connections` beside the url",
    "schema": "which is Prisma's: write options=-csearch_path%3DSCHEMA",
    "currentSchema": "which is JDBC's: write options=-csearch_path%3DSCHEMA",
}
"""What is said of others, by the names that URLs of managed services and of other clients have."""


def driver_options(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the driver's arguments for the parameters of a URL; loads the files that they name.

    `sslmode` is libpq's (PostgreSQL manual, section 34.19). A `sslrootcert` alone means `verify-full`: whoever names an
    authority wants it used. `verify-...` without one trusts the system's store, or `SSL_CERT_FILE`. Raises ValueError
    for a parameter, a value or a file that cannot be used; its text shows no value.
    """
    for name in sorted(query):
        _known(name, query[name])
    options: dict[str, Any] = {}
    settings = {name: query[name] for name in _SETTINGS if query.get(name)}
    if "fallback_application_name" in settings:
        settings.setdefault("application_name", settings.pop("fallback_application_name"))
        settings.pop("fallback_application_name", None)
    if settings:
        options["server_settings"] = settings
    if "target_session_attrs" in query:
        options["target_session_attrs"] = query["target_session_attrs"]
    if "connect_timeout" in query and (seconds := _seconds(query["connect_timeout"])):
        options["timeout"] = float(seconds)
    if set(_NO_STATEMENTS) & set(query):
        options["statement_cache_size"] = 0
    if _TLS & set(query):
        options["ssl"] = _tls(query)
    if query.get("sslnegotiation") == "direct":
        if not options["ssl"] or options["ssl"] in _WEAK:
            raise ValueError("has sslnegotiation=direct, which needs the sslmode require or verify-full")
        options["direct_tls"] = True
    return options


def _known(name: str, value: str) -> None:
    """Raise ValueError for a parameter or a value of one that cannot be used, and say what can."""
    if value.lower() in _NOTHING_TO_DO.get(name, ()):
        return
    if name in _REFUSED:
        raise ValueError(f"asks for {name}, {_REFUSED[name]}")
    if name == "target_session_attrs" and value not in _SESSION_ATTRIBUTES:
        raise ValueError(f"has no such target_session_attrs: {', '.join(_SESSION_ATTRIBUTES)}")
    if name == "sslnegotiation" and value not in {"postgres", "direct"}:
        raise ValueError("has no such sslnegotiation: postgres, direct")
    if name in _NO_STATEMENTS and value != "0":
        raise ValueError(f"has a {name} that is not 0")
    if name not in {*_TLS, *_SETTINGS, *_NO_STATEMENTS, "target_session_attrs", "connect_timeout"}:
        raise ValueError(f"has a parameter that is not known here: {name}")


def _seconds(text: str) -> int:
    """Return for how long a connection is waited for; 0 is as long as the driver waits anyway."""
    if not (text.isascii() and text.isdecimal() and int(text[:6]) <= _LONGEST_WAIT):
        raise ValueError("has a connect_timeout that is no whole number of seconds")
    return int(text[:6])


def _tls(given: Mapping[str, str]) -> Any:
    root = given.get("sslrootcert")
    mode = given.get("sslmode", "verify-full" if set(given) & set(_FILES) else "prefer")
    if root == _SYSTEM and mode in _UNVERIFIED:
        raise ValueError("trusts the system's authorities, which needs the sslmode verify-full")
    if mode in _UNVERIFIED:
        if set(given) & set(_FILES):
            raise ValueError("names files for TLS, which need the sslmode verify-full")
        return _UNVERIFIED[mode]
    if mode not in _VERIFIED:
        raise ValueError(f"has no such sslmode: {', '.join([*_UNVERIFIED, *_VERIFIED])}")
    context = _trusting(None if root == _SYSTEM else root)
    context.check_hostname = mode == "verify-full"
    if "sslkey" in given and "sslcert" not in given:
        raise ValueError("names a sslkey, and no sslcert that it is the key of")
    if "sslcert" in given:
        _show(context, given)
    return context


def _trusting(root: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=root)
    except (OSError, ValueError) as fault:
        raise ValueError(f"has a sslrootcert that cannot be used: {_why(fault, 'no certificate in PEM')}") from None


def _show(context: ssl.SSLContext, given: Mapping[str, str]) -> None:
    try:
        # An empty password, so that an encrypted key is an error and not a question on a terminal.
        context.load_cert_chain(given["sslcert"], given.get("sslkey"), password=given.get("sslpassword", ""))
    except (OSError, ValueError) as fault:
        why = _why(fault, "they are not in PEM, do not fit, or the key has another password")
        raise ValueError(f"has a sslcert and its key that cannot be used: {why}") from None


def _why(fault: Exception, of_content: str) -> str:
    known = isinstance(fault, OSError) and not isinstance(fault, ssl.SSLError)
    return str(fault.strerror or of_content) if known and isinstance(fault, OSError) else of_content
