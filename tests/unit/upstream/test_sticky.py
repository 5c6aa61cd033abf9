from __future__ import annotations

import pytest

from gateway.config.route_settings import RouteSettings
from gateway.model.route import Sticky

LEAST = {"name": "a", "match": {"path": "/"}, "upstream": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}


@pytest.mark.parametrize(
    ("written", "meant"),
    [(True, Sticky.SESSION), (False, None), (None, None), ("session", Sticky.SESSION), ("cookie", Sticky.COOKIE)],
)
def test_whose_requests_stay_together_is_written_in_a_word(written: object, meant: Sticky | None) -> None:
    assert RouteSettings.model_validate({**LEAST, "sticky": written}).sticky is meant


def test_any_other_word_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="sticky"):
        RouteSettings.model_validate({**LEAST, "sticky": "ip"})
