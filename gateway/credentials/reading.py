"""One request, one credential: what all the readers of a route make of it together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.credential import Ambiguous, Credential, Reading
from gateway.model.route import OnMany

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.credentials.reader import Reader
    from gateway.model.decision import AccessRequest


def read_one(readers: Sequence[Reader], access: AccessRequest, on_many: OnMany) -> Reading:
    """Read with these readers, in their order and with no other, and return the one credential there is.

    Two credentials are `Ambiguous` unless the route says `on_many: first`. A reader that finds its own credential
    repeated makes the whole request ambiguous, under `first` as well: that setting chooses between kinds, and cannot
    choose between two values of one kind that the upstream may read the other way round (THREATS section 4).
    """
    found: list[Credential] = []
    for reader in readers:
        reading = reader.read(access)
        if isinstance(reading, Ambiguous):
            return reading
        if reading is not None:
            found.append(reading)
    if len(found) > 1 and on_many is OnMany.REJECT:
        # Both names: no single reader is at fault, so none may be asked to clear a cookie that is perfectly good.
        return Ambiguous(" and ".join(credential.reader for credential in found))
    return found[0] if found else None
