"""Figures for Prometheus. They hold names of models and routes, and never a text."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
Queues = Callable[[], dict[str, tuple[int, int]]]
"""Returns requests and tokens that wait or are worked on, by model."""


class Metrics:
    """Counters of one server, apart from those of others in this process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "twinlm_requests", "Answered requests.", ("route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "twinlm_request_seconds", "Time to answer a request.", ("route",), registry=self.registry
        )
        self._left = Counter(
            "twinlm_disconnects", "Requests whose client left before the answer.", registry=self.registry
        )
        self._batches = Histogram(
            "twinlm_batch_inputs", "Inputs in a batch.", ("model",), buckets=_SIZES, registry=self.registry
        )

    def on_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request; status 0 for a client that left."""
        if not status:
            self._left.inc()
            return
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def on_batch(self, model: str) -> Callable[[int], None]:
        """Return what takes the size of each batch of a model."""
        observe: Callable[[int], None] = self._batches.labels(model).observe
        return observe

    def watch(self, queues: Queues) -> None:
        """Show the lengths of queues from now on."""
        self.registry.register(_Queues(queues))

    def text(self) -> bytes:
        """Return all figures in Prometheus's text format."""
        return generate_latest(self.registry)


class _Queues(Collector):
    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def collect(self) -> Iterator[GaugeMetricFamily]:
        requests = GaugeMetricFamily("twinlm_queue_requests", "Requests in the queue.", labels=["model"])
        tokens = GaugeMetricFamily("twinlm_queue_tokens", "Most tokens of these requests.", labels=["model"])
        for name, (count, size) in self._queues().items():
            requests.add_metric([name], count)
            tokens.add_metric([name], size)
        yield from (requests, tokens)
