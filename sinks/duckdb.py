"""DuckDB, the embedded default: one table a dataset, each ``id`` in it once, nothing to install or run.

One process at a time can hold the file; other commands ask the running instance.

There is no primary key: DuckDB's index of one must be in memory as a whole, some 40 bytes an event, and without room for it every
write fails. A new event's id is looked for among the events about its time instead; where in the file these are, DuckDB knows.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec
from pydantic import Field
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lakescope.core.columns import Kind, columns
from lakescope.core.contracts import Finding, Installation, Outcome, RefusedError, TransientError
from lakescope.core.disk import move_away, remedy_for
from lakescope.core.events import DATASETS, Event
from lakescope.core.messages import quote
from lakescope.kpis import duckdb as sql
from lakescope.kpis.model import EventsQuery, Query, ReportsQuery, StoreAnswer, StoreQuery, UnsupportedError
from lakescope.sinks import _duckdb_people as people
from lakescope.sinks._common import ExpiringOptions, answer_each

log = logging.getLogger(__name__)

IN_MEMORY = Path(":memory:")
"""DuckDB's own name for a database without a file."""
_TYPES: dict[Kind, str] = {
    "keyword": "VARCHAR",
    "keywords": "VARCHAR[]",
    "text": "VARCHAR",
    "time": "TIMESTAMP",
    "integer": "BIGINT",
    "float": "DOUBLE",
    "boolean": "BOOLEAN",
    "labels": "JSON",
    "object": "JSON",
}
REPEAT_WITHIN_US = 86_400_000_000
"""A repeated event is looked for among those within a day of its time. It has the same time, unless its source gives none."""
_SHARE_LEFT = 1 / 8
"""Of `memory_limit`, what stays when memory is released."""
_ROWS_AT_ONCE = 5000
"""Of an answer, as Python's values."""


class DuckdbOptions(ExpiringOptions):
    """Options of the duckdb sink."""

    path: Path | None = Field(default=None, examples=["/var/lib/lakescope/lake.duckdb"])
    """The database file; without it ``lake.duckdb`` in the data directory."""
    memory_limit: str = Field(default="512MB", pattern=r"^\d+(KB|MB|GB)$")
    """Memory that DuckDB may use before it spills to disk."""
    threads: int = Field(default=2, ge=1, le=1024)
    """Threads of one statement (count)."""


def column_types(dataset: str) -> dict[str, str]:
    """Column -> DuckDB type of a dataset's table. The id's 128 bits are a UUID: half the size of text."""
    return {
        column.name: "UUID" if column.name == "id" else _TYPES[column.kind] for column in columns(dataset)
    }


def _with_remedy(error: duckdb.Error, path: Path) -> str:
    """Why the database cannot be opened, in its own first line, and what to do."""
    text = str(error).splitlines()[0]
    if "set lock" in text:
        return f"{text} - is another lakescope running on it?"
    if isinstance(error, (duckdb.OutOfMemoryException, duckdb.InvalidInputException)):
        return f"{text}; change `memory_limit` or `threads` of the sink"
    damaged = f"bring it back from a backup, or move it away: {move_away(path)}"
    return f"expected a database of DuckDB: {text}; {remedy_for(path, damaged)}"


def _files(path: Path) -> tuple[Path, Path]:
    """The database, and its write-ahead log."""
    return path, path.with_name(f"{path.name}.wal")


def _make(path: Path) -> None:
    """An empty database, or no file at all: DuckDB opens none whose headers a kill or a full disk has cut short."""
    _, old_log = _files(path)
    # DuckDB would remove it, and with it the last events of a database that was moved away
    if old_log.exists():
        new_log = old_log.replace(old_log.with_name(f"{old_log.name}.kept"))
        log.warning("%s is not there, but its write-ahead log is: kept as %s", path, new_log)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    duckdb.connect(draft).close()
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)


class DuckdbSink:
    """Keeps events in one DuckDB file."""

    Options = DuckdbOptions

    def __init__(self, name: str, options: DuckdbOptions, data_dir: Path) -> None:
        self.options = options
        self.path, _ = self.files(options, data_dir)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if self.path != IN_MEMORY and not (self.path.exists() and self.path.stat().st_size):
                _make(self.path)
            self.connection = duckdb.connect(
                self.path,
                config={
                    "memory_limit": options.memory_limit,
                    "threads": options.threads,
                    "allocator_background_threads": True,  # else pages that are free stay with the process
                },
            )
            self._lock = threading.Lock()
            self._cursors: set[duckdb.DuckDBPyConnection] = set()  # of questions that are being answered
            self._datasets = list(DATASETS) if options.datasets is None else options.datasets
            self._statements = {dataset: _statements(dataset) for dataset in DATASETS}
            list(self.setup())
        except duckdb.Error as error:
            raise RuntimeError(f"{self.path}: {_with_remedy(error, self.path)}") from error

    @staticmethod
    def encode(events: Sequence[Event], documents: Sequence[bytes]) -> list[tuple[str, bytes] | None]:
        """(dataset, document) an event: DuckDB itself reads the JSON, on all its threads."""
        return [(event.dataset, document) for event, document in zip(events, documents, strict=True)]

    def setup(self) -> Iterator[Finding]:
        """The tables; columns that a newer version added."""
        with self._lock:
            for dataset in self._datasets:
                types = column_types(dataset)
                column_definitions = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
                self.connection.execute(f'create table if not exists "{dataset}" ({column_definitions})')
                there = {row[0] for row in self.connection.execute(f'describe "{dataset}"').fetchall()}
                for name, kind in types.items():
                    if name not in there:
                        self.connection.execute(f'alter table "{dataset}" add column "{name}" {kind}')
        yield Finding("done", f"{self.path}: {len(self._datasets)} tables")

    @staticmethod
    def plan(options: DuckdbOptions, installation: Installation) -> Iterator[Finding]:
        """See `PlanningSink`."""
        path, _ = DuckdbSink.files(options, installation.data_dir)
        if installation.is_running:
            yield Finding("unchanged", f"{path}: prepared by the running instance at its start")
            return
        tables: dict[str, set[str]] = {}
        if path.exists():
            try:
                with duckdb.connect(path, read_only=True) as connection:
                    columns_query = "select table_name, column_name from information_schema.columns"
                    for table, column in connection.execute(columns_query).fetchall():
                        tables.setdefault(table, set()).add(column)
            except duckdb.Error as error:
                yield Finding("error", f"{path}: {_with_remedy(error, path)}")
                return
        else:
            yield Finding("change", f"{path} is made")
        datasets = DATASETS if options.datasets is None else options.datasets
        new_tables = [dataset for dataset in datasets if dataset not in tables]
        if new_tables:
            yield Finding("change", f"tables are made: {', '.join(new_tables)}")
        for dataset in (one for one in datasets if one in tables):
            if lacking := [name for name in column_types(dataset) if name not in tables[dataset]]:
                yield Finding("change", f"table {dataset} gets the columns {', '.join(lacking)}")
            else:
                yield Finding("unchanged", f"table {dataset}")

    @staticmethod
    def examine(options: DuckdbOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`. What is written is rolled back; a file that an instance holds is not opened."""
        from lakescope.core.examination import examine_directory

        path, _ = DuckdbSink.files(options, installation.data_dir)
        yield from examine_directory("directory of the database", path.parent)
        if installation.is_running:
            yield Finding("ok", f"{path} is held by the running instance")
            return
        if not path.exists():
            yield Finding("ok", f"{path} will be made by the first start")
            return
        try:
            connection = duckdb.connect(path, config={"memory_limit": options.memory_limit})
            try:
                connection.begin()
                tables = [row[0] for row in connection.execute("show tables").fetchall()]
                connection.execute("create table lakescope_doctor as select 1 as mark")
                connection.execute("select mark from lakescope_doctor").fetchall()
                connection.rollback()
            finally:
                connection.close()
        except duckdb.Error as error:
            yield Finding("error", f"{path}: {_with_remedy(error, path)}")
            return
        yield Finding("ok", f"read {len(tables)} tables; wrote one event and removed it")

    def write(self, chunks: Sequence[tuple[str, bytes]]) -> Outcome:
        """One transaction; an id that is there already is left as it is."""
        import pyarrow  # brings numpy, which most commands do without

        by_dataset: dict[str, list[bytes]] = {}
        for dataset, document in chunks:
            by_dataset.setdefault(dataset, []).append(document)
        with self._lock:
            try:
                self.connection.begin()
                for dataset, documents in by_dataset.items():
                    batch = pyarrow.table({"document": pyarrow.array(documents, pyarrow.string())})
                    self.connection.register("batch", batch)
                    self._insert(self._statements[dataset])
                self.connection.commit()
            except duckdb.Error as error:
                self._roll_back()
                raise _judge_error(error) from error
        return Outcome()

    def _insert(self, statements: _Statements) -> None:
        """What ``batch`` has and the table lacks."""
        self.connection.execute(statements.read, {"spec": statements.spec})
        span = self.connection.execute(statements.span).fetchone()
        if span is not None and span[0] is not None:
            bounds = {"since": span[0] - REPEAT_WITHIN_US, "until": span[1] + REPEAT_WITHIN_US}
            self.connection.execute(statements.insert, bounds)

    def find(
        self,
        dataset: str,
        field: str,
        values: Sequence[str],
        limit: int = 1000,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        vos: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Events whose `field` is one of `values`, ``since <= time < until``, of these VOs, oldest first."""
        kind = column_types(dataset).get(field)
        if kind is None:
            raise KeyError(f"{dataset} has no field {field!r}")
        values_query = f"(select try_cast(value as {kind}) from unnest($values) as given(value))"  # noqa: S608 - a type of ours
        bounds = {"since": (">=", since), "until": ("<", until)}
        within = "".join(f" and time {sign} ${name}" for name, (sign, end) in bounds.items() if end)
        ends: dict[str, Any] = {
            name: end.astimezone(UTC).replace(tzinfo=None) for name, (_, end) in bounds.items() if end
        }
        if vos is not None:
            within += " and list_contains($vos::varchar[], coalesce(vo, ''))"
            ends["vos"] = list(vos)
        return self.query(
            f'select * from "{dataset}" where "{field}" in {values_query}{within} order by time limit $limit',  # noqa: S608 - both names checked
            {"values": list(values), "limit": limit, **ends},
        )

    def answer(self, queries: Sequence[StoreQuery]) -> list[StoreAnswer | UnsupportedError]:
        """KPIs; those that go over the same events in one pass. Raises `RefusedError` with DuckDB's words."""
        return answer_each(queries, _compile, self._run)

    def _run(self, compiled_queries: Sequence[tuple[StoreQuery, sql.Statement]]) -> list[StoreAnswer]:
        answers: dict[int, StoreAnswer] = {}
        for fused_query in sql.fuse([query for query, _ in compiled_queries if isinstance(query, Query)]):
            answers |= self._fused(fused_query)
        return [
            answers[id(query)] if id(query) in answers else _read(query, self._rows(*statement))
            for query, statement in compiled_queries
        ]

    def _fused(self, fused_query: sql.FusedQuery) -> dict[int, StoreAnswer]:
        rows = [*self._rows(*fused_query.statement)]
        return {id(query): _read(query, rows, f"value{i}") for i, query in enumerate(fused_query.queries)}

    def query(self, statement: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows as dicts, nulls left out, times and ids as in events. Does not wait for a running write.

        Raises `RefusedError` with DuckDB's words.
        """
        return [
            {name: value for name, value in row.items() if value is not None}
            for row in self._rows(statement, parameters)
        ]

    def _rows(self, statement: str, parameters: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """The same with nulls, a part of the answer in memory at a time."""
        cursor = self.connection.cursor()
        self._cursors.add(cursor)
        try:
            cursor.execute(statement, parameters or {})
            yield from fetch(cursor)
        except duckdb.Error as error:
            raise RefusedError("refused", f"DuckDB: {quote(str(error))}") from error
        finally:
            self._cursors.discard(cursor)
            cursor.close()

    def release_memory(self) -> None:
        """As of `CachingSink`. A question that begins meanwhile reads and sorts with what stays: that is enough for its first
        milliseconds."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if not self._cursors:
                with suppress(duckdb.Error):  # so much may be in use
                    self._limit(
                        f"{_SHARE_LEFT * int(self.options.memory_limit[:-2])}{self.options.memory_limit[-2:]}"
                    )
                with suppress(duckdb.ConnectionException):  # it may be closed
                    self._limit(self.options.memory_limit)
        finally:
            self._lock.release()

    def _limit(self, memory: str) -> None:
        """Tables that are in memory beyond it are forgotten."""
        self.connection.execute(f"set memory_limit = '{memory}'")

    def expire(self, now: datetime, stop: threading.Event) -> dict[str, int]:
        """A day of events at a time, so that writes wait for no more. The file does not shrink: new events take the room."""
        deleted: dict[str, int] = {}
        for dataset, end in self.options.ends(now):
            while (
                dataset in self._datasets and not stop.is_set() and (count := self._delete_day(dataset, end))
            ):
                deleted[dataset] = deleted.get(dataset, 0) + count
        return deleted

    def _delete_day(self, dataset: str, end: datetime) -> int:
        """The oldest day of a dataset's events before `end`: how many they were."""
        before = end.astimezone(UTC).replace(tzinfo=None)
        with self._lock:
            try:
                oldest = self.connection.execute(f'select min(time) from "{dataset}"').fetchone()  # noqa: S608 - a name of ours
                if oldest is None or oldest[0] is None or oldest[0] >= before:
                    return 0
                deleted = self.connection.execute(
                    f'delete from "{dataset}" where time < $end',  # noqa: S608 - a name of ours
                    {"end": min(before, oldest[0] + timedelta(days=1))},
                ).fetchone()
            except duckdb.Error as error:
                raise TransientError(str(error).splitlines()[0]) from error
        return int(deleted[0]) if deleted else 0

    def forget(self, name: str) -> dict[str, int]:
        """As of `ForgettingSink`. What is deleted stays in the file until its room is used again, or `lakescope compact`."""
        return self._change(people.forget_statement, {"name": name, "scope": f"user.{name}"})

    def forget_before(self, end: datetime) -> dict[str, int]:
        """As of `ForgettingSink`."""
        return self._change(people.blank_statement, {"end": end.astimezone(UTC).replace(tzinfo=None)})

    def _change(self, statement_of: Callable[[str], str | None], values: dict[str, Any]) -> dict[str, int]:
        changed: dict[str, int] = {}
        for dataset in self._datasets:
            if (statement := statement_of(dataset)) is None:
                continue
            with self._lock:
                try:
                    row = self.connection.execute(
                        statement, {key: one for key, one in values.items() if f"${key}" in statement}
                    ).fetchone()
                except duckdb.Error as error:
                    raise TransientError(str(error).splitlines()[0]) from error
            if row and row[0]:
                changed[dataset] = int(row[0])
        return changed

    @staticmethod
    def files(options: DuckdbOptions, data_dir: Path) -> Sequence[Path]:
        """The database, and its write-ahead log."""
        return _files(options.path or data_dir / "lake.duckdb")

    def save(self, path: Path) -> None:
        """A database of its own, as of one moment; compact, as it has no room of what was deleted."""
        cursor = self.connection.cursor()
        try:
            (own,) = cursor.execute("select current_database()").fetchall()[0]
            cursor.execute(f"attach {_quoted(path)} as saved")
            try:
                cursor.execute(f'copy from database "{own}" to saved')
            finally:
                cursor.execute("detach saved")
        except duckdb.Error as error:
            raise TransientError(f"{path}: {str(error).splitlines()[0]}") from error
        finally:
            cursor.close()

    def close(self) -> None:
        """Closes the file. Questions that are still being answered are broken off: DuckDB refuses to close under them."""
        busy = retry_if_exception_type(duckdb.ResourceInUseException)
        with self._lock:
            for attempt in Retrying(
                retry=busy, wait=wait_fixed(0.05), stop=stop_after_delay(10.0), reraise=True
            ):
                with attempt:
                    for cursor in list(self._cursors):
                        cursor.interrupt()
                    self.connection.close()

    def _roll_back(self) -> None:
        with suppress(duckdb.Error):  # a failed statement may have ended the transaction itself
            self.connection.rollback()


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _compile(query: StoreQuery) -> sql.Statement:
    if isinstance(query, ReportsQuery):
        return sql.compile_reports(query)
    if isinstance(query, EventsQuery):
        return sql.compile_events(query)
    return sql.compile_query(query)


def _read(query: StoreQuery, rows: Iterable[dict[str, Any]], value: str = "value") -> StoreAnswer:
    """An answer of `DuckdbSink._rows`."""
    if isinstance(query, ReportsQuery):
        return sql.reports(rows)
    if isinstance(query, EventsQuery):
        return sql.event_rows(query, rows)
    if value == "value":
        return list(rows)
    names = [*(["time"] if query.bin_s else []), *query.by]
    return [{name: row[name] for name in names} | {"value": row[value]} for row in rows]


_CAST = ("UUID", "TIMESTAMP", "BIGINT")
"""Types that text is cast to: ``json_transform`` itself makes null of what it cannot read."""


class _Statements(NamedTuple):
    """Of one dataset, in their order."""

    read: str
    """Makes the table ``new`` of the table ``batch`` of documents, each id once."""
    spec: str
    """The fields' types for ``json_transform``."""
    span: str
    """From when to when the new ones are (microseconds since 1970)."""
    insert: str
    """Those of ``new`` that the table lacks."""


def _statements(dataset: str) -> _Statements:
    types = column_types(dataset)
    names = ", ".join(f'"{name}"' for name in types)
    fields = ", ".join(
        f'event."{name}"::{kind} as "{name}"' if kind in _CAST else f'event."{name}"'
        for name, kind in types.items()
    )
    read = {name: "VARCHAR" if kind in _CAST else kind for name, kind in types.items()}
    return _Statements(
        f"create or replace temp table new as select distinct on (id) {fields} "  # noqa: S608 - names of our own structs
        "from (select json_transform(document, $spec) as event from batch)",
        msgspec.json.encode(read).decode(),
        "select epoch_us(min(time)), epoch_us(max(time)) from new",
        f'insert into "{dataset}" ({names}) select {names} from new anti join '  # noqa: S608 - likewise
        f'(select id from "{dataset}" where time between make_timestamp($since) and make_timestamp($until)) using (id)',
    )


def _judge_error(error: duckdb.Error) -> Exception:
    text = str(error).splitlines()[0]
    if isinstance(error, (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException)):
        return RefusedError("refused", text)
    return TransientError(text)  # disk full, out of memory, locked


@lru_cache(maxsize=1024)
def _rfc3339(time: date) -> str:
    """Cached, as an answer in bins has few times."""
    return time.isoformat() + "Z"


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "UUID": lambda value: value.hex,
    "JSON": msgspec.json.decode,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE"), _rfc3339),
}
"""DuckDB's type -> a value as it is in an event: ids as hexadecimal text, times as RFC 3339, JSON as what it says."""


def fetch(result: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
    """The rows of an executed statement, values as in events, nulls too; a part of them in memory at a time, equal texts once."""
    kinds = {name: str(kind) for name, kind, *_ in result.description or ()}
    texts: dict[Any, Any] = {}
    while rows := result.fetchmany(_ROWS_AT_ONCE):
        # a column at a time, as half of a large answer's time goes into its rows
        values_by_name = dict(zip(kinds, zip(*rows, strict=True), strict=True))
        for name, kind in kinds.items():
            values = values_by_name[name]
            if kind == "VARCHAR":
                values_by_name[name] = tuple(map(texts.setdefault, values, values))
            elif kind in _PLAIN:
                convert = _PLAIN[kind]
                values_by_name[name] = tuple([None if one is None else convert(one) for one in values])
        for row in zip(*values_by_name.values(), strict=True):
            yield dict(zip(kinds, row, strict=True))
