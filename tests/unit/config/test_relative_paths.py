from pathlib import Path
from typing import Any

import pytest

from gateway.config.load import check_file
from gateway.config.relative_paths import settle_paths
from tests.support.builders.configs import SECRET


def settled(data: dict[str, Any], file: str = "/etc/gateway/gateway.yaml") -> dict[str, Any]:
    settle_paths(data, file)
    settle_paths(data, file)  # once more changes nothing
    return data


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ({"keys_file": "keys.pem"}, {"keys_file": "/etc/gateway/keys.pem"}),
        ({"keys_file": "/run/keys.pem"}, {"keys_file": "/run/keys.pem"}),
        ({"keys_file": ""}, {"keys_file": ""}),
        ({"a": [{"b": {"ca_file": "ca.pem"}}]}, {"a": [{"b": {"ca_file": "/etc/gateway/ca.pem"}}]}),
        ({"url": "sqlite:///var/d.db"}, {"url": "sqlite:////etc/gateway/var/d.db"}),
        ({"url": "sqlite:////var/d.db"}, {"url": "sqlite:////var/d.db"}),
        ({"url": "sqlite:///d.db?timeout=1"}, {"url": "sqlite:////etc/gateway/d.db?timeout=1"}),
        ({"url": "sqlite://"}, {"url": "sqlite://"}),
        ({"url": "sqlite:///:memory:"}, {"url": "sqlite:///:memory:"}),
        ({"url": "postgresql://db/gw"}, {"url": "postgresql://db/gw"}),
        ({"path": "files/"}, {"path": "files/"}),
    ],
)
def test_relative_paths_follow_the_configs_folder(written: dict[str, Any], path: dict[str, Any]) -> None:
    assert settled(written) == path


def test_a_config_of_the_working_folder_is_as_it_was() -> None:
    assert settled({"keys_file": "keys.pem"}, "gateway.yaml") == {"keys_file": "keys.pem"}


def test_a_secret_beside_the_config_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/secret").write_text(SECRET)
    (tmp_path / "conf/gateway.yaml").write_text("secret_file: secret\n")
    monkeypatch.chdir(tmp_path)
    for place in ("conf/gateway.yaml", str(tmp_path / "conf/gateway.yaml")):
        assert not [str(problem) for problem in check_file(Path(place), {}).problems if not problem.warning]
