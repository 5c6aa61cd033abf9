from __future__ import annotations

import pytest

from gateway.config.check_fields import check_fields
from tests.support.builders.configs import LEAST, lines, partial

TOKEN = "identity: {token: {issuer: i, keys_file: k}}\n"


@pytest.mark.parametrize(
    ("keys", "problems"),
    [
        ("request_headers: {set: {Authorization: a, X-Tenant: t}, remove: [X-Debug, Cookie]}", []),
        ("response_headers: {set: {X-User-Id: a}, remove: [Server, Set-Cookie]}", []),
        (
            "request_headers: {set: {x_user_id: a}, remove: [X-Identity-Token]}",
            ["set.x_user_id: x_user_id tells who is calling", "remove[0]: X-Identity-Token tells who is calling"],
        ),
        (
            "request_headers: {set: {X-Forwarded-For: a}, remove: [traceparent]}",
            [
                "set.X-Forwarded-For: X-Forwarded-For is the gateway's own word",
                "remove[0]: traceparent is the gateway's own word",
            ],
        ),
        (
            "request_headers: {set: {Proxy-Authorization: a}}",
            ["set.Proxy-Authorization: Proxy-Authorization belongs to the connection or frames the message"],
        ),
    ],
)
def test_a_route_changes_no_field_of_ours(keys: str, problems: list[str]) -> None:
    config = partial(f"{LEAST}    {keys}\n{TOKEN}")
    found = lines(check_fields(config, 0, config.routes[0]))
    key = keys.partition(":")[0]
    assert found == [f"routes[0].{key}.{problem}" for problem in problems]
