"""The names that the config may use, and what a process pays for each."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.authorities.introspection import IntrospectionAuthority
from gateway.authorities.jwt import JwtAuthority
from gateway.authorities.kinds import AuthoritySettings, build_authority
from gateway.authorities.remote import RemoteAuthority

SETTINGS: TypeAdapter[AuthoritySettings] = TypeAdapter(AuthoritySettings)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (
            {
                "kind": "remote",
                "dialect": "rocketchat",
                "url": "https://chat.example.com/api/v1/sessions/info",
                "timeout": "2s",
            },
            RemoteAuthority,
        ),
        (
            {
                "kind": "jwt",
                "issuer": "https://id.example.com",
                "audience": "orders",
                "jwks_url": "https://id.example.com/jwks",
                "algorithms": ["ES256"],
            },
            JwtAuthority,
        ),
        (
            {
                "kind": "introspection",
                "url": "https://id.example.com/introspect",
                "client_id": "gw",
                "client_secret": "s",
            },
            IntrospectionAuthority,
        ),
    ],
)
async def test_a_kind_s_name_in_the_config_makes_that_kind(written: dict[str, Any], kind: type) -> None:
    authority = await build_authority("a", SETTINGS.validate_python(written), lambda: 0.0)
    await authority.close()
    assert isinstance(authority, kind)
    assert authority.name == "a"


@pytest.mark.parametrize(
    "written", [{}, {"kind": "ldap"}, {"kind": "remote", "dialect": "klingon", "url": "https://x"}]
)
def test_an_unknown_kind_is_a_problem(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SETTINGS.validate_python(written)


@pytest.mark.processes
def test_a_process_without_a_directory_never_loads_a_database_library() -> None:
    program = "import sys, gateway.authorities.kinds; print({'sqlalchemy', 'alembic', 'aiosqlite'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
