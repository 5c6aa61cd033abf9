"""Answers as products gave them that were asked, with what they are as Sessions and what we answer for those."""

from __future__ import annotations

from typing import Any

from gateway.model.session import Organization, Session, User
from tests.support.builders.example_sessions import at

KRATOS = Session(
    subject="9f425a8d-7efc-4768-8f23-7647a74fdf13",
    id="1338410d-c473-4503-a96a-53efa06e2531",
    user=User(
        id="9f425a8d-7efc-4768-8f23-7647a74fdf13",
        email="ada@example.com",
        email_verified=True,
        name="Ada Lovelace",
        first_name="Ada",
        last_name="Lovelace",
        created_at=at("2024-01-02T03:04:05.123456Z"),
        updated_at=at("2024-01-03T03:04:05Z"),
    ),
    organization=Organization(id="8ab5f1d3-9e2c-4b7a-a0d1-0c9a5c1b2e3f"),
    claims={"authenticator_assurance_level": ("aal2",)},
    created_at=at("2024-12-19T14:30:00Z"),
    expires_at=at("2024-12-20T14:30:00Z"),
)
_ADDRESS = {"value": "ada@example.com", "verified": True, "via": "email"}
_IDENTITY: dict[str, Any] = {
    "id": "9f425a8d-7efc-4768-8f23-7647a74fdf13",
    "schema_id": "default",
    "schema_url": "",
    "state": "active",
    "traits": {"email": "ada@example.com", "name": {"first": "Ada", "last": "Lovelace"}},
    "verifiable_addresses": [_ADDRESS],
    "metadata_public": None,
    "created_at": "2024-01-02T03:04:05.123456Z",
    "updated_at": "2024-01-03T03:04:05Z",
    "organization_id": "8ab5f1d3-9e2c-4b7a-a0d1-0c9a5c1b2e3f",
}
KRATOS_SERVED: dict[str, Any] = {
    "id": "1338410d-c473-4503-a96a-53efa06e2531",
    "active": True,
    "expires_at": "2024-12-20T14:30:00Z",
    "authenticated_at": "2024-12-19T14:30:00Z",
    "authenticator_assurance_level": "aal2",
    "authentication_methods": [],
    "issued_at": "2024-12-19T14:30:00Z",
    "identity": _IDENTITY,
    "devices": [],
}
KRATOS_JSON: dict[str, Any] = {
    **KRATOS_SERVED,
    "authentication_methods": [
        {"method": "password", "aal": "aal1", "completed_at": "2024-12-19T14:29:58.1Z"},
        {"method": "totp", "aal": "aal2", "completed_at": "2024-12-19T14:30:00Z"},
    ],
    "identity": {
        **_IDENTITY,
        "schema_url": "http://127.0.0.1:4433/schemas/ZGVmYXVsdA",
        "state_changed_at": "2024-01-02T03:04:05Z",
        "verifiable_addresses": [
            {"id": "a1", "status": "completed", "verified_at": "2024-01-02T04:04:05Z"} | _ADDRESS,
            {"id": "a2", "status": "sent", "value": "+441632960000", "verified": False, "via": "sms"},
        ],
        "recovery_addresses": [{"id": "r1", "value": "ada@example.com", "via": "email"}],
    },
    "devices": [{"id": "d1", "ip_address": "192.0.2.7", "user_agent": "Mozilla/5.0", "location": ""}],
}

BETTER_AUTH = Session(
    subject="whq8OPBwnpcIJYz3Bc8g97CT0Ox9V6zc",
    id="gQxZEvlUJyvStV7cPOLhi1hPEDt9D7ro",
    user=User(
        id="whq8OPBwnpcIJYz3Bc8g97CT0Ox9V6zc",
        email="ada@example.com",
        email_verified=False,
        name="Ada Lovelace",
        created_at=at("2024-12-19T14:45:49.192Z"),
        updated_at=at("2024-12-19T14:45:49.192Z"),
    ),
    organization=Organization(id="org_1"),
    roles=("admin", "user"),
    created_at=at("2024-12-19T14:45:49.220Z"),
    updated_at=at("2024-12-19T14:45:49.220Z"),
    expires_at=at("2024-12-26T14:45:49.219Z"),
)
_BETTER_AUTH_USER = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "emailVerified": False,
    "createdAt": "2024-12-19T14:45:49.192Z",
    "updatedAt": "2024-12-19T14:45:49.192Z",
    "id": "whq8OPBwnpcIJYz3Bc8g97CT0Ox9V6zc",
    "role": "admin,user",
}
_BETTER_AUTH_SESSION = {
    "expiresAt": "2024-12-26T14:45:49.219Z",
    "token": "gQxZEvlUJyvStV7cPOLhi1hPEDt9D7ro",
    "createdAt": "2024-12-19T14:45:49.220Z",
    "updatedAt": "2024-12-19T14:45:49.220Z",
    "userId": "whq8OPBwnpcIJYz3Bc8g97CT0Ox9V6zc",
    "id": "gQxZEvlUJyvStV7cPOLhi1hPEDt9D7ro",
    "activeOrganizationId": "org_1",
}
BETTER_AUTH_SERVED: dict[str, Any] = {"session": _BETTER_AUTH_SESSION, "user": _BETTER_AUTH_USER}
BETTER_AUTH_JSON: dict[str, Any] = {
    "session": {
        **_BETTER_AUTH_SESSION,
        "token": "58RUqPiu6T4jqRdT3mNjqVxHLdVEu1Ej",
        "ipAddress": "",
        "userAgent": "node",
    },
    "user": _BETTER_AUTH_USER,
}

OAUTH2_PROXY = Session(
    subject="google-oauth2|1234",
    user=User(id="google-oauth2|1234", email="ada@example.com", name="ada", username="ada"),
    roles=("staff", "admins"),
)
OAUTH2_PROXY_JSON: dict[str, Any] = {
    "user": "google-oauth2|1234",
    "email": "ada@example.com",
    "groups": ["staff", "admins"],
    "preferredUsername": "ada",
}

OIDC_USERINFO = Session(
    subject="248289761001",
    user=User(
        id="248289761001",
        email="janedoe@example.com",
        name="Jane Doe",
        first_name="Jane",
        last_name="Doe",
        username="j.doe",
        image_url="http://example.com/janedoe/me.jpg",
    ),
)
OIDC_USERINFO_JSON: dict[str, Any] = {  # OpenID Connect Core 1.0 section 5.3.2
    "sub": "248289761001",
    "name": "Jane Doe",
    "given_name": "Jane",
    "family_name": "Doe",
    "preferred_username": "j.doe",
    "email": "janedoe@example.com",
    "picture": "http://example.com/janedoe/me.jpg",
}

SUPABASE = Session(
    subject="11111111-1111-1111-1111-111111111111",
    user=User(
        id="11111111-1111-1111-1111-111111111111",
        email="ada@example.com",
        email_verified=True,
        name="Ada Lovelace",
        created_at=at("2024-01-01T00:00:00Z"),
        updated_at=at("2024-12-19T14:00:00Z"),
    ),
    created_at=at("2024-12-19T14:00:00Z"),
)
SUPABASE_SERVED: dict[str, Any] = {
    "id": "11111111-1111-1111-1111-111111111111",
    "aud": "authenticated",
    "role": "authenticated",
    "email": "ada@example.com",
    "email_confirmed_at": "2024-01-01T00:00:00Z",
    "phone": "",
    "confirmed_at": "2024-01-01T00:00:00Z",
    "last_sign_in_at": "2024-12-19T14:00:00Z",
    "app_metadata": {},
    "user_metadata": {"name": "Ada Lovelace"},
    "identities": [],
    "created_at": "2024-01-01T00:00:00Z",
    "updated_at": "2024-12-19T14:00:00Z",
    "is_anonymous": False,
}
SUPABASE_JSON: dict[str, Any] = {
    **SUPABASE_SERVED,
    "app_metadata": {"provider": "email", "providers": ["email"]},
    "identities": [
        {
            "identity_id": "22222222-2222-2222-2222-222222222222",
            "id": "11111111-1111-1111-1111-111111111111",
            "user_id": "11111111-1111-1111-1111-111111111111",
            "identity_data": {"email": "ada@example.com", "email_verified": True},
            "provider": "email",
            "created_at": "2024-01-01T00:00:00Z",
            "updated_at": "2024-01-01T00:00:00Z",
        }
    ],
}

CUSTOM = Session(
    subject="u_42",
    id="s_7",
    user=User(id="u_42", email="ada@example.com", name="Ada Lovelace"),
    organization=Organization(id="3", name="Engines"),
    roles=("admin", "author"),
    expires_at=at("2027-03-17T00:00:00Z"),
)
CUSTOM_JSON: dict[str, Any] = {
    "ok": True,
    "session": {"id": "s_7", "until": 1805241600000},
    "user": {
        "id": "u_42",
        "mail": "ada@example.com",
        "name": "Ada Lovelace",
        "roles": [{"name": "admin"}, {"name": "author"}],
    },
    "team": {"id": 3, "title": "Engines"},
}
CUSTOM_KEYS: dict[str, Any] = {
    "send": {"cookie": "app_token"},
    "found": {"status": 200, "when": "ok"},
    "nobody": [{"status": 200, "null": True}, {"when": "active", "is": False}],
    "claims": {
        "subject": "user.id",
        "session": "session.id",
        "email": "user.mail",
        "name": "user.name",
        "roles": "user.roles[].name",
        "organization": "team.id",
        "organization_name": "team.title",
        "expires_at": "session.until",
    },
}
"""An app of one's own, whose answer the config describes."""
