"""What is counted about the life of the processes: workers, their ends, and reloads of the config."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge


class RuntimeMetrics:
    """Kept by the process that holds the admin port. `clock` is in epoch seconds."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        self.registry = registry
        self._clock = clock
        self._workers = Gauge("gateway_workers", "Processes that serve the public port.", registry=registry)
        self._wanted = Gauge("gateway_workers_wanted", "Processes that should serve it.", registry=registry)
        self._replaced = Counter(
            "gateway_workers_replaced", "Workers that ended by themselves, or hung.", registry=registry
        )
        reloads = Counter("gateway_config_reloads", "Attempts to reload the config.", ("outcome",), registry=registry)
        self._reloads = {outcome: reloads.labels(outcome) for outcome in ("done", "failed")}
        self._loaded_at = Gauge(
            "gateway_config_loaded_at_seconds", "When the config that serves was loaded.", registry=registry
        )

    def workers_counted_by(self, serving: Callable[[], int], wanted: Callable[[], int]) -> None:
        """Ask these whenever metrics are collected."""
        self._workers.set_function(serving)
        self._wanted.set_function(wanted)

    def worker_ended(self) -> None:
        """Count a worker that ended without having been told to, or was killed since it hung."""
        self._replaced.inc()

    def loaded(self) -> None:
        """Note that another config serves from now on."""
        self._loaded_at.set(self._clock())

    def reloaded(self, *, done: bool) -> None:
        """Count a reload, or one that changed nothing."""
        self._reloads["done" if done else "failed"].inc()
        if done:
            self.loaded()
