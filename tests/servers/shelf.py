"""The servers that all tests of a session share, however many processes run them (pytest-xdist).

`python -m tests.servers.shelf FOLDER` is a process of its own: it starts a server when the first test asks for it, tells
everybody where it is, and stops all of them when its standard input ends, which it does with the process that
started the session, however that ends.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import TypeVar

from ._process import Server
from .activemq import ActiveMQ
from .elasticsearch import Elasticsearch
from .influxdb import InfluxDB
from .kafka import Kafka
from .node_exporter import NodeExporter
from .opensearch import OpenSearch
from .rabbitmq import RabbitMQ
from .rucio import Rucio

KINDS: dict[str, Callable[[Path], Server]] = {
    "activemq": ActiveMQ,
    "second_activemq": ActiveMQ,
    "elasticsearch": Elasticsearch,
    "influxdb": InfluxDB,
    "kafka": Kafka,
    "node_exporter": NodeExporter,
    "opensearch": OpenSearch,
    "rabbitmq": RabbitMQ,
    "rucio": Rucio,
    "rucio_of_vos": partial(Rucio, vos=("abc",)),
}
"""Name of the fixture -> its server."""

_SOCKET = "shelf.sock"


class Shelf:
    """The process, as the session sees it. A context manager."""

    def __init__(self) -> None:
        # not below pytest's own folders: another session tidies those up
        self._folder = tempfile.TemporaryDirectory(prefix="lakescope-servers-", ignore_cleanup_errors=True)
        self.folder = self._folder.name
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it can be asked."""
        command = [sys.executable, "-m", "tests.servers.shelf", self.folder]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def stop(self) -> None:
        """Stops all servers."""
        if self._process is not None:
            self._process.communicate(timeout=120)
        self._folder.cleanup()


S = TypeVar("S", bound=Server)


def ask(folder: str, name: str, kind: type[S]) -> S:
    """The shared server of this name, started if it was not: it knows where it is, and cannot be stopped.

    Raises what its start raised.
    """
    with Client(str(Path(folder) / _SOCKET)) as connection:
        connection.send(name)
        answer = connection.recv()
    if isinstance(answer, Exception):
        raise answer
    assert isinstance(answer, kind)
    return answer


def main(folder: Path) -> None:
    """Serves until the standard input ends."""
    running: dict[str, Server] = {}
    locks = {name: threading.Lock() for name in KINDS}

    def answer(connection: Connection[str, object]) -> None:
        with connection:
            name = connection.recv()
            try:
                with locks[name]:
                    if name not in running:
                        server = KINDS[name](folder / name)
                        server.start()
                        running[name] = server
                connection.send(running[name])
            except Exception as error:  # noqa: BLE001 - whatever it is, the test must see it
                connection.send(error)

    def accept(listener: Listener) -> None:
        while True:
            threading.Thread(target=answer, args=(listener.accept(),), daemon=True).start()

    listener = Listener(str(folder / _SOCKET))
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    for server in running.values():
        server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
