"""What the supervisor and a worker ask of each other, what they answer, and how both travel."""

from __future__ import annotations

import msgspec

from gateway.model.revocation_target import Ended
from gateway.telemetry.merging import Snapshot


class Revoked(msgspec.Struct, frozen=True, array_like=True):
    """A revocation of before: `at` is in epoch seconds."""

    ended: Ended
    at: float


class Build(msgspec.Struct, frozen=True, tag=True):
    """Build a generation of this config and keep it aside; `file` is the name that its problems carry."""

    file: str
    text: str
    revoked: tuple[Revoked, ...] = ()

    def __repr__(self) -> str:
        """Show the name alone: a config may hold secrets."""
        return f"Build({self.file})"


class Swap(msgspec.Struct, frozen=True, tag=True):
    """Let the generation that was built serve; the first time, begin to listen."""


class Discard(msgspec.Struct, frozen=True, tag=True):
    """Close the generation that was built and never served."""


class Revoke(msgspec.Struct, frozen=True, tag=True):
    """End something in every generation."""

    ended: Ended


class Ping(msgspec.Struct, frozen=True, tag=True):
    """Show that your event loop turns."""


class Collect(msgspec.Struct, frozen=True, tag=True):
    """Tell your metrics."""


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Let requests under way end within `patience` seconds; answered when all have. Then the supervisor hangs up."""

    patience: float


class Leave(msgspec.Struct, frozen=True, tag=True):
    """From a worker: somebody else told it to end (SIGTERM), so put another in its place."""


Order = Build | Swap | Discard | Revoke | Ping | Collect | Drain | Leave


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an order: `fault` says why it could not be carried out, `told` whether everybody was told."""

    fault: str = ""
    told: bool = True
    snapshot: Snapshot = ()


class Asked(msgspec.Struct, frozen=True, tag=True):
    """An order on its way; `number` comes back with its report."""

    number: int
    order: Order


class Answered(msgspec.Struct, frozen=True, tag=True):
    """A report on its way."""

    number: int
    report: Report


Message = Asked | Answered
