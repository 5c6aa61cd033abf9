"""The API as an OpenAPI 3.1 document, made of the operations and types that serve it, so that the two cannot differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from gateway.admin.api_operation import ApiOperation, ApiRequest
from gateway.admin.problems import PROBLEM_JSON, ProblemDetails

PATH = "/v1/openapi.json"

_REFERENCE = "#/components/schemas/{name}"
_JSON = "application/json"
_ETAG = {"ETag": {"description": "The version of what is shown", "schema": {"type": "string"}}}

_JsonObject = dict[str, Any]


class ApiDocument(msgspec.Struct):
    """This document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]
    security: list[dict[str, Any]]


def with_document(operations: Sequence[ApiOperation]) -> tuple[ApiOperation, ...]:
    """Return the operations and the one that describes them all; it is for everybody who may ask this port."""

    async def show_document(_request: ApiRequest) -> bytes:
        return document()

    describing = ApiOperation(
        name="openapi",
        method="GET",
        path=PATH,
        summary="What can be asked here",
        permission="",
        run=show_document,
        answer=ApiDocument,
    )
    every = (*operations, describing)
    document = cache(lambda: api_document(every))
    return every


def api_document(operations: Sequence[ApiOperation]) -> bytes:
    """Return the document as JSON (OpenAPI 3.1, whose schemas are JSON Schema 2020-12)."""
    types = list(dict.fromkeys([ProblemDetails, *_types(operations)]))
    references, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    schemas = dict(zip(types, references, strict=True))
    paths: dict[str, _JsonObject] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, schemas)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Session gateway: administration",
                "description": "Every operation on the gateway's own records, and what a running gateway knows.",
                "version": version("session-gateway"),
            },
            "paths": paths,
            "security": [{"admin_token": []}],
            "components": {
                "schemas": components,
                "securitySchemes": {"admin_token": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _types(operations: Iterable[ApiOperation]) -> Iterable[Any]:
    for operation in operations:
        yield from operation.query
        yield from (each for each in (operation.body, operation.answer) if each is not None)


def _described(operation: ApiOperation, schemas: Mapping[Any, _JsonObject]) -> _JsonObject:
    described: _JsonObject = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[2]],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _responses(operation, schemas),
    }
    if operation.permission:
        described["description"] = f"Needs the permission `{operation.permission}`."
    else:
        described["security"] = []
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": {_JSON: {"schema": schemas[operation.body]}}}
    return described


def _path_parameters(operation: ApiOperation) -> list[_JsonObject]:
    names = re.findall(r"{(\w+)", operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(operation: ApiOperation) -> list[_JsonObject]:
    parameters = []
    for kind in operation.query:
        schema, components = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
        properties = components[schema[0]["$ref"].rpartition("/")[2]]["properties"]
        parameters += [{"name": name, "in": "query", "schema": _plain(each)} for name, each in properties.items()]
    return parameters


def _plain(schema: _JsonObject) -> _JsonObject:
    """Return the schema of a parameter: one that is left out stands for null."""
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    lasting = kinds[0] if len(kinds) == 1 else schema
    return {name: value for name, value in lasting.items() if name != "default" or value is not None}


def _header_parameters(operation: ApiOperation) -> list[_JsonObject]:
    names = ["If-Match"] if operation.versioned and operation.method != "GET" else []
    names += ["Idempotency-Key"] if operation.creates else []
    names += ["If-None-Match"] if operation.method == "GET" else []
    return [{"name": name, "in": "header", "schema": {"type": "string"}} for name in names]


def _responses(operation: ApiOperation, schemas: Mapping[Any, _JsonObject]) -> _JsonObject:
    status = HTTPStatus(operation.status)
    done: _JsonObject = {"description": status.phrase}
    if operation.answer is None:
        status = HTTPStatus.NO_CONTENT
        done = {"description": status.phrase}
    else:
        done["content"] = {_JSON: {"schema": schemas[operation.answer]}}
        done["headers"] = _ETAG if operation.method == "GET" or operation.versioned else {}
    problem = {"description": "A problem (RFC 9457)", "content": {PROBLEM_JSON: {"schema": schemas[ProblemDetails]}}}
    unchanged = (
        {"304": {"description": "Not changed since the ETag of If-None-Match"}} if operation.method == "GET" else {}
    )
    return {str(status.value): done, **unchanged, "default": problem}
