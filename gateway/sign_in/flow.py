"""A sign-in that was begun: what the browser brings back, sealed in a cookie of its own for each.

So nothing is stored for who has not signed in, several tabs do not disturb each other, and an answer of an issuer is
taken from the very browser that asked alone (RFC 6819 section 4.4.1.8: login CSRF). `__Host-` keeps a neighbouring
subdomain from setting one.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.credentials.fingerprint import purpose_key
from gateway.model.errors import UNDECODABLE
from gateway.model.headers import Headers

_PREFIX = b"__Host-gw-flow-"
_PURPOSE = b"gw sign-in flow"
_TARGET = b"target"
_NONCE_BYTES = 12
_RANDOM_BYTES = 32
_ATTRIBUTES = b"; Path=/; HttpOnly; Secure; SameSite=Lax"
_MOST_COOKIES = 64
_EARLY = 60.0
"""Seconds by which the clock of the replica that began a flow may be ahead of ours."""


class Flow(msgspec.Struct, frozen=True, array_like=True):
    """One sign-in: what ties the issuer's answer to this browser, and where the person comes back to.

    `state` (RFC 6749 section 10.12) and `nonce` (OpenID Connect Core section 3.1.2.1) come back with the answer and in
    its token; `verifier` proves to the issuer that we asked (RFC 7636). `began` is in epoch seconds.
    """

    provider: str
    state: str
    nonce: str
    verifier: str
    return_to: str
    began: float

    @property
    def challenge(self) -> str:
        """The code challenge by S256 (RFC 7636 section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


class FlowCookies:
    """Seals flows into cookies and opens them: under the first of `server_secrets`, by every one of them.

    `lasts` is how many seconds a flow may take, `most` how many of them one browser may have; `clock` is in epoch
    seconds and `randomness` returns that many random bytes.
    """

    def __init__(
        self,
        server_secrets: Sequence[bytes],
        clock: Callable[[], float],
        *,
        lasts: float = 600.0,
        most: int = 6,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._ciphers = tuple(AESGCM(purpose_key(secret, _PURPOSE)) for secret in server_secrets)
        self._clock = clock
        self._lasts = lasts
        self._most = most
        self._randomness = randomness

    def begin(self, provider: str, return_to: str) -> Flow:
        """Return a new flow."""
        state, nonce, verifier = (self._text() for _ in range(3))
        return Flow(provider, state, nonce, verifier, return_to, self._clock())

    def fields(self, flow: Flow, headers: Headers) -> Iterator[tuple[bytes, bytes]]:
        """Yield the fields that give a browser the cookie of `flow`, and take its oldest where it has too many."""
        others = sorted(_flow_cookies(headers).items(), key=lambda cookie: self._age(*cookie), reverse=True)
        for name, _ in others[: max(0, len(others) - self._most + 1)]:
            yield _clearing(name)
        name = _name(flow.state)
        value = self._seal(name, msgspec.json.encode(flow))
        yield b"Set-Cookie", b"%b=%b; Max-Age=%d%b" % (name, value, int(self._lasts), _ATTRIBUTES)

    def find(self, state: str, headers: Headers) -> Flow | None:
        """Return the flow of a state that an issuer sent back; None where this browser has not begun it in time."""
        name = _name(state)
        value = _flow_cookies(headers).get(name, b"")
        flow = self._open(name, value)
        if flow is None or not secrets.compare_digest(flow.state.encode(), state.encode("utf-8", "replace")):
            return None
        return flow if -_EARLY <= self._clock() - flow.began <= self._lasts else None

    @staticmethod
    def ending(state: str) -> tuple[bytes, bytes]:
        """Return the field that takes a flow's cookie from its browser."""
        return _clearing(_name(state))

    def seal_target(self, target: str) -> str:
        """Return a target for a link of a page of ours, in which nobody reads it."""
        return self._seal(_TARGET, target.encode("ascii")).decode("ascii")

    def open_target(self, sealed: str) -> str | None:
        """Return the target of a link of ours."""
        plain = self._plain(_TARGET, sealed.encode("utf-8", "replace"))
        return None if plain is None else plain.decode("ascii")

    def _seal(self, purpose: bytes, plain: bytes) -> bytes:
        nonce = self._randomness(_NONCE_BYTES)
        return base64.urlsafe_b64encode(nonce + self._ciphers[0].encrypt(nonce, plain, purpose)).rstrip(b"=")

    def _plain(self, purpose: bytes, value: bytes) -> bytes | None:
        try:
            sealed = base64.urlsafe_b64decode(value + b"=" * (-len(value) % 4))
        except ValueError:
            return None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose)
            except (InvalidTag, ValueError):  # ValueError: too short for a nonce
                continue
        return None

    def _open(self, name: bytes, value: bytes) -> Flow | None:
        plain = self._plain(name, value)
        try:
            return None if plain is None else msgspec.json.decode(plain, type=Flow)
        except UNDECODABLE:
            return None

    def _age(self, name: bytes, value: bytes) -> float:
        flow = self._open(name, value)
        return float("inf") if flow is None else self._clock() - flow.began

    def _text(self) -> str:
        return base64.urlsafe_b64encode(self._randomness(_RANDOM_BYTES)).rstrip(b"=").decode("ascii")


def _name(state: str) -> bytes:
    """Return the cookie's name: a digest, so that the browser's cookies do not show the state."""
    return _PREFIX + blake2b(state.encode("utf-8", "replace"), digest_size=8).hexdigest().encode("ascii")


def _clearing(name: bytes) -> tuple[bytes, bytes]:
    return b"Set-Cookie", name + b"=; Max-Age=0" + _ATTRIBUTES


def _flow_cookies(headers: Headers) -> dict[bytes, bytes]:
    """Return the flow cookies by name; one that is there twice is none."""
    found: dict[bytes, bytes] = {}
    for field in headers.all(b"cookie"):
        if _PREFIX not in field:
            continue
        for pair in field.split(b";"):
            name, _, value = pair.strip(b" \t").partition(b"=")
            if name.startswith(_PREFIX) and len(found) < _MOST_COOKIES:
                found[name] = b"" if name in found else value
    return found
