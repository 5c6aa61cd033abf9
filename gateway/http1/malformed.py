"""How this room words what it cannot read."""

from __future__ import annotations

from gateway.model.errors import MalformedError
from gateway.model.refusal import RefusalCode, mistake


def malformed(detail: str) -> MalformedError:
    """Return the error for a request that cannot be understood; `detail` is for the log, in our words."""
    return MalformedError(mistake(RefusalCode.MALFORMED, detail))
