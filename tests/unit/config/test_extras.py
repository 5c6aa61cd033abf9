import sys

import pytest

from gateway.config.extras import is_tracing_installed


def test_the_extra_is_installed_where_this_is_developed() -> None:
    assert is_tracing_installed()


def test_half_of_the_extra_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    assert not is_tracing_installed()
