"""A product's own session-info endpoint as an authority: it is sent the caller's credential, in its dialect."""

from __future__ import annotations

import math
from functools import cache
from time import monotonic
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import create_model
from typing_extensions import override

from gateway.authorities.authority import Authority, verdict_digest
from gateway.authorities.authority_kind import AuthorityKind, OpenedWith
from gateway.authorities.http_settings import AskedHttpSettings, EndpointUrl
from gateway.authorities.open_http_client import open_http_client
from gateway.dialects.dialect import DialectClient
from gateway.dialects.dialect_kind import SpokenSettings
from gateway.dialects.kinds import DIALECTS, speak, spoken_settings
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.credential import Credential
from gateway.source.values import SettingsModel

_REASONS = {"expired": Reason.EXPIRED}
"""Why a session in this state is rejected; any other state but `active` is revoked."""


class RemoteSettings(SpokenSettings, AskedHttpSettings):
    """A remote authority at `url`, the whole address of its session-info endpoint.

    What `dialect` asks besides are keys here: see `settings_in_dialect`.
    """

    kind: Literal["remote"]
    dialect: str
    url: EndpointUrl

    @property
    @override
    def asked_host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def asked_by_dialect(self) -> str:
        """Return the keys that the dialect adds to those of every remote, as JSON."""
        return self.model_dump_json(exclude=set(RemoteSettings.model_fields))


def settings_in_dialect(written: dict[str, Any]) -> type[RemoteSettings]:
    """Return the class of the settings of a remote with its dialect's keys; raises ValidationError at `dialect`."""
    if "dialect" not in written:
        return RemoteSettings
    spoken = DIALECTS.settings_class(written["dialect"], written, spoken_settings, ("dialect",))
    return DIALECTS.tried(str(written["dialect"]), lambda: _with_keys(spoken), ("dialect",))


@cache
def _with_keys(spoken: type[SettingsModel]) -> type[RemoteSettings]:
    if spoken is SpokenSettings:
        return RemoteSettings
    bases: tuple[Any, ...] = (spoken, RemoteSettings)
    return create_model(f"Remote{spoken.__name__}", __base__=bases)


class RemoteAuthority(Authority):
    """Asks a remote session-info endpoint. It cannot say *not mine*, so in a list it stands last.

    Where the product limits whoever asks, it is not asked before the time that its 429 names: each request would be
    refused as well, and some products count those too.
    """

    memory_only = False

    def __init__(self, name: str, settings: RemoteSettings) -> None:
        self.name = name
        self.verdict_digest = verdict_digest("remote", settings.dialect, settings.url, settings.asked_by_dialect())
        self._dialect: DialectClient = speak(settings.dialect, settings)
        self._client = open_http_client(settings.url, settings)
        self._resting_until = 0.0

    @override
    async def look_up(self, credential: Credential) -> Answer:
        """Return whose session it is; a kind of credential that the dialect does not have is unknown."""
        answer = await self._send(credential, "")
        if answer is None:
            return Rejected(Reason.UNKNOWN)
        if isinstance(answer, Found) and answer.session.state != "active":
            # a remote shows its owner a session that has ended, but it lets nobody in any more
            return Rejected(_REASONS.get(answer.session.state, Reason.REVOKED))
        return answer

    @override
    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        return await self._send(credential, session_id) or Rejected(Reason.GONE)

    @override
    async def close(self) -> None:
        await self._client.close()

    async def _send(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable | None:
        """Return the decoded answer, or `None` when the dialect has no such request."""
        request = self._dialect.request(credential, session_id)
        if request is None:
            return None
        if (wait := math.ceil(self._resting_until - monotonic())) > 0:
            return Undecided("the authority has asked us to wait", wait, asked=False)
        response = await self._client.ask(request)
        if isinstance(response, Unavailable):
            return response
        if response.retry_after and self._dialect.limits_by_address:
            self._resting_until = monotonic() + response.retry_after
        return self._dialect.decode(response, credential, session_id)


async def _open(settings: RemoteSettings, opened_with: OpenedWith) -> Authority:
    return RemoteAuthority(opened_with.name, settings)


KIND = AuthorityKind(
    "remote",
    RemoteSettings,
    _open,
    can_disown=False,
    settings_in=settings_in_dialect,
    probe=lambda settings: DIALECTS.tried(settings.dialect, lambda: speak(settings.dialect, settings), ("dialect",)),
)
