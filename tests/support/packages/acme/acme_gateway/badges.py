"""A list of badges in the config, as a kind of authority."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from gateway.authorities.authority import Authority, verdict_digest
from gateway.authorities.authority_kind import AuthorityBaseSettings, AuthorityKind, OpenedWith
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential
from gateway.model.session import Session, User


class BadgesSettings(AuthorityBaseSettings):
    """Whose each badge is."""

    kind: Literal["acme_badges"]
    people: dict[str, str]


class Badges(Authority):
    """Knows the badges of its list; any other is *not mine*."""

    memory_only = True

    def __init__(self, name: str, people: dict[str, str]) -> None:
        self.name = name
        self._people = people
        self.verdict_digest = verdict_digest("acme_badges", people)

    @override
    async def look_up(self, credential: Credential) -> Answer:
        person = self._people.get(credential.parts[0])
        return Found(Session(subject=person, id=f"s-{person}", user=User(id=person))) if person else None

    @override
    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        return Rejected(Reason.GONE)

    @override
    async def close(self) -> None:
        pass


async def _open(settings: BadgesSettings, opened_with: OpenedWith) -> Badges:
    if "nobody" in settings.people.values():
        raise LookupError("there is no badge of nobody's")
    return Badges(opened_with.name, settings.people)


KIND = AuthorityKind("acme_badges", BadgesSettings, _open)
