import json
import shlex
from pathlib import Path

import pytest

from gateway.demo.credentials import Credentials, DemoCookie, DemoSignIn, curl_lines, write_credentials

CREDENTIALS = Credentials(
    session_cookie=DemoCookie("__session", "cookie-value"),
    bearer="bearer-value",
    sign_in=DemoSignIn("jane", "her-password"),
    public_url="http://127.0.0.1:1",
    admin_url="http://127.0.0.1:2",
    admin_token="admin-value",
)


def test_the_file_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    write_credentials(CREDENTIALS, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert json.loads(path.read_bytes()) == {
        "api_key": "sk_live_abc123xyz456",
        "user_api_key": "uk_live_abc123xyz456",
        "organization_api_key": "ok_live_abc123xyz456",
        "member_api_key": "sk_live_def456uvw789",
        "session_cookie": {"name": "__session", "value": "cookie-value"},
        "bearer": "bearer-value",
        "token_pair": {
            "user_id": "rbAXPnMktTFbNpwtJ",
            "token": "1Dd4iN_ClKn5jl-xPC36snQ4s9Zd5GZnXCQuCNSKcVE",
        },
        "rocketchat_session_id": "QoYYFw2t9oKks2niG",
        "sign_in": {"login": "jane", "password": "her-password"},
        "public_url": "http://127.0.0.1:1",
        "admin_url": "http://127.0.0.1:2",
        "admin_token": "admin-value",
    }


def test_a_file_that_cannot_take_its_name_leaves_no_draft(tmp_path: Path) -> None:
    taken = tmp_path / "folder"
    taken.mkdir()
    with pytest.raises(OSError, match="folder"):
        write_credentials(CREDENTIALS, taken)
    assert list(tmp_path.iterdir()) == [taken]


def test_every_line_is_a_comment_or_a_curl_command_that_a_shell_understands() -> None:
    commands = [line for line in curl_lines(CREDENTIALS).splitlines() if line and not line.startswith("# ")]
    urls = [shlex.split(command)[-1] for command in commands]
    assert all(shlex.split(command)[:2] == ["curl", "-i"] for command in commands)
    assert all(url.startswith(("http://127.0.0.1:1/", "http://127.0.0.1:2/")) for url in urls)
    for shown in (
        "sk_live_abc123xyz456",
        "bearer-value",
        "__session=cookie-value",
        "X-Auth-Token: 1Dd4iN",
        "/revoke",
        "/auth/login",
    ):
        assert shown in "\n".join(commands)
