"""A round of all rules and the incident search over 10 million transfers in DuckDB: seconds and memory.

Two lakes, each in a process of its own: 100 sites (9,900 links) with 10 million transfers, 10 sites with 1 million, over eight
days, and hourly loss and delay of every link. Beside it the barest scan of the same hour (attempts and failures by source and
destination), as the limit. Bounds: 5 s and 500 MB, 0.5 s.

What misleads here: the rows are made by SQL, evenly in time and over the links; of datasets that are small in any lake there is
nothing, so their rules say "no data".
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.model import Rule
from lakescope.app.alerts import ROUND_S, Evaluator
from lakescope.app.rounds import Rounds
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink

LAKES = {100: 10_000_000, 10: 1_000_000}
"""Sites -> transfers."""
ROUNDS = 4
END = datetime(2026, 1, 12, 12, tzinfo=UTC).timestamp()
TRANSFERS = """
insert into transfers (
  id, time, source, vo, collector, event, ok, kind, request_id, scope, name, activity, account, src_rse, dst_rse,
  protocol, bytes, created, started, ended, queue_s, transfer_s, src_site, dst_site, experiment, endpoint, error,
  error_class, error_template, error_scope, functional_test
)
select
  md5('t' || i)::uuid, moment, 'rucio', 'escape', 'rucio', if(failed, 'failed', 'done'), not failed,
  'transfer', md5('r' || i), 'SKA_' || h // 5 % 9, 'file-' || i, 'activity ' || h // 7 % 8,
  'account' || h // 11 % 12, 'RSE-' || src, 'RSE-' || dst, ['davs', 'root'][h // 23 % 2 + 1],
  h % 4000000000, moment, moment, moment, h % 600, h % 1000 / 3.0 + 1, 'SITE-' || src, 'SITE-' || dst, 'SKA',
  'fts-' || h // 17 % 2, if(failed, 'SOURCE Error of kind ' || h // 19 % 20 || ' at host ' || h % 1000, null),
  if(failed, substr(md5('e' || h // 19 % 20), 1, 12), null),
  if(failed, 'SOURCE Error of kind ' || h // 19 % 20, null), if(failed, 'SOURCE', null), false
from (
  select i, (hash(i) >> 1)::bigint as h, h // 3 % 20 = 0 as failed, h // 13 % $sites as src,
    (src + 1 + h // 1300 % ($sites - 1)) % $sites as dst,
    to_timestamp($end - 691200 * (1 - i / $rows))::timestamp as moment
  from range($rows) numbers(i)
)
"""
NETWORK = """
insert into network (
  id, time, source, collector, test, src_host, dst_host, src_site, dst_site, ip_version, ok, packets_sent, packets_lost, loss,
  latency_median_s
)
select md5('n' || a || '-' || b || '-' || i)::uuid, to_timestamp($end - 3600 * i - 60)::timestamp, 'perfsonar', 'ps',
  'latencybg', 'ps' || a, 'ps' || b, 'SITE-' || a, 'SITE-' || b, 4, true, 600, 0, 0.0, 0.02
from range($sites) x(a), range($sites) y(b), range(192) z(i) where a <> b
"""
BAREST = """
select src_site, dst_site, count(*), sum((not ok)::int) from transfers
where time >= to_timestamp($begin)::timestamp and time < to_timestamp($end)::timestamp group by 1, 2
"""


def main() -> None:
    """Each lake in a process of its own."""
    for sites, rows in LAKES.items():
        command = [sys.executable, "-m", "benchmarks.alerts_rounds", str(sites), str(rows)]
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        print(f"{sites} sites, {rows:,} transfers, {len(RULES)} rules")
        for name, value in found.items():
            print(f"  {name:40}{value}")


def measure(sites: int, rows: int) -> dict[str, str]:
    """Fills a store, makes rounds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = DuckdbSink("store", DuckdbOptions(memory_limit="2GB"), folder)
        store.connection.execute(TRANSFERS, {"sites": sites, "rows": rows, "end": END})
        store.connection.execute(NETWORK, {"sites": sites, "end": END})
        store.close()
        store = DuckdbSink("store", DuckdbOptions(), folder)
        before = _memory()
        first = END - ROUNDS * ROUND_S
        begin = time.monotonic()
        store.query(BAREST.replace("$begin", str(first - 3600)).replace("$end", str(first)))
        barest = time.monotonic() - begin
        rounds = Rounds(RULES, store, folder)
        begin = time.monotonic()
        rounds.round(first)
        learnt = time.monotonic() - begin
        timings = []
        for number in range(1, ROUNDS + 1):
            begin = time.monotonic()
            rounds.round(first + number * ROUND_S)
            timings.append(time.monotonic() - begin)
        slowest = _slowest(store, first + ROUNDS * ROUND_S)
        states = [one.state for found in rounds.evaluator.verdicts.values() for one in found]
        store.close()
    took = median(timings)
    return {
        "barest scan of an hour": f"{barest:.2f} s",
        "first round, a day learnt": f"{learnt:.1f} s",
        "a round": f"{took:.2f} s, {max(timings):.2f} at most, {took / barest:.0f} x the barest scan",
        "memory at most": f"{_memory() / 1e6:.0f} MB, {before / 1e6:.0f} before the first round",
        "verdicts": f"{len(states):,}, {sum(one == 'abnormal' for one in states):,} abnormal",
        "slowest rules alone": slowest,
    }


def _slowest(store: DuckdbSink, now: float) -> str:
    timings: dict[str, float] = {}
    for name, rule in RULES.items():
        timings[name] = _alone(store, rule, now)
    worst = sorted(timings, key=lambda one: -timings[one])[:5]
    return ", ".join(f"{name} {timings[name]:.2f} s" for name in worst)


def _alone(store: DuckdbSink, rule: Rule, now: float) -> float:
    begin = time.monotonic()
    Evaluator({rule.name: rule}, store).judge(now)
    return time.monotonic() - begin


def _memory() -> int:
    """Largest resident size so far (bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
