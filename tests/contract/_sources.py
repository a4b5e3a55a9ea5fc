"""One harness a collector: where its messages come from, what the source still holds, and how it breaks."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import httpx
import msgspec
import pytest

from lakescope.core.framing import split_json
from lakescope.core.messages import Message
from tests.contract._bodies import ndjson
from tests.contract._http import Answer, HttpServer, Request
from tests.e2e._lakescope import publish
from tests.servers.kafka import Kafka


class Source:
    """Of a test. `name` is nobody else's."""

    type: ClassVar[str]
    """Name of the collector's entry point."""
    once = True
    """Whether it gives what it has once."""

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.stack = stack
        self.name: str = request.getfixturevalue("unique_name")

    def options(self) -> str:
        """The collector's options as TOML, its type left out."""
        raise NotImplementedError

    def offer(self, bodies: Sequence[bytes], url: str) -> None:
        """Gives documents of scripts to the source; `url` is where Lakescope answers."""
        raise NotImplementedError

    def bodies_of(self, message: Message) -> Sequence[bytes]:
        """The documents in a message."""
        return (message.body,)

    def held(self) -> int | None:
        """How many messages the source still holds for Lakescope; null for one that is never told what is safe."""
        return None

    def break_down(self) -> None:
        """From now on the source cannot be read."""
        raise NotImplementedError

    def mend(self) -> None:
        """It can again."""
        raise NotImplementedError


class StompSource(Source):
    """A real ActiveMQ."""

    type = "stomp"
    fixture = "broker"

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        super().__init__(request, directory, stack)
        self.broker: Any = request.getfixturevalue(self.fixture)

    def options(self) -> str:
        url = self.broker.stomp_url
        return f'brokers = ["{url}"]\ndestination = "/queue/{self.name}"\nformat = "push"\n'

    def offer(self, bodies: Sequence[bytes], url: str) -> None:
        address = (self.broker.host, self.broker.port)
        publish([address], f"/queue/{self.name}", [(body, {}) for body in bodies])

    def held(self) -> int:
        return int(self.broker.queue_size(self.name))

    def break_down(self) -> None:
        self.broker.kill()

    def mend(self) -> None:
        self.broker.start()


class RabbitSource(StompSource):
    """The same collector at a real RabbitMQ."""

    fixture = "rabbit"

    def options(self) -> str:
        login = f'username = "{self.broker.user}"\npassword = "{self.broker.password}"\n'
        return f'{super().options()}vhost = "/"\n{login}'

    def offer(self, bodies: Sequence[bytes], url: str) -> None:
        self.broker.send(f"/queue/{self.name}", bodies)


class KafkaSource(Source):
    """A topic of a real Kafka. It breaks by being deleted; it is made anew."""

    type = "kafka"

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        super().__init__(request, directory, stack)
        self.kafka: Kafka = request.getfixturevalue("kafka")
        self.kafka.create_topic(self.name, 3)

    def options(self) -> str:
        return (
            f'brokers = ["{self.kafka.url}"]\ntopics = ["{self.name}"]\ngroup = "{self.name}"\nformat = "push"\n'
            "session_timeout_s = 6\n"
        )

    def offer(self, bodies: Sequence[bytes], url: str) -> None:
        self.kafka.send(self.name, bodies)

    def held(self) -> int:
        return self.kafka.held(self.name, self.name)

    def break_down(self) -> None:
        self.kafka.delete_topic(self.name)

    def mend(self) -> None:
        self.kafka.create_topic(self.name, 3)


class HttpSource(Source):
    """A sender, and the spool that answers for what it was told is safe. It breaks by a table that is away."""

    type = "http"

    def options(self) -> str:
        return ""

    def offer(self, bodies: Sequence[bytes], url: str) -> None:
        headers = {"content-type": "application/x-ndjson"}
        answer = httpx.post(f"{url}/push/push", content=ndjson(bodies), headers=headers, trust_env=False)
        answer.raise_for_status()

    def held(self) -> int:
        with contextlib.closing(self._spool()) as spool:
            rows = spool.execute("select body from spool").fetchall()
        return sum(len(list(split_json(body))) for (body,) in rows)

    def break_down(self) -> None:
        self._execute("alter table spool rename to away")

    def mend(self) -> None:
        self._execute("alter table away rename to spool")

    def _execute(self, statement: str) -> None:
        with contextlib.closing(self._spool()) as spool, spool:
            spool.execute(statement)

    def _spool(self) -> sqlite3.Connection:
        (path,) = self.directory.glob("data/*.spool")
        return sqlite3.connect(path)


class PollSource(Source):
    """Not an exporter: a server that gives the same documents whenever it is asked."""

    type = "poll"
    once = False

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        super().__init__(request, directory, stack)
        self.server = stack.enter_context(HttpServer(lambda _: Answer(200, b"[]")))

    def options(self) -> str:
        return f'urls = ["{self.server.url}/"]\nformat = "push"\ninterval_s = 0.2\n'

    def offer(self, bodies: Sequence[bytes], url: str) -> None:
        document = b"[" + b",".join(bodies) + b"]"
        self.server.answer = lambda _: Answer(200, document)

    def bodies_of(self, message: Message) -> Sequence[bytes]:
        """Beside it, it says of itself how it was read."""
        if message.format != "push":
            return ()
        return [bytes(item) for item in msgspec.json.decode(message.body, type=list[msgspec.Raw])]

    def break_down(self) -> None:
        self.good = self.server.answer
        self.server.answer = lambda _: Answer(503)

    def mend(self) -> None:
        self.server.answer = self.good


class RucioSource(Source):
    """Not Rucio: it gives a token to everybody, and the same documents as the answer to every question."""

    type = "rucio"
    once = False

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        super().__init__(request, directory, stack)
        self.document = b""
        self.server = stack.enter_context(HttpServer(self._answer))

    def _answer(self, request: Request) -> Answer:
        return Answer(200, b"" if request.path.startswith("/auth/") else self.document, _TOKEN)

    def options(self) -> str:
        return (
            f'url = "{self.server.url}"\naccount = "a"\nusername = "u"\npassword = "p"\nformat = "push"\n'
            'ask = ["rules"]\nrule_states = ["S"]\ninterval_s = 0.2\nrequests_per_s = 100\n'
        )

    def offer(self, bodies: Sequence[bytes], url: str) -> None:
        self.document = b"[" + b",".join(bodies) + b"]"

    def bodies_of(self, message: Message) -> Sequence[bytes]:
        """Before anything is offered an answer is empty."""
        return [bytes(item) for item in msgspec.json.decode(message.body or b"[]", type=list[msgspec.Raw])]

    def break_down(self) -> None:
        self.server.answer = lambda _: Answer(503)

    def mend(self) -> None:
        self.server.answer = self._answer


_TOKEN = (("X-Rucio-Auth-Token", "t"), ("Content-Type", "application/x-json-stream"))


class FilesSource(Source):
    """A file. It breaks by something in its place that cannot be read."""

    type = "files"

    def options(self) -> str:
        (self.directory / "in").mkdir(exist_ok=True)
        return f'paths = ["{self.directory}/in/*"]\nformat = "push"\nfollow = true\n'

    def offer(self, bodies: Sequence[bytes], url: str) -> None:
        (self.directory / f"in/{len(bodies)}.jsonl").write_bytes(ndjson(bodies))

    def break_down(self) -> None:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(self.directory / "in/s"))

    def mend(self) -> None:
        (self.directory / "in/s").unlink()


class ProbeSource(Source):
    """A web server that is asked whether it answers."""

    type = "probe"

    def __init__(self, request: pytest.FixtureRequest, directory: Path, stack: ExitStack) -> None:
        super().__init__(request, directory, stack)
        self.server = stack.enter_context(HttpServer(lambda _: Answer(200)))

    def options(self) -> str:
        return f'urls = ["{self.server.url}/"]\ninterval_s = 0.2\n'

    def offer(self, bodies: Sequence[bytes], url: str) -> None:
        """It looks by itself."""

    def break_down(self) -> None:
        self.server.answer = lambda _: Answer(503)

    def mend(self) -> None:
        self.server.answer = lambda _: Answer(200)


class StatsdSource(Source):
    """Datagrams, a line each: what is handed on is their sum. Nothing tells it that a sender is away."""

    type = "statsd"

    def options(self) -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        return f"port = {self.port}\nflush_s = 0.1\n"

    def offer(self, bodies: Sequence[bytes], url: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in bodies:
                sender.sendto(b"rucio.daemons.reaper.deletion.done:1|c", ("127.0.0.1", self.port))

    def break_down(self) -> None:
        pytest.skip("it cannot know of a sender that is away")


SOURCES: tuple[type[Source], ...] = (
    StompSource,
    RabbitSource,
    KafkaSource,
    HttpSource,
    PollSource,
    RucioSource,
    FilesSource,
)
SERVER = {StompSource: "activemq", RabbitSource: "rabbitmq", KafkaSource: "kafka"}
"""The real server that a source needs."""

OWN_WORDS: tuple[type[Source], ...] = (ProbeSource, StatsdSource)
"""Of collectors whose messages nobody can offer: they say what they saw themselves."""
