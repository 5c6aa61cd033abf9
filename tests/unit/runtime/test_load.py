from pathlib import Path

import pytest

from gateway.model.errors import SettingsError
from gateway.runtime.load import load_settings
from tests.support.configs import LEAST, written


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
