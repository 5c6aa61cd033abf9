"""Places at a dependency that takes so many calls at once, lent so that no address keeps them from the others."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

import msgspec

_KNOWN_PART = 4
"""One place in four is kept for callers who are known; of the others one address holds three in four at most."""


class Caller(msgspec.Struct, frozen=True):
    """On whose behalf a call is made: the client's address (empty: our own), and whether its credential is known."""

    address: str = ""
    known: bool = False


class Places:
    """Lends `places` of them; whoever finds none waits.

    Those who wait get one by turns of their addresses: a flood of one address is a queue of its own. A part is kept for
    known callers, who go first. With three places or fewer none is kept, and only the turns are fair.
    """

    def __init__(self, places: int) -> None:
        reserved = places // _KNOWN_PART
        self._places = places
        self._for_strangers = places - reserved
        self._share = max(1, self._for_strangers - self._for_strangers // _KNOWN_PART) if reserved else places
        self._lent = 0
        self._lent_to_strangers = 0
        self._lent_by_address: dict[str, int] = {}
        self._known: deque[asyncio.Future[None]] = deque()
        self._strangers: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def take(self, caller: Caller) -> None:
        """Return once there is a place for `caller`, who gives it back; a caller who is cancelled has none."""
        if self._admits(caller):
            self._lend(caller)
            return
        turn = asyncio.get_running_loop().create_future()
        queue = self._known if caller.known else self._strangers.setdefault(caller.address, deque())
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(caller)
            else:
                self._leave(caller, turn)
            raise

    def give_back(self, caller: Caller) -> None:
        """Give a place back, to whoever is next."""
        self._lent -= 1
        if not caller.known:
            self._lent_to_strangers -= 1
            left = self._lent_by_address.pop(caller.address) - 1
            if left:
                self._lent_by_address[caller.address] = left
        self._lend_on()

    def _admits(self, caller: Caller) -> bool:
        if self._lent >= self._places:
            return False
        lent = self._lent_by_address.get(caller.address, 0)
        return caller.known or (self._lent_to_strangers < self._for_strangers and lent < self._share)

    def _lend(self, caller: Caller) -> None:
        self._lent += 1
        if not caller.known:
            self._lent_to_strangers += 1
            self._lent_by_address[caller.address] = self._lent_by_address.get(caller.address, 0) + 1

    def _lend_on(self) -> None:
        """Lend what is free: to the known first, then one to each address in turn."""
        while self._known and self._admits(_KNOWN):
            turn = _next_in(self._known)
            if turn is not None:
                self._lend(_KNOWN)
                turn.set_result(None)
        # an address at its share is passed over: there are never more of those than places
        for address in [address for address, _ in zip(self._strangers, range(self._places + 1), strict=False)]:
            if self._lent >= self._places or self._lent_to_strangers >= self._for_strangers:
                return
            self._lend_to(Caller(address))

    def _lend_to(self, stranger: Caller) -> None:
        """Lend a place to an address, if it may have one more, and let it wait behind the others for its next."""
        queue = self._strangers[stranger.address]
        turn = _next_in(queue) if self._admits(stranger) else None
        if turn is not None:
            self._lend(stranger)
            turn.set_result(None)
            self._strangers.move_to_end(stranger.address)
        if not queue:
            del self._strangers[stranger.address]

    def _leave(self, caller: Caller, turn: asyncio.Future[None]) -> None:
        queue = self._known if caller.known else self._strangers.get(caller.address)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue and not caller.known:
                del self._strangers[caller.address]


_KNOWN = Caller(known=True)


def _next_in(queue: deque[asyncio.Future[None]]) -> asyncio.Future[None] | None:
    """Return the first who still waits."""
    while queue:
        turn = queue.popleft()
        if not turn.done():
            return turn
    return None
