"""The browser of our own sign-in test at oauth2-proxy, with the same provider: what people meet there.

Where the two differ, docs/SIGN_IN.md says so.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.clients.sign_in_browser import CLIENT_SECRET, browsed, issuing
from tests.support.servers.oauth2_proxy import oauth2_proxy
from tests.support.servers.ports import free_port
from tests.support.servers.recording_upstream import recording_upstream

OPTIONS = (
    "--skip-provider-button=true",
    "--code-challenge-method=S256",
    "--oidc-enabled-signing-alg=ES256",
    "--scope=openid email profile",
    "--cookie-secure=false",
    "--skip-auth-route=^/public/",
)


async def test_a_person_signs_in_and_out(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with issuing(url, f"{url}/oauth2/callback") as issuer:
        async with recording_upstream() as upstream:
            options = (*OPTIONS, f"--upstream=http://127.0.0.1:{upstream.port}")
            async with oauth2_proxy(port, issuer, "gw", CLIENT_SECRET, *options):
                seen = await browsed(url, tmp_path, cookie="_oauth2_proxy", sign_out="/oauth2/sign_out")
    assert "error" not in seen, seen
    assert (seen["login_shown"], seen["landed"], seen["framed"]) == (True, "/echo/a?b=1", None)
    # Tabs share one cookie for all that was begun, so the others end at its callback with 403.
    assert 1 <= sum(tab.startswith("/echo/tab") for tab in seen["tabs"]) < 6
    assert seen["stranger_fetch"] == "TypeError: Failed to fetch"
    # A GET signs out, whoever sends the browser there; the provider is not told, and signs in again without a word.
    assert (seen["asked_to_sign_out_here"], seen["asked_to_sign_out_there"]) == (False, False)
    assert seen["login_again"] is False
