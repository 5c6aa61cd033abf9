"""The format of a records file: as JSON Schema, and as the page of the documentation."""

from __future__ import annotations

from typing import Any

from gateway.directory.records import Records


def records_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a records file."""
    schema = Records.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def records_page() -> str:
    """Return the page, in Markdown: a table for each kind of record, out of the schema."""
    schema = records_schema()
    definitions = schema["$defs"]
    lines = [
        "# Records",
        "",
        "What a file of `gateway directory load` holds, in YAML or JSON: lists of records under these keys.",
        "`gateway directory schema` prints the same as JSON Schema, and this page is made of it. Of a record that the",
        "directory has already only the fields that are named are changed; with `--replace` all of them. Times are RFC",
        "3339 with a time zone, ids 1 to 255 printable ASCII characters. References are ids, of the file or the",
        "directory.",
    ]
    listed: list[str] = []
    for key, part in schema["properties"].items():
        name = part["items"]["$ref"].rpartition("/")[2]
        lines += ["", f"## `{key}`", "", *_table(definitions[name])]
        listed.append(name)
    for name in sorted(set(definitions) - set(listed)):
        lines += ["", f"## {name.removesuffix('Record')}", "", *_table(definitions[name])]
    return "\n".join(lines) + "\n"


def _table(definition: dict[str, Any]) -> list[str]:
    required = set(definition.get("required", ()))
    text = " ".join(definition["description"].split())
    rows = [
        f"| `{name}` | {_type(part)} | {'yes' if name in required else ''} | {_default(part)} |"
        for name, part in definition["properties"].items()
    ]
    return [text, "", "| field | type | required | default |", "|---|---|---|---|", *rows]


def _type(part: dict[str, Any]) -> str:
    if "anyOf" in part:
        return " or ".join(_type(each) for each in part["anyOf"] if each.get("type") != "null")
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2].removesuffix("Record")
        return f"[{name}](#{name.lower()})"
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if part.get("type") == "array":
        return f"list of {_type(part['items'])}"
    words = {"string": "text", "integer": "number", "boolean": "true or false", "object": "mapping"}
    kind = "secret text" if part.get("writeOnly") else words.get(part.get("type", ""), "value")
    kind = "time" if part.get("format") == "date-time" else kind
    bounds = [f"{word} {part[key]}" for key, word in _BOUNDS.items() if key in part]
    return f"{kind}, {', '.join(bounds)}" if bounds else kind


_BOUNDS = {"minLength": "at least", "maxLength": "at most", "minimum": "from", "maximum": "to"}


def _default(part: dict[str, Any]) -> str:
    default = part.get("default")
    return "" if default in (None, [], {}, "") else f"`{str(default).lower() if default is False else default}`"
