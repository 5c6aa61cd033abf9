"""Every dialect with its documents' example, for the suites that go through the table of kinds."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.dialects.dialect import DialectClient, DialectServer
from gateway.dialects.dialect_kind import SpokenSettings
from gateway.dialects.kinds import DIALECTS, serve, speak, spoken_settings
from gateway.model.answers import Found
from gateway.model.credential import Credential
from tests.support.builders.example_sessions import (
    BEARER,
    COMPOSIO_JSON,
    COOKIE,
    FOUND,
    MEMGHOST_JSON,
    ORGANIZATION_KEY,
    PAIR,
    PAIR_WITH_SESSION,
    PROJECT_KEY,
    ROCKETCHAT_JSON,
    USER_KEY,
    WACHT_JSON,
)
from tests.support.builders.product_examples import (
    BETTER_AUTH,
    BETTER_AUTH_JSON,
    BETTER_AUTH_SERVED,
    CUSTOM,
    CUSTOM_JSON,
    CUSTOM_KEYS,
    KRATOS,
    KRATOS_JSON,
    KRATOS_SERVED,
    OAUTH2_PROXY,
    OAUTH2_PROXY_JSON,
    OIDC_USERINFO,
    OIDC_USERINFO_JSON,
    SUPABASE,
    SUPABASE_JSON,
    SUPABASE_SERVED,
)

Fields = dict[str, str]


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A product's documented answer and the session that it is about.

    `credential` is looked up. `sent` are the fields that a remote is sent for each kind of credential that the dialect
    has; it has no other. `identifies` is the way to an id in `answer`, `no_ids` are values that are none. `less` says
    that the answer holds less than `found`, and what of it; `served` is what we answer, where that is less than the
    product does. `gone` is the status for a session that is gone, where the product tells that. `keys` are those that
    a remote authority needs for it.
    """

    found: Found
    answer: dict[str, Any]
    credential: Credential
    sent: tuple[tuple[Credential, Fields], ...]
    identifies: tuple[str, ...]
    no_ids: tuple[Any, ...] = ("", None, 7)
    query: str | None = None
    less: Found | None = None
    served: dict[str, Any] | None = None
    gone: int | None = None
    keys: dict[str, Any] = {}


EXAMPLES = {
    "composio": Example(
        found=FOUND["composio"],
        answer=COMPOSIO_JSON,
        credential=PROJECT_KEY,
        sent=(
            (PROJECT_KEY, {"x-api-key": "sk_live_abc123xyz456"}),
            (USER_KEY, {"x-user-api-key": "uk_live_1"}),
            (ORGANIZATION_KEY, {"x-org-api-key": "ok_live_1"}),
        ),
        identifies=("org_member", "id"),
        gone=404,
    ),
    "wacht": Example(
        found=FOUND["wacht"],
        answer=WACHT_JSON,
        credential=COOKIE,
        sent=((COOKIE, {"Cookie": "__session=cookie-token"}),),
        identifies=("session", "active_signin", "user_id"),
        # the document's session has no id and no times of its own
        less=Found(msgspec.structs.replace(FOUND["wacht"].session, id=None, created_at=None, updated_at=None)),
        gone=404,
    ),
    "memghost": Example(
        found=FOUND["memghost"],
        answer=MEMGHOST_JSON,
        credential=BEARER,
        sent=((BEARER, {"Authorization": "Bearer bearer-token"}),),
        identifies=("user_id",),
        gone=404,
    ),
    "rocketchat": Example(
        found=FOUND["rocketchat"],
        answer=ROCKETCHAT_JSON,
        credential=PAIR_WITH_SESSION,
        sent=((PAIR, {"X-User-Id": PAIR.parts[0], "X-Auth-Token": PAIR.parts[1]}),),
        identifies=("userId",),
        query="sessionId=QoYYFw2t9oKks2niG",
    ),
    "kratos": Example(
        found=Found(KRATOS),
        answer=KRATOS_JSON,
        served=KRATOS_SERVED,
        credential=COOKIE,
        sent=(
            (COOKIE, {"Cookie": "ory_kratos_session=cookie-token"}),
            (BEARER, {"X-Session-Token": "bearer-token"}),
            (USER_KEY, {"X-Session-Token": "uk_live_1"}),
        ),
        identifies=("identity", "id"),
    ),
    "better_auth": Example(
        found=Found(BETTER_AUTH),
        answer=BETTER_AUTH_JSON,
        served=BETTER_AUTH_SERVED,
        credential=COOKIE,
        sent=(
            (
                COOKIE,
                {"Cookie": "better-auth.session_token=cookie-token; __Secure-better-auth.session_token=cookie-token"},
            ),
            (BEARER, {"Authorization": "Bearer bearer-token"}),
        ),
        identifies=("user", "id"),
    ),
    "oauth2_proxy": Example(
        found=Found(OAUTH2_PROXY),
        answer=OAUTH2_PROXY_JSON,
        credential=COOKIE,
        sent=(
            (COOKIE, {"Cookie": "_oauth2_proxy=cookie-token"}),
            (BEARER, {"Authorization": "Bearer bearer-token"}),
        ),
        identifies=("user",),
        no_ids=(None, 7),  # some of its providers name an address alone
    ),
    "oidc_userinfo": Example(
        found=Found(OIDC_USERINFO),
        answer=OIDC_USERINFO_JSON,
        credential=BEARER,
        sent=((BEARER, {"Authorization": "Bearer bearer-token"}),),
        identifies=("sub",),
    ),
    "supabase": Example(
        found=Found(SUPABASE),
        answer=SUPABASE_JSON,
        served=SUPABASE_SERVED,
        credential=BEARER,
        sent=((BEARER, {"Authorization": "Bearer bearer-token"}),),
        identifies=("id",),
        gone=403,
    ),
    "custom": Example(
        found=Found(CUSTOM),
        answer=CUSTOM_JSON,
        keys=CUSTOM_KEYS,
        credential=COOKIE,
        sent=tuple(
            (credential, {"Cookie": f"app_token={credential.parts[0]}"})
            for credential in (COOKIE, BEARER, PROJECT_KEY, USER_KEY, ORGANIZATION_KEY)
        ),
        identifies=("user", "id"),
        no_ids=("", None, True, 0, 4.2),
    ),
}
"""By the names of the config: what the suites of dialects and of authorities run, and `make lint` asks for."""

ANSWERS = {name: example.answer for name, example in EXAMPLES.items()}
CREDENTIALS = {name: example.credential for name, example in EXAMPLES.items()}
SERVED = tuple(name for name, kind in DIALECTS.own.items() if kind.served is not None)
SPOKEN = tuple(name for name, kind in DIALECTS.own.items() if kind.spoken is not None)


def server(name: str, **settings: Any) -> DialectServer:
    """Return what answers in a dialect, as an endpoint of a config with these keys."""
    served = DIALECTS.own[name].served
    assert served is not None
    return serve(served.settings.model_validate({"dialect": name, "credentials": ["a"], **settings}))


def client(name: str, **settings: Any) -> DialectClient:
    """Return what asks in a dialect, as a remote authority with these keys."""
    spoken = spoken_settings(DIALECTS.own[name])
    return speak(name, (spoken or SpokenSettings).model_validate({**EXAMPLES[name].keys, **settings}))
