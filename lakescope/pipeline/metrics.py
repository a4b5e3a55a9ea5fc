"""What the engine counts, as Prometheus metrics: the accounting is these counters, nothing beside them.

For every collector c and sink s, at rest:

    received{c} + restored{c,s} = stored{c,s} + dead{c,s} + dead{c,""} + filtered{c,s} + filtered{c,""}

in events (a part of a body that could not be read counts as one). The empty sink is the transform
stage: what it rejects or leaves out reaches no sink. Restored are those that the sink's overflow held at the start: an
earlier run received them. What the overflow holds now is in flight.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from threading import Lock

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector as Exporter

from lakescope.core.oidc import Credentials
from lakescope.pipeline.overflow import Overflow

LAG_BUCKETS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21600.0, 86400.0)
RECENT_S = 60.0


class Metrics:
    """One registry an engine, so that two engines in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Metric:
            return Metric(f"lakescope_{name}", text, labels, registry=self.registry)

        self.messages = counter("received_messages", "Messages taken from the source", "collector")
        self.acknowledged = counter("acknowledged_messages", "Messages safe in every sink", "collector")
        self.received = counter("received_events", "Events decoded, rejected or filtered", "collector")
        self.stored = counter("stored_events", "Events a sink has stored", "collector", "sink")
        self.dead = counter("dead_events", "Events in the dead letters", "collector", "sink", "reason")
        self.filtered = counter("filtered_events", "Events left out by a rule", "collector", "sink", "rule")
        self.overflowed = counter(
            "overflowed_events", "Events written to a sink's overflow", "collector", "sink"
        )
        self.restored = counter(
            "restored_events", "Events that a sink's overflow held at the start", "collector", "sink"
        )
        self.datasets = counter("decoded_events", "Events by dataset", "collector", "dataset")
        self.unknown = counter("unknown_fields", "Fields the format does not know", "collector")
        self.impossible = counter(
            "impossible_values",
            "Numbers and times that cannot have been measured, stored as null",
            "collector",
            "field",
        )
        self.odd = counter(
            "odd_fields", "Optional fields of another type, stored as null or text", "collector", "field"
        )
        self.conflicts = counter(
            "topology_conflicts",
            "Storage elements on which sources and the topology disagree, each once",
            "rse",
        )
        self.retries = counter("retries", "Writes tried again", "sink")
        self.writes = counter("writes", "Writes that a sink confirmed", "sink")
        self.write_seconds = counter("write_seconds", "Time spent in writes (seconds)", "sink")
        self.restarts = counter("collector_restarts", "Collectors started again after a fault", "collector")
        self.failing = Gauge(
            "lakescope_task_failing",
            "1 while the last round of a background task failed; the status page has its error",
            ["task"],
            registry=self.registry,
        )
        self.overflows = Overflows()
        self.registry.register(self.overflows)
        self.lag = Lag()
        self.registry.register(self.lag)
        self.losses = Losses()
        self.registry.register(self.losses)
        self.tokens = Tokens()
        self.registry.register(self.tokens)

    def value(self, metric: Metric, **labels: str) -> int:
        """Sum of the samples that carry these labels."""
        return int(
            sum(
                sample.value
                for family in metric.collect()
                for sample in family.samples
                if sample.name.endswith("_total") and labels.items() <= sample.labels.items()
            )
        )

    def by(self, metric: Metric, label: str, **labels: str) -> dict[str, int]:
        """The same, by the values of one label."""
        totals: Counter[str] = Counter()
        for family in metric.collect():
            for sample in family.samples:
                if sample.name.endswith("_total") and labels.items() <= sample.labels.items():
                    totals[sample.labels[label]] += int(sample.value)
        return dict(totals)


class Losses(Exporter):
    """``lakescope_lost``: what collectors lost whose source gives nothing twice, as they count it themselves."""

    def __init__(self) -> None:
        self.of: dict[str, Mapping[str, int]] = {}
        """Collector -> what was lost -> how often."""

    def collect(self) -> Iterable[CounterMetricFamily]:
        """For the registry."""
        text = "Packets, lines and names that a collector could not take and that nobody sends again"
        family = CounterMetricFamily("lakescope_lost", text, labels=["collector", "what"])
        for collector, losses in self.of.items():
            for what, count in dict(losses).items():
                family.add_metric([collector, what], count)
        yield family


class Tokens(Exporter):
    """Tokens that plugins fetch for themselves."""

    def __init__(self) -> None:
        self.of: dict[str, Credentials] = {}
        """Place of the plugin in the configuration (``collectors.NAME``) -> its credentials."""

    def collect(self) -> Iterable[GaugeMetricFamily | CounterMetricFamily]:
        """For the registry."""
        life = GaugeMetricFamily(
            "lakescope_token_life_seconds",
            "How long the token that a plugin fetched is still valid; 0 without one",
            labels=["plugin"],
        )
        failures = CounterMetricFamily(
            "lakescope_token_failures", "Times that an issuer gave a plugin no token", labels=["plugin"]
        )
        for name, one in self.of.items():
            life.add_metric([name], one.life_s)
            failures.add_metric([name], one.failures)
        yield life
        yield failures


class Overflows(Exporter):
    """What lies in the overflow of each sink that has one."""

    def __init__(self) -> None:
        self.of: dict[str, Overflow] = {}

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """For the registry."""
        gauges = {
            "bytes": "What a sink's overflow takes on disk",
            "events": "Events in a sink's overflow",
            "age_seconds": "How long the oldest of a sink's overflow has been there",
        }
        families = {
            name: GaugeMetricFamily(f"lakescope_overflow_{name}", text, labels=["sink"])
            for name, text in gauges.items()
        }
        for sink, overflow in self.of.items():
            families["bytes"].add_metric([sink], overflow.bytes)
            families["events"].add_metric([sink], overflow.events.total())
            families["age_seconds"].add_metric([sink], overflow.age_s)
        return families.values()


class Lag(Exporter):
    """``lakescope_lag_seconds``: now minus event time at storing, as a histogram a sink.

    Events arrive counted by second, which makes it cost next to nothing; its resolution is one second. Events from
    before `since` (``YYYY-MM-DDThh:mm:ss``) are a past that is played again, and have no lag.
    """

    since = ""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[str, list[int]] = {}
        self._sums: Counter[str] = Counter()
        self._recent: dict[str, deque[tuple[float, float, int]]] = {}

    def observe(self, sink: str, seconds: Counter[str]) -> None:
        """``YYYY-MM-DDThh:mm:ss`` -> events of that second, all stored now."""
        now = time.time()
        with self._lock:
            counts = self._counts.setdefault(sink, [0] * (len(LAG_BUCKETS) + 1))
            recent = self._recent.setdefault(sink, deque(maxlen=4096))
            for second, events in seconds.items():
                if second < self.since:
                    continue
                try:
                    lag = now - datetime.fromisoformat(second).replace(tzinfo=UTC).timestamp()
                except ValueError:  # a plugin's time that is none
                    continue
                counts[bisect_left(LAG_BUCKETS, lag)] += events
                self._sums[sink] += lag * events  # type: ignore[assignment]
                recent.append((now, lag, events))

    def quantiles(
        self, sink: str, quantiles: Iterable[float], *, within_s: float = RECENT_S
    ) -> list[float | None]:
        """Quantiles of the last minute, or of `within_s` (seconds); null where nothing was stored."""
        with self._lock:
            recent = self._recent.get(sink, ())
            lags = sorted((lag, n) for stored_at, lag, n in recent if stored_at >= time.time() - within_s)
        total = sum(n for _, n in lags)
        results: list[float | None] = []
        for quantile in quantiles:
            rank = quantile * total
            value = None
            for lag, n in lags:
                value = lag
                rank -= n
                if rank <= 0:
                    break
            results.append(value)
        return results

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """For the registry."""
        family = HistogramMetricFamily(
            "lakescope_lag_seconds", "Now minus event time, at storing", labels=["sink"]
        )
        with self._lock:
            for sink, counts in self._counts.items():
                cumulative, buckets = 0, []
                for bound, count in zip([*map(str, LAG_BUCKETS), "+Inf"], counts, strict=True):
                    cumulative += count
                    buckets.append((bound, float(cumulative)))
                family.add_metric([sink], buckets, self._sums[sink])
        yield family
