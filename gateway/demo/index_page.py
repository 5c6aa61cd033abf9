"""What a browser sees at `/` of the demo: who it is to the application, and where to go from there."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from gateway.identity.header_names import DEFAULT_NAMES

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Session gateway: the demo</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; }}
td, th {{ text-align: left; vertical-align: top; padding: 0 1rem .2rem 0; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>Session gateway: the demo</h1>
<p>This page is an application's. The gateway stands in front of it, finds out who calls, and tells it by headers.</p>
{caller}
<h2>Routes</h2>
<ul>
<li><a href="/public/">/public/</a>: anybody's; nobody is told of</li>
<li><a href="/optional/">/optional/</a>: anybody's; a session is told of where there is one</li>
<li><a href="/echo/">/echo/</a>: who is signed in; answers with all that the application was told</li>
<li><a href="/admin/">/admin/</a>: administrators alone</li>
</ul>
<p>The terminal that runs the demo shows how programs call, by <code>curl</code>, and where the admin console is.</p>
</body>
</html>
"""
_NOBODY = '<p>You are not signed in. <a href="/_gateway/sign-in?return_to=/">Sign in</a> as the terminal says.</p>'
_SOMEBODY = """<p>You are signed in. <a href="/_gateway/devices">Your devices</a> ·
<a href="/_gateway/sign-out">Sign out</a></p>
<h2>What the application is told</h2>
<table>
{rows}
</table>"""


def index_page(headers: Mapping[str, str]) -> str:
    """Return the page for a request with these headers, which the gateway has put there."""
    told = [(name, headers[name]) for name in DEFAULT_NAMES.values() if name in headers]
    if not told:
        return _PAGE.format(caller=_NOBODY)
    rows = "\n".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in told)
    return _PAGE.format(caller=_SOMEBODY.format(rows=rows))
