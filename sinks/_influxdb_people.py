"""Takes people's names out of InfluxDB 1.x: points are read, written without the name, and removed where that made others of
them.

A point whose name is in a tag becomes another point, of another series: the old one is removed by its tag and time, which is all
that InfluxQL's DELETE knows. One whose name is in fields only is written over. A run that was cut short is repeated: it writes
the same points again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lakescope.core.contracts import RefusedError
from lakescope.kpis.influxql import equals
from lakescope.sinks._people import Forgetting

PAGE = 10_000
"""Points at a time."""
Row = dict[str, Any]
Ask = Callable[[str], list[dict[str, Any]]]
"""Gives the results of statements, times in nanoseconds."""


def forget_in(
    dataset: str,
    name: str,
    tags: Sequence[str],
    ask: Ask,
    write: Callable[[Sequence[tuple[Row, int]]], None],
    fields: frozenset[str],
) -> int:
    """How many points of a dataset were changed. `write` stores rows (tags and fields by name) at a time in nanoseconds; `tags`,
    `fields`: of the dataset, other columns are tags of labels. Raises `RefusedError` or `TransientError`."""
    forgetting, count, start = Forgetting(dataset, name), 0, None
    if not forgetting.is_needed:
        return 0
    own = {field: value for field, value in forgetting.own_values.items() if field in (*tags, *fields)}
    condition = " OR ".join(equals(field, value, is_tag=field in tags) for field, value in own.items())
    while True:
        after = "" if start is None else f" AND time >= {start:d}"
        rows = _rows(ask(f'SELECT * FROM "{dataset}" WHERE ({condition}){after} LIMIT {PAGE}'))  # noqa: S608 - escaped
        is_last = len(rows) < PAGE
        if not is_last:  # the last instant may not be whole
            rows = [row for row in rows if row["time"] < rows[-1]["time"]]
        if not rows:
            if is_last:
                return count
            raise RefusedError("refused", f"{dataset}: more than {PAGE} points of one nanosecond")
        begin, end = rows[0]["time"], rows[-1]["time"]
        clean_rows = [(row, _clean(row, forgetting, (*tags, *fields))) for row in rows]
        write([(new, row["time"]) for row, new in clean_rows])
        removals = [
            f"{equals(tag, value, is_tag=True)} AND time >= {begin:d} AND time <= {end:d}"
            for tag, value in own.items()
            if tag in tags
        ]
        for row, new in clean_rows:
            keys = [key for key in row if key not in fields and key != "time"]
            is_removed = any(row.get(tag) == value for tag, value in own.items() if tag in tags)
            if not is_removed and any(row.get(key) != new.get(key) for key in keys):
                # by the tags that it has: DELETE finds no series by one that it lacks
                exactly = " AND ".join(equals(_quoted(key), row[key], is_tag=True) for key in keys)
                removals.append(f"{exactly} AND time >= {row['time']:d} AND time <= {row['time']:d}")
        for removal in removals:
            _rows(ask(f'DELETE FROM "{dataset}" WHERE {removal}'))  # noqa: S608 - escaped
        count += len(rows)
        start = end + 1


def _clean(row: Mapping[str, Any], forgetting: Forgetting, own_columns: Sequence[str]) -> Row:
    new = forgetting.clean(row) or dict(row)
    return {
        key: value if key in own_columns else forgetting.clean_text(value)
        for key, value in new.items()
        if key != "time"
    }


def _quoted(key: str) -> str:
    """A label's key, within quotes."""
    return key.replace("\\", "\\\\").replace('"', '\\"')


def _rows(results: Sequence[dict[str, Any]]) -> list[Row]:
    (result,) = results
    if "error" in result:  # with status 200
        raise RefusedError("refused", str(result["error"]))
    return [
        {key: value for key, value in zip(series["columns"], row, strict=True) if value not in (None, "")}
        for series in result.get("series", ())
        for row in series["values"]
    ]
