"""A real browser signs in at a real provider (npm's oidc-provider, Chromium), and out."""

from __future__ import annotations

from pathlib import Path

from tests.support.clients.sign_in_browser import CLIENT_SECRET, browsed, issuing
from tests.support.gateways.serving import READERS, Examples, config, serving
from tests.support.gateways.signing_in import COOKIE, READER
from tests.support.servers.ports import free_port
from tests.support.servers.recording_upstream import recording_upstream


async def test_a_person_signs_in_and_out(examples: Examples, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with issuing(url) as issuer:
        async with recording_upstream() as upstream:
            whole = config(upstream.port, examples.settings(tmp_path))
            whole["listen"]["public"] = f"127.0.0.1:{port}"
            whole["credentials"] = READERS | READER
            company = {
                "kind": "oidc",
                "issuer": issuer,
                "client_id": "gw",
                "client_secret": CLIENT_SECRET,
                "timeout": "10s",
            }
            limit = {"rate": "1000/s", "burst": 1000}
            providers = {"company": company | {"algorithms": ["ES256"]}}
            whole["sign_in"] = {"reader": "signed_in", "providers": providers, "rate_limit": limit}
            async with serving(whole, tmp_path) as gateway:
                seen = await browsed(url, tmp_path, cookie=COOKIE, sign_out="/_gateway/sign-out")
                log = gateway.log().decode()
    assert "error" not in seen, (seen, log[-3000:])
    assert (seen["login_shown"], seen["landed"]) == (True, "/echo/a?b=1")
    assert seen["cookies"] == [{"name": COOKIE, "httpOnly": True, "secure": True, "sameSite": "Lax"}]
    assert seen["tabs"] == [f"/echo/tab{place}" for place in range(6)]
    assert seen["signed_in_fetch"] == 200
    assert seen["stranger_fetch"] == [401, False, "application/json"]
    assert seen["framed"] is None
    assert (seen["asked_to_sign_out_here"], seen["asked_to_sign_out_there"]) == (True, True)
    assert seen["signed_out"] == "/_gateway/sign-out"
    assert seen["login_again"] is True
    first = next(request for request in upstream.requests if request.target == b"/echo/a?b=1")
    assert first.one(b"X-User-Email") == b"jane@example.com"
