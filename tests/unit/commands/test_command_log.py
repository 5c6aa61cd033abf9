import json
import logging

import pytest
import structlog

from gateway.commands.command_log import COMMAND, open_log
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import AuditOutcome


def test_lines_leave_on_standard_error_and_no_secret_with_them(capsys: pytest.CaptureFixture[str]) -> None:
    audit = open_log()
    audit.revoked(COMMAND, RevocationTarget(RevocationKind.SESSION, "s"), AuditOutcome.DONE)
    try:
        pepper = "a-pepper-that-nobody-sees"
        int(f"{len(pepper)} characters")
    except ValueError:
        structlog.get_logger("gateway.a").exception("a fault")
    structlog.get_logger("gateway.a").info("of no interest to whoever runs a command")
    logging.getLogger("redis").warning("a library's")
    said = capsys.readouterr()
    first, *rest = said.err.splitlines()
    assert {**json.loads(first), "time": ""} == {
        "log": "audit",
        "time": "",
        "event": "revoked",
        "outcome": "done",
        "by": "command",
        "kind": "session",
        "id": "s",
    }
    text = "\n".join(rest)
    assert "a fault" in text
    assert "ValueError: invalid literal" in text
    assert "a library's" in text
    assert "of no interest" not in text
    assert "a-pepper-that-nobody-sees" not in text
    assert said.out == ""
