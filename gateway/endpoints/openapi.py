"""`GET /_gateway/openapi.json`: the own endpoints as an OpenAPI 3.1 document.

The schemas are made from the types that encode the answers, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from gateway.credentials.reader import Reader
from gateway.dialects.dialect import DialectServer, Documented
from gateway.dialects.normal import NormalErrors
from gateway.model.credential import CredentialKind

PATH = "/_gateway/openapi.json"

_REFERENCE = "#/components/schemas/{name}"
_JSON = "application/json"
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
_ALLOW = {"Allow": {"description": "The methods that are allowed", "schema": {"type": "string"}}}

_Json = dict[str, Any]


class KeySetDocument(msgspec.Struct):
    """Public keys (RFC 7517 section 5)."""

    keys: list[dict[str, Any]]


class OpenApiDocument(msgspec.Struct):
    """This document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One GET of an own endpoint. `security` are the alternatives, each the names of schemes that belong together."""

    path: str
    name: str
    summary: str
    responses: Mapping[int, Documented]
    parameters: tuple[str, ...] = ()
    security: tuple[tuple[str, ...], ...] = ()
    schemes: Mapping[str, _Json] = {}


def session_info_operations(dialect: DialectServer, readers: Sequence[Reader]) -> list[Operation]:
    """Return the operations of a session-info endpoint with these `readers`."""
    schemes: dict[str, _Json] = {}
    security = []
    for reader in readers:
        reader_schemes = _schemes(reader)
        schemes |= reader_schemes
        security.append(tuple(reader_schemes))
    return [
        Operation(
            path=path,
            name=f"{dialect.name}_{place}",
            summary=f"Who am I? ({dialect.name})",
            responses=dialect.documented(path),
            parameters=dialect.parameters,
            security=tuple(security),
            schemes=schemes,
        )
        for place, path in enumerate(dialect.paths)
    ]


def public_operations(jwks_path: str | None) -> list[Operation]:
    """Return the operations without a credential: this document, and the identity tokens' keys where there are any."""
    document = {200: Documented(OpenApiDocument, "The OpenAPI document")}
    operations = [Operation(path=PATH, name="openapi", summary="What can be asked here", responses=document)]
    if jwks_path is not None:
        keys = {200: Documented(KeySetDocument, "The keys")}
        operations.append(Operation(path=jwks_path, name="jwks", summary="Keys of identity tokens", responses=keys))
    return operations


def openapi_document(operations: Iterable[Operation]) -> _Json:
    """Return the document (OpenAPI 3.1, whose schemas are JSON Schema 2020-12)."""
    operations = tuple(operations)
    bodies = [documented.body for operation in operations for documented in operation.responses.values()]
    types = list(dict.fromkeys([*bodies, NormalErrors]))
    references, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    schemas = dict(zip(types, references, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Session gateway",
            "description": "The endpoints that the gateway answers by itself.",
            "version": version("session-gateway"),
        },
        "paths": {operation.path: {"get": _operation(operation, schemas)} for operation in operations},
        "components": {
            "schemas": components,
            "securitySchemes": {name: scheme for each in operations for name, scheme in each.schemes.items()},
        },
    }


def _operation(operation: Operation, schemas: Mapping[object, _Json]) -> _Json:
    responses = {
        str(status): _response(status, documented, schemas) for status, documented in operation.responses.items()
    }
    refused = {"description": "Refused before it reached this endpoint", "content": _content(schemas[NormalErrors])}
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [
            {"name": name, "in": "query", "required": True, "schema": {"type": "string"}}
            for name in operation.parameters
        ],
        "security": [{name: [] for name in together} for together in operation.security],
        "responses": {**responses, "default": refused},
    }


def _response(status: int, documented: Documented, schemas: Mapping[object, _Json]) -> _Json:
    """Describe one answer; a request that is refused before any endpoint gets the gateway's own shape."""
    schema = schemas[documented.body]
    if status >= HTTPStatus.BAD_REQUEST and documented.body is not NormalErrors:
        schema = {"anyOf": [schema, schemas[NormalErrors]]}
    described: _Json = {"description": documented.description, "content": _content(schema)}
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        described["headers"] = _RETRY_AFTER
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        described["headers"] = _ALLOW
    return described


def _content(schema: _Json) -> _Json:
    return {_JSON: {"schema": schema}}


def _schemes(reader: Reader) -> dict[str, _Json]:
    """Return the security schemes that together are one credential of this reader."""
    if reader.scheme and reader.headers == {b"authorization"}:
        return {reader.name: {"type": "http", "scheme": reader.scheme}}
    if reader.kind is CredentialKind.COOKIE:
        (cookie,) = reader.cookies
        return {reader.name: {"type": "apiKey", "in": "cookie", "name": cookie.decode("ascii")}}
    headers = sorted(name.decode("ascii") for name in reader.headers)
    return {
        (f"{reader.name}.{header}" if len(headers) > 1 else reader.name): {
            "type": "apiKey",
            "in": "header",
            "name": header,
        }
        for header in headers
    }
