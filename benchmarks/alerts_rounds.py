"""A round of all rules and the incident search over 10 million transfers in DuckDB: time, memory, what it leaves of the stream.

Two lakes (`benchmarks.alerts_lake`): 100 sites (9,900 links) with 10 million transfers, 10 sites with 1 million. One
process fills the store, another one measures the rounds and its own peak of memory. Beside them the barest scan of an
hour (attempts and failures by source and destination), as the limit. Bounds of a round: 5 s and 500 MB, of 10 sites
0.5 s. Then a thread decodes Hermes' messages and writes them to the same store, alone and beside rounds: the ratio of
its events a second is what a round leaves of the stream.

`python -m benchmarks.alerts_rounds SITES TRANSFERS FOLDER` measures one lake, whose store stays in the folder and is
used again.

What misleads here: the rows are even in time and over the links. Seconds are those of a shared machine; CPU seconds
are of all threads, DuckDB's too. Thread and rounds share Python's lock and the processors, so the ratio is lower on
fewer of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain, count
from math import inf
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.alerts_lake import END, HOUR, fill
from benchmarks.hot_path import BATCH, bodies, topology
from lakescope.alerts.catalogue import RULES
from lakescope.app.alerts import ROUND_S, Evaluator
from lakescope.app.rounds import Rounds
from lakescope.core.messages import Message
from lakescope.pipeline.normalise import Normaliser
from lakescope.pipeline.transform import SinkInput, Transform
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers import hermes
from lakescope.transformers.enrichment import Enrichment

LAKES = {100: 10_000_000, 10: 1_000_000}
"""Sites -> transfers."""
ROUNDS = 6
"""Of which every third asks for all evidence again, and the last what is asked once an hour."""
STREAM_S = 20.0
"""How long the stream alone is measured."""
BAREST = """
select src_site, dst_site, count(*), sum((not ok)::int) from transfers
where time >= $begin and time < $end group by 1, 2
"""


def main() -> None:
    """Each lake."""
    for sites, transfers in LAKES.items():
        with tempfile.TemporaryDirectory() as folder:
            run(sites, transfers, Path(folder))


def run(sites: int, transfers: int, folder: Path) -> None:
    """Fills a store, unless the folder has one, and measures rounds over it; each in a process of its own."""
    print(f"{sites} sites, {transfers:,} transfers, {len(RULES)} rules", flush=True)
    for step in ("rounds",) if (folder / "lake.duckdb").exists() else ("fill", "rounds"):
        command = [
            sys.executable,
            "-m",
            "benchmarks.alerts_rounds",
            str(sites),
            str(transfers),
            str(folder),
            step,
        ]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # as the command `lakescope` has it
        subprocess.run(command, check=True, env=environment)


def measure(folder: Path) -> None:
    """Prints what rounds over a store take."""
    store = DuckdbSink("store", DuckdbOptions(), folder)
    for name, figure in chain(rounds_of(store), slowest(store, END), stream(store)):
        print(f"  {name:36}{figure}", flush=True)
    store.close()


def rounds_of(store: DuckdbSink) -> Iterator[tuple[str, str]]:
    """Figures of the first round and of those after it."""
    first = END - ROUNDS * ROUND_S
    yield "memory before the first round", f"{peak_mb():.0f} MB"
    scan = partial(store.query, BAREST, {"begin": _moment(first - HOUR), "end": _moment(first)})
    yield "barest scan of an hour", str(cost_of(scan))
    with tempfile.TemporaryDirectory() as states:
        rounds = Rounds(RULES, store, Path(states))
        yield (
            "first round: search, a day learnt",
            str(cost_of(partial(rounds.search, first, threading.Event()))),
        )
        yield "first round: rules", str(cost_of(partial(rounds.round, first)))
        searches, others = [], []
        for now in (first + number * ROUND_S for number in range(1, ROUNDS + 1)):
            searches.append(cost_of(partial(rounds.search, now, threading.Event())))
            others.append(cost_of(partial(rounds.round, now)))
    whole = [Cost(*map(sum, zip(*one, strict=True))) for one in zip(searches, others, strict=True)]
    yield "usual round: search", str(middle(searches))
    yield "usual round: rules", str(middle(others))
    yield "usual round", f"{middle(whole)}; the one of the hour {whole[-1]}"
    yield "memory at most", f"{peak_mb():.0f} MB"
    verdicts = [one for of_rule in rounds.evaluator.verdicts.values() for one in of_rule]
    states_of = Counter(one.state for one in verdicts)
    yield "verdicts", ", ".join(f"{number:,} {state}" for state, number in states_of.most_common())
    yield "rules without data", ", ".join(one.rule for one in verdicts if one.state == "no data") or "none"
    yield "incidents", ", ".join(one.culprit for one in rounds.records.incidents(0)) or "none"


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


class Cost(NamedTuple):
    """What something took."""

    seconds: float
    cpu_s: float
    """Of all threads."""

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.cpu_s:.2f} CPU-s"


def cost_of(work: Callable[[], object]) -> Cost:
    """What doing it once takes."""
    begin, cpu = time.monotonic(), time.process_time()
    work()
    return Cost(time.monotonic() - begin, time.process_time() - cpu)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(median(figures) for figures in zip(*costs, strict=True)))


def slowest(store: DuckdbSink, now: float) -> Iterator[tuple[str, str]]:
    """The five rules that take longest if asked alone, their histories too."""
    costs = {
        name: cost_of(partial(Evaluator({name: rule}, store).judge, now)) for name, rule in RULES.items()
    }
    worst = sorted(costs, key=lambda name: -costs[name].cpu_s)[:5]
    yield "slowest rules alone", ", ".join(f"{name} {costs[name].cpu_s:.2f} CPU-s" for name in worst)


def stream(store: DuckdbSink) -> Iterator[tuple[str, str]]:
    """Events a second that are decoded and written: alone, and beside rounds."""
    transform = Transform(
        Normaliser({"hermes": hermes.decode}, Enrichment(topology(), collector="benchmark")),
        {"store": SinkInput(store.encode)},
    )
    templates = bodies()
    writes: list[tuple[float, float]] = []
    """When each began and ended."""
    stop = threading.Event()

    def write() -> None:
        for number in count():
            if stop.is_set():
                return
            start = number * BATCH % len(templates)
            begin = time.monotonic()
            messages = [
                Message(body.replace(b'"request-id": "', b'"request-id": "%d-' % number), "hermes")
                for body in templates[start : start + BATCH]
            ]
            store.write(transform(messages).parcels["store"].chunks)
            writes.append((begin, time.monotonic()))

    def rate(work: Callable[[], object]) -> tuple[float, float]:
        """Events a second while it is done, and the longest write (seconds)."""
        begin = time.monotonic()
        work()
        end = time.monotonic()
        spans = [
            (max(begin, since), min(end, until), until - since) for since, until in writes if until > begin
        ]
        shares = [(until - since) / whole for since, until, whole in spans if until > since]
        return BATCH * sum(shares) / (end - begin), max((whole for _, _, whole in spans), default=inf)

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(2.0)
    alone, longest = rate(partial(time.sleep, STREAM_S))
    yield "stream alone", f"{alone:,.0f} events/s, longest write of {BATCH} {longest:.2f} s"
    with tempfile.TemporaryDirectory() as states:
        rounds = Rounds(RULES, store, Path(states))
        first = END - ROUNDS * ROUND_S
        later = [first + number * ROUND_S for number in range(1, ROUNDS + 1)]
        for name, times in (("first round", [first]), ("usual rounds", later)):
            beside, longest = rate(partial(_rounds, rounds, times))
            yield f"stream beside {name}", f"{beside / alone:.2f} of that, longest write {longest:.2f} s"
    stop.set()
    thread.join()


def _rounds(rounds: Rounds, times: Sequence[float]) -> None:
    for one in times:
        rounds.round(one)


def peak_mb() -> float:
    """Of this process: what getrusage says begins with its parent's."""
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak) / 1024


if __name__ == "__main__":
    sites, transfers, folder, *step = sys.argv[1:]
    match step:
        case ["fill"]:
            fill(Path(folder), int(sites), int(transfers))
        case ["rounds"]:
            measure(Path(folder))
        case _:
            run(int(sites), int(transfers), Path(folder))
