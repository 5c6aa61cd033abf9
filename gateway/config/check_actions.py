"""Problems of whatever lists and ends people's sessions: `sessions`, and the actions of products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.authorities.directory import DirectorySettings
from gateway.authorities.kinds import AuthoritySettings
from gateway.config.listed_readers import shared_readers, unknown_readers
from gateway.config.partial import PartialConfig
from gateway.credentials.bearer import BearerSettings
from gateway.credentials.cookie import CookieSettings
from gateway.credentials.kinds import ReaderSettings
from gateway.credentials.token_pair import TokenPairSettings
from gateway.dialects.own_sessions import OwnSessionsSettings
from gateway.dialects.product_actions import build_actions
from gateway.dialects.rocketchat import FOR_MANAGERS, RocketchatSettings
from gateway.dialects.settings import EndpointSettings
from gateway.model.errors import Problem

_OF_SESSIONS = (CookieSettings, BearerSettings, TokenPairSettings)
"""The kinds that show a session. A key is handed to programs, and must not end what a person is signed in to."""


def check_actions(config: PartialConfig) -> Iterator[Problem]:
    """Yield readers that show no session of a directory where sessions are changed, and actions that nobody can do."""
    own = config.sections.sessions
    if own is not None:
        names = own_readers(own, config.credentials, config.authorities)
        if not names:
            text = "has no reader of a directory's sessions: nobody can ever list theirs"
            yield config.problem(text, "sessions")
        yield from unknown_readers(config, names, "sessions", "credentials")
        yield from shared_readers(config, names, "sessions", "credentials")
        yield from _sessionless(config, names, "sessions", "credentials")
    for place, endpoint in config.session_info.items():
        if build_actions(endpoint) is not None:
            yield from _sessionless(config, tuple(endpoint.credentials), "session_info", place, "credentials")
        yield from _tokenless(config, place, endpoint)
        if isinstance(endpoint, RocketchatSettings) and not endpoint.managers:
            for position, name in enumerate(endpoint.actions):
                if name in FOR_MANAGERS:
                    text = f"{name} is for managers, and there are none: name their roles in `managers`"
                    yield config.problem(text, "session_info", place, "actions", position)


def _tokenless(config: PartialConfig, place: int, endpoint: EndpointSettings) -> Iterator[Problem]:
    """Yield the actions that hand out tokens where a directory of the endpoint's readers signs none."""
    readers = [config.credentials[name] for name in endpoint.credentials if name in config.credentials]
    names = dict.fromkeys(name for reader in readers for name in reader.authority)
    directories = {name: config.authorities.get(name) for name in names}
    unsigned = [
        name for name, each in directories.items() if isinstance(each, DirectorySettings) and each.tokens is None
    ]
    for position, name in enumerate(getattr(endpoint, "actions", ())):
        alone = build_actions(endpoint.model_copy(update={"actions": (name,)}))
        if unsigned and alone is not None and any(each.issues_tokens for each in alone.actions):
            text = f"{name} hands out tokens, and {' and '.join(unsigned)} signs none: give it `tokens`"
            yield config.problem(text, "session_info", place, "actions", position)


def own_readers(
    settings: OwnSessionsSettings, readers: Mapping[str, ReaderSettings], authorities: Mapping[str, AuthoritySettings]
) -> tuple[str, ...]:
    """Return the readers by which people list and end their sessions: those listed, or all that show one of ours."""
    if settings.credentials:
        return tuple(settings.credentials)
    directories = {name for name, each in authorities.items() if isinstance(each, DirectorySettings)}
    return tuple(
        name
        for name, reader in readers.items()
        if isinstance(reader, _OF_SESSIONS) and not directories.isdisjoint(reader.authority)
    )


def _sessionless(config: PartialConfig, names: tuple[str, ...], *path: str | int) -> Iterator[Problem]:
    for position, name in enumerate(names):
        reader = config.credentials.get(name)
        if reader is None:
            continue
        if not isinstance(reader, _OF_SESSIONS):
            text = f"{name} shows no session: cookies, bearer tokens and token pairs alone list and end them"
            yield config.problem(text, *path, position)
        elif not any(_may_be_directory(config, each) for each in reader.authority):
            text = f"{name} asks no directory, whose sessions alone can be listed and ended"
            yield config.problem(text, *path, position)


def _may_be_directory(config: PartialConfig, name: str) -> bool:
    """Tell a directory, or a part that is not valid: that is a problem by itself."""
    return name not in config.authorities or isinstance(config.authorities[name], DirectorySettings)
