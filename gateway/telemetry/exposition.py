"""Metrics as plain numbers, and those of several processes merged into one exposition.

The client library's counters take a lock and check labels each time, which would cost a request several times as much.
These are for one event loop, and the registry collects them when it is asked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds: from what a memory hit adds, or a neighbour's answer, to the default `timeouts.response`."""

Labels = tuple[tuple[str, str], ...]

_MINIMUM = frozenset(
    {
        "gateway_redis_up",
        "gateway_revocation_bus_up",
        "gateway_upstream_available",
        "process_start_time_seconds",
    }
)
"""Gauges that are good only when they are good in every process; and the start of the oldest process."""

_MAXIMUM = frozenset({"gateway_authority_breaker_open", "gateway_build_info", "process_max_fds", "python_info"})
"""Gauges that are bad as soon as they are bad in one process; and those that are the same in all."""

_CUMULATIVE = frozenset({"counter", "histogram"})


class FunctionCollector:
    """A collector for the registry, made of one function."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self.collect = collect


class DurationHistogram:
    """The counts of one histogram by bucket, and the sum, in seconds."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative counts by upper bound, as the exposition format has them."""
        buckets: list[tuple[str, float]] = []
        cumulative = 0
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self._counts, strict=True):
            cumulative += count
            buckets.append((bound, float(cumulative)))
        return buckets


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One line of the exposition: its name, which says the unit of its value, and its sorted labels."""

    name: str
    labels: Labels
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """One metric with all of its samples; `kind` is Prometheus' name of its type."""

    name: str
    kind: str
    text: str
    samples: tuple[Sample, ...]


Snapshot = tuple[Family, ...]
"""All metrics of one process at one moment."""


def snapshot(registry: CollectorRegistry) -> Snapshot:
    """Return the present metrics of a registry."""
    return tuple(
        Family(
            metric.name,
            metric.type,
            metric.documentation,
            tuple(Sample(each.name, tuple(sorted(each.labels.items())), float(each.value)) for each in metric.samples),
        )
        for metric in registry.collect()
    )


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Return one snapshot of several: counters and histograms are added up, gauges as their meaning requires."""
    families: dict[str, list[Family]] = {}
    for each in snapshots:
        for family in each:
            families.setdefault(family.name, []).append(family)
    return tuple(_merged(same_name) for same_name in families.values())


def cumulative(metrics: Snapshot) -> Snapshot:
    """Return the counters and histograms, which stay true of a process that has exited; gauges do not.

    Without them a sum would fall when a process exits. Prometheus takes a falling counter for a restart and would count
    everything that the other processes ever counted a second time.
    """
    return tuple(family for family in metrics if family.kind in _CUMULATIVE)


def render(metrics: Snapshot) -> tuple[bytes, str]:
    """Return the text exposition format, and its content type."""
    return generate_latest(_SnapshotRegistry(metrics)), CONTENT_TYPE_PLAIN_0_0_4


def _merged(families: Sequence[Family]) -> Family:
    first, combine = families[0], _combine(families[0])
    values: dict[tuple[str, Labels], list[float]] = {}
    for family in families:
        for sample in family.samples:
            values.setdefault((sample.name, sample.labels), []).append(sample.value)
    samples = tuple(Sample(name, labels, combine(each)) for (name, labels), each in values.items())
    return Family(first.name, first.kind, first.text, samples)


def _combine(family: Family) -> Callable[[Iterable[float]], float]:
    if family.name in _MINIMUM:
        return min
    return max if family.name in _MAXIMUM else sum


class _SnapshotRegistry:
    """A snapshot as the registry that `generate_latest` expects; it calls `collect` alone."""

    def __init__(self, metrics: Snapshot) -> None:
        self._snapshot = metrics

    def collect(self) -> Iterator[Metric]:
        for family in self._snapshot:
            metric = Metric(family.name, family.text, family.kind)
            for sample in family.samples:
                metric.add_sample(sample.name, dict(sample.labels), sample.value)
            yield metric
