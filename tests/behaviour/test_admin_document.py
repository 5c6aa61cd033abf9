"""The OpenAPI document of the admin API is what is answered: schemathesis makes up calls out of it, and checks them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance, unsupported_method

from tests.support.clients.admin_client import AdminClient
from tests.support.gateways.serving import ADMIN_TOKEN, Examples, serving_examples

LEFT_OUT = [
    positive_data_acceptance,  # a made-up id is no row's, and no record can refer to it
    ignored_auth,  # the document itself is for everybody
    unsupported_method,  # asks for TRACE, which the front refuses before there is an operation
]


async def test_no_made_up_call_gets_an_answer_that_the_document_does_not_have(
    examples: Examples, tmp_path: Path
) -> None:
    async with serving_examples(examples, tmp_path) as (gateway, _):
        document = (await AdminClient(gateway.admin_port)("GET", "/v1/openapi.json")).json()
        url = f"http://127.0.0.1:{gateway.admin_port}"
        statuses = await asyncio.to_thread(_hold_against, document, url)
    assert 500 not in statuses
    assert {200, 404, 422} <= statuses


def _hold_against(document: dict[str, Any], url: str) -> set[int]:
    schema = schemathesis.openapi.from_dict(document)
    statuses = set()
    for result in schema.get_all_operations():

        @settings(max_examples=4, database=None, suppress_health_check=list(HealthCheck))
        @given(case=result.ok().as_strategy())
        def hold(case: schemathesis.Case) -> None:
            headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
            answer = case.call_and_validate(base_url=url, headers=headers, excluded_checks=LEFT_OUT)
            statuses.add(answer.status_code)

        hold()
    return statuses
