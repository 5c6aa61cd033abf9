from __future__ import annotations

import msgspec

from gateway.dialects.composio_wire import FAULTS, ComposioSessionInfo, Errors
from tests.support.builders.example_sessions import COMPOSIO_JSON


def test_the_document_s_example_comes_through_byte_for_byte() -> None:
    text = msgspec.json.encode(COMPOSIO_JSON)
    assert msgspec.json.encode(msgspec.json.decode(text, type=ComposioSessionInfo)) == text


def test_an_error_needs_what_the_document_requires_and_no_more() -> None:
    error = msgspec.json.decode(b'{"error":{"message":"m","code":1,"slug":"s","status":400}}', type=Errors).error
    assert (error.request_id, error.suggested_fix, error.errors) == ("", "", [])


def test_every_failure_has_a_name_and_advice() -> None:
    assert {400, 401, 403, 404, 405, 429, 500, 503} == FAULTS.keys()
    assert all(fault.slug.startswith("HTTP_") and fault.message and fault.fix for fault in FAULTS.values())
