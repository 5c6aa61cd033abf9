"""The doors at the gateway's own paths, built from one config."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.credentials.reader import Reader
from gateway.dialects.kinds import DialectSettings, build_dialect
from gateway.dialects.wacht import WachtSettings
from gateway.endpoints.cors import Cors
from gateway.endpoints.door import Door
from gateway.endpoints.session_info import Doorway, SessionInfo
from gateway.endpoints.well_known import WellKnownKeys
from gateway.gate import Gate
from gateway.policy.limits import Limits
from gateway.runtime.identification import Identification
from gateway.runtime.process import Process
from gateway.runtime.settings import Settings
from gateway.signing import KeyRing

_JWKS_MAX_AGE = 300
"""Seconds that verifiers may keep our keys; a new key has to be published for as long before it signs."""


def own_doors(
    settings: Settings,
    gate: Gate,
    identification: Identification,
    limits: Limits,
    process: Process,
    key_ring: KeyRing | None,
) -> Iterator[Door]:
    """Yield every own door of the public port."""
    token = settings.identity.token
    if token is not None and key_ring is not None:
        yield WellKnownKeys(token.jwks_path, key_ring.jwks, _JWKS_MAX_AGE)
    for each in settings.session_info:
        readers = [identification.readers[name] for name in each.credentials]
        yield SessionInfo(
            build_dialect(each),
            gate,
            readers,
            identification.session_of,
            limits,
            process.now,
            doorway=_doorway(each, readers),
        )


def _doorway(settings: DialectSettings, readers: Sequence[Reader]) -> Doorway:
    cors = None
    if settings.cors is not None:
        fields = frozenset(name for reader in readers for name in reader.headers)
        cors = Cors(settings.cors.origins, fields, (b"x-request-id",))
    return Doorway(
        hosts=frozenset(settings.hosts),
        rate_limit=settings.rate_limit.to_rate_limit() if settings.rate_limit is not None else None,
        cors=cors,
        development=isinstance(settings, WachtSettings) and settings.development,
    )
