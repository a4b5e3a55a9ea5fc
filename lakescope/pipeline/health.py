"""Lakescope's own work as events: what each collector and sink did since the last report, and how long receivers' tokens last.

The reports go the way of all messages, with retries, dead letters and metrics, but beside the pipelines that the
operator configured: they are no part of the status, of the accounting shown there, or of themselves.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from socket import gethostname
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from lakescope.core import events
from lakescope.core.contracts import Health
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message
from lakescope.core.options import Options

if TYPE_CHECKING:
    from lakescope.pipeline.engine import Engine

OWN = "lakescope"
"""Name of this collector, of its source, and of nobody else's collector."""
FORMAT = "events"


class HealthCollector:
    """Puts one message an interval: an array of `events.Pipeline`.

    What happens between the last report and the end of the engine is not reported.
    """

    Options: ClassVar[type[Options]] = Options
    formats: Sequence[str] = (FORMAT,)

    def __init__(self, engine: Engine, interval_s: float) -> None:
        self.engine = engine
        self.interval_s = interval_s
        self.health = Health("ok")
        self.instance = gethostname().lower()
        self._before: Counter[tuple[str, str, str]] = Counter()

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Reports at each interval's end until `stop`; without an interval it only keeps the way open for other events."""
        if not self.interval_s:
            stop.wait()
            return
        begin = time.monotonic()
        while not stop.wait(max(0.0, begin + self.interval_s - time.monotonic())):
            seconds, begin = time.monotonic() - begin, time.monotonic()
            body = msgspec.json.encode(list(self._reports(seconds)))
            if not inbox.put([Message(body, FORMAT, received=time.time())]):
                return

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Nothing to tell."""

    def close(self) -> None:
        """Nothing to release."""

    # --- what is told -------------------------------------------------------------------------------------

    def _reports(self, seconds: float) -> Iterator[events.PipelineReport]:
        engine, metrics = self.engine, self.engine.metrics
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")

        def report(
            stage: str, name: str, ready: bool | None, totals: dict[str, int], **more: Any
        ) -> events.PipelineReport:
            deltas = {what: self._since(stage, name, what, total) for what, total in totals.items()}
            common = {
                "id": blake2b(f"{self.instance} {stage} {name} {now}".encode(), digest_size=16).hexdigest(),
                "time": now,
                "source": OWN,
                "collector": OWN,
                "instance": self.instance,
                "seconds": round(seconds, 3),
            }
            return msgspec.convert(
                common
                | {"dataset": "pipeline", "stage": stage, "name": name, "ready": ready}
                | deltas
                | more,
                events.PipelineReport,
            )

        for pipeline in engine.pipelines:
            name = pipeline.name
            silent = not self._since("collector", name, "messages", pipeline.inbox.received)
            yield report(
                "collector",
                name,
                pipeline.collector.health.state in ("ok", "finished"),
                {
                    "received": metrics.value(metrics.received, collector=name),
                    "dead": metrics.value(metrics.dead, collector=name, sink=""),
                    "filtered": metrics.value(metrics.filtered, collector=name, sink=""),
                },
                silent_s=round(seconds, 3) if silent else 0.0,
                **self._token(f"collectors.{name}"),
            )
        for name, lane in engine.lanes.items():
            overflow, overflow_report = lane.overflow, {}
            totals = {
                "stored": self._of_others(metrics.stored, name),
                "dead": self._of_others(metrics.dead, name),
                "filtered": self._of_others(metrics.filtered, name),
                "retries": metrics.value(metrics.retries, sink=name),
            }
            if overflow is not None:
                totals["overflowed"] = self._of_others(metrics.overflowed, name)
                overflow_report = {
                    "overflow_bytes": overflow.bytes,
                    "overflow_events": overflow.events.total(),
                    "overflow_age_s": round(overflow.age_s, 3),
                }
            p50, p99 = metrics.lag.quantiles(name, (0.5, 0.99), within_s=seconds)
            yield report(
                "sink",
                name,
                lane.health.state == "ok",
                totals,
                queued=lane.queued_events,
                lag_p50_s=p50,
                lag_p99_s=p99,
                **overflow_report,
                **self._token(f"sinks.{name}"),
            )
        for place in sorted(metrics.tokens.of):
            room, _, name = place.partition(".")
            if room == "receivers":
                yield report("receiver", name, None, {}, **self._token(place))

    def _token(self, plugin: str) -> dict[str, Any]:
        """Of a plugin that fetches one, its place in the configuration given."""
        credentials = self.engine.metrics.tokens.of.get(plugin)
        if credentials is None:
            return {}
        failures = self._since(plugin, "", "token_failures", credentials.failures)
        return {"token_life_s": round(credentials.life_s, 3), "token_failures": failures}

    def _of_others(self, metric: Any, sink: str) -> int:
        by_collector = self.engine.metrics.by(metric, "collector", sink=sink)
        return sum(count for collector, count in by_collector.items() if collector != OWN)

    def _since(self, stage: str, name: str, what: str, total: int) -> int:
        """How much more than at the last report."""
        key = (stage, name, what)
        before, self._before[key] = self._before[key], total
        return total - before
