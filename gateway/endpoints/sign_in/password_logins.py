"""What a name and a password open, whatever asks: the form of ours, or a product's client."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from gateway.dialects.action import TokenPairGranted
from gateway.endpoints.sign_in.sign_in_parts import Browser

LoginCredentials = Literal["cookie", "pair", "tokens"]
"""What a session is shown by that a password opens: our cookie, a user id and a login token, or signed tokens."""


class PasswordAttempt(msgspec.Struct, frozen=True):
    """A name and a password for one provider, and where they come from."""

    provider: str
    login: str
    password: str
    browser: Browser

    def __repr__(self) -> str:
        """Show neither: people type one into the other's place."""
        return f"PasswordAttempt({self.provider!r})"


class OpenedLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A session that a password opened: whose it is, and the credentials that were wanted.

    `cookie` is the cookie's value and `token` the login token. Who they are stands there beside a login token alone.
    """

    user_id: str
    cookie: str = ""
    token: str = ""
    granted: TokenPairGranted | None = None
    username: str | None = None
    name: str | None = None
    email: str | None = None
    roles: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show no credential."""
        return f"OpenedLogin({self.user_id})"


class PasswordLogins(Protocol):
    """The directory that knows the passwords."""

    async def open(self, attempt: PasswordAttempt, wanted: LoginCredentials) -> OpenedLogin | None:
        """Begin a session; None for a name or a password that is wrong. Raises DirectoryError when it cannot tell."""
