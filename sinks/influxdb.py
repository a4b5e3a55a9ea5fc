"""InfluxDB 1.x and 2.x by line protocol: one point an event, measurement = dataset, few bounded tags.

A point's identity is measurement, tags and time, so that two events of one instant would be one point (Rucio
submits hundreds of files in one microsecond): a point's time is its event's second, and the nine digits below are
made of the event's id. Two events stay two, a repeat stays one, and no group of whole seconds gains or loses one.
Values of hosts and of Rucio differ in their tags: they keep their microsecond, as rates need it.

Line protocol: docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference. It has no escape for a
newline in a tag, nor for a backslash at a tag's end: they are written ``\\n`` and dropped, as Telegraf does.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import httpx
import msgspec
from pydantic import Field, SecretStr, model_validator

from lakescope.core.columns import Kind, columns, kinds, tags
from lakescope.core.contracts import (
    EXAMINE_S,
    Finding,
    Installation,
    Outcome,
    RefusedError,
    TransientError,
)
from lakescope.core.events import DATASETS, Event, Host, Push, RucioMetric
from lakescope.core.http import judge_status, mask, send
from lakescope.kpis.influxql import equals
from lakescope.kpis.model import StoreAnswer, StoreQuery, UnsupportedError
from lakescope.sinks._common import HttpSinkOptions, answer_each
from lakescope.sinks._influxdb_answers import Statements, compile_statements, run

TAGS = {dataset: tags(dataset) for dataset in DATASETS}
"""Dataset -> the fields that become tags (lakescope/core/events.py says which)."""

MAX_STRING = 64 * 1024 - 1  # bytes of a string field, of InfluxDB


class InfluxdbOptions(HttpSinkOptions):
    """Options of the influxdb sink."""

    url: str = Field(examples=["http://influxdb.example.org:8086"])
    """Address of the server."""
    database: str | None = Field(default=None, examples=["lakescope"])
    """InfluxDB 1.x: the database."""
    retention_days: int | None = Field(default=None, ge=1)
    """InfluxDB 1.x: how long `lakescope setup` lets the database keep its points; by default without limit."""
    org: str | None = Field(default=None, examples=["escape"])
    """InfluxDB 2.x: the organisation."""
    bucket: str | None = Field(default=None, examples=["lakescope"])
    """InfluxDB 2.x: the bucket."""
    token: SecretStr | None = Field(default=None, examples=["${INFLUX_TOKEN}"])
    """InfluxDB 2.x: the API token."""

    @model_validator(mode="after")
    def _one_generation(self) -> InfluxdbOptions:
        if (self.database is None) == (self.bucket is None):
            raise ValueError(
                "give either `database` (InfluxDB 1.x) or `bucket`, `org`, `token` (InfluxDB 2.x)"
            )
        if self.bucket is not None and (self.org is None or self.token is None):
            raise ValueError("`bucket` (InfluxDB 2.x) needs `org` and `token` beside it")
        return self


class InfluxdbSink:
    """Writes events to InfluxDB."""

    Options = InfluxdbOptions
    forget_remedy = (
        "for InfluxDB 2.x `influx delete --bucket BUCKET --start 1970-01-01T00:00:00Z --stop 2100-01-01T00:00:00Z --predicate"
        " 'account=\"NAME\"'` removes the events that have the account as a tag; those of traces, and texts of others, end with"
        " the bucket's retention"
    )
    """What a person can do about a store of 2.x."""
    tags: ClassVar[Mapping[str, tuple[str, ...]]] = TAGS
    """Dataset -> what can be grouped by."""

    def __init__(self, name: str, options: InfluxdbOptions, data_dir: Path) -> None:
        self.options = options
        headers = {"content-encoding": "gzip", "content-type": "text/plain; charset=utf-8"}
        if options.token:
            headers["authorization"] = f"Token {options.token.get_secret_value()}"
        self.client = options.client(options.url, headers)
        # so that a sink of 2.x, which has no InfluxQL of its own, is neither `SearchableSink` nor `ForgettingSink`
        if options.bucket is None:
            self.find = self._find
            self.forget = self._forget

    @staticmethod
    def encode(events: Sequence[Event], documents: Sequence[bytes]) -> list[bytes | None]:
        """One line an event; null for an event without a single field to store."""
        return [encode_line(event) for event in events]

    def write(self, chunks: Sequence[bytes]) -> Outcome:
        """One write. A "partial write" (a field's type conflict) names no point: it is refused as a whole,
        and the engine halves it down to the points at fault."""
        options = self.options
        if options.bucket is None:
            path = "/write"
            query = {"db": options.database, "precision": "ns"}
        else:
            path = "/api/v2/write"
            query = {"org": options.org, "bucket": options.bucket, "precision": "ns"}
        body = gzip.compress(b"".join(chunks), 1)
        response = send(self.client, self.options.tls, "POST", path, params=query, content=body)
        judge_status(response, good=(204, 200))
        if response.content:  # InfluxDB says nothing to what it stores: an error with status 200 does
            raise TransientError(
                f"{response.request.url.host}: this is no answer of InfluxDB to a write, expected an empty one,"
                f" found {mask(response.text)!r}; a proxy may be in between"
            )
        return Outcome()

    def setup(self) -> Iterator[Finding]:
        """InfluxDB 1.x: the database with its retention. 2.x: checks that the bucket is there."""
        options = self.options
        if options.bucket is not None:
            query = {"org": options.org, "name": options.bucket}
            response = send(self.client, self.options.tls, "GET", "/api/v2/buckets", params=query)
            judge_status(response, good=(200,))
            is_known = bool(response.json().get("buckets"))
            yield (
                Finding("unchanged", f"bucket {options.bucket} is there")
                if is_known
                else Finding("error", f"no bucket {options.bucket}: influx bucket create -n {options.bucket}")
            )
            return
        database = quoted(str(options.database))
        duration, shard = _retention(options.retention_days)
        for what, statement in (
            (f"database {options.database}", f"CREATE DATABASE {database}"),
            (
                f"retention {duration}",
                f"ALTER RETENTION POLICY autogen ON {database} DURATION {duration} SHARD DURATION {shard} DEFAULT",
            ),
        ):
            (result,) = self.query(statement)
            if "error" in result:  # with status 200
                yield Finding("error", f"{what}: {result['error']}")
                return
            yield Finding("done", what)

    @staticmethod
    def plan(options: InfluxdbOptions, installation: Installation) -> Iterator[Finding]:
        """See `PlanningSink`."""
        sink = InfluxdbSink(installation.name, options, installation.data_dir)
        try:
            yield from sink._plan()
        finally:
            sink.close()

    def _plan(self) -> Iterator[Finding]:
        options = self.options
        if options.bucket is not None:  # which setup does not make either
            yield from self.setup()
            return
        (result,) = self.query(f"SHOW RETENTION POLICIES ON {quoted(str(options.database))}")
        if "error" in result and "not found" in result["error"]:
            yield Finding("change", f"database {options.database} is made")
            yield Finding("change", f"retention {_retention(options.retention_days)[0]}")
            return
        if "error" in result:
            yield Finding("error", f"database {options.database}: {result['error']}")
            return
        yield Finding("unchanged", f"database {options.database}")
        (series,) = result["series"]
        policies = {row[0]: dict(zip(series["columns"], row, strict=True)) for row in series["values"]}
        present = policies.get("autogen", {})
        for what, key, target in zip(
            ("retention", "shard duration"),
            ("duration", "shardGroupDuration"),
            _retention(options.retention_days),
            strict=True,
        ):
            if _hours(present.get(key, "none")) != _hours(target):
                yield Finding("change", f"{what} {present.get(key, 'none')} -> {target}")
        if not present.get("default"):
            yield Finding("change", "retention policy autogen becomes the default")

    @staticmethod
    def examine(options: InfluxdbOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`."""
        from lakescope.sinks._influxdb_examination import examine

        quick_options = options.model_copy(update={"timeout_s": min(options.timeout_s, EXAMINE_S)})
        sink = InfluxdbSink(installation.name, quick_options, installation.data_dir)
        try:
            yield from examine(sink, sink.client)
        finally:
            sink.close()

    def query(self, statements: str, epoch: Literal["s", "ns"] = "s") -> list[dict[str, Any]]:
        """InfluxDB 1.x: the results of InfluxQL statements, in their order, times in seconds or nanoseconds.

        A result may hold an ``error``. The answer comes in chunks, since a whole one is cut at [http] max-row-limit, and
        servers before 1.7.8 call a series of over 10,000 rows partial that is not (influxdata/influxdb#14402).
        Raises `TransientError` or `RefusedError`.
        """
        response = send(
            self.client,
            self.options.tls,
            "POST",
            "/query",
            params={"chunked": "true"}
            | ({"db": self.options.database, "epoch": epoch} if self.options.database else {}),
            data={"q": statements},  # not in the URL, whose length is bounded
            headers={"content-encoding": "", "content-type": "application/x-www-form-urlencoded"},
        )
        judge_status(response, good=(200,))
        return _results(response)

    def answer(self, queries: Sequence[StoreQuery]) -> list[StoreAnswer | UnsupportedError]:
        """KPIs, of 1.x only. Raises `TransientError` or `RefusedError`."""
        return answer_each(queries, self._compile, lambda compiled_queries: run(compiled_queries, self.query))

    def _compile(self, query: StoreQuery) -> Statements:
        if self.options.database is None:
            raise UnsupportedError(
                "InfluxDB 2.x cannot answer KPIs, but 1.x can; so can duckdb and elasticsearch"
            )
        return compile_statements(query, self.tags)

    def _find(
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
        """Events whose `field` is one of `values`, ``since <= time < until``, of these VOs, oldest first; times are whole
        seconds.

        Raises `TransientError` or `RefusedError`.
        """
        is_tag = field in TAGS[dataset]
        any_of = " OR ".join(equals(field, value, is_tag=is_tag) for value in values)
        ends = "".join(
            f" AND time {sign} '{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
            for sign, end in ((">=", since), ("<", until))
            if end
        )
        if vos is not None:  # a tag that an event lacks is empty
            of_vos = " OR ".join(equals("vo", vo, is_tag=True) for vo in vos)
            ends += f" AND ({of_vos})"
        (result,) = self.query(f'SELECT * FROM "{dataset}" WHERE ({any_of}){ends} LIMIT {limit:d}')  # noqa: S608 - escaped
        if "error" in result:  # with status 200
            raise RefusedError("refused", str(result["error"]))
        series = result.get("series", [])
        kinds_by_field = kinds(dataset)
        return [
            {"dataset": dataset}
            | {
                name: _plain(kinds_by_field.get(name), value)
                for name, value in zip(one["columns"], row, strict=True)
                if value not in (None, "")
            }
            for one in series
            for row in one["values"]
        ]

    def _forget(self, name: str) -> dict[str, int]:
        """As of `ForgettingSink`."""
        from lakescope.sinks._influxdb_people import forget_in

        changed: dict[str, int] = {}
        for dataset in DATASETS:
            tags, fields, _ = _SHAPES[dataset]
            writers = dict(fields)

            def write(rows: Sequence[tuple[dict[str, Any], int]], dataset: str = dataset) -> None:
                outcome = self.write([_line(dataset, row, time) for row, time in rows])
                assert outcome == Outcome()

            names = frozenset(writers)
            if count := forget_in(dataset, name, tags, lambda text: self.query(text, "ns"), write, names):
                changed[dataset] = count
        return changed

    def close(self) -> None:
        """Closes the connections."""
        self.client.close()


# --- InfluxQL --------------------------------------------------------------------------------------------


def _results(response: httpx.Response) -> list[dict[str, Any]]:
    """A result a statement, of an answer that is InfluxDB's. Raises `TransientError` for any other."""
    whole: list[dict[str, Any]] = []
    try:
        for document in msgspec.json.Decoder().decode_lines(response.content):
            for result in document["results"]:
                _append(whole, result)
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError, AttributeError):
        pass
    else:
        if whole and not whole[-1].get("partial"):
            return whole
    raise TransientError(
        f"{response.request.url.host}: this is no answer of InfluxDB, a proxy may be in between: {mask(response.text)}"
    )


def _append(whole: list[dict[str, Any]], result: dict[str, Any]) -> None:
    """Adds a chunk: of the next statement, or more of the last one's series."""
    last = whole[-1] if whole else {}
    if not last.get("partial"):
        whole.append(result)
        return
    rows = last.setdefault("series", [])
    for series in result.get("series", ()):
        if rows and _of(rows[-1]) == _of(series):
            rows[-1]["values"] += series["values"]
        else:
            rows.append(series)
    del last["partial"]
    last |= {name: value for name, value in result.items() if name != "series"}


def _of(series: dict[str, Any]) -> tuple[Any, Any]:
    return series.get("name"), series.get("tags")


def _plain(kind: Kind | None, value: Any) -> Any:
    """A value as in the event: tags are text, `ok` is 1 or 0, a time in seconds is text."""
    if kind == "time" and isinstance(value, int):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}"
    if kind == "boolean":
        return value in (True, 1, "true")
    return int(value) if kind == "integer" else value


def quoted(name: str) -> str:
    """An identifier of InfluxQL."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _retention(days: int | None) -> tuple[str, str]:
    """Durations of a retention policy and of its shards: the latter must not be longer, so InfluxDB's own choices (docs, "SHARD
    DURATION"; influxdb#19518)."""
    shard = "7d" if not days or days > 180 else "1h" if days < 2 else "1d"
    return (f"{days}d" if days else "INF"), shard


def _hours(duration: str) -> str:
    """A duration as InfluxDB gives it back: 168h0m0s for 7d, 0s for INF."""
    if duration == "INF":
        return "0s"
    if duration.endswith("d"):
        return f"{24 * int(duration[:-1])}h0m0s"
    return f"{duration}0m0s" if duration.endswith("h") else duration


# --- line protocol ---------------------------------------------------------------------------------------

_KEY = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_MEASUREMENT = str.maketrans({",": "\\,", " ": "\\ ", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_STRING = str.maketrans({'"': '\\"', "\\": "\\\\"})


def encode_line(event: Event) -> bytes | None:
    """`event` as one line, newline included; null if it has no field."""
    tags, fields, reserved_keys = _SHAPES[event.dataset]
    measurement = event.dataset
    parts: list[str] = []
    keys = [f",{key}={_tag(value)}" for key in tags if (value := getattr(event, key)) not in (None, "")]
    for key, write in fields:
        value = getattr(event, key)
        if value is not None:
            parts.append(f"{key}={write(value)}")
    if isinstance(event, Push):
        measurement = f"push_{event.producer}_{event.type}"
        _push(event, reserved_keys, keys, parts)
    elif labels := getattr(event, "labels", None):
        keys += [
            f",{_key(f'label_{key}' if key in reserved_keys else key)}={_tag(value)}"
            for key, value in sorted(labels.items())
            if value != ""
        ]
    if not parts:
        return None
    name = measurement.translate(_MEASUREMENT).rstrip("\\")
    return f"{name}{''.join(keys)} {','.join(parts)} {nanoseconds(event)}\n".encode()


def _line(dataset: str, row: Mapping[str, Any], time: int) -> bytes:
    """A point that InfluxDB gave back (tags and fields by name, at a time in nanoseconds) as a line."""
    writers = dict(_SHAPES[dataset][1])
    keys = "".join(f",{_key(key)}={_tag(value)}" for key, value in row.items() if key not in writers)
    fields = ",".join(f"{key}={writers[key](value)}" for key, value in row.items() if key in writers)
    return f"{dataset}{keys} {fields} {time:d}\n".encode()


def nanoseconds(event: Event) -> int:
    """POSIX nanoseconds of the event's second (a host's or Rucio's value: microsecond), the digits below from its id."""
    time = event.time
    if isinstance(event, Host | RucioMetric):
        microseconds = int(f"{time[20:26].rstrip('Z'):0<6}")
        return _second(time[:19]) + microseconds * 1000 + int(event.id[:15], 16) % 1000
    return _second(time[:19]) + int(event.id[:15], 16) % 10**9


@lru_cache(4096)
def _second(text: str) -> int:
    """POSIX nanoseconds of ``YYYY-MM-DDThh:mm:ss``."""
    return (datetime.fromisoformat(text) - _EPOCH) // _SECOND * 10**9


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive minus naive, both UTC
_SECOND = timedelta(seconds=1)


def _key(text: str) -> str:
    return text.translate(_KEY).rstrip("\\") or "_"


def _tag(value: object) -> str:
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return text.translate(_KEY).rstrip("\\") or "_"


def _string(value: str) -> str:
    if len(value) > MAX_STRING // 4:
        value = value.encode()[:MAX_STRING].decode(errors="ignore")
    return f'"{value.translate(_STRING)}"'


def _push(event: Push, reserved_keys: frozenset[str], keys: list[str], parts: list[str]) -> None:
    """A script's document: its own tags and fields; all numbers are floats, so that 1 and 1.5 do not clash."""
    tags = set(event.idb_tags or ())
    for key in sorted(tags):
        value = event.data.get(key)
        if isinstance(value, (str, int, float)) and value != "":
            keys.append(f",{_own(key, reserved_keys)}={_tag(value)}")
    for key in event.idb_fields if event.idb_fields is not None else event.data:
        value = event.data.get(key)
        if key in tags or value is None or isinstance(value, (dict, list)):
            continue
        if isinstance(value, bool):
            parts.append(f"{_own(key, reserved_keys)}={'t' if value else 'f'}")
        elif isinstance(value, (int, float)):
            parts.append(f"{_own(key, reserved_keys)}={float(value)!r}")
        else:
            parts.append(f"{_own(key, reserved_keys)}={_string(str(value))}")


def _own(key: str, reserved_keys: frozenset[str]) -> str:
    """The name of a script's own tag or field: never one of the event's, nor ``time``, which InfluxDB refuses."""
    return _key(f"data_{key}" if key in reserved_keys else key)


_WRITERS: dict[Kind, Callable[[Any], str]] = {
    "keyword": _string,
    "text": _string,
    "time": _string,
    "integer": lambda value: f"{value}i",
    "float": lambda value: repr(float(value)),
    "boolean": lambda value: "t" if value else "f",
}


def _writer(name: str, kind: Kind) -> Callable[[Any], str]:
    """InfluxDB has no mean of booleans: `ok` is 1 or 0, so that its mean is the share that went well."""
    return (lambda value: f"{value:d}i") if name == "ok" else _WRITERS[kind]


def _shape(dataset: str) -> tuple[tuple[str, ...], list[tuple[str, Callable[[Any], str]]], frozenset[str]]:
    """(tags, fields with their writers, the names that labels and scripts cannot have)."""
    tags = TAGS[dataset]
    fields = [
        (column.name, _writer(column.name, column.kind))
        for column in columns(dataset)
        if column.name not in tags and column.name != "time" and column.kind in _WRITERS
    ]
    return tags, fields, frozenset(("time", *tags, *(name for name, _ in fields)))


_SHAPES = {dataset: _shape(dataset) for dataset in DATASETS}
