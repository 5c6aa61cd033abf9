import json
from typing import Any

import pytest

from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor, AuditLog, AuditOutcome
from gateway.telemetry.lines import LineBuffer, Timestamps
from tests.support.builders.records import NOON

ADMIN = Actor("admin_port", "127.0.0.1", "req-1")


@pytest.fixture
def writes() -> list[bytes]:
    return []


@pytest.fixture
def audit(writes: list[bytes]) -> AuditLog:
    return AuditLog(LineBuffer(writes.append), Timestamps(lambda: NOON))


def only(writes: list[bytes]) -> dict[str, Any]:
    (line,) = writes
    assert line.count(b"\n") == 1
    return dict(json.loads(line))


def test_a_revocation_names_who_what_and_whether_it_came_to_pass(audit: AuditLog, writes: list[bytes]) -> None:
    audit.revoked(ADMIN, RevocationTarget(RevocationKind.USER, "user_1"), AuditOutcome.PARTLY)
    assert only(writes) == {
        "log": "audit",
        "time": "2026-01-31T12:00:00.250Z",
        "event": "revoked",
        "outcome": "partly",
        "by": "admin_port",
        "client": "127.0.0.1",
        "request_id": "req-1",
        "kind": "user",
        "id": "user_1",
    }


def test_a_refused_call_says_why(audit: AuditLog, writes: list[bytes]) -> None:
    audit.refused(ADMIN, "no token")
    line = only(writes)
    assert (line["event"], line["outcome"], line["detail"]) == ("admin_call_refused", "refused", "no token")


def test_a_changed_row_is_named(audit: AuditLog, writes: list[bytes]) -> None:
    audit.changed(Actor("command", user="jane"), ("api_key", "ak_1"), "created", None, {"id": "ak_1"})
    line = only(writes)
    assert (line["event"], line["kind"], line["id"], line["detail"]) == ("record_changed", "api_key", "ak_1", "created")
    assert (line["user"], line["after"]) == ("jane", {"id": "ak_1"})
    assert "client" not in line
    assert "before" not in line


def test_a_reload_tells_whether_it_took(audit: AuditLog, writes: list[bytes]) -> None:
    audit.reloaded(Actor("signal"), AuditOutcome.FAILED, "gateway.yaml:3:1: unknown key")
    line = only(writes)
    assert (line["event"], line["outcome"]) == ("config_reloaded", "failed")


def test_an_id_cannot_break_the_line(audit: AuditLog, writes: list[bytes]) -> None:
    audit.revoked(ADMIN, RevocationTarget(RevocationKind.SESSION, 'a"\n\udcff'), AuditOutcome.DONE)
    assert only(writes)["id"] == 'a"\n\\udcff'
