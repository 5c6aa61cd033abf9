"""Who calls the API: the owner by the admin token, or somebody whose session has a role of the config."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import msgspec

from gateway.admin.admin_call import AdminCall
from gateway.admin.admin_tokens import AdminTokens
from gateway.admin.permissions import permissions_of
from gateway.admin.problems import ProblemError, refused
from gateway.credentials.reader import CredentialReading
from gateway.endpoints.access_reader import AccessReader
from gateway.model.answers import Found, Resolution
from gateway.model.credential import Ambiguous, Credential, CredentialKind
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode, refusal_of
from gateway.model.session import Session
from gateway.policy.cross_origin import is_foreign_cookie
from gateway.telemetry.audit import Actor

ResolveCaller = Callable[[Credential, str], Awaitable[Resolution]]
"""Finds out whose a credential is, that an address shows."""


class AdminCaller(msgspec.Struct, frozen=True):
    """Who calls, by what, and what they may do. The owner has no session, and may do everything."""

    credential: str
    permissions: frozenset[str] = frozenset()
    session: Session | None = None

    @property
    def is_owner(self) -> bool:
        """Tell whether it is the holder of the admin token."""
        return self.session is None

    def may(self, permission: str) -> bool:
        """Tell whether this is allowed to them."""
        return self.is_owner or permission in self.permissions


OWNER = AdminCaller("admin_token")


class CallerRules(msgspec.Struct, frozen=True):
    """How callers besides the owner are recognized: by whose readers and look-up, and what each role gives."""

    reading: CredentialReading
    resolve: ResolveCaller
    roles: Mapping[str, tuple[str, ...]]
    origins: frozenset[str] = frozenset()


class AdminCallers:
    """Finds out who calls. `rules` opens what recognizes others than the owner; None where nobody else may call."""

    def __init__(
        self, tokens: AdminTokens, accesses: AccessReader, rules: Callable[[], Awaitable[CallerRules]] | None
    ) -> None:
        self._tokens = tokens
        self._accesses = accesses
        self._rules = rules

    async def identify(self, call: AdminCall) -> AdminCaller:
        """Return who calls; raises ProblemError for nobody, and for what cannot be told."""
        headers = call.request.head.block.headers
        authorization = [value.decode("utf-8", "surrogateescape") for value in headers.all(b"authorization")]
        if self._tokens.include(authorization):
            return OWNER
        if self._rules is None:
            raise refused(Refusal(RefusalCode.UNAUTHENTICATED))
        return await self._by_session(call, await self._rules())

    async def _by_session(self, call: AdminCall, rules: CallerRules) -> AdminCaller:
        try:
            access = self._accesses.read(call.request, call.request.head.block.headers, call.request_id)
        except MalformedError as error:
            raise refused(error.refusal) from None
        credential = rules.reading.read(access)
        if credential is None or isinstance(credential, Ambiguous):
            raise refused(Refusal(RefusalCode.UNAUTHENTICATED))
        if is_foreign_cookie(access, rules.origins, credential):
            detail = "A cookie changes something here only from the console's own page (Origin)."
            raise ProblemError(HTTPStatus.FORBIDDEN, "foreign_origin", detail)
        answer = (await rules.resolve(credential, access.client)).answer
        if not isinstance(answer, Found):
            raise refused(refusal_of(answer))
        return _caller(answer.session, credential.kind, rules.roles)


def actor_of(call: AdminCall, caller: AdminCaller) -> Actor:
    """Return who it is in the audit log."""
    user = caller.session.subject if caller.session is not None else ""
    return msgspec.structs.replace(call.actor, user=user, credential=caller.credential)


def _caller(session: Session, kind: CredentialKind, roles: Mapping[str, tuple[str, ...]]) -> AdminCaller:
    """Return what this session may do.

    A key acts for a person, and is usually narrower than them: it may do what both its scopes and its person's roles
    say.
    """
    permissions = permissions_of(session.roles, roles)
    if kind is CredentialKind.API_KEY or session.api_key is not None:
        permissions &= frozenset(session.scopes)
    credential = f"{kind}:{session.api_key.id}" if session.api_key is not None else str(kind)
    return AdminCaller(credential, permissions, session)
