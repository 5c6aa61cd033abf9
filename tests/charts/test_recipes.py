"""The printed policies of deploy/kubernetes, by the schemas that their operators install."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.support.repository import DEPLOY

SCHEMAS = Path(os.environ.get("GATEWAY_TEST_SCHEMAS", "build/tools/schemas"))
"""Custom resource definitions, as tests/charts/run copies them from Go modules."""

RECIPES = sorted((DEPLOY / "kubernetes/ext-auth").glob("*.yaml"))
RESOURCES = [
    pytest.param(each, id=f"{path.stem}-{each['kind']}-{each['metadata']['name']}")
    for path in RECIPES
    for each in YAML(typ="safe", pure=True).load_all(path)
    if "apiVersion" in each
]


def definitions() -> dict[tuple[str, str], Any]:
    """Return the schemas by apiVersion and kind."""
    found = {}
    for path in SCHEMAS.glob("*.yaml"):
        for definition in YAML(typ="safe").load_all(path):
            if definition is None or definition["kind"] != "CustomResourceDefinition":
                continue
            spec = definition["spec"]
            for version in spec["versions"]:
                name = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                found[name] = closed(version["schema"]["openAPIV3Schema"])
    return found


def closed(schema: Any) -> Any:
    """Return a schema that refuses fields that it does not name, where an API server would leave them out."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    whole = schema.get("type") == "object" and schema.get("properties")
    if whole and "additionalProperties" not in schema and "x-kubernetes-preserve-unknown-fields" not in schema:
        schema["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        schema.pop("anyOf", None)
        schema["type"] = ["integer", "string"]
    return schema


@pytest.fixture(scope="module")
def schemas() -> dict[tuple[str, str], Any]:
    return definitions()


def faults(schemas: dict[tuple[str, str], Any], resource: dict[str, Any]) -> Iterator[str]:
    schema = schemas[resource["apiVersion"], resource["kind"]]["properties"]["spec"]
    yield from (
        f"{each.json_path}: {each.message}" for each in Draft202012Validator(schema).iter_errors(resource["spec"])
    )


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_resource_is_one_that_its_operator_takes(
    resource: dict[str, Any], schemas: dict[tuple[str, str], Any]
) -> None:
    assert list(faults(schemas, resource)) == []
    assert list(faults(schemas, {**resource, "spec": {**resource["spec"], "misspelt": 1}})) != []
