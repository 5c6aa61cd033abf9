"""Where a request may write to besides its own target: within its own route.

Who may MOVE `/drafts/a` may not therefore write `/published/a`: the upstream sees one request, and what guards the
second path is another route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.destination import destination_of
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode, mistake
from gateway.model.target import oddity_refusal
from gateway.policy.readings import refused_oddity

if TYPE_CHECKING:
    from gateway.model.decision import AccessRequest
    from gateway.model.route import Route
    from gateway.policy.routes import RouteTable


def refused_destination(access: AccessRequest, route: Route, table: RouteTable) -> Refusal | None:
    """Return why a request that met `route` may not write where it wants to; None where it may, or does not want to."""
    try:
        target = destination_of(access, table.oddities)
    except MalformedError as error:
        return error.refusal
    if target is None:
        return None
    odd = refused_oddity(target, route)
    if odd is not None:
        return oddity_refusal(odd)
    if table.match(access.host.name, target.match, access.method) is not route:
        return mistake(RefusalCode.FORBIDDEN, "the destination is not of the request's own route")
    return None
