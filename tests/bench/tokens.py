"""A gateway without a directory, which believes an issuer's tokens: as many sessions as there are tokens."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.signing import KeyRing
from tests.bench.full import serving
from tests.bench.processes import NGINX, Subject, nginx

ISSUER = "https://id.bench.test"
_ISSUER_CONFIG = NGINX + "server {{ listen 127.0.0.1:{port};\n location = /jwks {{ alias {folder}/jwks; }} }} }}"
_CONFIG = """
listen: {{public: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}"}}
secret: bench-secret-bench-secret-bench-secret
cache: {{fresh: 1h, memory_entries: 200000}}
authorities:
  tokens:
    {{kind: jwt, issuer: "{issuer}", audience: bench, jwks_url: "http://127.0.0.1:{jwks}/jwks", algorithms: [EdDSA]}}
credentials:
  token: {{kind: bearer, authority: tokens}}
telemetry: {{access_log: false}}
routes:
  - {{name: all, match: {{path: /}}, require: {{scopes: [read]}}, upstream: "http://127.0.0.1:{upstream}"}}
"""


class Issuer:
    """Signs tokens of as many sessions as are asked for; its keys are published at `port`."""

    def __init__(self, keys: KeyRing, port: int) -> None:
        self._keys = keys
        self.port = port
        self.jwks = keys.jwks()

    def token(self, number: int) -> str:
        """Return a token of session `number`, which is good for a day."""
        now = int(time.time())  # noqa: TID251 - a bench is a program of its own
        whose = {"sub": f"user-{number}", "sid": f"session-{number}", "email": f"user-{number}@example.com"}
        claims = {
            "iss": ISSUER,
            "aud": "bench",
            "scope": "read write",
            "org_id": "org_1",
            "iat": now,
            "exp": now + 86400,
        }
        return self._keys.sign("at+jwt", claims | whose)


@contextlib.contextmanager
def issuer(folder: Path) -> Iterator[Issuer]:
    """Publish a key."""
    folder.mkdir()
    keys = KeyRing.generate()
    (folder / "jwks").write_bytes(msgspec.json.encode(keys.jwks()))
    with nginx("issuer", _ISSUER_CONFIG, folder) as found:
        yield Issuer(keys, found.port)


@contextlib.contextmanager
def token_gateway(name: str, folder: Path, upstream: int, by: Issuer) -> Iterator[Subject]:
    """Run a gateway that admits an issuer's tokens."""
    with serving(name, folder, _CONFIG, issuer=ISSUER, jwks=by.port, upstream=upstream) as found:
        found.headers = {"Authorization": f"Bearer {by.token(0)}"}
        yield found
