"""The settings of a config file, or every reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.model.errors import SettingsError
from gateway.runtime.check import check_file
from gateway.runtime.settings import Settings


def load_settings(path: Path, environment: Mapping[str, str]) -> Settings:
    """Return the settings of the file; raises SettingsError with every problem that is more than a warning."""
    checked = check_file(path, environment)
    if checked.settings is None:
        raise SettingsError([problem for problem in checked.problems if not problem.warning])
    return checked.settings
