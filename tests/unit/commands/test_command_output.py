import json
import logging

import pytest
import structlog

from gateway.commands.command_output import COMMAND, CommandResult, open_log
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import AuditOutcome


def test_log_lines_go_to_standard_error_and_no_secret_with_them(capsys: pytest.CaptureFixture[str]) -> None:
    audit = open_log()
    audit.revoked(COMMAND, RevocationTarget(RevocationKind.SESSION, "s"), AuditOutcome.DONE)
    try:
        pepper = "a-pepper-that-nobody-sees"
        int(f"{len(pepper)} characters")
    except ValueError:
        structlog.get_logger("gateway.a").exception("a fault")
    structlog.get_logger("gateway.a").info("of no interest to whoever runs a command")
    logging.getLogger("redis").warning("a library's")
    captured = capsys.readouterr()
    first, *rest = captured.err.splitlines()
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
    assert captured.out == ""


def test_the_repr_of_a_result_shows_no_key() -> None:
    assert "sk_live_x" not in repr(CommandResult("sk_live_x", "shown once"))
    assert str(CommandResult("sk_live_x", succeeded=False)) == "CommandResult(succeeded=False)"
