"""The pages of our own that a person sees: small, without script, and without a word of the caller's."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from gateway.model.decision import HeaderPairs

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;"
    "color:#222;background:#fff}"
    "h1{font-size:1.4rem}small{color:#666}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")


def policy_of(form_action: str) -> bytes:
    """Return the policy of a page whose forms may be sent to `form_action` (Content Security Policy Level 3).

    Nothing is loaded, run or framed.
    """
    style = f"style-src 'sha256-{_STYLE_HASH}'"
    return f"default-src 'none'; {style}; base-uri 'none'; form-action {form_action}; frame-ancestors 'none'".encode()


POLICY = policy_of("'none'")
"""Nor is anything sent."""

LEADING_ON = policy_of("'self' http: https:")
"""Its form is sent to us, and the answer leads elsewhere: Chromium holds every redirect behind a form to `form-action`,
over whatever origins a page or an issuer leads on. The form is ours, and holds no caller's bytes."""


def page_fields(policy: bytes = POLICY) -> HeaderPairs:
    """Return the fields of a page; no cache may store it, and other origins are not told its address.

    Ours are: under `no-referrer` a browser says `Origin: null` of a form that it sends (Fetch, "append a request Origin
    header"), and nobody could sign out.
    """
    return (
        (b"Content-Type", b"text/html; charset=utf-8"),
        (b"Cache-Control", b"no-store"),
        (b"Content-Security-Policy", policy),
        (b"X-Content-Type-Options", b"nosniff"),
        (b"X-Frame-Options", b"DENY"),
        (b"Referrer-Policy", b"same-origin"),
    )


def page(title: str, content: str) -> bytes:
    """Return a page; `title` is a text, `content` HTML of ours in which every value is escaped."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{content}</body></html>\n"
    ).encode()


def refusal_page(status: int, message: str, request_id: str) -> bytes:
    """Return the page of a refusal, with what a person may tell whoever runs this."""
    return page(str(status), f"<p>{escape(message)}</p><p><small>Request {escape(request_id)}</small></p>")
