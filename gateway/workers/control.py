"""What the supervisor and a worker ask of each other, what they answer, and how both travel."""

from __future__ import annotations

import msgspec

from gateway.model.session import RevocationTarget
from gateway.telemetry.merging import Snapshot


class RecordedRevocation(msgspec.Struct, frozen=True, array_like=True):
    """A revocation of before: `at` is in epoch seconds."""

    ended: RevocationTarget
    at: float


class Build(msgspec.Struct, frozen=True, tag=True):
    """Build a generation of this config and keep it aside; `file` is the name that its problems carry."""

    file: str
    text: str
    revoked: tuple[RecordedRevocation, ...] = ()

    def __repr__(self) -> str:
        """Show the name alone: a config may hold secrets."""
        return f"Build({self.file})"


class Swap(msgspec.Struct, frozen=True, tag=True):
    """Let the generation that was built serve; the first time, begin to listen."""


class Discard(msgspec.Struct, frozen=True, tag=True):
    """Close the generation that was built and never served."""


class RevokeCommand(msgspec.Struct, frozen=True, tag=True):
    """End something in every generation."""

    ended: RevocationTarget


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Show that your event loop turns."""


class Collect(msgspec.Struct, frozen=True, tag=True):
    """Tell your metrics."""


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Let requests under way end within `patience` seconds; answered when all have. Then the supervisor hangs up."""

    patience: float


class Leave(msgspec.Struct, frozen=True, tag=True):
    """From a worker: somebody else told it to end (SIGTERM), so put another in its place."""


Command = Build | Swap | Discard | RevokeCommand | Ping | Collect | Drain | Leave


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an order: `fault` says why it could not be carried out, `told` whether everybody was told."""

    fault: str = ""
    told: bool = True
    snapshot: Snapshot = ()


class SentCommand(msgspec.Struct, frozen=True, tag=True):
    """An order on its way; `number` comes back with its report."""

    number: int
    order: Command


class SentReply(msgspec.Struct, frozen=True, tag=True):
    """A report on its way."""

    number: int
    report: Reply


ControlMessage = SentCommand | SentReply
