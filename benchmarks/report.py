"""The weekly report on 10 million transfers in DuckDB: seconds and memory, and as a multiple of the barest scan.

What misleads here: as in `benchmarks.dashboards`, whose rows these are. The week before is empty, so that questions about it
cost nothing; tables other than transfers are empty too.
"""

from __future__ import annotations

import multiprocessing
import re
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.dashboards import FILL, FTS, RUCIO, UNTIL
from lakescope.app.reports import ReportText, report_of
from lakescope.reports.writing import write
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink

SCAN = "select src_site, dst_site, count(*) as n from transfers group by all"


def main() -> None:
    """Fills a store, and makes the report in a process of its own, whose memory is its own too."""
    with tempfile.TemporaryDirectory() as folder:
        store = DuckdbSink("store", DuckdbOptions(memory_limit="4GB"), Path(folder))
        for source, rows in (("rucio", RUCIO), ("fts", FTS)):
            store.connection.execute(FILL, {"source": source, "rows": rows})
        store.close()
        reader = multiprocessing.get_context("spawn").Process(target=_report, args=(Path(folder),))
        reader.start()
        reader.join()


def _report(folder: Path) -> None:
    store = DuckdbSink("store", DuckdbOptions(), folder)
    begin = time.monotonic()
    store.query(SCAN)
    scanned = time.monotonic()
    report = report_of(ReportText("weekly"), store, UNTIL + timedelta(hours=7))
    computed = time.monotonic()
    write(report, folder / "report")
    written = time.monotonic()
    store.close()
    scan = scanned - begin
    # of this process: what getrusage says begins with its parent's
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    megabytes = int(peak) / 1024
    print(f"barest scan           {scan:6.2f} s")
    print(
        f"{len(report.queries)} questions         {computed - scanned:6.2f} s, {(computed - scanned) / scan:.0f} scans"
    )
    print(f"all forms             {written - computed:6.2f} s")
    print(f"memory at most        {megabytes:6.0f} MB")


if __name__ == "__main__":
    main()
