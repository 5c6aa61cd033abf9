"""The document is what is answered: made of the same types, and held against the endpoints by schemathesis."""

from __future__ import annotations

import asyncio
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from gateway.dialects.dialect import DialectServer
from gateway.dialects.normal import Normal
from gateway.endpoints.openapi import openapi_document, public_operations, session_info_operations
from tests.support.builders.dialects import ANSWERS, EXAMPLES, server
from tests.support.builders.dialects import SERVED as NAMES
from tests.support.builders.example_sessions import FOUND
from tests.support.gateways.who_am_i import LISTED, READERS, Authorities, endpoint

pytestmark = pytest.mark.slow

SERVED: list[DialectServer] = [*map(server, NAMES), Normal()]


def document(*served: DialectServer) -> dict[str, Any]:
    operations = [
        operation
        for dialect in served or SERVED
        for operation in session_info_operations(dialect, [READERS[name] for name in LISTED[dialect.name]])
    ]
    return openapi_document(operations)


def test_every_own_path_is_there_once() -> None:
    paths = document()["paths"]
    assert sorted(paths) == sorted(path for dialect in SERVED for path in dialect.paths)


def test_what_is_for_everybody_is_there_without_a_credential() -> None:
    paths = openapi_document(public_operations("/.well-known/jwks.json"))["paths"]
    assert sorted(paths) == ["/.well-known/jwks.json", "/_gateway/openapi.json"]
    assert all(item["get"]["security"] == [] for item in paths.values())
    assert list(openapi_document(public_operations(None))["paths"]) == ["/_gateway/openapi.json"]


def test_the_document_fits_its_own_schema() -> None:
    whole = openapi_document(public_operations(None))
    schema = whole["paths"]["/_gateway/openapi.json"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    assert jsonschema_rs.is_valid({**schema, "components": whole["components"]}, whole)


def test_every_operation_has_its_own_name() -> None:
    names = [item["get"]["operationId"] for item in document()["paths"].values()]
    assert len(names) == len(set(names))


def test_credentials_are_described_as_they_are_read() -> None:
    whole = document()
    schemes = whole["components"]["securitySchemes"]
    assert schemes["project_key"] == {"type": "apiKey", "in": "header", "name": "x-api-key"}
    assert schemes["token"] == {"type": "http", "scheme": "bearer"}
    assert schemes["cookie"] == {"type": "apiKey", "in": "cookie", "name": "__session"}
    rocketchat = whole["paths"]["/api/v1/sessions/info"]["get"]
    assert rocketchat["security"] == [{"pair.x-auth-token": [], "pair.x-user-id": []}]
    assert [parameter["name"] for parameter in rocketchat["parameters"]] == ["sessionId"]


@pytest.mark.parametrize("dialect", SERVED[:4], ids=lambda dialect: dialect.name)
def test_the_products_documents_examples_fit_the_schema(dialect: DialectServer) -> None:
    whole = document(dialect)
    schema = whole["paths"][dialect.paths[0]]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    example = ANSWERS[dialect.name]
    assert jsonschema_rs.is_valid({**schema, "components": whole["components"]}, example)
    assert not jsonschema_rs.is_valid(
        {**schema, "components": whole["components"]}, {**example, **dict.fromkeys(example)}
    )


SHOWN: dict[str, dict[str, str]] = {
    "composio": {"X-Api-Key": "good"},
    "wacht": {"Cookie": "__session=good"},
    "memghost": {"Authorization": "Bearer good"},
    "rocketchat": {"X-User-Id": "rbAXPnMktTFbNpwtJ", "X-Auth-Token": "good"},
    "kratos": {"Cookie": "__session=good"},
    "better_auth": {"Cookie": "__session=good"},
    "oauth2_proxy": {"Cookie": "__session=good"},
    "supabase": {"Authorization": "Bearer good"},
    "session": {"Authorization": "Bearer good"},
}

LEFT_OUT = [
    ignored_auth,  # takes one of several credentials away, and not the one that this test shows
    positive_data_acceptance,  # Rocket.Chat's document answers 400 to a session that is not there
]


@pytest.mark.parametrize("dialect", SERVED, ids=lambda dialect: dialect.name)
async def test_no_made_up_request_gets_an_answer_that_the_document_does_not_have(dialect: DialectServer) -> None:
    found = EXAMPLES[dialect.name].found if dialect.name in EXAMPLES else FOUND["memghost"]
    async with endpoint(dialect, Authorities({"good": found})) as who:
        url = f"http://127.0.0.1:{who.port}"
        for headers in (SHOWN[dialect.name], {}):
            statuses = await asyncio.to_thread(_hold_against, document(dialect), url, headers)
            assert statuses <= {200, 202, 400, 401, 403}
            assert headers or dialect.name == "better_auth" or not {200, 202} & statuses


def _hold_against(whole: dict[str, Any], url: str, headers: dict[str, str]) -> set[int]:
    """Send requests that schemathesis makes up out of the document, and check each answer against it."""
    schema = schemathesis.openapi.from_dict(msgspec.json.decode(msgspec.json.encode(whole)))
    statuses = set()
    for result in schema.get_all_operations():

        @settings(max_examples=15, database=None, suppress_health_check=list(HealthCheck))
        @given(case=result.ok().as_strategy())
        def hold(case: schemathesis.Case) -> None:
            answer = case.call_and_validate(base_url=url, headers=headers, excluded_checks=LEFT_OUT)
            statuses.add(answer.status_code)

        hold()
    return statuses
