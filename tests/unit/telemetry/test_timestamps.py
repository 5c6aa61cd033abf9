import pytest

from gateway.telemetry.timestamps import Stamps


@pytest.mark.parametrize(
    ("instant", "stamp"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_769_860_800.25, "2026-01-31T12:00:00.250Z"),
        (1_769_860_800.9999, "2026-01-31T12:00:00.999Z"),
        (951_782_399.5, "2000-02-28T23:59:59.500Z"),
    ],
)
def test_an_instant_is_written_in_utc_with_milliseconds(instant: float, stamp: str) -> None:
    assert Stamps(lambda: instant)() == stamp


def test_each_second_is_written_anew() -> None:
    instants = iter([59.5, 59.75, 60.0, 59.0])
    stamps = Stamps(lambda: next(instants))
    assert [stamps()[14:] for _ in range(4)] == ["00:59.500Z", "00:59.750Z", "01:00.000Z", "00:59.000Z"]
