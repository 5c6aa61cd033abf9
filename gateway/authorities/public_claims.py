"""A token's public claims in words for the log and for `explain`: bounded, and harmless wherever they are written."""

from __future__ import annotations

_LONGEST = 80
"""Characters of one claim: an issuer's URL is shorter, and a log line has to end somewhere."""
_HUGE = 10**20
"""No time and no number of a claim is larger, and Python writes none of more than 4,300 digits."""


def shown(claim: object) -> str:
    """Return a claim as it came, in quotes; of what is no text and no number only what it is, as its size is open."""
    if isinstance(claim, list):
        return f"[{shown(claim[0])}]" if len(claim) == 1 and isinstance(claim[0], str) else f"a list of {len(claim)}"
    if claim is None:
        return "none"
    if isinstance(claim, bool | int | float):
        return str(claim) if -_HUGE < claim < _HUGE else "a huge number"
    if not isinstance(claim, str):
        return "no text"
    text = ascii(claim[:_LONGEST])
    return text if len(claim) <= _LONGEST else f"{text}..."
