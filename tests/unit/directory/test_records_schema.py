import json

from gateway.directory.records import Records
from gateway.directory.records_schema import records_page, records_schema
from tests.support.repository import DOCS


def test_the_page_is_what_the_schema_says() -> None:
    page = (DOCS / "RECORDS.md").read_text(encoding="utf-8")
    assert page == records_page(), "write docs/RECORDS.md anew: gateway.directory.records_schema.records_page()"


def test_the_schema_has_every_kind_of_record_and_every_field() -> None:
    schema = json.loads(json.dumps(records_schema()))
    assert set(schema["properties"]) == set(Records.model_fields)
    assert set(schema["$defs"]["UserRecord"]["properties"]) >= {"id", "email", "roles"}
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["ProjectRecord"]["required"] == ["id", "organization"]
