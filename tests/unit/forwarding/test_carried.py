from __future__ import annotations

import pytest

from gateway.forwarding.carried import CarriedResponse


@pytest.mark.parametrize("keep_alive", [True, False])
def test_it_counts_as_sent(keep_alive: bool) -> None:
    response = CarriedResponse(206, keep_alive=keep_alive)
    assert (response.status, response.keep_alive, response.prepared) == (206, keep_alive, True)
