"""KPIs and whole dashboards on 10 million transfers in DuckDB: seconds, and as a multiple of the barest scan.

What misleads here: the rows are made by SQL, evenly over a week, with 40 sites, 8 activities and 20 errors: a real
lake is lumpier. The barest scan (count by source and destination) is the limit: no KPI by two dimensions can be
faster. Only dashboards made of transfers are timed: the other tables are small in any lake.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from lakescope.app.query import ask, ask_many
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.questions import Selection, questions_of
from lakescope.kpis import CATALOGUE, Query, UnsupportedError
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink

ROUNDS = 3
RUCIO, FTS = 10_000_000, 1_000_000  # ended transfers that Rucio tells, and those that FTS tells too
SINCE, UNTIL = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC)
PAGES = ("lake", "transfers", "link", "failures", "communities")
FILL = """
insert into transfers (
  id, time, source, vo, collector, event, ok, kind, request_id, scope, name, activity, account, src_rse, dst_rse,
  protocol, bytes, created, started, ended, queue_s, transfer_s, throughput, src_site, dst_site, src_country,
  dst_country, src_qos, dst_qos, experiment, endpoint, error, error_class, error_template, error_scope, functional_test
)
select
  md5($source || i)::uuid, moment, $source, 'vo' || h // 3 % 3, $source, if(failed, 'failed', 'done'), not failed,
  'transfer', md5('r' || i), 'SKA_' || h // 5 % 9, 'file-' || (i - h % 3), 'activity ' || h // 7 % 8,
  'account' || h // 11 % 12, 'RSE-' || h // 13 % 50, 'RSE-' || h // 17 % 50, ['davs', 'root', 'srm'][h // 23 % 3 + 1],
  h % 4000000000, moment, moment, moment, h % 100000 / 7.0, h % 1000 / 3.0 + 1, 1e6, 'SITE-' || h // 13 % 40,
  'SITE-' || h // 17 % 40, 'C' || h // 13 % 12, 'C' || h // 17 % 12, 'Q' || h // 13 % 4, 'Q' || h // 17 % 4,
  ['SKA', 'CTA', 'LSST', 'VIRGO'][h // 29 % 4 + 1], 'fts-' || h // 17 % 2,
  if(failed, 'Error of kind ' || h // 19 % 20 || ' at host ' || h % 1000, null),
  if(failed, substr(md5('e' || h // 19 % 20), 1, 12), null), if(failed, 'Error of kind ' || h // 19 % 20, null),
  if(failed, ['SOURCE', 'DESTINATION', 'TRANSFER'][h // 31 % 3 + 1], null), h // 37 % 5 = 0
from (
  select i, (hash(i) >> 1)::bigint as h, h % 10 = 0 as failed,
    timestamp '2026-01-05' + to_microseconds((i * (604800e6 / $rows))::bigint) as moment
  from range($rows) numbers(i)
)
"""


def main() -> None:
    """Fills a store, asks, prints."""
    with tempfile.TemporaryDirectory() as folder:
        store = DuckdbSink("store", DuckdbOptions(memory_limit="4GB"), Path(folder))
        begin = time.monotonic()
        for source, rows in (("rucio", RUCIO), ("fts", FTS)):
            store.connection.execute(FILL, {"source": source, "rows": rows})
        store.close()
        print(f"{RUCIO + FTS:,} events written in {time.monotonic() - begin:.0f} s")
        store = DuckdbSink("store", DuckdbOptions(), Path(folder))  # as a user has it
        _kpis(store)
        _pages(store)
        store.close()


def _kpis(store: DuckdbSink) -> None:
    floor = _seconds(lambda: store.query("select src_site, dst_site, count(*) from transfers group by 1, 2"))
    print(f"{'barest scan by two dimensions':42}{floor:7.2f} s")
    for name, kpi in CATALOGUE.items():
        if kpi.dataset == "transfers" and {"src_site", "dst_site"} <= set(kpi.dimensions):
            query = Query(kpi=kpi, since=SINCE, until=UNTIL, by=("src_site", "dst_site"))
            took = _seconds(lambda query=query: ask(query, store))
            print(f"{name:42}{took:7.2f} s  {took / floor:5.1f} x")


def _pages(store: DuckdbSink) -> None:
    for name in PAGES:
        dashboard = DASHBOARDS[name]
        variables = {"source": ("SITE-1",), "destination": ("SITE-2",)} if name == "link" else {}
        questions = questions_of(dashboard, Selection(since=SINCE, until=UNTIL, variables=variables))
        took = _seconds(lambda asked=questions: ask_many(asked, store))
        answers = ask_many(questions, store)
        refusals = sum(isinstance(answer, UnsupportedError) for answer in answers)
        print(f"page {name:37}{took:7.2f} s  {len(questions)} questions, {refusals} refused")


def _seconds(work: Callable[[], object]) -> float:
    """Median of the rounds."""
    timings = []
    for _ in range(ROUNDS):
        begin = time.monotonic()
        work()
        timings.append(time.monotonic() - begin)
    return median(timings)


if __name__ == "__main__":
    sys.exit(main())
