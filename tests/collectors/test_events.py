"""An archive of Lakescope's own events comes back by every collector that takes a format, line for line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collectors._pushing import Pushing
from tests.contract._bodies import hermes, ndjson, scripts
from tests.contract._running import Archiving
from tests.e2e._lakescope import publish, until
from tests.servers.activemq import ActiveMQ

AGAIN = 'format = "events"\nvo = "other"\n'


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all that Hermes and scripts send, as the jsonl sink wrote it."""
    with Pushing(tmp_path_factory.mktemp("first"), 'vo = "escape"') as lakescope:
        headers = {"content-type": "application/x-ndjson"}
        for format_, bodies in (("hermes", hermes(60)), ("push", scripts(30))):
            lakescope.send(f"/push/{format_}", ndjson(bodies), headers).raise_for_status()
        until(lambda: lines(lakescope.archive) and len(lines(lakescope.archive)) == 90, 20)
        assert lakescope.stop()
    return lakescope.archive


def lines(directory: Path) -> list[tuple[str, bytes]]:
    """(file, line) of an archive, sorted."""
    return sorted(
        (path.name, line) for path in directory.iterdir() for line in path.read_bytes().splitlines()
    )


def came_back(archive: Path, lakescope: Archiving) -> None:
    """Waits until as much is stored as the archive has, and compares."""
    wanted = lines(archive)
    until(lambda: len(lines(lakescope.archive)) >= len(wanted), 20, lambda: lakescope.told)
    assert lakescope.stop()
    assert lines(lakescope.archive) == wanted
    assert lakescope.balance()["received"] == len(wanted)


def test_by_files(tmp_path: Path, archive: Path) -> None:
    collector = f'[collectors.again]\ntype = "files"\npaths = ["{archive}"]\n{AGAIN}'
    with Archiving(tmp_path, collector) as lakescope:
        came_back(archive, lakescope)


@pytest.mark.parametrize("shape", ["lines", "array"])
def test_by_http(tmp_path: Path, archive: Path, shape: str) -> None:
    with Pushing(tmp_path, 'vo = "other"') as lakescope:
        for path in archive.iterdir():
            body = path.read_bytes()
            if shape == "array":
                body = b"[" + b",".join(body.splitlines()) + b"]"
            lakescope.send("/push/events", body).raise_for_status()
        came_back(archive, lakescope)


def test_by_stomp(tmp_path: Path, archive: Path, activemq: ActiveMQ, unique_name: str) -> None:
    """A message may be an event, or all of a file."""
    bodies: list[bytes] = []
    for number, path in enumerate(sorted(archive.iterdir())):
        bodies += [path.read_bytes()] if number % 2 else path.read_bytes().splitlines()
    publish([(activemq.host, activemq.port)], f"/queue/{unique_name}", [(body, {}) for body in bodies])
    collector = (
        f'[collectors.again]\ntype = "stomp"\nbrokers = ["{activemq.stomp_url}"]\n'
        f'destination = "/queue/{unique_name}"\n{AGAIN}'
    )
    with Archiving(tmp_path, collector) as lakescope:
        came_back(archive, lakescope)
