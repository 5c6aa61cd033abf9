"""How we authenticate at an issuer that we ask: OAuth's ways for clients, and a bearer token."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote_plus
from uuid import uuid4

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.api_jws import PyJWS
from pydantic import AfterValidator, model_validator

from gateway.authorities.http_settings import AskedHttpSettings, Pairs
from gateway.source.values import OptionalSecret, field_faults

AuthenticationMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "bearer"]

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60
_MIN_RSA_BITS = 2048  # RFC 7518 section 3.3

_NEEDED: dict[str, tuple[str, ...]] = {
    "client_secret_basic": ("client_id", "client_secret"),
    "client_secret_post": ("client_id", "client_secret"),
    "private_key_jwt": ("client_id", "private_key_file"),
    "bearer": ("token",),
}
_ALLOWED: dict[str, tuple[str, ...]] = {"private_key_jwt": ("key_id", "assertion_audience")}
_KEYS = ("client_id", "client_secret", "private_key_file", "key_id", "assertion_audience", "token")


class _SignsAssertions(msgspec.Struct, frozen=True):
    """A private key and the one algorithm that it is used with."""

    private: Any
    algorithm: str


def _load(path: str) -> _SignsAssertions:
    """Read a private key; raises ValueError, whose text holds nothing of the file."""
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or type(error).__name__}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("holds no private key in PEM, or one with a password") from None
    if isinstance(key, RSAPrivateKey) and key.key_size >= _MIN_RSA_BITS:
        return _SignsAssertions(key, "RS256")
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return _SignsAssertions(key, "ES256")
    if isinstance(key, Ed25519PrivateKey):
        return _SignsAssertions(key, "EdDSA")
    raise ValueError(f"must hold a key of RSA ({_MIN_RSA_BITS} bits or more), EC P-256 or Ed25519")


def _loads(path: str) -> str:
    _load(path)
    return path


class ClientSettings(AskedHttpSettings):
    """An endpoint and how we authenticate there, each `auth` with the keys that it needs and no others.

    `client_secret_basic`, `client_secret_post` (RFC 6749 section 2.3.1), `private_key_jwt` (RFC 7523 section 2.2),
    whose `assertion_audience` is the url where none is given, and `bearer` (RFC 7662 section 2.1).
    """

    auth: AuthenticationMethod = "client_secret_basic"
    client_id: str = ""
    client_secret: OptionalSecret = None
    private_key_file: Annotated[str, AfterValidator(_loads)] | None = None
    key_id: str = ""
    assertion_audience: str = ""
    token: OptionalSecret = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        needed, allowed = _NEEDED[self.auth], _ALLOWED.get(self.auth, ())
        given = {name for name in _KEYS if getattr(self, name)}
        faults = dict.fromkeys(set(needed) - given, f"is required by auth: {self.auth}")
        faults |= dict.fromkeys(given - {*needed, *allowed}, f"is not used by auth: {self.auth}")
        if faults:
            raise field_faults(faults)
        return self


class ClientAuthentication:
    """Adds to a request what shows who asks. `clock` is in epoch seconds.

    Raises ValueError for a key file that has become unusable since it was checked.
    """

    def __init__(self, settings: ClientSettings, url: str, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._audience = settings.assertion_audience or url
        self._clock = clock
        self._signer = _load(settings.private_key_file) if settings.private_key_file else None
        self._jws = PyJWS()

    def headers(self) -> Pairs:
        """Return the header fields; none where the form carries it."""
        settings = self._settings
        if settings.auth == "client_secret_basic":
            return (("Authorization", _basic(settings.client_id, _shown(settings.client_secret))),)
        return (("Authorization", f"Bearer {_shown(settings.token)}"),) if settings.auth == "bearer" else ()

    def form(self) -> Pairs:
        """Return the form's fields; a signed assertion is another each time, since many servers take each once."""
        settings = self._settings
        if settings.auth == "client_secret_post":
            return (("client_id", settings.client_id), ("client_secret", _shown(settings.client_secret)))
        if self._signer is None:
            return ()
        assertion = self._assertion(self._signer)
        return (
            ("client_id", settings.client_id),
            ("client_assertion_type", _JWT_BEARER),
            ("client_assertion", assertion),
        )

    def _assertion(self, signer: _SignsAssertions) -> str:
        now, client = int(self._clock()), self._settings.client_id
        claims = {"iss": client, "sub": client, "aud": self._audience, "jti": uuid4().hex, "iat": now}
        payload = msgspec.json.encode({**claims, "exp": now + _ASSERTION_SECONDS})
        headers = {"kid": self._settings.key_id} if self._settings.key_id else None
        return self._jws.encode(payload, signer.private, algorithm=signer.algorithm, headers=headers)


def _shown(secret: OptionalSecret) -> str:
    return "" if secret is None else secret.get_secret_value()


def _basic(client_id: str, secret: str) -> str:
    """Return the field's value; both halves are form-encoded first (RFC 6749 section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"
