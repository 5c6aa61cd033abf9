"""The demo's credentials, and the curl lines that use them."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

SESSION_COOKIE = "session_987654321"
SESSION_BEARER = "123e4567-e89b-12d3-a456-426614174000"
"""The example sessions in records.yaml for which the demo signs a cookie and a bearer token."""


class DemoCookie(msgspec.Struct, frozen=True):
    """A session cookie."""

    name: str
    value: str


class DemoTokenPair(msgspec.Struct, frozen=True):
    """A user id and a login token."""

    user_id: str
    token: str


class DemoSignIn(msgspec.Struct, frozen=True):
    """The name and the password of a person who signs in by a browser."""

    login: str
    password: str


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What `gateway demo --credentials FILE` writes; the API keys and the token pair are those of records.yaml."""

    api_key: str = "sk_live_abc123xyz456"
    user_api_key: str = "uk_live_abc123xyz456"
    organization_api_key: str = "ok_live_abc123xyz456"
    member_api_key: str = "sk_live_def456uvw789"
    session_cookie: DemoCookie
    bearer: str
    token_pair: DemoTokenPair = DemoTokenPair("rbAXPnMktTFbNpwtJ", "1Dd4iN_ClKn5jl-xPC36snQ4s9Zd5GZnXCQuCNSKcVE")
    rocketchat_session_id: str = "QoYYFw2t9oKks2niG"
    sign_in: DemoSignIn
    public_url: str
    admin_url: str
    admin_token: str


def write_credentials(credentials: Credentials, path: Path) -> None:
    """Write them as JSON with mode 0600, renamed into place once complete; raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(credentials)))
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def curl_lines(credentials: Credentials) -> str:
    """Return the lines to paste: one for each kind of credential, each dialect and each route."""
    url, pair, cookie = credentials.public_url, credentials.token_pair, credentials.session_cookie
    bearer = f"-H 'Authorization: Bearer {credentials.bearer}'"
    as_pair = f"-H 'X-User-Id: {pair.user_id}' -H 'X-Auth-Token: {pair.token}'"
    as_admin = f"-H 'Authorization: Bearer {credentials.admin_token}'"
    revocation = f'-d \'{{"session": "{SESSION_BEARER}"}}\''
    as_cookie = f"-H 'Cookie: {cookie.name}={cookie.value}'"
    lines = (
        (
            "An API key: the upstream (an echo) is told who calls, and never sees the key",
            f"-H 'X-Api-Key: {credentials.api_key}' {url}/echo/",
        ),
        ("A bearer token", f"{bearer} {url}/echo/"),
        ("A session cookie", f"{as_cookie} {url}/echo/"),
        ("A user id and its token", f"{as_pair} {url}/echo/"),
        ("Nobody: 401, and 200 where a session is optional or the route public", f"{url}/echo/"),
        ("", f"{url}/optional/"),
        ("", f"{url}/public/"),
        ("Somebody who is no administrator: 403", f"-H 'X-Api-Key: {credentials.member_api_key}' {url}/admin/"),
        (
            "Who am I? In the words of composio, wacht, memghost and rocketchat",
            f"-H 'X-Api-Key: {credentials.api_key}' {url}/api/v3/auth/session/info",
        ),
        ("", f"{as_cookie} {url}/session"),
        ("", f"{bearer} {url}/auth/session"),
        ("", f"{as_pair} '{url}/api/v1/sessions/info?sessionId={credentials.rocketchat_session_id}'"),
        (
            "End that bearer's session everywhere, then ask again: 401",
            f"{as_admin} {revocation} {credentials.admin_url}/revoke",
        ),
        ("Metrics", f"{credentials.admin_url}/metrics"),
    )
    return _by_browser(credentials) + "".join(
        f"\n# {text}\ncurl -i {line}\n" if text else f"curl -i {line}\n"
        for text, line in (*_by_password(credentials), *lines)
    )


def _by_browser(credentials: Credentials) -> str:
    url, person = credentials.public_url, credentials.sign_in
    return (
        f"\n# In a browser: open {url}/ and sign in as {person.login} with {person.password}\n"
        f"# see where you are signed in at {url}/_gateway/devices\n"
        f"# and sign out again at {url}/_gateway/sign-out\n"
    )


def _by_password(credentials: Credentials) -> tuple[tuple[str, str], ...]:
    url, person = credentials.public_url, credentials.sign_in
    body = msgspec.json.encode({"username": person.login, "password": person.password}).decode()
    lines = [
        f"-H 'Content-Type: application/json' -d '{body}' {url}{path}" for path in ("/auth/login", "/api/v1/login")
    ]
    return ("The same person signs in as memghost's and rocketchat's clients do", lines[0]), ("", lines[1])
