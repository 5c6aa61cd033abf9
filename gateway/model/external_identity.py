"""What an OpenID provider says of a person who signed in, and what it handed us for that person."""

from __future__ import annotations

import msgspec

from gateway.model.session import Session, User


class ExternalIdentity(msgspec.Struct, frozen=True):
    """A person at an issuer: `subject` is what the issuer calls them for ever, `sid` its own session (may be empty).

    `provider` is the config's name of the issuer. `session` is what its claims say. `roles` is None where the config
    maps no claim to them.
    """

    provider: str
    issuer: str
    subject: str
    sid: str
    user: User
    session: Session
    roles: tuple[str, ...] | None = None


class ProviderTokens(msgspec.Struct, frozen=True):
    """The tokens of one sign-in; `fresh_until` is when the facts are out of date, in epoch seconds, None for never."""

    id_token: str
    refresh_token: str = ""
    fresh_until: float | None = None

    def __repr__(self) -> str:
        """Show no token."""
        return f"ProviderTokens(fresh_until={self.fresh_until})"


class SignInRefused(msgspec.Struct, frozen=True):
    """Why nobody is signed in, or out, by what an issuer sent; for the log, and never shown to the browser."""

    detail: str


class Redeemed(msgspec.Struct, frozen=True):
    """A person who signed in, and the tokens that the issuer gave us."""

    identity: ExternalIdentity
    tokens: ProviderTokens


class EndedAtIssuer(msgspec.Struct, frozen=True):
    """What a verified logout token ends: sessions of a subject, or of one session there; `jti` may be used once.

    `expires_at` is in epoch seconds.
    """

    issuer: str
    subject: str | None
    sid: str | None
    jti: str
    expires_at: float
