from pathlib import Path

import pytest

from gateway.config.load import ConfigText, load, load_settings, load_text
from gateway.config.watch import signature
from gateway.model.errors import SettingsError
from tests.support.builders.configs import LEAST, written


def test_a_sound_config_is_loaded(tmp_path: Path) -> None:
    assert list(load_settings(written(tmp_path), {}).credentials) == ["key", "token"]


def test_warnings_are_left_to_check(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, LEAST + "trusted_proxies: [0.0.0.0/0]\n"), {}).trusted_proxies


def test_every_error_is_raised_at_once_and_no_warning_with_it(tmp_path: Path) -> None:
    path = written(tmp_path, "trusted_proxies: [0.0.0.0/0]\nspam: 1\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(path, {})
    assert str(caught.value).splitlines() == [
        f"{path}:1:1: secret: is required",
        f"{path}:2:1: spam: is not a key that is known here",
    ]


def test_what_a_config_names_is_watched_as_well(tmp_path: Path) -> None:
    secret, keys = tmp_path / "secret", tmp_path / "keys.pem"
    secret.write_text("0123456789abcdef0123456789abcdef")
    keys.touch()
    text = f"secret_file: {secret}\nidentity: {{token: {{issuer: i, keys_file: {keys} }} }}\n"
    path = written(tmp_path, text)
    loaded = load(path, {})
    assert loaded.files == (path, secret, keys)
    assert loaded.seen == signature(loaded.files)
    secret.write_text("another-0123456789abcdef0123456789abcdef")
    assert loaded.seen != signature(loaded.files)


def test_a_text_is_loaded_as_its_file_was(tmp_path: Path) -> None:
    path = written(tmp_path)
    loaded = load(path, {})
    path.unlink()
    assert load_text(loaded.config, {}).settings == loaded.settings
    with pytest.raises(SettingsError, match=r"^elsewhere\.yaml:1:1: secret: is required"):
        load_text(ConfigText("elsewhere.yaml", "routes: []"), {})


def test_the_text_of_a_config_is_never_shown(tmp_path: Path) -> None:
    assert "0123456789abcdef" not in repr(load(written(tmp_path), {}))
