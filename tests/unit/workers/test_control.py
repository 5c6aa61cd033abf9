import msgspec
import pytest

from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.merging import Family, Sample
from gateway.workers.control import (
    Build,
    Collect,
    Command,
    ControlMessage,
    Discard,
    Drain,
    Leave,
    Ping,
    RecordedRevocation,
    Reply,
    RevokeCommand,
    SentCommand,
    SentReply,
    Swap,
)

USER = RevocationTarget(RevocationKind.USER, "user_1")
COUNTED = Family("c", "counter", "Counted.", (Sample("c_total", (("a", "b"),), 1.0),))


@pytest.mark.parametrize(
    "order",
    [
        Build("f", "text", (RecordedRevocation(USER, 1.5),)),
        Swap(),
        Discard(),
        RevokeCommand(USER),
        Ping(),
        Collect(),
        Drain(1.5),
        Leave(),
    ],
)
def test_every_order_arrives_as_it_was_sent(order: Command) -> None:
    sent = SentCommand(7, order)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=ControlMessage) == sent


@pytest.mark.parametrize("report", [Reply(), Reply(fault="no"), Reply(told=False), Reply(snapshot=(COUNTED,))])
def test_every_report_arrives_as_it_was_sent(report: Reply) -> None:
    sent = SentReply(7, report)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=ControlMessage) == sent


def test_the_text_of_a_config_is_never_shown() -> None:
    assert "hunter2" not in repr(SentCommand(1, Build("gateway.yaml", "secret: hunter2")))
