"""The identity headers of other proxies and platforms.

An application that was made for one of them trusts these, whoever sends them: behind a gateway that removes only its
own names, a client could be anybody (Traefik CVE-2024-45410, and every "trusted header" sign-in that was reached past
its proxy). So a client's are removed although they are not ours. Credentials of clients, and names that some
application uses for something else (`X-User`, `X-Access-Token`), are not listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.identity.foreign_table import CREDENTIALS, FAMILIES, NAMES
from gateway.model.headers import spelling

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIXES = tuple(FAMILIES)


class ForeignNames:
    """The identity headers of other products, except those in `allowed`, which clients may send.

    `listed` are those that are known by their whole name.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = CREDENTIALS | {spelling(name.encode("ascii")) for name in allowed}
        endings = {prefix + ending for prefix, known in FAMILIES.items() for ending in known}
        self.listed = frozenset((NAMES | endings) - self._allowed)

    def include(self, canonical: bytes) -> bool:
        """Tell whether a name, folded by `gateway.model.headers.spelling`, is one of them."""
        return (canonical in NAMES or canonical.startswith(_PREFIXES)) and canonical not in self._allowed
