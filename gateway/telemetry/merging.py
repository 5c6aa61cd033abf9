"""Numbers of several processes, told as one: counters and histograms add up, gauges as their meaning asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

Labels = tuple[tuple[str, str], ...]

_SMALLEST = frozenset(
    {
        "gateway_redis_up",
        "gateway_revocation_bus_up",
        "gateway_upstream_available",
        "process_start_time_seconds",
    }
)
"""What is good only when it is good everywhere; and the process that has been there for longest."""

_LARGEST = frozenset({"gateway_authority_breaker_open", "gateway_build_info", "process_max_fds", "python_info"})
"""What is bad as soon as it is bad anywhere; and what every process says alike."""

_LASTING = frozenset({"counter", "histogram"})


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One line of the exposition: the family's name or one derived of it, sorted labels, and a value."""

    name: str
    labels: Labels
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """One metric with all of its samples; `kind` as Prometheus names it."""

    name: str
    kind: str
    text: str
    samples: tuple[Sample, ...]


Snapshot = tuple[Family, ...]
"""Everything that one process tells at one moment."""


def snapshot(registry: CollectorRegistry) -> Snapshot:
    """Return what a registry holds now."""
    return tuple(
        Family(
            metric.name,
            metric.type,
            metric.documentation,
            tuple(Sample(one.name, tuple(sorted(one.labels.items())), float(one.value)) for one in metric.samples),
        )
        for metric in registry.collect()
    )


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Return one snapshot that stands for all of them."""
    families: dict[str, list[Family]] = {}
    for one in snapshots:
        for family in one:
            families.setdefault(family.name, []).append(family)
    return tuple(_merged(same) for same in families.values())


def lasting(one: Snapshot) -> Snapshot:
    """Return what stays true of a process that has ended: what it counted, not what it had.

    Without it a sum would fall when a process ends, and Prometheus reads a falling counter as a restart: it would
    count everything that the others ever counted a second time.
    """
    return tuple(family for family in one if family.kind in _LASTING)


def render(one: Snapshot) -> tuple[bytes, str]:
    """Return the text exposition format, and its content type."""
    return generate_latest(_OneSnapshot(one)), CONTENT_TYPE_PLAIN_0_0_4  # it asks for `collect` alone


def _merged(same: Sequence[Family]) -> Family:
    first, combine = same[0], _combining(same[0])
    values: dict[tuple[str, Labels], list[float]] = {}
    for family in same:
        for one in family.samples:
            values.setdefault((one.name, one.labels), []).append(one.value)
    samples = tuple(Sample(name, labels, combine(each)) for (name, labels), each in values.items())
    return Family(first.name, first.kind, first.text, samples)


def _combining(family: Family) -> Callable[[Iterable[float]], float]:
    if family.name in _SMALLEST:
        return min
    return max if family.name in _LARGEST else sum


class _OneSnapshot:
    """Looks like a registry to the library's writer."""

    def __init__(self, one: Snapshot) -> None:
        self._snapshot = one

    def collect(self) -> Iterator[Metric]:
        for family in self._snapshot:
            metric = Metric(family.name, family.text, family.kind)
            for one in family.samples:
                metric.add_sample(one.name, dict(one.labels), one.value)
            yield metric
