"""A product's own session-info endpoint as an authority: it is asked with the caller's credential, in its dialect."""

from __future__ import annotations

from typing import Literal

from gateway.authorities.endpoint_url import EndpointUrl
from gateway.authorities.http_client import HttpAuthoritySettings, HttpClient
from gateway.authorities.verdict_digest import verdict_digest
from gateway.dialects.dialect import DialectClient
from gateway.dialects.kinds import DialectName, spoken_dialect
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential

_ENDS = {"expired": Reason.EXPIRED}


class RemoteSettings(HttpAuthoritySettings):
    """A remote authority at `url`, the whole address of its session-info endpoint."""

    kind: Literal["remote"]
    dialect: DialectName
    url: EndpointUrl


class RemoteAuthority:
    """Asks a remote session-info endpoint. It cannot say *not mine*, so in a list it stands last."""

    memory_only = False

    def __init__(self, name: str, settings: RemoteSettings) -> None:
        self.name = name
        self.verdict_digest = verdict_digest("remote", settings.dialect, settings.url)
        self._dialect: DialectClient = spoken_dialect(settings.dialect)
        self._client = HttpClient(settings.url, settings)

    async def look_up(self, credential: Credential) -> Answer:
        """Return whose session it is. A kind of credential that the dialect does not know is unknown."""
        answer = await self._ask(credential, "")
        if answer is None:
            return Rejected(Reason.UNKNOWN)
        if isinstance(answer, Found) and answer.session.state != "active":
            # A remote shows its owner a session that has ended; it opens nothing any more.
            return Rejected(_ENDS.get(answer.session.state, Reason.REVOKED))
        return answer

    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Return another session of the same user, where the dialect can ask for one; logged-out ones included."""
        return await self._ask(credential, session_id) or Rejected(Reason.GONE)

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.close()

    async def _ask(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable | None:
        """Ask, or return `None` when the dialect has no words for the question."""
        question = self._dialect.question(credential, session_id)
        if question is None:
            return None
        heard = await self._client.get(question.headers, question.query)
        if isinstance(heard, Unavailable):
            return heard
        return self._dialect.decode(heard, credential, session_id)
