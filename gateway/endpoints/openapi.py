"""`GET /_gateway/openapi.json`: the own endpoints as an OpenAPI 3.1 document.

The schemas are made from the types that encode the answers, so that the two cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from gateway.credentials.reader import Reader
from gateway.dialects.action import DialectActions
from gateway.dialects.dialect import DialectServer, Documented
from gateway.dialects.normal import NormalErrors
from gateway.endpoints.own_paths import DOCUMENT
from gateway.endpoints.sign_in.product_login import LoginWords
from gateway.model.credential import CredentialKind

_REFERENCE = "#/components/schemas/{name}"
_JSON = "application/json"
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
_ALLOW = {"Allow": {"description": "The methods that are allowed", "schema": {"type": "string"}}}

_IN_PATH = re.compile(r"\{(\w+)\}", re.ASCII)

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
    """One method of an own endpoint. `security` are the alternatives, each the names of schemes that belong together.

    `parameters` in the query are `required` or not; those of the path stand there in braces. `body` is the type of the
    request's.
    """

    path: str
    method: str = "get"
    name: str
    summary: str
    responses: Mapping[int, Documented]
    parameters: tuple[str, ...] = ()
    required: bool = True
    body: object = None
    security: tuple[tuple[str, ...], ...] = ()
    schemes: Mapping[str, _Json] = {}


def session_info_operations(dialect: DialectServer, readers: Sequence[Reader]) -> list[Operation]:
    """Return the operations of a session-info endpoint with these `readers`."""
    security, schemes = _security(readers)
    return [
        Operation(
            path=path,
            name=f"{dialect.name}_{place}",
            summary=f"Who am I? ({dialect.name})",
            responses=dialect.documented(path),
            parameters=dialect.parameters,
            security=security,
            schemes=schemes,
        )
        for place, path in enumerate(dialect.paths)
    ]


def action_operations(actions: DialectActions, readers: Sequence[Reader]) -> list[Operation]:
    """Return the operations of a product's actions with these `readers`."""
    security, schemes = _security(readers)
    return [
        Operation(
            path=f"{path}{{id}}" if action.beneath else path,
            method=action.method.lower(),
            name=f"{actions.name}_{action.method.lower()}_{number}_{place}",
            summary=action.summary,
            responses=action.responses,
            parameters=action.parameters,
            required=False,
            body=action.body,
            security=() if action.without_caller else security,
            schemes={} if action.without_caller else schemes,
        )
        for number, action in enumerate(actions.actions)
        for place, path in enumerate(action.paths)
    ]


def login_operations(words: LoginWords) -> list[Operation]:
    """Return the operations of a product's login."""
    return [
        Operation(
            path=path,
            method="post",
            name=f"{words.name}_login_{place}",
            summary=f"Sign in by a name and a password ({words.name})",
            responses=dict(sorted(words.responses.items())),
            body=words.body,
        )
        for place, path in enumerate(words.paths)
    ]


def _security(readers: Sequence[Reader]) -> tuple[tuple[tuple[str, ...], ...], dict[str, _Json]]:
    """Return the alternatives of these readers, and the schemes that they name."""
    each = [_schemes(reader) for reader in readers]
    return tuple(map(tuple, each)), {name: scheme for schemes in each for name, scheme in schemes.items()}


def public_operations(jwks_path: str | None) -> list[Operation]:
    """Return the operations without a credential: this document, and the identity tokens' keys where there are any."""
    document = {200: Documented(OpenApiDocument, "The OpenAPI document")}
    operations = [Operation(path=DOCUMENT, name="openapi", summary="What can be asked here", responses=document)]
    if jwks_path is not None:
        keys = {200: Documented(KeySetDocument, "The keys")}
        operations.append(Operation(path=jwks_path, name="jwks", summary="Keys of identity tokens", responses=keys))
    return operations


def openapi_document(operations: Iterable[Operation]) -> _Json:
    """Return the document (OpenAPI 3.1, whose schemas are JSON Schema 2020-12)."""
    operations = tuple(operations)
    bodies = [documented.body for operation in operations for documented in operation.responses.values()]
    bodies += [operation.body for operation in operations]
    types = list(dict.fromkeys([*(body for body in bodies if body is not None), NormalErrors]))
    references, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    schemas = dict(zip(types, references, strict=True))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Session gateway",
            "description": "The endpoints that the gateway answers by itself.",
            "version": version("session-gateway"),
        },
        "paths": _paths(operations, schemas),
        "components": {
            "schemas": components,
            "securitySchemes": {name: scheme for each in operations for name, scheme in each.schemes.items()},
        },
    }


def _paths(operations: Sequence[Operation], schemas: Mapping[object, _Json]) -> _Json:
    paths: dict[str, _Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, schemas)
    return paths


def _operation(operation: Operation, schemas: Mapping[object, _Json]) -> _Json:
    responses = {
        str(status): _response(status, documented, schemas) for status, documented in operation.responses.items()
    }
    refused = {"description": "Refused before it reached this endpoint", "content": _content(schemas[NormalErrors])}
    body = {} if operation.body is None else {"requestBody": {"content": _content(schemas[operation.body])}}
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [
            *(_parameter(name, "path", required=True) for name in _IN_PATH.findall(operation.path)),
            *(_parameter(name, "query", required=operation.required) for name in operation.parameters),
        ],
        **body,
        "security": [{name: [] for name in together} for together in operation.security],
        "responses": {**responses, "default": refused},
    }


def _response(status: int, documented: Documented, schemas: Mapping[object, _Json]) -> _Json:
    """Describe one answer; a request that is refused before any endpoint gets the gateway's own shape."""
    if documented.body is None:
        return {"description": documented.description}
    content = {documented.content_type: {"schema": schemas[documented.body]}}
    if status >= HTTPStatus.BAD_REQUEST and documented.body is not NormalErrors:
        ours = [each["schema"] for name, each in content.items() if name == _JSON]
        content[_JSON] = {"schema": {"anyOf": [*ours, schemas[NormalErrors]]}}
    described: _Json = {"description": documented.description, "content": content}
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        described["headers"] = _RETRY_AFTER
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        described["headers"] = _ALLOW
    return described


def _parameter(name: str, place: str, *, required: bool) -> _Json:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}


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
