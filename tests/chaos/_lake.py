"""The lake of one seed: producers at the sources, Lakescope, and the stores that are asked what they hold."""

from __future__ import annotations

import os
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx

from lakescope.core.events import DATASETS
from lakescope.pipeline.health import OWN
from tests.contract._bodies import events_of, hermes, ndjson
from tests.e2e._lakescope import Lakescope, duckdb_events, influxdb_rows
from tests.servers import faketime
from tests.servers._disk import small_disk
from tests.servers._process import HOST, Server
from tests.servers._proxy import Proxy
from tests.servers.activemq import ActiveMQ
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.influxdb import InfluxDB
from tests.servers.kafka import Kafka
from tests.servers.opensearch import OpenSearch
from tests.servers.rabbitmq import RabbitMQ

KINDS: dict[str, Callable[[Path], Server]] = {
    "activemq": ActiveMQ,
    "rabbitmq": RabbitMQ,
    "kafka": Kafka,
    "elasticsearch": Elasticsearch,
    "opensearch": OpenSearch,
    "influxdb": InfluxDB,
}
PORTION = 20
"""Bodies that a producer sends at a time."""
DISK_MB = 96
"""Of the file system of the data directory, where one can be mounted."""


class Servers:
    """Those that all seeds share. A context manager."""

    def __init__(self, directory: Path, names: Sequence[str]) -> None:
        self._stack = ExitStack()
        self.of: dict[str, Any] = {name: KINDS[name](directory / name) for name in names}

    def __enter__(self) -> Self:
        for server in self.of.values():
            self._stack.callback(server.kill)  # after what was done to it, it may not stop by itself
            server.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)


class Producer(threading.Thread):
    """Sends the bodies of one source until told to stop; each portion again and again until the source has it."""

    name_of_source: ClassVar[str]
    attempt_s = 0.1

    def __init__(self, lake: Lake, number: int) -> None:
        super().__init__(daemon=True)
        self.lake, self.number = lake, number
        self.sent: list[bytes] = []
        self.is_over = threading.Event()

    def send(self, bodies: Sequence[bytes]) -> None:
        """Returns once the source has them for good. Raises whatever else happens."""
        raise NotImplementedError

    def held(self) -> int:
        """How many messages the source still has for Lakescope."""
        raise NotImplementedError

    def options(self) -> str:
        """The collector as TOML."""
        raise NotImplementedError

    def run(self) -> None:
        start = (self.number + 1) * 100_000
        while not self.is_over.wait(self.lake.pace_s):
            bodies = hermes(PORTION, start=start + len(self.sent))
            for attempt in count():
                try:
                    self.send(bodies)
                    break
                except Exception as error:  # noqa: BLE001 - it is being killed, again and again
                    if attempt == 0:
                        self.lake.note(f"{self.name_of_source}: sends again: {type(error).__name__}: {error}")
                    time.sleep(self.attempt_s)
            self.sent += bodies


class _StompProducer(Producer):
    """Each message with a receipt of its own, on a connection of its own."""

    login: tuple[str, str] | None = None

    @property
    def server(self) -> Any:
        return self.lake.servers[self.name_of_source]

    def send(self, bodies: Sequence[bytes]) -> None:
        login = f"login:{self.login[0]}\npasscode:{self.login[1]}\n" if self.login else ""
        with socket.create_connection((self.server.host, self.server.port), timeout=5) as connection:
            connection.settimeout(10)
            connection.sendall(f"CONNECT\naccept-version:1.2\nhost:/\n{login}\n\0".encode())
            for number, body in enumerate(bodies):
                head = f"SEND\ndestination:/queue/{self.lake.name}\npersistent:true\nreceipt:{number}\n"
                connection.sendall(f"{head}content-length:{len(body)}\n\n".encode() + body + b"\0")
            answer = b""
            while answer.count(b"RECEIPT\n") < len(bodies):
                received = connection.recv(65536)
                if not received or b"ERROR\n" in answer:
                    raise ConnectionError("hung up")
                answer += received

    def held(self) -> int:
        return int(self.server.queue_size(self.lake.name))

    def options(self) -> str:
        return (
            f'[collectors.{self.name_of_source}]\ntype = "stomp"\nformat = "hermes"\nprefetch = 300\nheartbeat_s = 2\n'
            f'brokers = ["{self.server.stomp_url}"]\ndestination = "/queue/{self.lake.name}"\n'
        )


class ActiveMQProducer(_StompProducer):
    name_of_source = "activemq"


class RabbitMQProducer(_StompProducer):
    name_of_source = "rabbitmq"

    @property
    def login(self) -> tuple[str, str]:  # type: ignore[override]
        return self.server.user, self.server.password

    def options(self) -> str:
        return f'{super().options()}vhost = "/"\nusername = "{self.server.user}"\npassword = "${{RABBITMQ_PASSWORD}}"\n'


class KafkaProducer(Producer):
    name_of_source = "kafka"

    def send(self, bodies: Sequence[bytes]) -> None:
        self.lake.servers["kafka"].send(self.lake.name, bodies, acks="all", max_block_ms=5000)

    def held(self) -> int:
        return int(self.lake.servers["kafka"].held(self.lake.name, self.lake.name))

    def options(self) -> str:
        return (
            f'[collectors.kafka]\ntype = "kafka"\nformat = "hermes"\nsession_timeout_s = 6\n'
            f'brokers = ["{self.lake.servers["kafka"].url}"]\ntopics = ["{self.lake.name}"]\ngroup = "{self.lake.name}"\n'
        )


class PushProducer(Producer):
    """Posts to Lakescope itself."""

    name_of_source = "push"

    def send(self, bodies: Sequence[bytes]) -> None:
        httpx.post(
            f"{self.lake.url}/push/hermes",
            content=ndjson(bodies),
            headers={"content-type": "application/x-ndjson"},
            timeout=5,
            trust_env=False,
        ).raise_for_status()

    def held(self) -> int:
        return 0  # its spool is Lakescope's own

    def options(self) -> str:
        return '[collectors.push]\ntype = "http"\n'


SOURCES = (ActiveMQProducer, RabbitMQProducer, KafkaProducer, PushProducer)
STORES = ("elasticsearch", "opensearch", "influxdb")
"""By HTTP; the DuckDB file is always there."""


class Lake:
    """Of one seed. A context manager: what it has mounted is gone after the block."""

    def __init__(self, name: str, servers: dict[str, Any], directory: Path, *, pace_s: float = 0.15) -> None:
        self.name, self.servers, self.pace_s = name, servers, pace_s
        self.directory = directory
        self.history: list[str] = []
        self._begin = time.monotonic()
        self._stack = ExitStack()
        self.proxies = {store: Proxy((HOST, 0), servers[store].port) for store in STORES if store in servers}
        self.producers = [
            kind(self, number)
            for number, kind in enumerate(SOURCES)
            if kind.name_of_source in servers or kind.name_of_source == "push"
        ]
        self.clock = directory / "clock"
        self.lakescope = Lakescope(directory, self._configuration())
        self.is_mounted = False

    def __enter__(self) -> Self:
        self.is_mounted = self._stack.enter_context(small_disk(self.lakescope.data_dir, DISK_MB))
        for proxy in self.proxies.values():
            self._stack.enter_context(proxy)
        self._stack.enter_context(self.lakescope)
        if "kafka" in self.servers:
            self.servers["kafka"].create_topic(self.name, 3)
        if "influxdb" in self.servers:
            query = {"q": f'CREATE DATABASE "{self.name}"'}
            httpx.post(f"{self.servers['influxdb'].url}/query", params=query, trust_env=False)
        self.set_clock("+0")
        self.start()
        self.lakescope.command("validate")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- Lakescope -----------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where it answers. Raises `ConnectionError` while it does not."""
        process = self.lakescope.process
        url = self.lakescope.url if process is not None and process.poll() is None else None
        if url is None:
            raise ConnectionError("Lakescope is away")
        return url

    def start(self) -> None:
        """Starts Lakescope, with a clock that tests can jump."""
        rabbitmq = self.servers.get("rabbitmq")
        self.lakescope.environment = {
            **os.environ,
            "RABBITMQ_PASSWORD": rabbitmq.password if rabbitmq else "",
            "LD_PRELOAD": str(faketime.LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": f"{Path(__file__).parent / 'clock'}:{os.environ.get('PYTHONPATH', '')}",
        }
        self.lakescope.start(wait=False)

    def set_clock(self, shift: str) -> None:
        """Of Lakescope, such as "+1h". Whole or not at all: it is read at any time."""
        draft = self.clock.with_suffix(".new")
        draft.write_text(shift)
        draft.replace(self.clock)

    def supervise(self) -> None:
        """Starts Lakescope again where it has ended by itself, as systemd does."""
        process = self.lakescope.process
        if process is not None and process.poll() is not None:
            last = "\n        | ".join(self.lakescope.tail().strip().splitlines()[-6:])
            self.note(f"lakescope ended by itself ({process.returncode}):\n        | {last}")
            self.start()

    def limit_files(self, size: int | None) -> None:
        """No file of Lakescope may grow beyond a size (bytes); null: any may."""
        assert self.lakescope.process is not None
        if self.lakescope.process.poll() is None:
            hard = resource.RLIM_INFINITY
            soft = hard if size is None else size
            resource.prlimit(self.lakescope.process.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def note(self, text: str) -> None:
        """What happened, for whoever reads of a failure."""
        self.history.append(f"{time.monotonic() - self._begin:7.2f} {text}")

    def _configuration(self) -> str:
        sinks = '[sinks.duckdb]\ntype = "duckdb"\n'
        common = f'prefix = "{self.name}"\nreplicas = 0\n'
        for store, proxy in self.proxies.items():
            url = f"http://127.0.0.1:{proxy.port}"
            sinks += (
                f"[sinks.{store}]\n"
                + {
                    "elasticsearch": f'type = "elasticsearch"\nurls = ["{url}"]\n{common}',
                    "opensearch": f'type = "elasticsearch"\nurls = ["{url}"]\nflavour = "opensearch"\n{common}',
                    "influxdb": f'type = "influxdb"\nurl = "{url}"\ndatabase = "{self.name}"\n',
                }[store]
            )
        collectors = "".join(producer.options() for producer in self.producers)
        return f"[pipeline]\nbatch_age_s = 0.1\nbatch_messages = 200\n{collectors}{sinks}"

    # --- what was sent, and what is stored ----------------------------------------------------------------------

    def waits_for(self) -> str:
        """What is not stored yet, in words; empty once all is."""
        try:
            held = {one.name_of_source: number for one in self.producers if (number := one.held())}
            status = self.lakescope.status() if self.url else {}
        except Exception as error:  # noqa: BLE001 - whoever is asked may be starting again
            return f"{type(error).__name__}: {error}"
        under_way = {one["name"]: one["in_flight"] for one in status["collectors"] if one["in_flight"]} | {
            row["sink"]: row["in_flight"] for row in status["balance"] if row["in_flight"]
        }
        return f"held by sources: {held}; under way: {under_way}" if held or under_way else ""

    def wanted(self) -> dict[str, str]:
        """id -> source, of every event of what was sent."""
        return {id: one.name_of_source for one in self.producers for id in events_of("hermes", one.sent)}

    def stored(self) -> Iterator[tuple[str, Counter[str]]]:
        """Store -> how often it holds each id, after Lakescope has ended; its reports on itself left out."""
        file = self.lakescope.data_dir / "lake.duckdb"
        rows: Iterable[dict[str, Any]] = duckdb_events(file) if file.exists() else ()
        yield "duckdb", _ids(rows)
        for store in self.proxies:
            url = self.servers[store].url
            if store == "influxdb":
                rows = (row for dataset in DATASETS for row in influxdb_rows(url, self.name, dataset))
            else:
                rows = _documents(url, self.name)
            yield store, _ids(rows)


def _ids(rows: Iterable[dict[str, Any]]) -> Counter[str]:
    return Counter(row["id"] for row in rows if row["source"] != OWN)


def _documents(url: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Of Elasticsearch or OpenSearch, page by page."""
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        client.post(f"/{prefix}-*/_refresh").raise_for_status()
        page = client.post(
            f"/{prefix}-*/_search",
            params={"scroll": "1m"},
            json={"size": 5000, "_source": ["id", "source"], "sort": ["_doc"]},
        )
        while hits := page.raise_for_status().json()["hits"]["hits"]:
            yield from (hit["_source"] for hit in hits)
            page = client.post(
                "/_search/scroll", json={"scroll": "1m", "scroll_id": page.json()["_scroll_id"]}
            )
