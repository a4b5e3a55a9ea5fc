"""One harness a store: how the sink is configured for it, how it is troubled, and what it holds."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import httpx
import msgspec
import pytest

from lakescope.core.contracts import Sink
from lakescope.sinks.duckdb import DuckdbSink
from tests.contract._http import Answer, Fault, HttpServer, Request, proxy_to
from tests.e2e._lakescope import elasticsearch_events, influxdb_rows
from tests.servers.kafka import Kafka


class Store:
    """Of a test: configures the sink, and is asked what the store has in the end.

    An event with an MD5 checksum is one that the store refuses, once `refuse` was called.
    """

    sink: ClassVar[str]
    """Name of the sink's entry point."""
    refuses = True
    """Whether there is anything that this store refuses for good."""
    once = True
    """Whether a repeated message is stored once."""
    answers = True
    """Whether it answers any KPI."""

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.stack = stack

    def options(self) -> str:
        """The sink's options as TOML, its type left out."""
        raise NotImplementedError

    def refuse(self) -> None:
        """From now on what carries an MD5 checksum is refused. Called before the sink is made."""
        raise NotImplementedError

    @contextmanager
    def troubled(self, sink: Sink, faults: Sequence[Fault]) -> Iterator[None]:
        """For the time of the block the store fails in a way of its own; an HTTP store by those faults in turn."""
        raise NotImplementedError
        yield

    def settle(self) -> None:
        """Lets questions see all that was written."""

    def ids(self) -> list[str]:
        """The ids of all that is stored, as often as it is stored. Called after the sink was closed."""
        raise NotImplementedError


class _ByHttp(Store):
    """Trouble is on the way to the server."""

    server: HttpServer

    @contextmanager
    def troubled(self, sink: Sink, faults: Sequence[Fault]) -> Iterator[None]:
        self.server.order(faults)
        yield

    def serve(self, answer: Any, path: str) -> None:
        """Starts the server between the sink and the store."""
        self.server = self.stack.enter_context(HttpServer(answer, path))


class ElasticsearchStore(_ByHttp):
    """A real Elasticsearch behind a proxy."""

    sink = "elasticsearch"
    fixtures = ("elasticsearch", "index_prefix")

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        super().__init__(request, directory, stack)
        server, prefix = self.fixtures
        self.url: str = request.getfixturevalue(server).url
        self.prefix: str = request.getfixturevalue(prefix)
        self.serve(proxy_to(self.url), "/_bulk")

    def options(self) -> str:
        return f'urls = ["{self.server.url}"]\nprefix = "{self.prefix}"\nreplicas = 0\n'

    def refuse(self) -> None:
        """Somebody made the index by hand: a number where the checksum goes."""
        mapping = {"mappings": {"dynamic": False, "properties": {"md5": {"type": "long"}}}}
        index = f"{self.url}/{self.prefix}-transfers-2026.11"
        httpx.put(index, json=mapping, timeout=30, trust_env=False).raise_for_status()

    def settle(self) -> None:
        httpx.post(f"{self.url}/{self.prefix}-*/_refresh", timeout=30, trust_env=False).raise_for_status()

    def ids(self) -> list[str]:
        return [document["id"] for _, document in elasticsearch_events(self.url, self.prefix)]


class OpensearchStore(ElasticsearchStore):
    """A real OpenSearch behind a proxy."""

    fixtures = ("opensearch", "opensearch_prefix")

    def options(self) -> str:
        return f'{super().options()}flavour = "opensearch"\n'

    def ids(self) -> list[str]:
        with httpx.Client(base_url=f"{self.url}/{self.prefix}-*", trust_env=False, timeout=30) as client:
            client.post("/_refresh").raise_for_status()
            hits = client.get("/_search", params={"size": 10_000}).raise_for_status().json()["hits"]["hits"]
        return [hit["_source"]["id"] for hit in hits]


class InfluxdbStore(_ByHttp):
    """A real InfluxDB 1.6 behind a proxy."""

    sink = "influxdb"

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        super().__init__(request, directory, stack)
        self.url: str = request.getfixturevalue("influxdb").url
        self.database: str = request.getfixturevalue("influx_database")
        self.serve(proxy_to(self.url), "/write")

    def options(self) -> str:
        return f'url = "{self.server.url}"\ndatabase = "{self.database}"\n'

    def refuse(self) -> None:
        """Somebody else's points of that week have a number where the checksum goes."""
        line = b"transfers md5=1i 1795345200000000000"
        query = {"db": self.database}
        httpx.post(f"{self.url}/write", params=query, content=line, trust_env=False).raise_for_status()

    def ids(self) -> list[str]:
        query = {"db": self.database, "q": "SHOW MEASUREMENTS"}
        answer = httpx.get(f"{self.url}/query", params=query, trust_env=False).json()
        names = [row[0] for series in answer["results"][0].get("series", []) for row in series["values"]]
        rows = [row for name in names for row in influxdb_rows(self.url, self.database, name)]
        return [row["id"] for row in rows if "id" in row]


class Influxdb2Store(_ByHttp):
    """Not InfluxDB 2, which can't be had: a stand-in that checks requests and keeps lines by series and time."""

    sink = "influxdb"
    answers = False

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        super().__init__(request, directory, stack)
        self.refusing = False
        self.points: dict[tuple[bytes, bytes], bytes] = {}
        self.serve(self._answer, "/api/v2/write")

    def options(self) -> str:
        return f'url = "{self.server.url}"\norg = "escape"\nbucket = "lake events"\ntoken = "t0ken"\n'

    def refuse(self) -> None:
        self.refusing = True

    def _answer(self, request: Request) -> Answer:
        """influxdata/openapi: POST /api/v2/write, GET /api/v2/buckets."""
        if request.headers.get("authorization") != "Token t0ken":
            return Answer(401, b'{"code":"unauthorized"}')
        if request.path == "/api/v2/buckets":
            assert request.query == {"org": "escape", "name": "lake events"}
            return Answer(200, b'{"buckets":[{"name":"lake events"}]}')
        assert (request.method, request.path) == ("POST", "/api/v2/write")
        assert request.query == {"org": "escape", "bucket": "lake events", "precision": "ns"}
        assert request.headers["content-encoding"] == "gzip"
        assert request.headers["content-type"] == "text/plain; charset=utf-8"
        lines = _LINE.findall(gzip.decompress(request.body))
        if self.refusing and any(b",md5=" in line for line in lines):
            return Answer(400, b'{"code":"invalid","message":"field type conflict on field \\"md5\\""}')
        for line in lines:
            match = _SERIES.match(line)
            assert match, line
            self.points[match[0], line.rpartition(b" ")[2]] = line
        return Answer(204)

    def ids(self) -> list[str]:
        found = (re.search(rb'[ ,]id="([0-9a-f]{32})"', line) for line in self.points.values())
        return [match[1].decode() for match in found if match]


_LINE = re.compile(rb'(?:"(?:[^"\\]|\\.)*"|[^"\n])+', re.DOTALL)
_SERIES = re.compile(rb"(?:[^ \\]|\\.)+(?= )")


class MonitStore(_ByHttp):
    """Not MONIT, which can't be had: a stand-in that checks requests and keeps documents by ``_id``."""

    sink = "monit"

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        super().__init__(request, directory, stack)
        self.refusing = False
        self.documents: dict[str, dict[str, Any]] = {}
        self.serve(self._answer, "/escape_lakescope")

    def options(self) -> str:
        url = f"{self.server.url}/escape_lakescope"
        return f'url = "{url}"\nproducer = "escape_lakescope"\nusername = "u"\npassword = "p"\nbatch = 10\n'

    def refuse(self) -> None:
        self.refusing = True

    def _answer(self, request: Request) -> Answer:
        """monit-docs.web.cern.ch, "HTTP": only 200 is success; 400 says nothing of which document is at fault."""
        if request.path != "/escape_lakescope":
            return Answer(404)
        if request.headers.get("authorization") != "Basic dTpw":
            return Answer(401)
        assert request.headers["content-type"] == "application/json; charset=UTF-8"
        documents: list[dict[str, Any]] = msgspec.json.decode(request.body)
        assert 1 <= len(documents) <= 10
        if self.refusing and any("md5" in document for document in documents):
            return Answer(400, b"bad schema")
        for document in documents:
            assert document["producer"] == "escape_lakescope" and document["type"]
            assert isinstance(document["timestamp"], int) and document["timestamp"] > 10**12
            self.documents[document["_id"]] = document
        return Answer(200)

    def ids(self) -> list[str]:
        return list(self.documents)


class DuckdbStore(Store):
    """A real DuckDB file; its trouble is a transaction that somebody holds open on the same tables."""

    sink = "duckdb"

    def options(self) -> str:
        return f'path = "{self.directory / "lake.duckdb"}"\n'

    def refuse(self) -> None:
        """Somebody made the table by hand: a number where the checksum goes."""
        with duckdb.connect(self.directory / "lake.duckdb") as connection:
            connection.execute("create table transfers (id uuid primary key, md5 bigint)")

    @contextmanager
    def troubled(self, sink: Sink, faults: Sequence[Fault]) -> Iterator[None]:
        assert isinstance(sink, DuckdbSink)
        with sink.connection.cursor() as other:
            other.begin()
            other.execute("alter table transfers add column not_yet_committed bigint")
            yield
            other.rollback()

    def ids(self) -> list[str]:
        with duckdb.connect(self.directory / "lake.duckdb", read_only=True) as connection:
            tables = [name for (name,) in connection.execute("show tables").fetchall()]
            return [
                id_.hex
                for table in tables
                for (id_,) in connection.execute(f'select id from "{table}"').fetchall()
            ]


class JsonlStore(Store):
    """Files; their trouble is a disk that is not mounted."""

    sink = "jsonl"
    refuses = False
    once = False

    def options(self) -> str:
        (self.directory / "archive").mkdir(exist_ok=True)
        return f'directory = "{self.directory / "archive"}"\n'

    def refuse(self) -> None:
        """A file takes everything."""

    @contextmanager
    def troubled(self, sink: Sink, faults: Sequence[Fault]) -> Iterator[None]:
        away = (self.directory / "archive").rename(self.directory / "unmounted")
        yield
        away.rename(self.directory / "archive")

    def ids(self) -> list[str]:
        return [
            msgspec.json.decode(line)["id"]
            for path in sorted((self.directory / "archive").iterdir())
            for line in path.read_bytes().splitlines()
        ]


class KafkaStore(Store):
    """A topic of a real Kafka; its trouble is an access rule that lets the sink's user out."""

    sink = "kafka"
    refuses = False
    once = False

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        super().__init__(request, directory, stack)
        self.kafka: Kafka = request.getfixturevalue("kafka")
        self.topic: str = request.getfixturevalue("unique_name")
        self.kafka.create_topic(self.topic, 3)

    def options(self) -> str:
        login = f'username = "{self.kafka.user}"\npassword = "{self.kafka.password}"\n'
        return f'brokers = ["{self.kafka.login_url}"]\ntopic = "{self.topic}"\n{login}'

    def refuse(self) -> None:
        """A broker refuses by size alone."""

    @contextmanager
    def troubled(self, sink: Sink, faults: Sequence[Fault]) -> Iterator[None]:
        with self.kafka.reserved("topic", self.topic):
            yield

    def ids(self) -> list[str]:
        return [record.key.decode() for record in self.kafka.read(self.topic)]


STORES: tuple[type[Store], ...] = (
    ElasticsearchStore,
    OpensearchStore,
    InfluxdbStore,
    Influxdb2Store,
    MonitStore,
    DuckdbStore,
    JsonlStore,
    KafkaStore,
)
SERVER = {
    ElasticsearchStore: "elasticsearch",
    OpensearchStore: "opensearch",
    InfluxdbStore: "influxdb",
    KafkaStore: "kafka",
}
"""The real server that a store needs."""
