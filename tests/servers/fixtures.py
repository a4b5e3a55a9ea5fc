"""pytest fixtures: one shared server of each kind a session, and `start_server` for a test's own.

A test that uses one of the fixtures here, or is marked `server("<name>")`, skips when that server isn't
installed; where the environment variable CI is set, it fails instead, unless the server cannot be had on the
machine at all. `-m "not server"` leaves all of them out. A shared server must not be stopped, killed or
reconfigured: tests that do so start their own.
"""

from __future__ import annotations

import os
import random
import string
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import httpx
import pytest

from . import chromium as chromium_program
from ._process import Server
from .activemq import ActiveMQ
from .elasticsearch import Elasticsearch
from .influxdb import InfluxDB
from .install import SERVERS
from .kafka import Kafka
from .node_exporter import NodeExporter
from .opensearch import OpenSearch
from .rabbitmq import RabbitMQ
from .rucio import Rucio
from .shelf import Shelf, ask

P = ParamSpec("P")
S = TypeVar("S", bound=Server)

_SHELF = "LAKESCOPE_TEST_SHELF"
_SERVER_OF_FIXTURE = {
    "activemq": "activemq",
    "second_activemq": "activemq",
    "chromium": "chromium",
    "elasticsearch": "elasticsearch",
    "influxdb": "influxdb",
    "kafka": "kafka",
    "node_exporter": "node_exporter",
    "opensearch": "opensearch",
    "opensearch_prefix": "opensearch",
    "rabbitmq": "rabbitmq",
    "rucio": "rucio",
    "rucio_of_vos": "rucio",
}


class StartServer(Protocol):
    """Start a server of one's own; its arguments are those of the class without the directory."""

    def __call__(self, kind: Callable[Concatenate[Path, P], S], *args: P.args, **kwargs: P.kwargs) -> S:
        """E.g. `start_server(Elasticsearch, settings={"thread_pool.write.queue_size": 1})`."""


def in_turn(kinds: Iterable[type], servers: Mapping[type, str]) -> list[Any]:
    """Classes as parameters of a fixture; of those in `servers` the tests need that real server."""
    return [
        pytest.param(
            kind, id=kind.__name__, marks=[pytest.mark.server(servers[kind])] if kind in servers else []
        )
        for kind in kinds
    ]


def require(name: str) -> None:
    """Skip the running test, or fail it in CI, when a server isn't installed."""
    if SERVERS[name].is_installed():
        return
    if reason := SERVERS[name].lacking():
        pytest.skip(reason)
    message = f"{name} is not installed; run: python -m tests.servers.install {name}"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a server's fixture; before pytest's own `-m` selects."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        for name in sorted({_SERVER_OF_FIXTURE[fixture] for fixture in used & _SERVER_OF_FIXTURE.keys()}):
            item.add_marker(pytest.mark.server(name))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail before any fixture of the test is made."""
    for marker in item.iter_markers("server"):
        require(*marker.args)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the session has the shelf; those of pytest-xdist find it by the environment.

    Mutants, each of which has a session of its own, are tested without servers (pyproject.toml, tool.mutmut).
    """
    if _SHELF not in os.environ and "MUTANT_UNDER_TEST" not in os.environ:
        shelf = Shelf()
        os.environ[_SHELF] = shelf.folder
        shelf.start()

        def stop() -> None:
            del os.environ[_SHELF]
            shelf.stop()

        config.add_cleanup(stop)


@pytest.fixture(scope="session")
def shelf() -> str:
    """The folder by which the shelf of the session is asked."""
    return os.environ[_SHELF]


@pytest.fixture(scope="session")
def elasticsearch(shelf: str) -> Elasticsearch:
    """The session's Elasticsearch; keep to indices and templates below `index_prefix`."""
    return ask(shelf, "elasticsearch", Elasticsearch)


@pytest.fixture(scope="session")
def opensearch(shelf: str) -> OpenSearch:
    """The session's OpenSearch; keep to indices and templates below `opensearch_prefix`."""
    return ask(shelf, "opensearch", OpenSearch)


@pytest.fixture(scope="session")
def influxdb(shelf: str) -> InfluxDB:
    """The session's InfluxDB; keep to `influx_database`."""
    return ask(shelf, "influxdb", InfluxDB)


@pytest.fixture(scope="session")
def kafka(shelf: str) -> Kafka:
    """The session's Kafka; name topics and groups by `unique_name`."""
    return ask(shelf, "kafka", Kafka)


@pytest.fixture(scope="session")
def activemq(shelf: str) -> ActiveMQ:
    """The session's broker, without login and TLS; name queues and topics by `unique_name`."""
    return ask(shelf, "activemq", ActiveMQ)


@pytest.fixture(scope="session")
def second_activemq(shelf: str) -> ActiveMQ:
    """A second broker of the session, for collectors that listen to several."""
    return ask(shelf, "second_activemq", ActiveMQ)


@pytest.fixture(scope="session")
def rabbitmq(shelf: str) -> RabbitMQ:
    """The session's RabbitMQ; name queues and topics by `unique_name`."""
    return ask(shelf, "rabbitmq", RabbitMQ)


@pytest.fixture(scope="session")
def rucio(shelf: str) -> Rucio:
    """The session's Rucio; name scopes, RSEs and accounts by `unique_name`, and run daemons for your own only."""
    return ask(shelf, "rucio", Rucio)


@pytest.fixture(scope="session")
def rucio_of_vos(shelf: str) -> Rucio:
    """The session's Rucio for several VOs; take a VO of your own by `empty_vo`."""
    return ask(shelf, "rucio_of_vos", Rucio)


@pytest.fixture
def empty_vo(rucio_of_vos: Rucio) -> str:
    """A VO of `rucio_of_vos` without RSEs, and with one account: root, which `user` and `password` open."""
    vo = "".join(random.choices(string.ascii_lowercase + string.digits, k=3))
    rucio_of_vos.add_vo(vo)
    return vo


@pytest.fixture(scope="session")
def node_exporter(shelf: str) -> NodeExporter:
    """The session's node_exporter."""
    return ask(shelf, "node_exporter", NodeExporter)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser's program: `playwright.chromium.launch(executable_path=chromium, ...)`."""
    require("chromium")
    return chromium_program.PROGRAM


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers for this test only, each with an empty folder of its own; all are stopped after the test.

    Mark such a test with `pytest.mark.server("<name>")`.
    """
    with ExitStack() as running:
        started = 0

        def start(kind: Callable[Concatenate[Path, P], S], *args: P.args, **kwargs: P.kwargs) -> S:
            nonlocal started
            started += 1
            server = kind(tmp_path / f"server-{started}", *args, **kwargs)
            require(server.name)
            running.enter_context(server)
            return server

        yield start


@pytest.fixture
def unique_name() -> str:
    """A name that no other test has, of lower-case letters and digits: for indices, databases and queues."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def index_prefix(elasticsearch: Elasticsearch, unique_name: str) -> Iterator[str]:
    """A prefix of this test's own; indices and templates named so are deleted afterwards."""
    yield unique_name
    delete_indices(elasticsearch.url, unique_name)


@pytest.fixture
def opensearch_prefix(opensearch: OpenSearch, unique_name: str) -> Iterator[str]:
    """`index_prefix` of OpenSearch."""
    yield unique_name
    delete_indices(opensearch.url, unique_name)


def delete_indices(url: str, prefix: str) -> None:
    """Delete the indices and templates named so."""
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        # By name: Elasticsearch refuses to delete by wildcard unless told otherwise.
        for index in client.get(f"/{prefix}*").raise_for_status().json():
            client.delete(f"/{index}").raise_for_status()
        for kind in ("_index_template", "_component_template"):
            answer = client.delete(f"/{kind}/{prefix}*")
            if answer.status_code != 404:  # which says that there was none
                answer.raise_for_status()


@pytest.fixture
def influx_database(influxdb: InfluxDB, unique_name: str) -> Iterator[str]:
    """The name of an empty database of this test's own, dropped afterwards."""
    with httpx.Client(base_url=influxdb.url, trust_env=False, timeout=30) as client:
        client.post("/query", params={"q": f'CREATE DATABASE "{unique_name}"'}).raise_for_status()
        yield unique_name
        client.post("/query", params={"q": f'DROP DATABASE "{unique_name}"'}).raise_for_status()
