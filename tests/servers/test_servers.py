"""Each server is really started and used through its protocol: what the other tests build on."""

from __future__ import annotations

import json
import queue
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

import httpx
import psutil
import pytest
import stomp

from ._process import HOST, Server
from ._tls import Authority, Pair
from .activemq import ActiveMQ
from .chromium import FLAGS as CHROMIUM_FLAGS
from .collectd import Collectd
from .elasticsearch import Elasticsearch
from .fixtures import StartServer
from .influxdb import InfluxDB
from .node_exporter import NodeExporter
from .opensearch import VERSION, OpenSearch
from .rabbitmq import RabbitMQ

# --- Elasticsearch


def test_elasticsearch_finds_what_was_indexed(elasticsearch: Elasticsearch, index_prefix: str) -> None:
    index = f"{elasticsearch.url}/{index_prefix}-transfers"
    stored = httpx.put(f"{index}/_doc/1?refresh=true", json={"src_rse": "CNAF", "bytes": 7})
    assert stored.status_code == 201
    found = httpx.get(f"{index}/_search", params={"q": "src_rse:cnaf"}).json()["hits"]["hits"]
    assert [(hit["_id"], hit["_source"]["bytes"]) for hit in found] == [("1", 7)]
    assert httpx.get(elasticsearch.url).json()["version"]["number"] == elasticsearch.version


@pytest.mark.server("elasticsearch")
def test_elasticsearch_keeps_data_and_settings_over_stop_and_kill(start_server: StartServer) -> None:
    server = start_server(Elasticsearch, settings={"indexing_pressure.memory.limit": "20kb"}, heap_mb=600)
    url = f"{server.url}/transfers"
    for number, end in enumerate((server.stop, server.kill), start=1):
        httpx.put(f"{url}/_doc/{number}", json={"n": number}).raise_for_status()
        end_completely(server, end)
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
        server.start()
        statuses = [httpx.get(f"{url}/_doc/{n}").status_code for n in range(1, number + 2)]
        assert statuses == [200] * number + [404]
    assert httpx.put(f"{url}/_doc/3", json={"text": "x" * 50_000}).status_code == 429
    node = httpx.get(f"{server.url}/_nodes/jvm").json()["nodes"].popitem()[1]
    assert node["jvm"]["mem"]["heap_max_in_bytes"] == 600 * 1024**2


# --- OpenSearch


def test_opensearch_finds_what_was_indexed(opensearch: OpenSearch, opensearch_prefix: str) -> None:
    index = f"{opensearch.url}/{opensearch_prefix}-transfers"
    stored = httpx.put(f"{index}/_doc/1?refresh=true", json={"src_rse": "CNAF", "bytes": 7})
    assert stored.status_code == 201
    found = httpx.get(f"{index}/_search", params={"q": "src_rse:cnaf"}).json()["hits"]["hits"]
    assert [(hit["_id"], hit["_source"]["bytes"]) for hit in found] == [("1", 7)]
    version = httpx.get(opensearch.url).json()["version"]
    assert (version["distribution"], version["number"]) == ("opensearch", VERSION)


@pytest.mark.server("opensearch")
def test_opensearch_keeps_data_and_takes_settings(start_server: StartServer) -> None:
    server = start_server(OpenSearch, settings={"action.auto_create_index": False})
    assert httpx.put(f"{server.url}/other/_doc/1", json={}).status_code == 404
    httpx.put(f"{server.url}/transfers").raise_for_status()
    for number, end in enumerate((server.stop, server.kill), start=1):
        httpx.put(f"{server.url}/transfers/_doc/{number}", json={"n": number}).raise_for_status()
        end_completely(server, end)
        server.start()
        assert httpx.get(f"{server.url}/transfers/_doc/{number}").status_code == 200


# --- InfluxDB


def test_influxdb_answers_with_what_was_written(influxdb: InfluxDB, influx_database: str) -> None:
    write(influxdb, influx_database, "transfers,src_rse=CNAF bytes=7i 1700000000000000000")
    assert query(influxdb, influx_database, "SELECT bytes, src_rse FROM transfers") == [
        [1700000000000000000, 7, "CNAF"]
    ]


@pytest.mark.server("influxdb")
def test_influxdb_keeps_data_over_stop_and_kill(start_server: StartServer) -> None:
    server = start_server(InfluxDB)
    create(server, "lake")
    for number, end in enumerate((server.stop, server.kill), start=1):
        write(server, "lake", f"transfers bytes={number}i {number}")
        end_completely(server, end)
        server.start()
        assert len(query(server, "lake", "SELECT bytes FROM transfers")) == number


@pytest.mark.server("influxdb")
def test_influxdb_listens_on_loopback_only_and_takes_settings(start_server: StartServer) -> None:
    server = start_server(InfluxDB, http_settings={"max-body-size": 10})
    create(server, "lake")
    answer = httpx.post(f"{server.url}/write", params={"db": "lake"}, content="transfers bytes=1i 1")
    assert answer.status_code == 413
    assert {address for address, _ in listening(server)} == {HOST}


# --- ActiveMQ


def test_activemq_delivers_again_what_was_not_acknowledged(activemq: ActiveMQ, unique_name: str) -> None:
    topic, consumers = f"/topic/VirtualTopic.{unique_name}", f"Consumer.lakescope.VirtualTopic.{unique_name}"
    with Client(activemq) as client:
        client.subscribe(f"/queue/{consumers}", "client-individual")
        client.send(topic, "first", "second")
        frames = [client.receive(), client.receive()]
        assert [frame.body for frame in frames] == ["first", "second"]
        client.connection.ack(frames[1].headers["ack"], receipt="acknowledged")
        eventually(lambda: activemq.queue_size(consumers) == 1)
    with Client(activemq) as client:
        client.subscribe(f"/queue/{consumers}", "client-individual")
        frame = client.receive()
        assert (frame.body, frame.headers["redelivered"]) == ("first", "true")
        assert activemq.statistics(consumers)[consumers].inflight == 1
        client.connection.ack(frame.headers["ack"])
        eventually(lambda: activemq.queue_size(consumers) == 0)
    statistics = activemq.statistics(consumers)[consumers]
    assert (statistics.enqueued, statistics.dequeued) == (2, 2)


def test_activemq_says_the_size_of_no_queue_and_of_all(activemq: ActiveMQ, unique_name: str) -> None:
    assert activemq.queue_size(unique_name) == 0
    with Client(activemq) as client:
        for number in range(1, 4):
            client.send(f"/queue/{unique_name}.q{number}", *["message"] * number)
    sizes = {name: found.size for name, found in activemq.statistics(f"{unique_name}.>").items()}
    assert sizes == {f"{unique_name}.q{number}": number for number in range(1, 4)}
    assert sizes.keys() <= activemq.statistics().keys()


def test_two_brokers_are_two(activemq: ActiveMQ, second_activemq: ActiveMQ, unique_name: str) -> None:
    with Client(second_activemq) as client:
        client.send(f"/queue/{unique_name}", "message")
    assert (activemq.queue_size(unique_name), second_activemq.queue_size(unique_name)) == (0, 1)


def test_activemq_keeps_messages_for_a_durable_subscriber(activemq: ActiveMQ, unique_name: str) -> None:
    def subscribed(client: Client) -> Client:
        client.subscribe(f"/topic/{unique_name}", "auto", {"activemq.subscriptionName": unique_name})
        return client

    with Client(activemq, client_id=unique_name) as client:
        subscribed(client)
    with Client(activemq) as client:
        client.send(f"/topic/{unique_name}", "while you were away")
    with Client(activemq, client_id=unique_name) as client:
        assert subscribed(client).receive().body == "while you were away"


@pytest.mark.server("activemq")
def test_activemq_keeps_messages_over_stop_and_kill(start_server: StartServer) -> None:
    broker = start_server(ActiveMQ, queues=["Consumer.a.VirtualTopic.lake"])
    for number, end in enumerate((broker.stop, broker.kill), start=1):
        with Client(broker) as client:
            client.send("/topic/VirtualTopic.lake", "message")
        end_completely(broker, end)
        broker.start()
        assert broker.queue_size("Consumer.a.VirtualTopic.lake") == number


@pytest.mark.server("activemq")
def test_activemq_takes_more_than_its_memory(start_server: StartServer) -> None:
    broker = start_server(ActiveMQ, memory_mb=2, queues=["Consumer.a.VirtualTopic.lake"])
    with Client(broker) as client:
        client.send("/topic/VirtualTopic.lake", *["x" * 10_000] * 500)
    assert broker.queue_size("Consumer.a.VirtualTopic.lake") == 500


@pytest.mark.server("activemq")
def test_activemq_refuses_wrong_logins(start_server: StartServer) -> None:
    broker = start_server(ActiveMQ, users={"rucio": "right & <proper>", "fts": "other"})
    with Client(broker, login=("fts", "other")) as client:
        client.send("/queue/lake", "message")
    assert broker.queue_size("lake") == 1
    for login in (("rucio", "wrong"), None):
        with pytest.raises(stomp.exception.ConnectFailedException):
            Client(broker, login=login)


@pytest.mark.server("activemq")
def test_activemq_speaks_tls_to_clients_it_knows(start_server: StartServer, tmp_path: Path) -> None:
    broker = start_server(ActiveMQ, tls="mutual")
    with Client(broker, tls=broker.authority.issue("collector")) as client:
        client.subscribe("/queue/lake", "auto")
        client.send("/queue/lake", "secret")
        assert client.receive().body == "secret"
    # Not by Client: stomp.py 9.0.0 doesn't notice that a TLS connection has ended, and waits forever.
    stranger = Authority(tmp_path / "stranger").issue("stranger")
    assert "ALERT_CERTIFICATE_UNKNOWN" in str(handshake(broker, client=stranger))
    assert "ALERT_BAD_CERTIFICATE" in str(handshake(broker))
    broker.stop()
    broker.start()  # with the same certificates
    assert handshake(broker, client=broker.authority.issue("another")) is None


@pytest.mark.server("activemq")
def test_activemq_speaks_tls_to_anyone(start_server: StartServer, tmp_path: Path) -> None:
    broker = start_server(ActiveMQ, tls="server")
    assert handshake(broker) is None
    strange = Authority(tmp_path / "stranger").certificate
    assert "certificate verify failed" in str(handshake(broker, ca=strange))


# --- RabbitMQ


def test_rabbitmq_delivers_again_what_was_not_acknowledged(rabbitmq: RabbitMQ, unique_name: str) -> None:
    with Client(rabbitmq, login=(rabbitmq.user, rabbitmq.password)) as client:
        client.send(f"/queue/{unique_name}", "first", "second")
        client.subscribe(f"/queue/{unique_name}", "client-individual")
        frames = [client.receive(), client.receive()]
        assert [frame.body for frame in frames] == ["first", "second"]
        client.connection.ack(frames[0].headers["ack"], receipt="acknowledged")
        client.receipt("acknowledged")
    with Client(rabbitmq, login=(rabbitmq.user, rabbitmq.password)) as client:
        client.subscribe(f"/queue/{unique_name}", "client-individual")
        frame = client.receive()
        assert (frame.body, frame.headers["redelivered"]) == ("second", "true")


@pytest.mark.server("rabbitmq")
def test_rabbitmq_keeps_messages_over_stop_and_kill(start_server: StartServer) -> None:
    broker, other = start_server(RabbitMQ), start_server(RabbitMQ)
    for end in (broker.stop, broker.kill):
        with Client(broker, login=(broker.user, broker.password)) as client:
            client.send("/queue/lake", "message")
        assert {address for address, _ in listening(broker)} == {HOST}
        end_completely(broker, end)
        broker.start()
        with Client(broker, login=(broker.user, broker.password)) as client:
            client.subscribe("/queue/lake", "auto")
            assert client.receive().body == "message"
    assert other.is_ready()


# --- host metrics


def test_node_exporter_is_scraped(node_exporter: NodeExporter) -> None:
    answer = httpx.get(node_exporter.url)
    assert answer.headers["content-type"].startswith("text/plain")
    assert "\nnode_load1 " in answer.text


@pytest.mark.server("collectd")
def test_collectd_posts_its_values(start_server: StartServer) -> None:
    with receiver() as (url, posts):
        collectd = start_server(Collectd, url, hostname="se-1.example.org", login=("collectd", "secret"))
        plugins: set[str] = set()
        deadline = time.monotonic() + 30
        while plugins < {"cpu", "memory", "load", "df", "interface"}:
            assert time.monotonic() < deadline, plugins
            authorization, body = posts.get(timeout=_ANSWER_S)
            values = json.loads(body)
            plugins |= {value["plugin"] for value in values}
            assert {value["host"] for value in values} == {"se-1.example.org"}
            assert {value["interval"] for value in values} == {1.0}
            assert authorization == "Basic Y29sbGVjdGQ6c2VjcmV0"
        end_completely(collectd, collectd.stop)


# --- browser


def test_chromium_runs_scripts(chromium: str, tmp_path: Path) -> None:
    page = "data:text/html,<p>the answer is <script>document.write(6 * 7)</script></p>"
    command = [chromium, *CHROMIUM_FLAGS, f"--user-data-dir={tmp_path}", "--dump-dom", page]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "</script>42</p>" in ended.stdout


# --- helpers


_ANSWER_S = 40
"""Of a broker on a machine that runs three others."""


class Client(stomp.ConnectionListener):  # type: ignore[misc]
    """A STOMP client that keeps the frames it receives until the test takes them."""

    def __init__(
        self,
        broker: ActiveMQ | RabbitMQ,
        *,
        tls: Pair | None = None,
        login: tuple[str, str] | None = None,
        client_id: str | None = None,
    ) -> None:
        self._frames: queue.Queue[Any] = queue.Queue()
        self._receipts: queue.Queue[str] = queue.Queue()
        address = (broker.host, broker.tls_port if tls else broker.port)
        # RabbitMQ takes the host of CONNECT for one of its virtual hosts; ActiveMQ doesn't look at it.
        self.connection = stomp.Connection12([address], vhost="/", reconnect_attempts_max=1, timeout=10)
        if tls:
            self.connection.set_ssl([address], tls.key, tls.certificate, broker.authority.certificate)
        self.connection.set_listener("", self)
        headers = {"client-id": client_id} if client_id else {}
        self.connection.connect(*(login or (None, None)), wait=True, headers=headers)

    def subscribe(self, destination: str, ack: str, headers: dict[str, str] | None = None) -> None:
        self.connection.subscribe(destination, "1", ack, {"receipt": "subscribed", **(headers or {})})
        assert self._receipts.get(timeout=_ANSWER_S) == "subscribed"

    def send(self, destination: str, *bodies: str) -> None:
        """Send persistent messages; returns when the broker has the last."""
        for body in bodies:
            headers = {"persistent": "true", "receipt": "sent"}
            self.connection.send(destination, body, headers=headers)
        for _ in bodies:
            assert self._receipts.get(timeout=_ANSWER_S) == "sent"

    def receipt(self, name: str) -> None:
        """Wait for the receipt of that name."""
        assert self._receipts.get(timeout=_ANSWER_S) == name

    def receive(self) -> Any:
        return self._frames.get(timeout=_ANSWER_S)

    def on_message(self, frame: Any) -> None:
        self._frames.put(frame)

    def on_receipt(self, frame: Any) -> None:
        self._receipts.put(frame.headers["receipt-id"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.disconnect("bye")


def handshake(broker: ActiveMQ, *, ca: Path | None = None, client: Pair | None = None) -> ssl.SSLError | None:
    """Shake hands with the TLS connector, say hello and read; the error if that fails."""
    context = ssl.create_default_context(cafile=ca or broker.authority.certificate)
    if client:
        context.load_cert_chain(client.certificate, client.key)
    with socket.create_connection((broker.host, broker.tls_port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                # TLS 1.3 tells a client that its certificate is refused only when it reads.
                secure.sendall(b"CONNECT\naccept-version:1.2\nhost:localhost\n\n\0")
                assert secure.recv(9) == b"CONNECTED"
        except ssl.SSLError as error:
            return error
    return None


def create(server: InfluxDB, database: str) -> None:
    httpx.post(f"{server.url}/query", params={"q": f"CREATE DATABASE {database}"}).raise_for_status()


def write(server: InfluxDB, database: str, lines: str) -> None:
    httpx.post(f"{server.url}/write", params={"db": database}, content=lines).raise_for_status()


def query(server: InfluxDB, database: str, text: str) -> list[list[Any]]:
    """The rows of the only series."""
    answer = httpx.get(f"{server.url}/query", params={"db": database, "q": text, "epoch": "ns"})
    rows: list[list[Any]] = answer.json()["results"][0]["series"][0]["values"]
    return rows


@contextmanager
def receiver() -> Iterator[tuple[str, queue.Queue[tuple[str, bytes]]]]:
    """A URL that takes posts with a login, and the (Authorization header, body) of those that came."""
    posts: queue.Queue[tuple[str, bytes]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if "Authorization" in self.headers:
                posts.put((self.headers["Authorization"], body))
                self.send_response(200)
            else:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="push"')
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}/push/collectd", posts
        finally:
            server.shutdown()
            thread.join()


def listening(server: Server) -> set[tuple[str, int]]:
    """Addresses and ports at which a server listens."""
    connections = psutil.Process(server.pid).net_connections()
    return {(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN}


def end_completely(server: Server, end: Callable[[], None]) -> None:
    """End a server; nothing that knows its folder may be left."""
    folder = str(server.directory)
    assert of_folder(folder)
    end()
    assert of_folder(folder) == []


def of_folder(folder: str) -> list[psutil.Process]:
    """The processes of this machine that have a folder on their command line."""
    return [p for p in psutil.process_iter(["cmdline"]) if folder in " ".join(p.info["cmdline"] or [])]


def eventually(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait until the condition holds; fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
