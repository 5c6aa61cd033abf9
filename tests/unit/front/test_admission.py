from __future__ import annotations

from gateway.front.admission import Admission
from gateway.front.serving import FrontLimits
from gateway.model.refusal import Refusal


def detail(refusal: Refusal | None) -> str:
    return "" if refusal is None else refusal.detail


def test_whoever_leaves_makes_room() -> None:
    admission = Admission(FrontLimits(connections=2, connections_per_address=1), lambda _: False)
    assert admission.enter("192.0.2.1") is None
    assert detail(admission.enter("192.0.2.1")) == "limits.connections_per_address"
    admission.leave("192.0.2.1")
    admission.leave("192.0.2.1")
    assert admission.enter("192.0.2.1") is None
    assert admission.enter("192.0.2.2") is None
    assert detail(admission.enter("192.0.2.3")) == "limits.connections"


def test_other_limits_count_who_is_there() -> None:
    admission = Admission(FrontLimits(), lambda _: False)
    assert admission.enter("192.0.2.1") is None
    admission.apply(FrontLimits(connections_per_address=1), lambda _: False)
    assert detail(admission.enter("192.0.2.1")) == "limits.connections_per_address"
    admission.apply(FrontLimits(connections_per_address=1), lambda peer: peer == "192.0.2.1")
    assert admission.enter("192.0.2.1") is None
