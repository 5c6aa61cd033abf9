"""What a command came to."""

from __future__ import annotations

import msgspec


class CommandResult(msgspec.Struct, frozen=True):
    """`said` is the result, for standard output; `note` is what a person should know besides, for standard error."""

    said: str
    note: str = ""
    done: bool = True

    def __repr__(self) -> str:
        """Show nothing of it: what is said may be a key."""
        return f"CommandResult(done={self.done})"
