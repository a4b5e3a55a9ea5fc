"""What the compilers make of every KPI, as text that a review can read.

Update: python -m tests.kpis._golden
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakescope.kpis import CATALOGUE, Kpi, Query, UnsupportedError, duckdb, elasticsearch, influxql, snapshots
from lakescope.kpis.model import Comparison, Timeline
from lakescope.sinks.influxdb import TAGS

GOLDEN = Path(__file__).with_name("golden")
_SINCE, _UNTIL = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC)


def questions(kpi: Kpi) -> dict[str, Query]:
    """One of each form."""
    first, last = kpi.dimensions[0], kpi.dimensions[-1]
    span = {"kpi": kpi, "since": _SINCE, "until": _UNTIL}
    return {
        "the whole range": Query(**span),  # type: ignore[arg-type]
        f"every hour, by {first}": Query(**span, by=(first,), bin_s=3600),  # type: ignore[arg-type]
        f"by {last}, of two {first}": Query(**span, by=(last,), filters={first: ("it's", "two")}),  # type: ignore[arg-type]
    }


def texts() -> Iterator[tuple[Path, str]]:
    """Golden file and what belongs into it."""
    for kpi in CATALOGUE.values():
        if isinstance(kpi.value, (Comparison, Timeline)):  # has no text of its own
            continue
        made = {said: _elasticsearch(query) for said, query in questions(kpi).items()}
        yield GOLDEN / f"elasticsearch/{kpi.name}.json", json.dumps(made, indent=2) + "\n"
        for store, compiled in (("duckdb", _duckdb), ("influxdb", _influxdb)):
            yield GOLDEN / f"{store}/{kpi.name}.sql", _sql(kpi, compiled)


def _sql(kpi: Kpi, compiled: Callable[[Query], str]) -> str:
    blocks = []
    for said, query in questions(kpi).items():
        try:
            text = compiled(query)
        except UnsupportedError as error:
            text = f"-- refused: {error}"
        blocks.append(f"-- {said}\n{text}\n")
    return "\n".join(blocks)


def _elasticsearch(query: Query) -> dict[str, Any]:
    try:
        if query.is_snapshot:
            return {"reports": [elasticsearch.compile_reports(one) for one in snapshots.questions(query)]}
        return elasticsearch.compile_query(query)
    except UnsupportedError as error:
        return {"refused": str(error)}


def _duckdb(query: Query) -> str:
    statements = (
        [duckdb.compile_reports(one) for one in snapshots.questions(query)]
        if query.is_snapshot
        else [duckdb.compile_query(query)]
    )
    return "\n".join(
        f"{sql};" + "".join(f"\n-- ${name} = {value}" for name, value in parameters.items())
        for sql, parameters in statements
    )


def _influxdb(query: Query) -> str:
    if query.is_snapshot:
        asked = snapshots.questions(query)
        return "\n".join(f"{influxql.compile_reports(one, TAGS[one.dataset])};" for one in asked)
    return f"{influxql.compile_query(query, TAGS[query.kpi.dataset]).text};"


def update() -> None:
    """Write all golden files anew, and only those."""
    wanted = dict(texts())
    for path in GOLDEN.glob("*/*"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    update()
