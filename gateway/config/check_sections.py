"""Problems of files, secrets, times and trust whose keys are right one by one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.authorities.directory import DirectorySettings
from gateway.authorities.remote import RemoteSettings
from gateway.config.partial import PartialConfig
from gateway.directory.database_url import parse_usable_url
from gateway.http1.field_names import is_told_by_us
from gateway.identity.foreign_names import ForeignNames
from gateway.model.errors import Problem
from gateway.model.headers import spelling
from gateway.source.addresses import is_loopback
from gateway.source.document import KeyPath
from gateway.source.values import SecretList, SettingsModel

_MIN_SECRET = 32
"""Characters; a random secret of 128 bits has 32 in hexadecimal. Keys of less than 112 bits are out of use (NIST SP
800-131A)."""

_TRACING_PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
_TRACING_REMEDY = "pip install 'session-gateway[otel]'"


def check_sections(config: PartialConfig) -> Iterator[Problem]:
    """Yield the problems of every section but `routes`, `credentials` and `session_info`."""
    yield from _secrets(config)
    yield from _trust(config)
    yield from _forward_auth(config)
    yield from _bounds(config)
    yield from _identity(config)
    yield from _transport(config)
    yield from _telemetry(config)
    yield from _files(config)


def _secrets(config: PartialConfig) -> Iterator[Problem]:
    """Yield secrets of ours that are short enough to be guessed; those that others gave us are theirs to choose."""
    own: list[tuple[KeyPath, SecretList]] = [
        (("listen", "admin_token"), config.sections.listen.admin_token),
        (("secret",), config.sections.secret),
    ]
    for name, authority in config.authorities.items():
        if isinstance(authority, DirectorySettings):
            own.append((("authorities", name, "pepper"), authority.pepper))
    for path, secrets in own:
        for position, secret in enumerate(secrets):
            if len(secret.get_secret_value()) < _MIN_SECRET:
                text = f"is short for a secret: take {_MIN_SECRET} random characters or more (openssl rand -hex 32)"
                yield config.warning(text, *path, *((position,) if len(secrets) > 1 else ()))


def _trust(config: PartialConfig) -> Iterator[Problem]:
    for position, network in enumerate(config.sections.trusted_proxies):
        if not isinstance(network, str) and network.prefixlen == 0:
            text = f"{network} trusts everybody: any client can claim any address, host and scheme"
            yield config.warning(text, "trusted_proxies", position)


def _forward_auth(config: PartialConfig) -> Iterator[Problem]:
    """Yield endpoints that anybody or nobody may ask, and answers that outlive their token in a proxy's cache."""
    token = config.sections.identity.token
    for name, endpoint in config.sections.forward_auth.items():
        if not endpoint.peers:
            yield config.warning("lists nobody, so this endpoint refuses everybody", "forward_auth", name, "peers")
        for position, network in enumerate(endpoint.peers):
            if not isinstance(network, str) and network.prefixlen == 0:
                text = f"{network} believes everybody: any client can ask about, and as, any address and host"
                yield config.warning(text, "forward_auth", name, "peers", position)
        if token is not None and endpoint.max_age > token.ttl / 2:
            text = "is longer than half of identity.token.ttl: an allow that is kept carries a token that has expired"
            yield config.warning(text, "forward_auth", name, "max_age")


def _bounds(config: PartialConfig) -> Iterator[Problem]:
    limits, cache = config.sections.limits, config.sections.cache
    if limits.target_bytes >= limits.head_bytes:
        yield config.problem("must be less than limits.head_bytes", "limits", "target_bytes")
    if cache.stale < cache.fresh:
        yield config.warning("is shorter than cache.fresh, so nothing is ever served stale", "cache", "stale")
    if cache.negative > cache.fresh:
        text = "is longer than cache.fresh: a new key may be refused for longer than an old one is believed"
        yield config.warning(text, "cache", "negative")


def _identity(config: PartialConfig) -> Iterator[Problem]:
    """Yield a token's header that another field has, and names that clients may not send, or may send anyway."""
    identity = config.sections.identity
    own = {spelling(name.encode("ascii")): f"identity.headers.{field}" for field, name in identity.headers.items()}
    if identity.token is not None:
        header = spelling(identity.token.header.encode("ascii"))
        if header in own:  # an upstream would take one for the other
            yield config.problem(f"is the header of {own[header]} too", "identity", "token", "header")
        own.setdefault(header, "identity.token")
    foreign = ForeignNames()
    for position, name in enumerate(identity.from_clients):
        path, canonical = ("identity", "from_clients", position), spelling(name.encode("ascii"))
        if canonical in own:
            yield config.problem(f"is the header of {own[canonical]}, which no client may send", *path)
        elif is_told_by_us(canonical):
            yield config.problem(f"{name} is a proxy's word, which no client may send", *path)
        elif not foreign.include(canonical):
            yield config.warning(f"{name} is no other product's identity header, and passes anyway", *path)


def _transport(config: PartialConfig) -> Iterator[Problem]:
    """Yield authorities that are asked without TLS, and directories that cannot be opened."""
    for name, authority in config.authorities.items():
        if getattr(authority, "insecure_http", False):
            text = "lets an issuer be asked without TLS: whoever is on the way can say who everybody is"
            yield config.warning(text, "authorities", name, "insecure_http")
        if isinstance(authority, RemoteSettings) and _without_tls(authority.url):
            text = "is asked without TLS: whoever is on the way can read credentials and say who everybody is"
            yield config.warning(text, "authorities", name, "url")
        fault = _fault_of(authority.url.get_secret_value()) if isinstance(authority, DirectorySettings) else ""
        if fault:
            yield config.problem(fault, "authorities", name, "url")


def _fault_of(directory_url: str) -> str:
    """Return why a directory cannot be opened by this URL, empty when it may."""
    try:
        parse_usable_url(directory_url)
    except ValueError as fault:
        return str(fault)
    return ""


def _without_tls(url: str) -> bool:
    split = urlsplit(url)
    return split.scheme == "http" and not is_loopback(split.hostname or "")


def _telemetry(config: PartialConfig) -> Iterator[Problem]:
    if config.sections.telemetry.traces != "none" and not is_tracing_installed():
        yield config.problem(f"needs packages that are not installed: {_TRACING_REMEDY}", "telemetry", "traces")


def is_tracing_installed() -> bool:
    """Return whether the packages of the extra `otel` are installed."""
    try:
        return all(find_spec(name) is not None for name in _TRACING_PACKAGES)
    except ModuleNotFoundError:  # of the package above the one that is looked for
        return False


def _files(config: PartialConfig) -> Iterator[Problem]:
    """Yield files that cannot be read; those of secrets were read already."""
    for path, value in _leaves(config.sections, ()):
        yield from _file(config, path, value)
    for name, authority in config.authorities.items():
        for path, value in _leaves(authority, ("authorities", name)):
            yield from _file(config, path, value)


def _file(config: PartialConfig, path: KeyPath, value: Any) -> Iterator[Problem]:
    if not str(path[-1]).endswith("_file") or not isinstance(value, str | Path):
        return
    try:
        with Path(value).open("rb"):
            return
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        yield config.problem(f"cannot be read: {reason}", *path)


def _leaves(settings: SettingsModel, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SettingsModel):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value
