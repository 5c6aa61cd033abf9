"""The documents' example records as Sessions, with the documents' example answers beside them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.model.answers import Found
from gateway.model.credential import Credential, CredentialKind
from gateway.model.session import (
    ApiKey,
    Device,
    Login,
    Member,
    Organization,
    Project,
    Session,
    SignIn,
    User,
    Workspace,
)

PROJECT_KEY = Credential("project_key", CredentialKind.API_KEY, "project", ("sk_live_abc123xyz456",), b"p" * 16)
USER_KEY = Credential("user_key", CredentialKind.API_KEY, "user", ("uk_live_1",), b"u" * 16)
ORGANIZATION_KEY = Credential("org_key", CredentialKind.API_KEY, "organization", ("ok_live_1",), b"o" * 16)
COOKIE = Credential("cookie", CredentialKind.COOKIE, "", ("cookie-token",), b"c" * 16)
BEARER = Credential("token", CredentialKind.BEARER, "", ("bearer-token",), b"b" * 16)
PAIR = Credential(
    "pair",
    CredentialKind.TOKEN_PAIR,
    "",
    ("rbAXPnMktTFbNpwtJ", "1Dd4iN_ClKn5jl-xPC36snQ4s9Zd5GZnXCQuCNSKcVE"),
    b"t" * 16,
)
PAIR_WITH_SESSION = Credential("pair", CredentialKind.TOKEN_PAIR, "", (*PAIR.parts, "QoYYFw2t9oKks2niG"), b"s" * 16)
CARRIERS = (PROJECT_KEY, USER_KEY, ORGANIZATION_KEY, COOKIE, BEARER, PAIR)
"""A credential of every kind, and of every type of key."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


MEMBER = Member(id="550e8400-e29b-41d4-a716-446655440002", email="user@example.com", name="John Doe", role="admin")

COMPOSIO = Session(
    subject=MEMBER.id,
    organization=Organization(id="org_abc123xyz456", name="Acme Corp", plan="BUSINESS"),
    member=MEMBER,
    project=Project(
        auto_id=12345,
        id="550e8400-e29b-41d4-a716-446655440000",
        org_id="550e8400-e29b-41d4-a716-446655440001",
        name="Production API",
        email="project-123@composio.dev",
        nano_id="proj_abc123xyz456",
        created_at=at("2023-05-16T14:30:00Z"),
        updated_at=at("2023-05-18T09:15:30Z"),
        webhook_url="https://example.com/webhook",
        event_webhook_url="https://example.com/events",
        webhook_secret="whsec_a1b2c3d4e5f6g7h8i9j0",
        triggers_enabled=True,
        last_subscribed_at=at("2023-05-17T10:00:00Z"),
        deleted=False,
        is_new_webhook=True,
        webhook_version="V2",
    ),
    api_key=ApiKey(
        auto_id=7890,
        id="550e8400-e29b-41d4-a716-446655440003",
        type="project",
        name="Development Key",
        project_id="proj_abc123xyz456",
        org_member_id=MEMBER.id,
        created_at=at("2023-05-01T10:00:00Z"),
        updated_at=at("2023-05-01T10:00:00Z"),
    ),
)

COMPOSIO_JSON: dict[str, Any] = {
    "project": {
        "auto_id": 12345,
        "id": "550e8400-e29b-41d4-a716-446655440000",
        "org_id": "550e8400-e29b-41d4-a716-446655440001",
        "name": "Production API",
        "email": "project-123@composio.dev",
        "nano_id": "proj_abc123xyz456",
        "created_at": "2023-05-16T14:30:00.000Z",
        "updated_at": "2023-05-18T09:15:30.000Z",
        "webhook_url": "https://example.com/webhook",
        "event_webhook_url": "https://example.com/events",
        "webhook_secret": "whsec_a1b2c3d4e5f6g7h8i9j0",
        "triggers_enabled": True,
        "last_subscribed_at": "2023-05-17T10:00:00.000Z",
        "deleted": False,
        "is_new_webhook": True,
        "webhook_version": "V2",
        "org": {"id": "org_abc123xyz456", "name": "Acme Corp", "plan": "BUSINESS"},
    },
    "api_key": {
        "auto_id": 7890,
        "id": "550e8400-e29b-41d4-a716-446655440003",
        "name": "Development Key",
        "project_id": "proj_abc123xyz456",
        "org_member_id": "550e8400-e29b-41d4-a716-446655440002",
        "created_at": "2023-05-01T10:00:00.000Z",
        "updated_at": "2023-05-01T10:00:00.000Z",
        "deleted_at": None,  # the document's "string" fills a schema; a live key has none
        "key": "sk_live_abc123xyz456",
        "deleted": False,
    },
    "org_member": {
        "id": "550e8400-e29b-41d4-a716-446655440002",
        "email": "user@example.com",
        "name": "John Doe",
        "role": "admin",
    },
}

_SIGNIN = SignIn(id="signin_987654321", user_id="user_456789123", created_at=at("2024-01-01T12:00:00Z"))

WACHT = Session(
    subject="user_456789123",
    id="session_123456789",
    user=User(
        id="user_456789123",
        first_name="John",
        last_name="Doe",
        name="John Doe",
        email="john.doe@example.com",
        username="johndoe",
        image_url="https://cdn.example.com/avatars/johndoe.jpg",
        created_at=at("2024-01-01T00:00:00Z"),
        updated_at=at("2024-01-15T10:30:00Z"),
    ),
    organization=Organization(
        id="org_123456789",
        name="Acme Corporation",
        slug="acme-corp",
        image_url="https://cdn.example.com/orgs/acme.jpg",
    ),
    workspace=Workspace(id="workspace_987654321", name="Development Team", slug="dev-team"),
    signins=(_SIGNIN,),
    active_signin=_SIGNIN,
    created_at=at("2024-01-01T12:00:00Z"),
    updated_at=at("2024-01-01T12:00:00Z"),
)

_SIGNIN_JSON = {"id": "signin_987654321", "user_id": "user_456789123", "created_at": "2024-01-01T12:00:00Z"}

WACHT_JSON: dict[str, Any] = {
    "status": 200,
    "message": "",
    "data": {
        "user": {
            "id": "user_456789123",
            "first_name": "John",
            "last_name": "Doe",
            "email": "john.doe@example.com",
            "username": "johndoe",
            "image_url": "https://cdn.example.com/avatars/johndoe.jpg",
            "created_at": "2024-01-01T00:00:00Z",
            "updated_at": "2024-01-15T10:30:00Z",
        },
        "organization": {
            "id": "org_123456789",
            "name": "Acme Corporation",
            "slug": "acme-corp",
            "image_url": "https://cdn.example.com/orgs/acme.jpg",
        },
        "workspace": {"id": "workspace_987654321", "name": "Development Team", "slug": "dev-team"},
    },
    "session": {
        "signin_attempts": [],
        "signins": [_SIGNIN_JSON],
        "signup_attempts": [],
        "active_signin": _SIGNIN_JSON,
    },
    "errors": [],
}

MEMGHOST = Session(
    subject="223e4567-e89b-12d3-a456-426614174001",
    id="123e4567-e89b-12d3-a456-426614174000",
    user=User(id="223e4567-e89b-12d3-a456-426614174001"),
    created_at=at("2024-12-19T14:30:00Z"),
    last_activity_at=at("2024-12-19T15:00:00Z"),
)
MEMGHOST_TOKEN_EXPIRES_AT = at("2024-12-19T15:30:00Z")

MEMGHOST_JSON: dict[str, Any] = {
    "session_id": "123e4567-e89b-12d3-a456-426614174000",
    "user_id": "223e4567-e89b-12d3-a456-426614174001",
    "expires_at": "2024-12-19T15:30:00Z",
    "created_at": "2024-12-19T14:30:00Z",
    "last_activity_at": "2024-12-19T15:00:00Z",
    "state": "active",
}

ROCKETCHAT = Session(
    subject="rbAXPnMktTFbNpwtJ",
    id="QoYYFw2t9oKks2niG",
    state="closed",
    user=User(id="rbAXPnMktTFbNpwtJ"),
    roles=("user", "admin", "livechat-agent", "livechat-manager"),
    device=Device(
        type="browser", name="Chrome", long_version="113.0.0.0", version="113.0.0", os_name="Windows", os_version="10"
    ),
    login=Login(
        at=at("2023-05-23T16:33:45.202Z"),
        document_id="646ceae9a8c3a3ba32d0e897",
        type="session",
        instance_id="f0313fa9-ebe6-4a84-8580-3104f6a09988",
        token_hash="orklPYtfnjnG6mG7OMuLbOBDzs8I9myfcLl2yzv7WoU=",
        ip="172.20.0.2",
        host="localhost:3000",
        most_important_role="admin",
        search_term="ChromebrowserWindowsQoYYFw2t9oKks2niGrbAXPnMktTFbNpwtJ",
    ),
    created_at=at("2023-05-23T16:33:45.203Z"),
    updated_at=at("2023-05-23T17:56:31.599Z"),
    closed_at=at("2023-05-23T17:56:31.599Z"),
    last_activity_at=at("2023-05-23T17:56:31.599Z"),
)

ROCKETCHAT_JSON: dict[str, Any] = {
    "_id": "646ceae9a8c3a3ba32d0e897",
    "type": "session",
    "sessionId": "QoYYFw2t9oKks2niG",
    "instanceId": "f0313fa9-ebe6-4a84-8580-3104f6a09988",
    "loginToken": "orklPYtfnjnG6mG7OMuLbOBDzs8I9myfcLl2yzv7WoU=",
    "ip": "172.20.0.2",
    "host": "localhost:3000",
    "device": {
        "type": "browser",
        "name": "Chrome",
        "longVersion": "113.0.0.0",
        "os": {"name": "Windows", "version": "10"},
        "version": "113.0.0",
    },
    "userId": "rbAXPnMktTFbNpwtJ",
    "roles": ["user", "admin", "livechat-agent", "livechat-manager"],
    "mostImportantRole": "admin",
    "loginAt": "2023-05-23T16:33:45.202Z",
    "day": 23,  # the document quotes these and `success`; its schema says integer and boolean, and decides
    "month": 5,
    "year": 2023,
    "searchTerm": "ChromebrowserWindowsQoYYFw2t9oKks2niGrbAXPnMktTFbNpwtJ",
    "createdAt": "2023-05-23T16:33:45.203Z",
    "_updatedAt": "2023-05-23T17:56:31.599Z",
    "closedAt": "2023-05-23T17:56:31.599Z",
    "lastActivityAt": "2023-05-23T17:56:31.599Z",
    "success": True,
}

FOUND = {
    "composio": Found(COMPOSIO),
    "wacht": Found(WACHT),
    "memghost": Found(MEMGHOST, expires_at=MEMGHOST_TOKEN_EXPIRES_AT),
    "rocketchat": Found(ROCKETCHAT),
}
