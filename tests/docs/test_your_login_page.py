"""The configs of docs/your-login.md are configs; tests/e2e/test_your_login.py runs them with their apps."""

from __future__ import annotations

import re

import pytest

from gateway.config.load import check_document
from gateway.source.document import parse_document
from tests.support.builders.configs import SECRET
from tests.support.readers import pages
from tests.support.repository import DOCS

CONFIGS = re.findall(r"(?ms)^```yaml\n(.*?)^```$", pages.text_of(DOCS / "your-login.md"))
ROUTES = 'routes:\n  - {name: all, match: {path: /}, upstream: "http://127.0.0.1:8000"}\n'


@pytest.mark.parametrize("written", CONFIGS)
def test_a_recipe_s_config_has_no_problem(written: str) -> None:
    environment = {"APP_SECRET": SECRET, "INTROSPECTION_TOKEN": SECRET}
    document = parse_document(f"secret: {SECRET}\n{written}{ROUTES}", "your-login.md", environment=environment)
    assert [str(problem) for problem in check_document(document).problems] == []
