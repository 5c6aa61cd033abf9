import msgspec
import pytest

from gateway.model.revocation_target import Ended, EndedKind
from gateway.telemetry.merging import Family, Sample
from gateway.workers.control import (
    Answered,
    Asked,
    Build,
    Collect,
    Discard,
    Drain,
    Leave,
    Message,
    Order,
    Ping,
    Report,
    Revoke,
    Revoked,
    Swap,
)

USER = Ended(EndedKind.USER, "user_1")
COUNTED = Family("c", "counter", "Counted.", (Sample("c_total", (("a", "b"),), 1.0),))


@pytest.mark.parametrize(
    "order",
    [
        Build("f", "text", (Revoked(USER, 1.5),)),
        Swap(),
        Discard(),
        Revoke(USER),
        Ping(),
        Collect(),
        Drain(1.5),
        Leave(),
    ],
)
def test_every_order_arrives_as_it_was_sent(order: Order) -> None:
    sent = Asked(7, order)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=Message) == sent


@pytest.mark.parametrize("report", [Report(), Report(fault="no"), Report(told=False), Report(snapshot=(COUNTED,))])
def test_every_report_arrives_as_it_was_sent(report: Report) -> None:
    sent = Answered(7, report)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=Message) == sent


def test_the_text_of_a_config_is_never_shown() -> None:
    assert "hunter2" not in repr(Asked(1, Build("gateway.yaml", "secret: hunter2")))
