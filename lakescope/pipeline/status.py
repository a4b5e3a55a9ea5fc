"""How the engine is, as one document: for the status page, /readyz, `lakescope top` and tests."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import msgspec

from lakescope.pipeline.dead_letters import Summary
from lakescope.pipeline.engine import Engine
from lakescope.pipeline.health import OWN

HISTORY_S = 300
RATE_S = 10
CHECK_S = 5.0
"""From one look whether dead letters can be written to the next."""
SHOWN_METRICS = [
    "time",
    "source",
    "src_rse",
    "dst_rse",
    "src_site",
    "dst_site",
    "activity",
    "name",
    "error",
    "error_class",
    "request_id",
]


class Status:
    """Samples the engine's counters once a second; `document` is what /api/status answers."""

    def __init__(self, engine: Engine, types: dict[str, str]):
        """`types`: plugin's name in the configuration -> its type."""
        self.engine = engine
        self.types = types
        self.started = time.time()
        self._samples: deque[tuple[float, dict[str, int]]] = deque(maxlen=HISTORY_S + 1)
        self._causes: list[Summary] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample_for_ever, name="status", daemon=True)
        self._check_thread = threading.Thread(target=self._check_for_ever, name="dead letters", daemon=True)

    def start(self) -> None:
        """Begins to sample."""
        self._samples.append((time.time(), self._counts()))
        self._thread.start()
        self._check_thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stop.set()
        if self._check_thread.is_alive():
            self._check_thread.join()

    def _sample_for_ever(self) -> None:
        while not self._stop.wait(1.0):
            self._samples.append((time.time(), self._counts()))

    def _check_for_ever(self) -> None:
        while not self._stop.wait(CHECK_S):
            self.engine.dead_letters.check()

    def _counts(self) -> dict[str, int]:
        metrics = self.engine.metrics
        return (
            {
                f"received {name}": count
                for name, count in metrics.by(metrics.received, "collector").items()
                if name != OWN
            }
            | {f"stored {name}": count for name, count in metrics.by(metrics.stored, "sink").items()}
            | {f"overflowed {name}": count for name, count in metrics.by(metrics.overflowed, "sink").items()}
            | {f"dataset {name}": count for name, count in metrics.by(metrics.datasets, "dataset").items()}
        )

    def reasons(self) -> list[str]:
        """Why the engine is not ready; empty if it is."""
        now = time.time()
        unhealthy = [
            (f"collector {pipeline.name}", pipeline.collector.health) for pipeline in self.engine.pipelines
        ] + [(f"sink {name}", lane.health) for name, lane in self.engine.lanes.items()]
        unhealthy += [
            (f"overflow of sink {name}", lane.overflow.health)
            for name, lane in self.engine.lanes.items()
            if lane.overflow is not None
        ]
        unhealthy.append(("dead letters", self.engine.dead_letters.health))
        return [
            f"{name}: {health.detail or health.state} (for {max(0, now - health.since):.0f} s)"
            for name, health in unhealthy
            if health.state not in ("ok", "finished")
        ]

    def balance(self) -> list[dict[str, Any]]:
        """received + restored = stored + dead + filtered + in flight, for each collector and sink.

        In flight are those on disk, too (`overflow`).
        """
        metrics = self.engine.metrics
        rows = []
        for pipeline in self.engine.pipelines:
            for sink in pipeline.transform.lanes:
                mine = {"collector": pipeline.name}
                messages = metrics.value(metrics.messages, **mine)
                lane = self.engine.lanes[sink]
                rest = lane.rest
                quiet = pipeline.in_flight == 0
                received_events = metrics.value(metrics.received, **mine)
                stored_events = metrics.value(metrics.stored, **mine, sink=sink)
                dead = sum(metrics.value(metrics.dead, **mine, sink=where) for where in (sink, ""))
                filtered_events = sum(
                    metrics.value(metrics.filtered, **mine, sink=where) for where in (sink, "")
                )
                restored_events = metrics.value(metrics.restored, **mine, sink=sink)
                in_flight = received_events + restored_events - stored_events - dead - filtered_events
                overflow_events = lane.overflow.events[pipeline.name] if lane.overflow else 0
                # a message is in flight from before it is counted until all of it is: were there none
                # before these readings, and has none come since, then none may be missing
                quiet &= messages == metrics.value(metrics.messages, **mine)
                if (
                    lane.overflow is not None
                ):  # what was read from it is counted as stored before it is deleted
                    quiet &= rest is not None and rest == lane.rest
                rows.append(
                    mine
                    | {
                        "sink": sink,
                        "received": received_events,
                        "restored": restored_events,
                        "stored": stored_events,
                        "dead": dead,
                        "filtered": filtered_events,
                    }
                    | {
                        "in_flight": in_flight,
                        "overflow": overflow_events,
                        "holds": in_flight == overflow_events or not quiet,
                    }
                )
        return rows

    def document(self) -> dict[str, Any]:
        """Everything, as plain data."""
        reasons = self.reasons()
        rates = self._rates()
        return {
            "version": version("lakescope"),
            "name": "lakescope",
            "started": self.started,
            "now": time.time(),
            "ready": not reasons,
            "reasons": reasons,
            "collectors": [self._collector(pipeline, rates) for pipeline in self.engine.pipelines],
            "sinks": [self._sink(name, rates) for name in self.engine.lanes],
            "datasets": [
                {"dataset": key.removeprefix("dataset "), "events": count, "rate": rates.get(key)}
                for key, count in sorted(self._counts().items())
                if key.startswith("dataset ")
            ],
            "balance": self.balance(),
            "dead_letters": self._dead_letters(),
            "latest_failures": [self.summary_of(failure) for failure in self.failures()],
            "history": self._history(),
        }

    def failures(self) -> list[dict[str, Any]]:
        """The last failed transfers as they are stored, the latest first."""
        return [msgspec.json.decode(one) for one in reversed(list(self.engine.failures))]

    @staticmethod
    def summary_of(failure: dict[str, Any]) -> dict[str, Any]:
        """What the document has of a failed transfer."""
        return {key: failure.get(key) for key in SHOWN_METRICS}

    def _collector(self, pipeline: Any, rates: dict[str, float]) -> dict[str, Any]:
        metrics, name, health = self.engine.metrics, pipeline.name, pipeline.collector.health
        return {
            "name": name,
            "type": self.types.get(name),
            "formats": list(pipeline.collector.formats),
            "state": health.state,
            "detail": health.detail,
            "received_messages": pipeline.inbox.received,
            "received_events": metrics.value(metrics.received, collector=name),
            "rejected": metrics.value(metrics.dead, collector=name, sink=""),
            "filtered": metrics.value(metrics.filtered, collector=name, sink=""),
            "unknown_fields": dict(pipeline.unknown.most_common(10)),
            "in_flight": pipeline.in_flight + len(pipeline.inbox),
            "rate": rates.get(f"received {name}"),
            "last_received": pipeline.inbox.last_received,
        }

    def _sink(self, name: str, rates: dict[str, float]) -> dict[str, Any]:
        metrics, lane = self.engine.metrics, self.engine.lanes[name]
        p50, p95 = metrics.lag.quantiles(name, (0.5, 0.95))
        return {
            "name": name,
            "type": self.types.get(name),
            "state": lane.health.state,
            "detail": lane.health.detail,
            "stored": metrics.value(metrics.stored, sink=name),
            "dead": metrics.value(metrics.dead, sink=name),
            "filtered": metrics.value(metrics.filtered, sink=name),
            "retries": metrics.value(metrics.retries, sink=name),
            "queued": lane.queued_messages,
            "queue_limit": lane.limit,
            "overflow": self._overflow(name, rates),
            "rate": rates.get(f"stored {name}"),
            "lag_p50_s": p50,
            "lag_p95_s": p95,
            "last_stored": lane.last_stored,
        }

    def _overflow(self, name: str, rates: dict[str, float]) -> dict[str, Any] | None:
        overflow = self.engine.lanes[name].overflow
        if overflow is None:
            return None
        return {
            "state": overflow.health.state,
            "detail": overflow.health.detail,
            "bytes": overflow.bytes,
            "limit_bytes": overflow.limit_bytes,
            "events": overflow.events.total(),
            "age_s": overflow.age_s,
            "rate": rates.get(f"overflowed {name}"),
        }

    def _dead_letters(self) -> dict[str, Any]:
        try:
            self._causes = self.engine.dead_letters.summary()
        except sqlite3.Error:  # what cannot be read is shown as it was; `reasons` has the cause
            self.engine.dead_letters.check()
        causes = self._causes
        return {
            "total": sum(cause.count for cause in causes),
            "by_reason": msgspec.to_builtins(causes),
            "files": len(self.engine.dead_letters.files()),
        }

    def _rates(self) -> dict[str, float]:
        samples = list(self._samples)[-RATE_S - 1 :]
        if len(samples) < 2:
            return {}
        (begin, before), (end, after) = samples[0], samples[-1]
        return {key: round((count - before.get(key, 0)) / (end - begin), 2) for key, count in after.items()}

    def _history(self) -> dict[str, Any]:
        samples = list(self._samples)
        steps = list(pairwise(samples))

        def series(prefix: str) -> list[float]:
            def total(counts: dict[str, int]) -> int:
                return sum(count for key, count in counts.items() if key.startswith(prefix))

            return [round((total(b) - total(a)) / max(t1 - t0, 0.001), 1) for (t0, a), (t1, b) in steps]

        return {
            "step_s": 1,
            "end": samples[-1][0] if samples else None,
            "received": series("received "),
            "stored": {name: series(f"stored {name}") for name in self.engine.lanes},
        }
