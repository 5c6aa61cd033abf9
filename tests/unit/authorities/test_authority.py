from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from gateway.authorities.authority import NotesActivity, verdict_digest
from gateway.authorities.directory_authority import DirectoryAuthority
from gateway.authorities.kinds import AuthoritySettings, build_authority

FOREIGN: list[dict[str, Any]] = [
    {"kind": "remote", "dialect": "wacht", "url": "https://a.example/session"},
    {"kind": "introspection", "url": "https://a.example/introspect", "client_id": "gw", "client_secret": "s"},
    {
        "kind": "jwt",
        "issuer": "https://a.example",
        "audience": "a",
        "jwks_url": "https://a.example/jwks",
        "algorithms": ["EdDSA"],
    },
]


def test_a_directory_stores_when_its_sessions_were_last_in_use() -> None:
    assert issubclass(DirectoryAuthority, NotesActivity)


@pytest.mark.parametrize("written", FOREIGN, ids=lambda written: str(written["kind"]))
async def test_nobody_else_is(written: dict[str, Any]) -> None:
    settings: TypeAdapter[AuthoritySettings] = TypeAdapter(AuthoritySettings)
    authority = await build_authority("a", settings.validate_python(written), lambda: 0.0)
    await authority.close()
    assert not isinstance(authority, NotesActivity)


def test_the_same_settings_are_the_same_digest() -> None:
    assert verdict_digest("jwt", "a", ("b",), {"x": "1", "y": "2"}) == verdict_digest(
        "jwt", "a", ("b",), {"y": "2", "x": "1"}
    )


def test_parts_do_not_run_into_each_other() -> None:
    digests = {
        verdict_digest("jwt", "ab", "c"),
        verdict_digest("jwt", "a", "bc"),
        verdict_digest("jwt", ("ab", "c")),
        verdict_digest("jwta", "b", "c"),
        verdict_digest("jwt", "ab", "c", None),
        verdict_digest("jwt", "ab", ""),
    }
    assert len(digests) == 6
