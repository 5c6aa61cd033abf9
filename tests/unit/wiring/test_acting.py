from typing import Any

from gateway.config.settings import Settings
from gateway.dialects.own_sessions import OwnSessionsSettings
from gateway.wiring.acting import action_endpoints, endpoint_policy
from tests.support.gateways.who_am_i import READERS

PAGE = "https://app.example.com"
NOBODY: Any = None


def test_a_page_that_may_read_answers_may_change_something_with_cookies() -> None:
    settings = OwnSessionsSettings.model_validate(
        {"credentials": ["cookie"], "cors": {"origins": [PAGE]}, "hosts": "a.b"}
    )
    policy = endpoint_policy(settings, (READERS["cookie"],))
    assert (policy.origins, policy.hosts, policy.development) == (frozenset({PAGE}), frozenset({"a.b"}), False)
    assert policy.cors is not None
    assert endpoint_policy(OwnSessionsSettings(), ()).origins == frozenset()


def test_without_actions_there_is_no_endpoint_and_no_directory_is_looked_for() -> None:
    read = Settings.model_validate({"secret": "s"})
    assert list(action_endpoints(read, NOBODY, NOBODY, NOBODY, NOBODY)) == []
