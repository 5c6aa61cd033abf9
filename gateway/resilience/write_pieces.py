"""Several pieces in one write, which pauses whoever writes as any other does."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

_NEVER_PAUSES = (3, 12) <= sys.version_info < (3, 12, 9) or (3, 13) <= sys.version_info < (3, 13, 2)
"""asyncio's own transports of these take pieces until the memory is full (CVE-2024-12254); uvloop's do not."""


def write_pieces(transport: asyncio.WriteTransport, pieces: Sequence[bytes]) -> None:
    """Write pieces one behind the other; where they are not copied, that is cheaper than to join them."""
    if _NEVER_PAUSES:
        transport.write(b"".join(pieces))
    else:
        transport.writelines(pieces)
