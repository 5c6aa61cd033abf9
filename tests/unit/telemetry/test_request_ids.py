import re

import pytest

from gateway.telemetry.request_ids import RandomHex, RequestIds


def test_ids_do_not_repeat_across_batches() -> None:
    ids = RequestIds(RandomHex())
    drawn = [ids.new() for _ in range(2000)]
    assert len(set(drawn)) == 2000
    assert all(re.fullmatch(r"[0-9a-f]{32}", id_) for id_ in drawn)


def test_randomness_is_read_in_batches() -> None:
    reads: list[int] = []

    def randomness(size: int) -> bytes:
        reads.append(size)
        return bytes(size)

    random_hex = RandomHex(randomness)
    for _ in range(256):
        random_hex.draw()
    assert reads == [4096]


@pytest.mark.parametrize("value", [b"a", b"A-1_b.C", b"x" * 128])
def test_a_well_formed_id_is_taken_over(value: bytes) -> None:
    assert RequestIds(RandomHex()).adopt([value]) == value.decode()


@pytest.mark.parametrize(
    "values",
    [[], [b""], [b"a", b"a"], [b"x" * 129], [b"a b"], [b"a\n"], [b"a;b"], [b'"'], [b"\xff"], ["\u0661".encode()]],
)
def test_anything_else_is_replaced(values: list[bytes]) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", RequestIds(RandomHex()).adopt(values))
