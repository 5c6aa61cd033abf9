from gateway.commands.command_result import CommandResult


def test_a_key_that_was_made_stands_in_no_repr() -> None:
    assert "sk_live_x" not in repr(CommandResult("sk_live_x", "shown once"))
    assert str(CommandResult("sk_live_x", done=False)) == "CommandResult(done=False)"
