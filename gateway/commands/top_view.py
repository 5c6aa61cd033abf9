"""What `gateway top` shows of two readings of `/metrics`; pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from math import inf

import msgspec
from prometheus_client.parser import text_string_to_metric_families

_ROWS = 8
"""Rows of a table: routes, reasons, authorities and upstreams that matter now, the first in their order."""

_QUANTILE = 0.99
_COLUMNS = 80
_COLUMN = 10
_NAME = 36
_SHORTEST_NAME = 12
"""Characters of a name; a longer one is cut, so that columns stay in line."""

SampleLabels = Mapping[str, str]


class Scrape(msgspec.Struct, frozen=True):
    """The samples of one answer of `/metrics`, each with its labels and value, and when it came, in seconds."""

    at: float
    samples: Mapping[str, Sequence[tuple[SampleLabels, float]]]


class _Place(msgspec.Struct, frozen=True):
    """How many characters wide a table may be, and how many rows it may have."""

    columns: int
    rows: int


class _Row(msgspec.Struct, frozen=True):
    """One line of a table: its name, its columns, and what it is sorted by."""

    name: str
    columns: tuple[str, ...]
    weight: float


def read_metrics(text: str, at: float) -> Scrape:
    """Read an answer in Prometheus' text format of the instant `at`, in seconds; raises ValueError for what is none."""
    samples: dict[str, list[tuple[SampleLabels, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, float(sample.value)))
    return Scrape(at, samples)


def view(before: Scrape, after: Scrape) -> str:
    """Return what happened between two readings, as lines of at most 80 characters."""
    return "\n".join(_lines(_Growth(before, after), _COLUMNS, _ROWS))


def view_within(before: Scrape, after: Scrape, columns: int, lines: int) -> str:
    """Return the same for a smaller place: fewer rows in each table, shorter names, and then what there is room for."""
    change = _Growth(before, after)
    found: list[str] = []
    for rows in range(_ROWS, 0, -1):
        found = list(_lines(change, min(columns, _COLUMNS), rows))
        if len(found) <= lines:
            break
    return "\n".join(found[: max(lines, 1)])


def _lines(change: _Growth, columns: int, rows: int) -> Iterator[str]:
    for line in _summary(change):
        yield from textwrap.wrap(line, columns)
    for title, heads, found in (
        ("ROUTES", ("/s", "refused/s", "errors/s", "p99 ms"), _routes(change)),
        ("REFUSALS", ("/s",), _refusals(change)),
        ("AUTHORITIES", ("/s", "failed/s", "p99 ms", "state"), _authorities(change)),
        ("UPSTREAMS", ("/s", "faults/s", "p99 ms", "state"), _upstreams(change)),
    ):
        yield from (line[:columns] for line in _table(title, heads, found, _Place(columns, rows)))


class _Growth:
    """Rates and gauges between two readings; counters that began anew count from 0, as a restarted process does."""

    def __init__(self, before: Scrape, after: Scrape) -> None:
        self._before = {(name, _key(labels)): value for name, labels, value in _each(before)}
        self._after = after
        self._seconds = max(after.at - before.at, 1e-3)

    def rate(self, name: str, **labels: str) -> float:
        """Return how often a second a counter was counted, over all samples that have these labels."""
        return sum(grown for _, grown in self._grown(name, labels)) / self._seconds

    def gauge(self, name: str, **labels: str) -> float | None:
        """Return the sum of a gauge's values; None where there is none."""
        values = [value for own, value in self._after.samples.get(name, ()) if labels.items() <= own.items()]
        return sum(values) if values else None

    def values(self, name: str, label: str) -> list[str]:
        """Return the values that a label of a metric has."""
        return list(dict.fromkeys(labels[label] for labels, _ in self._after.samples.get(name, ())))

    def quantile(self, name: str, **labels: str) -> float | None:
        """Return within how many seconds 99 of 100 were done, by the upper bound of their bucket; None for nothing."""
        buckets: dict[float, float] = {}
        for own, grown in self._grown(f"{name}_bucket", labels):
            bound = inf if own["le"] == "+Inf" else float(own["le"])
            buckets[bound] = buckets.get(bound, 0.0) + grown
        total = buckets.get(inf, 0.0)
        if not total:
            return None
        return min(bound for bound, count in buckets.items() if count >= _QUANTILE * total)

    def _grown(self, name: str, labels: SampleLabels) -> Iterator[tuple[SampleLabels, float]]:
        for own, value in self._after.samples.get(name, ()):
            if labels.items() <= own.items():
                earlier = self._before.get((name, _key(own)), 0.0)
                yield own, value - earlier if value >= earlier else value


def _each(reading: Scrape) -> Iterator[tuple[str, SampleLabels, float]]:
    for name, samples in reading.samples.items():
        for labels, value in samples:
            yield name, labels, value


def _key(labels: SampleLabels) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def _summary(change: _Growth) -> Iterator[str]:
    requests = change.rate("gateway_requests_total")
    refused, errors = (change.rate("gateway_requests_total", decision=each) for each in ("refused", "error"))
    seconds = change.quantile("gateway_request_duration_seconds")
    yield (
        f"requests {requests:.1f}/s   refused {refused:.1f}/s   errors {errors:.1f}/s   p99 {_milliseconds(seconds)} ms"
    )
    yield (
        f"in flight {_count(change.gauge('gateway_requests_in_flight'))}   "
        f"connections {_count(change.gauge('gateway_client_connections'))}   "
        f"streams {_count(change.gauge('gateway_open_streams'))}   "
        f"workers {_count(change.gauge('gateway_workers'))} of {_count(change.gauge('gateway_workers_wanted'))}"
    )
    resolved = change.rate("gateway_resolutions_total")
    remembered = change.rate("gateway_resolutions_total", tier="memory")
    yield (
        f"sessions {_count(change.gauge('gateway_memory_sessions'))}   "
        f"from memory {f'{100 * remembered / resolved:.0f} %' if resolved else '-'}   "
        f"Redis {_state(change.gauge('gateway_redis_up'))}   "
        f"revocations {_state(change.gauge('gateway_revocation_bus_up'), 'heard', 'UNHEARD')}"
    )


def _routes(change: _Growth) -> Iterator[_Row]:
    name = "gateway_requests_total"
    for route in change.values(name, "route"):
        rate = change.rate(name, route=route)
        refused, errors = (change.rate(name, route=route, decision=each) for each in ("refused", "error"))
        seconds = change.quantile("gateway_request_duration_seconds", route=route)
        columns = (*map(_rate, (rate, refused, errors)), _milliseconds(seconds))
        yield _Row(route or "(own endpoints)", columns, rate)


def _refusals(change: _Growth) -> Iterator[_Row]:
    for reason in change.values("gateway_refusals_total", "reason"):
        rate = change.rate("gateway_refusals_total", reason=reason)
        yield _Row(reason, (_rate(rate),), rate)


def _authorities(change: _Growth) -> Iterator[_Row]:
    name = "gateway_authority_seconds"
    for authority in change.values(f"{name}_count", "authority"):
        rate = change.rate(f"{name}_count", authority=authority)
        failed = change.rate(f"{name}_count", authority=authority, outcome="unavailable")
        seconds = change.quantile(name, authority=authority)
        state = "GIVEN UP" if change.gauge("gateway_authority_breaker_open", authority=authority) else "asked"
        yield _Row(authority, (_rate(rate), _rate(failed), _milliseconds(seconds), state), seconds or 0.0)


def _upstreams(change: _Growth) -> Iterator[_Row]:
    name = "gateway_upstream_seconds"
    for upstream in change.values("gateway_upstream_available", "upstream"):
        rate = change.rate(f"{name}_count", upstream=upstream)
        faults = change.rate("gateway_upstream_faults_total", upstream=upstream)
        seconds = change.quantile(name, upstream=upstream)
        state = "served" if change.gauge("gateway_upstream_available", upstream=upstream) else "LEFT OUT"
        yield _Row(upstream, (_rate(rate), _rate(faults), _milliseconds(seconds), state), seconds or 0.0)


def _table(title: str, heads: Sequence[str], rows: Iterator[_Row], place: _Place) -> Iterator[str]:
    """Yield a table, the heaviest rows first; nothing where there are none."""
    found = sorted(rows, key=lambda row: (-row.weight, row.name))
    if not found:
        return
    yield ""
    yield _line(title, heads, place)
    for row in found[: place.rows]:
        yield _line(row.name, row.columns, place)
    if len(found) > place.rows:
        yield f"({len(found) - place.rows} more)"


def _line(name: str, columns: Sequence[str], place: _Place) -> str:
    """Return a row with those of its columns that are whole where it stands: half a number is another one."""
    width = max(_SHORTEST_NAME, _NAME - (_COLUMNS - place.columns))
    plain = "".join(each if each.isprintable() else "?" for each in name[:width])
    whole = columns[: max(0, (place.columns - width) // _COLUMN)]
    return f"{plain:<{width}}" + "".join(f"{column:>{_COLUMN}}" for column in whole)


def _rate(rate: float) -> str:
    return f"{rate:.1f}"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else "> 60 s" if seconds == inf else f"{seconds * 1000:g}"


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _state(up: float | None, good: str = "asked", bad: str = "GIVEN UP") -> str:
    return "-" if up is None else good if up else bad
