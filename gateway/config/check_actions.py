"""Problems of whatever lists and ends people's sessions: `sessions`, and the actions of products."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.authorities.directory import DirectorySettings
from gateway.config.listed_readers import shared_readers, unknown_readers
from gateway.config.partial import PartialConfig
from gateway.credentials.bearer import BearerSettings
from gateway.credentials.cookie import CookieSettings
from gateway.credentials.token_pair import TokenPairSettings
from gateway.model.errors import Problem

_OF_SESSIONS = (CookieSettings, BearerSettings, TokenPairSettings)
"""The kinds that show a session. A key is handed to programs, and must not end what a person is signed in to."""


def check_actions(config: PartialConfig) -> Iterator[Problem]:
    """Yield readers that show no session of a directory where sessions are listed and ended."""
    own = config.sections.sessions
    if own is not None:
        names = tuple(own.credentials)
        yield from unknown_readers(config, names, "sessions", "credentials")
        yield from shared_readers(config, names, "sessions", "credentials")
        yield from _sessionless(config, names, "sessions", "credentials")


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
