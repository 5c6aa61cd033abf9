from __future__ import annotations

from typing import Any

import pytest

from gateway.model.session import RevocationKind, RevocationTarget
from gateway.wiring.change_notifier import ChangeNotifier

TARGET = RevocationTarget(RevocationKind.SESSION, "s1")


class Told:
    """A generation's revoker and a process at once; each knows what it was told."""

    def __init__(self, *, others: bool = True) -> None:
        self.heard: list[tuple[str, bool]] = []
        self._others = others

    async def revoke(self, _target: RevocationTarget) -> bool:
        self.heard.append(("own", True))
        return True

    async def changed(self, _target: RevocationTarget) -> bool:
        self.heard.append(("own", False))
        return True

    async def tell_others(self, _target: RevocationTarget, *, ended: bool) -> bool:
        self.heard.append(("others", ended))
        return self._others


@pytest.mark.parametrize("ended", [True, False])
async def test_without_a_bus_the_other_workers_are_told(ended: bool) -> None:
    told: Any = Told()
    assert await ChangeNotifier(told, told, has_bus=False)(TARGET, ended=ended)
    assert told.heard == [("own", ended), ("others", ended)]


async def test_the_bus_tells_the_other_workers_too() -> None:
    told: Any = Told()
    assert await ChangeNotifier(told, told, has_bus=True)(TARGET)
    assert told.heard == [("own", False)]


async def test_a_worker_that_was_not_told_is_told_of() -> None:
    told: Any = Told(others=False)
    assert not await ChangeNotifier(told, told, has_bus=False)(TARGET, ended=True)
