"""What a data lake does in a day, on a real Rucio: `run_job` makes its daemons do it, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from ._process import ServerError
from .fts import Fault, Fts
from .rucio import Rucio, RucioReceiver
from .rucio_lake import File, Lake, add_files, make_lake
from .storage import Storage

SLOW = Fault(
    "TRANSFER",
    110,
    "TRANSFER  Transfer canceled because the gsiftp performance marker timeout of 360 seconds expired",
    1,
)
BUSY = Fault(
    "DESTINATION",
    70,
    "DESTINATION  MAKE_PARENT (Neon): Could not connect to server, Communication error on send",
    attempts=1,
    recoverable=True,
)
DOWN = Fault("DESTINATION", 5, "DESTINATION  SRM_PUTDONE HTTP 500 : Unexpected server error: 500", 4)
ON_TAPE = "on-tape"
"""The file that is on tape from the beginning."""
MISSING = Fault("SOURCE", 2, "SOURCE  STAT_SRC (Neon): HTTP 404 : File not found ")


def run_job(
    rucio: Rucio,
    fts: Fts,
    storage: Storage,
    name: str,
    hermes: Callable[[], None],
    receiver: RucioReceiver | None = None,
) -> Lake:
    """Rules, transfers that work, are retried by Rucio or by FTS, are refused and get lost; a rule that gets stuck, is
    repaired and ends well; a file to tape and one from tape; a multihop that works and one that does not; a dataset that
    is filled, grows, is closed and expires; deletions that work, find no file, are denied and find no storage. `hermes`
    is called twice: amid it, and at the end. With `receiver` Rucio hears of the retries' ends from FTS's messages.
    """
    lake = make_lake(
        rucio, name, letters="ABCDT", links="AB AC BD AT TD", files=11, fts=fts.url, storage=storage.url
    )
    files = lake.files
    rucio.client("add_rse_attribute", lake["B"], "available_for_multihop", True)
    for number, fault in ((1, SLOW), (2, BUSY), (3, DOWN), (5, MISSING)):
        fts.fail(files[number].name, fault)
    on_tape = (File(lake.scope, ON_TAPE, 20_000_000),)
    add_files(rucio, lake["T"], on_tape)
    rules = _copy_dataset(rucio, lake)
    for some, letter in (
        (files[3:4], "C"),
        (files[4:6], "D"),
        (files[7:9], "B"),
        (files[10:11], "T"),
        (on_tape, "D"),
    ):
        rules += _add_rules(rucio, lake, some, letter)
    _transfer(rucio, fts, lose=files[7])
    hermes()

    rules += _add_rules(rucio, lake, files[9:10], "C")
    fts.refuse(1)
    with receiver or nullcontext():
        for _ in range(3):
            _transfer(rucio, fts, receiver=receiver)
    # As `rucio rule update --boost-rule`: the repairer would wait for two hours.
    rucio.client("update_replication_rule", rules[1], {"boost_rule": True})
    rucio.run("judge.repairer")
    _transfer(rucio, fts)

    _delete(rucio, storage, lake, rules)
    hermes()
    return lake


def _copy_dataset(rucio: Rucio, lake: Lake) -> list[str]:
    """A dataset of three files that gets a fourth after its rule; returns the rule."""
    dataset = {"scope": lake.scope, "name": "copied"}
    rucio.client("add_dataset", **dataset)
    rucio.client("attach_dids", **dataset, dids=[file.did for file in lake.files[:3]])
    rules: list[str] = rucio.client(
        "add_replication_rule", [dataset], 1, lake["B"], account=lake.account, notify="P", purge_replicas=True
    )
    rucio.client("attach_dids", **dataset, dids=[lake.files[6].did])
    rucio.client("close", **dataset)
    rucio.run("judge.evaluator")
    return rules


def _add_rules(rucio: Rucio, lake: Lake, files: Sequence[File], letter: str) -> list[str]:
    rules: list[str] = rucio.client(
        "add_replication_rule",
        [file.did for file in files],
        1,
        lake[letter],
        account=lake.account,
        activity="Data Consolidation",
        grouping="NONE",
        notify="Y",
        purge_replicas=True,
    )
    return rules


def _transfer(
    rucio: Rucio, fts: Fts, *, lose: File | None = None, receiver: RucioReceiver | None = None
) -> None:
    """One round of the conveyor."""
    rucio.run("conveyor.submitter", group_bulk=100)
    if lose:
        fts.lose(next(job.id for job in fts.jobs.values() if job.files[0].metadata["name"] == lose.name))
    fts.carry()
    if receiver:
        _wait_until_ended(rucio, receiver)
    else:
        rucio.run("conveyor.poller", older_than=0)
    rucio.run("conveyor.finisher")


def _wait_until_ended(rucio: Rucio, receiver: RucioReceiver) -> None:
    for _ in range(600):
        if rucio.query("select count(*) from requests where state = 'S'") == [["0"]]:
            return
        time.sleep(0.1)
    raise ServerError(f"Rucio's receiver did not hear of all transfers\n{receiver.log_tail()}")


def _delete(rucio: Rucio, storage: Storage, lake: Lake, rules: Sequence[str]) -> None:
    """All rules end, and what they protected is deleted."""
    storage.answer(lake.files[1].name, 404)
    storage.answer(lake.files[2].name, 403)
    storage.answer(lake.files[8].name, 409, "Conflict: the file is being written")
    storage.answer(lake.hosts[lake["D"]], 503, "Service Unavailable", method="HEAD")
    for rule in rules:
        rucio.client("update_replication_rule", rule, {"lifetime": -1})
    rucio.client("set_metadata", lake.scope, "copied", "lifetime", 1)
    rucio.run("judge.cleaner")
    rucio.run("reaper.reaper", greedy=True)
    time.sleep(1.5)  # the life of the dataset
    rucio.run("undertaker.undertaker")
    rucio.run("abacus.rse")
