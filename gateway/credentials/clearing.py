"""The fields of a refusal that make a browser forget a cookie that it would send for ever."""

from __future__ import annotations

from gateway.credentials.reader import Reader
from gateway.model.credential import CredentialKind
from gateway.model.decision import AccessRequest, HeaderPairs
from gateway.model.route import Access, Route


def clearing_fields(reader: Reader | None, access: AccessRequest, route: Route, *, repeated: bool) -> HeaderPairs:
    """Return the fields for what this reader read in vain; `repeated` tells that it read two.

    A browser cannot stop sending a dead cookie by itself, so it would be locked out of a page that anybody else may
    see; nor one of two cookies of a name, of which a neighbouring subdomain may have set the second.
    """
    if reader is None or reader.kind is not CredentialKind.COOKIE:
        return ()
    if repeated:
        return reader.clearing(access.host.name, route.match.path)
    return reader.clearing() if route.access is Access.OPTIONAL else ()
