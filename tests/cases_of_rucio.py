"""Makes the cases tests/cases/hermes/rucio_*: what Hermes sent of `run_job` to the broker, by each version of Rucio.

``python -m tests.cases_of_rucio`` takes some two minutes; the bodies differ from run to run in ids, times and ports, and
only what is new in kind is worth committing.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

import stomp

from lakescope.app.cases import find
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers.enrichment import Enrichment
from tests.servers.activemq import ActiveMQ
from tests.servers.fts import Fts
from tests.servers.rucio import CURRENT, LONG_TERM, Rucio
from tests.servers.rucio_job import run_job
from tests.servers.storage import Storage

_CASES = Path(__file__).parent / "cases/hermes"
_TOPIC = "/topic/rucio.events"


class _Bodies(stomp.ConnectionListener):
    def __init__(self) -> None:
        self.bodies: list[str] = []

    def on_message(self, frame: stomp.utils.Frame) -> None:
        self.bodies.append(frame.body)


def collect(version: str, vos: tuple[str, ...] = ()) -> list[str]:
    """The bodies that Hermes sent of the job."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            ActiveMQ(folder / "activemq") as broker,
            Rucio(folder / "rucio", version=version, vos=vos) as rucio,
        ):
            connection = stomp.StompConnection12([(broker.host, broker.port)])
            listener = _Bodies()
            connection.set_listener("bodies", listener)
            connection.connect(wait=True)
            connection.subscribe(_TOPIC, id="bodies")
            with Fts() as fts, Storage() as storage:
                run_job(rucio, fts, storage, "lake", lambda: rucio.hermes(broker, _TOPIC))
            sent = int(rucio.query("select count(*) from messages_history")[0][0])
            while len(listener.bodies) < sent:
                time.sleep(0.1)
            connection.disconnect()
    return listener.bodies


def write(prefix: str, bodies: list[str]) -> None:
    """One case for each kind of body: its event type, and the reason that it gives."""
    written: set[str] = set()
    for body in bodies:
        kind = kind_of(json.loads(body))
        if kind not in written:
            written.add(kind)
            folder = _CASES / f"{prefix}_{kind}"
            folder.mkdir()
            (folder / "input.json").write_text(body + "\n")


def kind_of(message: dict[str, object]) -> str:
    """Event type and what else makes a difference: a tape at one end, no rule; of what failed, the reason's first words."""
    payload = message["payload"]
    assert isinstance(payload, dict)
    words = [str(message["event_type"]).replace("-", "_")]
    words += [
        f"{way}_tape" for way, end in (("from", "src"), ("to", "dst")) if payload.get(f"{end}-type") == "TAPE"
    ]
    words += ["of_no_rule"] * (payload.get("rule-id") == "0" * 32)
    if "failed" in words[0] and payload.get("reason"):
        words += "".join(letter if letter.isalpha() else " " for letter in payload["reason"].lower()).split()[
            :4
        ]
    return "_".join(words)


def main() -> None:
    """Rewrites all of them."""
    for folder in _CASES.glob("rucio_*"):
        shutil.rmtree(folder)
    for version in (CURRENT, LONG_TERM):
        write(f"rucio_{version.split('.')[0]}", collect(version))
    write(f"rucio_{CURRENT.split('.')[0]}_vo", collect(CURRENT, ("abc",)))
    normaliser = Normaliser(formats(), Enrichment())
    for case in find(_CASES):
        if case.path.name.startswith("rucio_"):
            case.accept(normaliser)


if __name__ == "__main__":
    main()
