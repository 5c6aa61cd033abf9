from __future__ import annotations

import pytest

from gateway.commands.top_view import Scrape, read_metrics, view, view_within

FIRST = """\
# TYPE gateway_requests counter
gateway_requests_total{endpoint="proxy",route="orders",method="GET",status="200",decision="allowed"} 100
gateway_requests_total{endpoint="proxy",route="orders",method="GET",status="401",decision="refused"} 10
# TYPE gateway_refusals counter
gateway_refusals_total{endpoint="proxy",route="orders",reason="unauthenticated"} 10
# TYPE gateway_request_duration_seconds histogram
gateway_request_duration_seconds_bucket{endpoint="proxy",route="orders",le="0.001"} 100
gateway_request_duration_seconds_bucket{endpoint="proxy",route="orders",le="0.5"} 110
gateway_request_duration_seconds_bucket{endpoint="proxy",route="orders",le="+Inf"} 110
gateway_request_duration_seconds_count{endpoint="proxy",route="orders"} 110
gateway_request_duration_seconds_sum{endpoint="proxy",route="orders"} 1
# TYPE gateway_requests_in_flight gauge
gateway_requests_in_flight 3
# TYPE gateway_workers gauge
gateway_workers 2
# TYPE gateway_workers_wanted gauge
gateway_workers_wanted 2
# TYPE gateway_authority_seconds histogram
gateway_authority_seconds_bucket{authority="tokens",outcome="found",le="0.01"} 1
gateway_authority_seconds_bucket{authority="tokens",outcome="found",le="+Inf"} 1
gateway_authority_seconds_count{authority="tokens",outcome="found"} 1
gateway_authority_seconds_sum{authority="tokens",outcome="found"} 1
# TYPE gateway_authority_breaker_open gauge
gateway_authority_breaker_open{authority="tokens"} 1
# TYPE gateway_upstream_available gauge
gateway_upstream_available{upstream="http://orders:8000"} 0
"""


def reading(text: str, at: float) -> Scrape:
    return read_metrics(text, at)


def later() -> str:
    """Two seconds on: 200 more requests, 20 of them refused; a tenth took up to half a second."""
    return (
        FIRST.replace('decision="allowed"} 100', 'decision="allowed"} 280')
        .replace('decision="refused"} 10', 'decision="refused"} 30')
        .replace('reason="unauthenticated"} 10', 'reason="unauthenticated"} 30')
        .replace('le="0.001"} 100', 'le="0.001"} 280')
        .replace('le="0.5"} 110', 'le="0.5"} 310')
        .replace('route="orders",le="+Inf"} 110', 'route="orders",le="+Inf"} 310')
    )


def row(shown: str, name: str) -> list[str]:
    (line,) = [line for line in shown.splitlines() if line.startswith(name)]
    return line.removeprefix(name).split()


def test_rates_are_what_was_counted_between_two_readings() -> None:
    shown = view(reading(FIRST, 10.0), reading(later(), 12.0))
    assert shown.startswith("requests 100.0/s   refused 10.0/s   errors 0.0/s   p99 500 ms")
    assert row(shown, "orders") == ["100.0", "10.0", "0.0", "500"]
    assert row(shown, "unauthenticated") == ["10.0"]
    assert "in flight 3" in shown
    assert "workers 2 of 2" in shown


def test_a_counter_that_began_anew_counts_from_nothing() -> None:
    shown = view(reading(later(), 10.0), reading(FIRST, 12.0))
    assert row(shown, "orders")[:2] == ["55.0", "5.0"]


def test_what_is_given_up_is_seen() -> None:
    shown = view(reading(FIRST, 10.0), reading(FIRST, 12.0))
    assert row(shown, "tokens") == ["0.0", "0.0", "-", "GIVEN", "UP"]
    assert row(shown, "http://orders:8000") == ["0.0", "0.0", "-", "LEFT", "OUT"]


def test_there_is_something_to_see_before_the_first_request() -> None:
    shown = view(reading("", 10.0), reading("", 10.0))
    assert shown.startswith("requests 0.0/s")
    assert "ROUTES" not in shown


def test_many_rows_are_the_heaviest_and_lines_fit_a_terminal() -> None:
    line = 'gateway_requests_total{{endpoint="proxy",route="{0}",method="GET",status="200",decision="allowed"}} {1}\n'
    many = "".join(
        line.format(f"route-{number:02}-with-a-name-that-is-much-too-long-for-it", number) for number in range(20)
    )
    shown = view(reading("", 10.0), reading("# TYPE gateway_requests counter\n" + many, 12.0))
    assert "route-19" in shown
    assert "route-05" not in shown
    assert "(12 more)" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_is_no_answer_of_metrics_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"."):
        read_metrics("<html>", 1.0)


def many() -> Scrape:
    names = [f"a-route-with-a-long-name-{number}" for number in range(20)]
    sample = 'gateway_{0}{{{1}="{2}"}} 1\n'
    metrics = (("requests_total", "route"), ("refusals_total", "reason"), ("authority_seconds_count", "authority"))
    metrics += (("upstream_available", "upstream"),)
    return reading("".join(sample.format(name, label, each) for name, label in metrics for each in names), 2.0)


@pytest.mark.parametrize(("columns", "lines"), [(80, 23), (40, 23), (40, 9), (200, 60), (12, 5), (1, 1), (1, 0)])
def test_a_view_has_the_size_of_its_place(columns: int, lines: int) -> None:
    shown = view_within(reading("", 0.0), many(), columns, lines).split("\n")
    assert len(shown) <= max(lines, 1)
    assert max(map(len, shown)) <= columns
    if lines >= 23:
        assert sum(line.startswith("(") for line in shown) == 4  # each of the four says that it has more
    if columns >= 80:
        assert "\n".join(shown).startswith("requests 10.0/s   refused 0.0/s   errors 0.0/s   p99 - ms\nin flight")


def test_a_large_place_has_the_whole_view() -> None:
    assert view_within(reading("", 0.0), many(), 200, 60) == view(reading("", 0.0), many())
