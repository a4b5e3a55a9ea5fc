"""The same arguments give the same bytes, in another process and with another hash seed too."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lakescope.simulator import FORMATS, Lake, Options, Wire, make_lake, simulate

ROOT = Path(__file__).parents[2]
SCRIPT = """
import hashlib
from datetime import datetime, timedelta
from lakescope.simulator import make_lake, simulate
start = datetime.fromisoformat("{start}")
digest = hashlib.blake2b()
for wire in simulate(make_lake(14, seed=3), seed=3, start=start, end=start + timedelta(minutes=6), rate=900):
    digest.update(repr((wire.time, wire.source, wire.format, wire.destination, wire.headers)).encode() + wire.body)
print(digest.hexdigest())
"""


def digest(start: datetime, hash_seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", SCRIPT.format(start=start.isoformat())]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_same_bytes_with_another_hash_seed(start: datetime) -> None:
    first = digest(start, "1")
    assert len(first.strip()) == 2 * hashlib.blake2b().digest_size
    assert first == digest(start, "2")


def test_seeds_differ(lake: Lake, start: datetime) -> None:
    five = timedelta(minutes=5)
    bodies = [
        {w.body for w in simulate(lake, seed=n, start=start, end=start + five, rate=200)} for n in (1, 2)
    ]
    shared = bodies[0] & bodies[1]
    # only what says the same whatever happens, such as "Rucio is available" and the mesh, may be shared
    told = (b'"availability"', b'"display-name": "Lake mesh"', b'"MinFreeSpace"', b'"availability_write"')
    assert all(any(words in body for words in told) for body in shared)


def test_leaving_sources_out_changes_nothing_in_the_others(lake: Lake, start: datetime) -> None:
    def run(sources: tuple[str, ...] | None) -> list[Wire]:
        end = start + timedelta(minutes=6)
        return list(simulate(lake, seed=5, start=start, end=end, rate=300, sources=sources))

    everything = run(None)
    for source in FORMATS:
        assert run((source,)) == [wire for wire in everything if wire.source == source]


def test_every_source_speaks_in_order_of_emission(quiet: list[Wire], start: datetime) -> None:
    times = [wire.time for wire in quiet]
    assert times == sorted(times)
    assert start.timestamp() <= times[0] < start.timestamp() + 5
    assert times[-1] < start.timestamp() + 7200
    assert {wire.source: wire.format for wire in quiet} == FORMATS


def test_repeated_messages_are_the_same_to_the_byte(lake: Lake, start: datetime) -> None:
    end = start + timedelta(minutes=30)

    def bodies(repeated: float) -> Counter[bytes]:
        options = Options(repeated=repeated)
        wires = simulate(lake, start=start, end=end, rate=500, sources=["rucio", "fts"], options=options)
        return Counter(wire.body for wire in wires)

    assert max(bodies(0.0).values()) == 1
    again = bodies(0.2)
    twice = sum(count == 2 for count in again.values())
    assert 0.1 < twice / len(again) < 0.3


def test_wrong_arguments_are_refused(lake: Lake, start: datetime) -> None:
    with pytest.raises(ValueError, match=r"expected sources out of rucio, .*found hermes"):
        simulate(lake, start=start, end=start, sources=["hermes"])
    with pytest.raises(ValueError, match="add UTC"):
        simulate(lake, start=start.replace(tzinfo=None), end=start)
    with pytest.raises(ValueError, match="2 RSEs or more"):
        make_lake(1)
    with pytest.raises(ValueError, match="a rate of 0 transfers an hour or more"):
        simulate(lake, start=start, end=start, rate=-1)
    with pytest.raises(ValueError, match="expected failed to be a share from 0 to 1, found 3"):
        Options(failed=3)
    with pytest.raises(ValueError, match="1 at most together"):
        Options(noise=0.6, staging=0.6)


def test_a_rate_and_intervals_of_zero_silence_all(lake: Lake, start: datetime) -> None:
    intervals = ("optimizer", "throughput", "latency", "rtt", "trace", "clock", "hosts")
    asked = ("rules", "usage", "accounts", "inside")
    polled = ("checks", "templates", "monitoring", "metrics", "downtimes", "sam", "srr")
    silent = Options(
        **dict.fromkeys((*intervals, *polled, "probes", "statistics", "availability", *asked), 0.0)
    )
    end = start + timedelta(hours=2)
    assert list(simulate(lake, start=start, end=end, rate=0, options=silent)) == []
