"""MONIT: CERN's HTTP push interface, for communities whose central stores are MONIT's.

One JSON array a request, documents ``{producer, type, timestamp, _id, idb_tags, idb_fields, ...}``;
only 200 is success (monit-docs.web.cern.ch, "HTTP", 2024).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from pydantic import Field

from lakescope.core.columns import columns
from lakescope.core.contracts import EXAMINE_S, Encoder, Finding, Installation, Outcome
from lakescope.core.events import DATASETS, Event, Host, Push
from lakescope.core.http import judge_status, send
from lakescope.sinks._common import HttpSinkOptions
from lakescope.sinks.influxdb import TAGS

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive minus naive, both UTC


class MonitOptions(HttpSinkOptions):
    """Options of the monit sink."""

    url: str = Field(examples=["https://monit.example.org:10013/escape_lakescope"])
    """Where documents are posted."""
    producer: str = Field(examples=["escape_lakescope"], pattern="^[a-z0-9_]+$")
    """The producer that MONIT's operators registered for you."""
    batch: int = Field(default=500, ge=1, le=10_000)
    """Documents a request (count)."""


class MonitEncoder:
    """Event -> MONIT document: the event's fields beside MONIT's reserved keys. Picklable."""

    def __init__(self, producer: str):
        self.producer = producer
        self._heads: dict[str, bytes] = {}
        for dataset in DATASETS:
            head = {
                "producer": producer,
                "type": dataset,
                "idb_tags": TAGS[dataset],
                "idb_fields": _fields(dataset),
            }
            self._heads[dataset] = msgspec.json.encode(head)[:-1]

    def __call__(self, events: Sequence[Event], documents: Sequence[bytes]) -> list[bytes | None]:
        return [
            self._rewritten(event)
            if isinstance(event, (Host, Push))
            else b'%b,"_id":"%b","timestamp":%d,%b'
            % (self._heads[event.dataset], event.id.encode(), _milliseconds(event.time), document[1:])
            for event, document in zip(events, documents, strict=True)
        ]

    def _rewritten(self, event: Host | Push) -> bytes:
        """The two datasets whose own ``type`` would be MONIT's."""
        document: dict[str, Any]
        if isinstance(event, Push):
            document = event.data | {"type": f"{event.producer}_{event.type}"}
            metadata = {"idb_tags": event.idb_tags, "idb_fields": event.idb_fields}
            document |= {key: names for key, names in metadata.items() if names is not None}
        else:
            document = msgspec.to_builtins(event)
            document |= {"type": event.dataset, "metric_type": event.type}
            tags = [{"type": "metric_type"}.get(tag, tag) for tag in TAGS["hosts"]]
            document |= {"idb_tags": tags, "idb_fields": ["value"]}
        document |= {"producer": self.producer, "_id": event.id, "timestamp": _milliseconds(event.time)}
        return msgspec.json.encode(document)


def _fields(dataset: str) -> list[str]:
    numbers = ("integer", "float", "boolean")
    return [c.name for c in columns(dataset) if c.kind in numbers and c.name not in TAGS[dataset]]


class MonitSink:
    """Posts events to MONIT."""

    Options = MonitOptions
    encode: Encoder

    def __init__(self, name: str, options: MonitOptions, data_dir: Path) -> None:
        self.options = options
        self.encode = MonitEncoder(options.producer)
        self._client = options.client(options.url, {"content-type": "application/json; charset=UTF-8"})

    def setup(self) -> Iterator[Finding]:
        """MONIT's side is made by its operators."""
        yield Finding(
            "unchanged", f"{self.options.url}: producer {self.options.producer} is MONIT's to register"
        )

    @staticmethod
    def examine(options: MonitOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`. Nothing is written: what MONIT has taken cannot be removed."""
        from lakescope.core.examination import examine_certificates, examine_clock

        yield from examine_certificates([options.url], options.tls)
        quick_options = options.model_copy(update={"timeout_s": min(options.timeout_s, EXAMINE_S)})
        with quick_options.client(options.url) as client:
            response = send(client, options.tls, "OPTIONS", options.url)
        host = response.request.url.host
        yield from examine_clock(host, response.headers.get("date"))
        if response.status_code in (401, 403):
            remedy = "correct `username` and `password`; MONIT's operators register producers"
            yield Finding("error", f"{host} answered {response.status_code} to this user", remedy)
        else:
            yield Finding("ok", f"{host} answers; nothing was written, as MONIT removes nothing")

    def write(self, chunks: Sequence[bytes]) -> Outcome:
        """Bounded requests, one after the other; a repeat after a fault is told by ``_id``."""
        for start in range(0, len(chunks), self.options.batch):
            body = b"[" + b",".join(chunks[start : start + self.options.batch]) + b"]"
            # the whole URL: a path relative to it would end in a slash that is not MONIT's
            judge_status(
                send(self._client, self.options.tls, "POST", self.options.url, content=body), good=(200,)
            )
        return Outcome()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def _milliseconds(time: str) -> int:
    return round((datetime.fromisoformat(time[:-1]) - _EPOCH).total_seconds() * 1000)
