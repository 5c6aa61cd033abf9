"""A decision as a case of `gateway test`, in YAML: who called, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.credential import CredentialKind
from gateway.model.decision import Decision, HeaderPairs
from gateway.model.person import person_of
from gateway.model.session import Session


def case_of(url: str, decision: Decision, fields: HeaderPairs, *, own: bool) -> str:
    """Return a decision as a case, in YAML: an item of `cases`. `fields` are the request's, without credentials."""
    headers: dict[str, list[str]] = {}
    for name, value in fields:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    parts: dict[str, object] = {"request": f"{decision.access.method} {url}"}
    if headers:
        parts["headers"] = {name: values if len(values) > 1 else values[0] for name, values in headers.items()}
    if not own and (caller := _caller_of(decision)):
        parts["caller"] = caller
    parts["expect"] = {"own": True} if own else dict(_expected_of(decision))
    return _item(parts)


def malformed_case(method: str, url: str, status: int) -> str:
    """Return a request that cannot be understood as a case, in YAML."""
    return _item({"request": f"{method} {url}", "expect": {"allowed": False, "status": status}})


def _item(parts: Mapping[str, object]) -> str:
    lines = (f"{name}: {json.dumps(value)}" for name, value in parts.items())
    return "\n".join(f"  {'  ' if number else '- '}{line}" for number, line in enumerate(lines))


def _expected_of(decision: Decision) -> Iterator[tuple[str, object]]:
    yield "allowed", decision.allowed
    if decision.refusal is not None:
        yield "status", decision.refusal.status
    yield "route", decision.route.name if decision.route is not None else None
    yield "rule", decision.rule
    if decision.identity:
        yield "headers", {name.decode("ascii"): value.decode("ascii") for name, value in decision.identity}


def _caller_of(decision: Decision) -> Mapping[str, Any]:
    """Return who called; a credential that the decision did not need to resolve is nobody's in particular."""
    answer = decision.resolution.answer
    by = {"by": decision.credential.reader} if decision.credential is not None else {}
    match answer:
        case Found(session=session) if decision.credential is not None:
            return {**by, **dict(_described(session, decision.credential.kind))}
        case Rejected(reason=reason):
            return {**by, "answer": reason.value}
        case Unavailable():
            return {**by, "answer": "unavailable"}
        case _:
            return {**by, "answer": Reason.UNKNOWN.value} if by else {}


def _described(session: Session, kind: CredentialKind) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a caller with this session, as far as rules and headers look at it."""
    person, member, organization, project = (
        person_of(session, kind),
        session.member,
        session.organization,
        session.project,
    )
    yield "subject", session.subject
    if session.user is None or session.user.id != session.subject:
        yield "user", session.user.id if session.user is not None else None
    described = {
        "session": session.id,
        "email": person.email,
        "email_verified": person.email_verified,
        "name": person.name,
        "roles": list(session.roles),
        "scopes": list(session.scopes),
        "claims": {name: list(values) for name, values in session.claims.items()},
        "organization": organization.id if organization is not None else None,
        "organization_name": organization.name if organization is not None else None,
        "organization_role": member.role if member is not None else None,
        "member": member.id if member is not None else None,
        "workspace": session.workspace.id if session.workspace is not None else None,
        "project": project.nano_id if project is not None else None,
        "project_id": project.id if project is not None else None,
        "api_key": session.api_key.id if session.api_key is not None else None,
    }
    yield from ((name, value) for name, value in described.items() if value or value is False)
