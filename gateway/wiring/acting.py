"""The endpoints by which people change their sessions, built from one config."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.config.check_actions import own_readers
from gateway.config.settings import Settings
from gateway.credentials.reader import Reader
from gateway.dialects.action import DialectActions
from gateway.dialects.own_sessions import OwnSessions, OwnSessionsSettings
from gateway.dialects.product_actions import build_actions
from gateway.dialects.settings import EndpointSettings
from gateway.dialects.wacht import WachtSettings
from gateway.endpoints.devices_page import DevicesPage
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.endpoints.session_actions import OpenOperations, SessionActionsEndpoint
from gateway.endpoints.session_info import METHODS
from gateway.gate import Gate
from gateway.model.route import CorsRules
from gateway.policy.cross_origin import Cors
from gateway.policy.limits import Limits
from gateway.wiring.change_notifier import ChangeNotifier
from gateway.wiring.process import Process
from gateway.wiring.sessions import SessionsWiring

_EXPOSED = ("X-Development-Session", "Retry-After")
"""The headers of an answer that a foreign page may read: the next token in development, and when to try again."""

_METHODS = ("GET", "HEAD", "POST", "DELETE")
"""What a preflight at the path of an action allows."""

_Acting = tuple[DialectActions, EndpointSettings | OwnSessionsSettings, tuple[str, ...]]
"""Actions, the settings of their endpoint, and the names of its readers."""


def action_endpoints(
    settings: Settings, gate: Gate, sessions: SessionsWiring, limits: Limits, process: Process
) -> Iterator[tuple[SessionActionsEndpoint, DialectActions, tuple[Reader, ...]]]:
    """Yield each endpoint of actions with what it does, and its readers; all share the directories' connections."""
    wanted = tuple(_wanted(settings))
    opened = _open_directories(settings, sessions, process) if wanted else {}
    for actions, endpoint, names in wanted:
        readers = tuple(sessions.readers[name] for name in names)
        authorities = [authority for name in names for authority in settings.credentials[name].authority]
        operations = {name: opened[name] for name in dict.fromkeys(authorities) if name in opened}
        policy = endpoint_policy(endpoint, readers, _METHODS)
        yield SessionActionsEndpoint(actions, policy, gate, operations, limits, process.now), actions, readers


def endpoint_policy(
    settings: EndpointSettings | OwnSessionsSettings, readers: tuple[Reader, ...], methods: Sequence[str] = METHODS
) -> EndpointPolicy:
    """Return the policy of an endpoint; what its CORS lets a page ask, it lets it change with cookies, too."""
    cors, origins = None, frozenset[str]()
    if settings.cors is not None:
        origins = frozenset(settings.cors.origins)
        fields = frozenset(name for reader in readers for name in reader.headers)
        cors = Cors(CorsRules(origins, exposed=_EXPOSED), fields, methods)
    return EndpointPolicy(
        readers=readers,
        hosts=frozenset(settings.hosts),
        rate_limit=settings.rate_limit.to_rate_limit() if settings.rate_limit is not None else None,
        cors=cors,
        origins=origins,
        development=isinstance(settings, WachtSettings) and settings.development,
    )


def _wanted(settings: Settings) -> Iterator[_Acting]:
    for each in settings.session_info:
        actions = build_actions(each)
        if actions is not None:
            yield actions, each, tuple(each.credentials)
    own = settings.sessions
    if own is not None:
        names = own_readers(own, settings.credentials, settings.authorities)
        yield OwnSessions(), own, names
        yield DevicesPage(), own, names


def _open_directories(settings: Settings, sessions: SessionsWiring, process: Process) -> dict[str, OpenOperations]:
    """Return what opens a call's operations, for each directory by its name."""
    from gateway.wiring.action_operations import ActionParts  # noqa: PLC0415 - see its docstring
    from gateway.wiring.call_operations import open_directories  # noqa: PLC0415 - see its docstring

    notify = ChangeNotifier(sessions.revoker, process, has_bus=settings.redis is not None)
    parts = ActionParts(notify, sessions.rejected_lookups, sessions.tasks, process)
    return open_directories(settings.authorities, sessions.authorities, parts)
