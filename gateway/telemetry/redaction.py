"""The last line of defence against secrets in the program log; no other code should log one.

A value is masked whole when its name says that it is a secret (`x-api-key`, `client_secret`, `Set-Cookie`, a configured
credential header). Text that looks like a secret is masked everywhere, exception texts included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import date
from functools import lru_cache
from typing import Any

from gateway.model.credential import Credential
from gateway.model.headers import Headers
from gateway.model.url import MASK, without_passwords

_DEEPEST = 8
"""Levels of nesting that are examined; what lies deeper is masked whole."""

_LONGEST = 16 * 1024
"""Characters of one text, enough for a deep traceback: a line stays bounded whatever it quotes."""

_MOST_READ = 4 * _LONGEST
"""Characters of one text that are looked at: masks make a text shorter, though hardly by three quarters."""

_LARGEST = 2**53
"""Above it JSON readers round an integer to another one (RFC 8259 section 6)."""

_CACHED_NAMES = 2048

# Names of secrets, by themselves or as the last words of a longer name: `token`, `x_auth_token`, `accessToken`.
_WORDS = (
    r"token|secret|password|passwd|passphrase|pepper|cookie|authorization|assertion|signature|jwt|api_?key|org_key"
    r"|project_key|user_key|private_key|secret_key|signing_key|token_hash|key_hash|parts|dev_session_*|__session"
)
_SECRET_NAME = re.compile(rf"(?:.*_)?(?:{_WORDS})s?")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _without_jwt(dotted: re.Match[str]) -> str:
    """Mask a JWS or JWE in compact form (RFC 7519 section 3): its first part is `{"` in base64url."""
    text = dotted[0]
    place = text.find("eyJ")
    return text if place < 0 or text.count(".", place) < _JWT_DOTS else text[:place] + MASK


_JWT_DOTS = 2

# Each reads a text in a time that grows with its length alone: what may repeat begins where nothing else can, or gives
# nothing back. Texts quote callers, and one that read each beginning anew took 16 s for 60 KB.
_PATTERNS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]*+){2,}+"), _without_jwt),
    # Authorization schemes with what follows them (RFC 9110 section 11.4); a plain word after `token` is prose.
    (re.compile(r"\b((?i:Bearer|Basic|Digest|Token)\s+)(?=[^\s,;\"']*[A-Z0-9=+/~_-])[^\s,;\"']{6,}"), rf"\1{MASK}"),
    # Keys with a spoken prefix: sk_live_..., uak_..., oak_..., ghp_...
    (re.compile(r"\b[a-z]{2,8}_(?:live|test|prod)_[A-Za-z0-9_-]{6,}"), MASK),
    (re.compile(r"\b(?:sk|pk|ak|uak|oak|rk|ghp|whsec)_[A-Za-z0-9_-]{8,}"), MASK),
    # A secret in a query or a form: __dev_session__=..., access_token=..., api_key=...
    (
        re.compile(r"((?<![\w-])[\w-]*(?:token|secret|password|api[_-]?key|session__)=)[^\s&;\"']+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    # 32 bytes in base64, the form of Rocket.Chat's stored hashes (unkeyed: guesses can be tried on them).
    (re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}="), MASK),
    # 32 random bytes in base64url, the form of Rocket.Chat's login tokens and of many others: upper, lower and digits.
    (
        re.compile(
            r"(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[a-z])"
            r"[A-Za-z0-9_-]{43}=?(?![A-Za-z0-9_-])"
        ),
        MASK,
    ),
)


class Redactor:
    """A structlog processor that masks secrets in an event before it is rendered.

    `names` are those of the configured credential headers and cookies.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(_folded(name) for name in names)
        self._is_secret = lru_cache(maxsize=_CACHED_NAMES)(self._is_secret_name)

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the event with its secrets masked; the original values stay as they are."""
        return {name: self._named_value(name, value, 0) for name, value in event.items()}

    def text(self, text: str) -> str:
        """Return `text` with everything that looks like a secret masked, and what UTF-8 cannot hold escaped."""
        if not text.isascii():
            text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        is_cut = len(text) > _MOST_READ
        if is_cut:
            text = _cut(text)
        text = without_passwords(text)
        for pattern, mask in _PATTERNS:
            text = pattern.sub(mask, text)
        return text if len(text) <= _LONGEST and not is_cut else f"{text[:_LONGEST]}[cut]"

    def _named_value(self, name: str, value: object, depth: int) -> object:
        if value is not None and not isinstance(value, bool) and self._is_secret(name):
            return MASK
        return self._value(value, depth)

    def _value(self, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool | float | date):
            return value
        if isinstance(value, int):
            return value if abs(value) <= _LARGEST else str(value)
        if isinstance(value, str):
            return self.text(str(value))
        if isinstance(value, bytes | bytearray):
            return self.text(value.decode("utf-8", "backslashreplace"))
        return self._object(value, depth)

    def _object(self, value: object, depth: int) -> object:
        if isinstance(value, Credential | Headers):
            return repr(value)
        if depth >= _DEEPEST or hasattr(value, "get_secret_value"):
            return MASK
        return self._container(value, depth + 1)

    def _container(self, value: object, depth: int) -> object:
        if isinstance(value, Mapping):
            return {_name(name): self._named_value(_name(name), item, depth) for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            items = list(value)
            if isinstance(value, tuple) and self._is_secret_pair(items):
                return [_name(items[0]), MASK]
            return [self._value(item, depth) for item in items]
        return self.text(repr(value))

    def _is_secret_pair(self, items: list[Any]) -> bool:
        """Tell whether this is one header field, `(name, value)`, with a secret value."""
        return (
            len(items) == len(("name", "value"))
            and isinstance(items[0], str | bytes)
            and self._is_secret(_name(items[0]))
        )

    def _is_secret_name(self, name: str) -> bool:
        folded = _folded(name)
        return folded in self._names or _SECRET_NAME.fullmatch(folded) is not None


def _cut(text: str) -> str:
    """Cut a text at a blank, so that no secret is cut in two: half of one might not look like one."""
    return text[: max(text.rfind(" ", 0, _MOST_READ), text.rfind("\n", 0, _MOST_READ), 0)]


def _name(name: object) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else str(name)


def _folded(name: str) -> str:
    """Return the one spelling of `X-Api-Key`, `x_api_key` and `xApiKey`."""
    return _HUMP.sub("_", name).lower().replace("-", "_").replace(".", "_")
