"""What goes wrong. A fault is a generator: it begins, yields what it has done, and heals when it is resumed."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from tests.chaos._lake import Lake

JUNK = (
    b'{"event_type": "transfer-done", "payload": {"request-id": "trunc',
    b"\x00\xff\xfe no text",
    b'{"event_type": "no-such-event", "payload": {}, "created_at": "never"}',
    b"[" * 2000 + b"]" * 2000,
    b'{"event_type": "\\ud800", "payload": "\\udfff"}',
    b'{"a": 1, "a": NaN}',
)


class Fault(NamedTuple):
    """One that may befall a lake."""

    target: str
    """What it befalls; of two faults of one target only one is there at a time."""
    begin: Callable[[Lake, random.Random], Iterator[str]]
    other: str = ""
    """What must be in order for it, too: a broker that is not there takes no other password."""


def kill_lakescope(lake: Lake, chance: random.Random) -> Iterator[str]:
    lake.lakescope.kill()
    yield "lakescope killed"
    lake.start()


def restart_lakescope(lake: Lake, chance: random.Random) -> Iterator[str]:
    """As for an upgrade."""
    lake.lakescope.stop(90)
    yield "lakescope stopped"
    lake.start()


def kill(name: str) -> Callable[[Lake, random.Random], Iterator[str]]:
    """A broker or store."""

    def begin(lake: Lake, chance: random.Random) -> Iterator[str]:
        lake.servers[name].kill()
        yield f"{name} killed"
        lake.servers[name].start()

    return begin


def freeze(name: str) -> Callable[[Lake, random.Random], Iterator[str]]:
    """It answers nobody, and hangs up on nobody either."""

    def begin(lake: Lake, chance: random.Random) -> Iterator[str]:
        pid = lake.servers[name].pid
        os.killpg(pid, signal.SIGSTOP)
        yield f"{name} frozen"
        os.killpg(pid, signal.SIGCONT)

    return begin


def cut(store: str) -> Callable[[Lake, random.Random], Iterator[str]]:
    """Each answer of the store ends in its middle."""

    def begin(lake: Lake, chance: random.Random) -> Iterator[str]:
        lake.proxies[store].cutting = chance
        yield f"{store}: answers are cut"
        lake.proxies[store].cutting = None
        lake.note(f"{store}: {lake.proxies[store].cuts} answers were cut so far")

    return begin


def fill_disk(lake: Lake, chance: random.Random) -> Iterator[str]:
    """Of the data directory; where none could be mounted for it, its files may not grow instead."""
    if not lake.is_mounted:
        lake.limit_files(64 * 1024)
        yield "files of the data directory may not grow (limit of the file size)"
        lake.limit_files(None)
        return
    ballast = lake.lakescope.data_dir / "ballast"
    with suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(b"\0" * 65536)
            file.flush()
    yield "the disk of the data directory is full (tmpfs)"
    ballast.unlink(missing_ok=True)


def jump_clock(lake: Lake, chance: random.Random) -> Iterator[str]:
    hours = chance.choice((-48, -1, 1, 48))
    lake.set_clock(f"{hours:+d}h")
    yield f"the clock jumps by {hours} h"
    lake.set_clock("+0")


def flood(lake: Lake, chance: random.Random) -> Iterator[str]:
    """Bodies that nobody can read, between the good ones."""
    producer = chance.choice(lake.producers)
    for _ in range(10):
        with suppress(Exception):  # some are refused at once
            producer.send([chance.choice(JUNK) for _ in range(20)])
    yield f"{producer.name_of_source}: malformed bodies"


def rotate_password(lake: Lake, chance: random.Random) -> Iterator[str]:
    """RabbitMQ's: the old one is refused from now on, and Lakescope knows the new one after its next start."""
    lake.servers["rabbitmq"].change_password(f"pw-{chance.getrandbits(64):x}")
    lake.servers["rabbitmq"].close_connections()
    yield "rabbitmq: another password"
    lake.lakescope.stop(90)
    lake.start()


def faults_of(lake: Lake) -> list[Fault]:
    """All that can befall it."""
    stores = [name for name in lake.proxies if name in lake.servers]
    return [
        Fault("lakescope", kill_lakescope),
        Fault("lakescope", kill_lakescope),
        Fault("lakescope", restart_lakescope),
        *(Fault(name, kill(name)) for name in lake.servers),
        *(Fault(name, freeze(name)) for name in lake.servers),
        *(Fault(f"way to {name}", cut(name)) for name in stores),
        Fault("disk", fill_disk),
        Fault("clock", jump_clock),
        Fault("bodies", flood),
        *([Fault("lakescope", rotate_password, "rabbitmq")] if "rabbitmq" in lake.servers else []),
    ]
