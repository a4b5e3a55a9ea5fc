"""What `lakescope doctor` looks at in InfluxDB: database or bucket, rights, version, clock."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from lakescope.core.contracts import Finding, RefusedError, TransientError
from lakescope.core.examination import examine_certificates, examine_clock, examine_version
from lakescope.core.http import judge_status, mask, send

if TYPE_CHECKING:
    import httpx

MEASUREMENT = "lakescope_doctor"
"""Where a point is written to see whether one can be; it is removed again."""


class InfluxSink(Protocol):
    """What of the sink is used here."""

    options: Any

    def query(self, statements: str) -> list[dict[str, Any]]:
        """The results of InfluxQL statements."""

    def write(self, chunks: list[bytes]) -> Any:
        """Lines of line protocol."""


def examine(sink: InfluxSink, client: httpx.Client) -> Iterator[Finding]:
    """Raises `TransientError` or `RefusedError` where nobody answers."""
    options = sink.options
    yield from examine_certificates([options.url], options.tls, port=8086)
    ping = send(client, options.tls, "GET", "/ping")
    judge_status(ping, good=(200, 204))
    yield examine_version("InfluxDB", ping.headers.get("x-influxdb-version", "").lstrip("v") or None)
    yield from examine_clock(ping.request.url.host, ping.headers.get("date"))
    if options.bucket is None:
        yield from _first_generation(sink)
    else:
        yield from _second_generation(sink, client)


def _first_generation(sink: InfluxSink) -> Iterator[Finding]:
    database = sink.options.database
    name = '"' + database.replace("\\", "\\\\").replace('"', '\\"') + '"'
    user = sink.options.username or "this user"
    try:
        (result,) = sink.query(f"SHOW MEASUREMENTS ON {name} LIMIT 1")
        error = result.get("error")
    except (TransientError, RefusedError) as raised:
        error = str(raised)
    if error and "not found" in error:
        yield Finding(
            "error", f"database {database}: {mask(error)}", "run `lakescope setup`, or correct `database`"
        )
        return
    if error:
        yield Finding(
            "error", f"database {database} cannot be read: {error}", f"GRANT READ ON {name} TO {user}"
        )
    else:
        yield Finding("ok", f"read database {database}")
    mark = uuid.uuid4().hex
    try:
        sink.write([f"{MEASUREMENT},mark={mark} value=1i\n".encode()])
    except (TransientError, RefusedError) as raised:
        remedy = f"GRANT ALL ON {name} TO {user}"
        if "not found" in str(raised):
            remedy = "run `lakescope setup`, or correct `database`"
        yield Finding("error", f"database {database} cannot be written: {raised}", remedy)
        return
    removal = f"DROP SERIES FROM \"{MEASUREMENT}\" WHERE mark = '{mark}'"
    try:
        (result,) = sink.query(removal)
        error = result.get("error")
    except (TransientError, RefusedError) as raised:
        error = str(raised)
    if error:
        yield Finding(
            "warning", f"wrote one point, which could not be removed: {error}", f"{removal} (on {name})"
        )
    else:
        yield Finding("ok", "wrote one event and removed it")


def _second_generation(sink: InfluxSink, client: httpx.Client) -> Iterator[Finding]:
    options = sink.options
    mark = uuid.uuid4().hex
    try:
        sink.write([f"{MEASUREMENT},mark={mark} value=1i\n".encode()])
    except (TransientError, RefusedError) as error:
        remedy = f"influx bucket create -n {options.bucket}, or give the token the right to write it"
        yield Finding("error", f"bucket {options.bucket} cannot be written: {error}", remedy)
        return
    ends = {"start": "1970-01-01T00:00:00Z", "stop": f"{datetime.now(UTC):%Y}-12-31T23:59:59Z"}
    predicate = f'_measurement="{MEASUREMENT}" AND mark="{mark}"'
    query = {"org": options.org, "bucket": options.bucket}
    headers = {"content-encoding": "", "content-type": "application/json"}
    path = "/api/v2/delete"
    try:
        document = ends | {"predicate": predicate}
        judge_status(
            send(client, options.tls, "POST", path, params=query, json=document, headers=headers), good=(204,)
        )
    except (TransientError, RefusedError) as error:
        remedy = f"influx delete --bucket {options.bucket} --predicate '{predicate}'"
        yield Finding("warning", f"wrote one point, which could not be removed: {error}", remedy)
    else:
        yield Finding("ok", "wrote one event and removed it")
