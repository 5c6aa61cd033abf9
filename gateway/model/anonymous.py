"""Cookies of visitors who are nobody yet (wacht's product profile): given out, and never looked up.

Such a cookie opens nothing, so it is neither signed nor stored; whoever makes one up is as anonymous as before.
"""

from __future__ import annotations

_MARK = "anonymous."


def anonymous_cookie(session_id: str) -> str:
    """Return the cookie value of a visitor who is nobody."""
    return f"{_MARK}{session_id}"


def is_anonymous(cookie: str) -> bool:
    """Tell whether a cookie value says that its bearer is nobody: it counts as no credential."""
    return cookie.startswith(_MARK)
