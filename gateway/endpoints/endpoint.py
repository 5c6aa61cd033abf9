"""What every endpoint on the public port is."""

from __future__ import annotations

from typing import Protocol

from gateway.http1.downstream import DownstreamRequest, Serving
from gateway.model.decision import AccessRequest
from gateway.telemetry.record import RequestRecord


class Endpoint(Protocol):
    """Answers requests that were read and are well formed.

    `paths` are the own paths it answers at, in canonical form, and `hosts` the host names it answers for (empty: all);
    the proxy has no paths: it answers wherever nobody else does. `answer` fills `record` with what it learns; it need
    not catch faults unless it has its own words for them.
    """

    name: str
    paths: tuple[str, ...]
    hosts: frozenset[str]

    def answer(self, request: DownstreamRequest, access: AccessRequest, record: RequestRecord) -> Serving:
        """Return the answer, or what it begins with."""
