"""Makes docs/images/dashboards/*.png: every dashboard over a simulated week with incidents, light and dark.

    python -m docs.pictures [NAME ...]

Needs no server and no browser, and some minutes.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from statistics import quantiles
from typing import Any

import msgspec
from PIL import Image

from lakescope.app.query import answer_dashboard
from lakescope.core.events import Event, PipelineReport
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.pages.preview import png
from lakescope.dashboards.questions import Selection
from lakescope.dashboards.theme import DARK, LIGHT
from lakescope.pipeline.normalise import Normaliser
from lakescope.simulator import Options, make_lake, simulate
from lakescope.simulator.cric import rcsite_query, rse_query, service_query
from lakescope.simulator.simulation import FORMATS
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers._common import identify
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology

IMAGES = Path(__file__).parent / "images" / "dashboards"
COLOURS = 256  # of a picture: a third of the bytes, and no eye sees it
SINCE = datetime(2026, 3, 2, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=7)
RATE = 400  # transfers an hour
_SELDOM = Options(
    hosts=1800,
    probes=1800,
    latency=600,
    rtt=900,
    trace=1800,
    throughput=3600,
    rules=1800,
    usage=3600,
    optimizer=600,
    metrics=1800,
)
SEED = 5
STEP_S = 600.0  # how often Lakescope is taken to have reported on itself


def main(names: Sequence[str]) -> None:
    """Fills a store with the week, draws."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        store = DuckdbSink("week", DuckdbOptions(memory_limit="4GB"), Path(folder))
        for events in _week():
            documents = [msgspec.json.encode(event) for event in events]
            outcome = store.write([chunk for chunk in store.encode(events, documents) if chunk is not None])
            assert not (outcome.retry or outcome.rejected), outcome
        for name in names or DASHBOARDS:
            dashboard = DASHBOARDS[name]
            variables = {"source": ("SARA-MATRIX",), "destination": ("IN2P3-CC",)} if name == "link" else {}
            selection = Selection(since=SINCE, until=UNTIL, variables=variables)
            answer = answer_dashboard(dashboard, selection, store, "a simulated week")
            for theme, look in (("light", LIGHT), ("dark", DARK)):
                picture = (
                    Image.open(io.BytesIO(png(answer, look)))
                    .convert("RGB")
                    .quantize(COLOURS, dither=Image.Dither.NONE)
                )
                picture.save(IMAGES / f"{name}-{theme}.png", optimize=True)
            sys.stdout.write(f"{name}\n")
        store.close()


def _week() -> Iterator[list[Event]]:
    """The week's events, step by step, each with what Lakescope would have said of itself."""
    lake = make_lake()
    topology = Topology(rse_query(lake), service_query(lake), rcsite_query(lake))
    normalise = Normaliser(formats(), Enrichment(topology))
    wires = simulate(lake, seed=SEED, start=SINCE, end=UNTIL, rate=RATE, options=_SELDOM)
    messages = (Message(wire.body, wire.format, wire.headers, wire.time) for wire in wires)
    for step, group in groupby(messages, lambda message: int(message.received // STEP_S)):
        by_format: dict[str, list[Message]] = {}
        for message in group:
            by_format.setdefault(message.format, []).append(message)
        events = {form: normalise(mine).events for form, mine in by_format.items()}
        everything = [event for mine in events.values() for event in mine]
        end = datetime.fromtimestamp((step + 1) * STEP_S - 1, UTC)
        lags = sorted(max(0.0, end.timestamp() - STEP_S / 2 - _seconds(event)) for event in everything)
        yield [*everything, *_reports(end, {form: len(mine) for form, mine in events.items()}, lags)]


def _reports(end: datetime, received: dict[str, int], lags: list[float]) -> Iterator[Event]:
    """A collector a format, one sink."""
    common: dict[str, Any] = {
        "time": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "source": "lakescope",
        "instance": "lakescope.example",
        "seconds": STEP_S,
        "dead": 0,
    }
    for name in FORMATS.values():
        count = received.get(name, 0)
        yield PipelineReport(
            id=identify("picture", name, common["time"]),
            stage="collector",
            name=name,
            received=count,
            silent_s=0.0 if count else STEP_S,
            **common,
        )
    ranks = quantiles(lags, n=100) if len(lags) > 1 else [None] * 99
    yield PipelineReport(
        id=identify("picture", "store", common["time"]),
        stage="sink",
        name="store",
        stored=len(lags),
        retries=0,
        queued=0,
        lag_p50_s=ranks[49],
        lag_p99_s=ranks[98],
        **common,
    )


def _seconds(event: Event) -> float:
    return datetime.fromisoformat(event.time).timestamp()


if __name__ == "__main__":
    main(sys.argv[1:])
