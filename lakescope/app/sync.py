"""The synchronisations of a configuration: each opened as a plan and the side of Rucio that it is applied to. The last plan of
each is kept on this disk, whoever has made it: the schedule, a command or a page."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from lakescope.core import state_files
from lakescope.core.printable import rfc3339
from lakescope.sync.accounts.state import AccountsPlan, after
from lakescope.sync.journal import Journal
from lakescope.sync.plan import Plan

if TYPE_CHECKING:
    from lakescope.app.config import Configuration, Settings
    from lakescope.sync.apply import Outcome, Target
    from lakescope.sync.rucio import Rucio

Planner = Callable[["Configuration", "Rucio", bool], tuple[Plan, "Target"]]
"""Makes a plan; the last argument says whether what Rucio has alone is removed. Raises `SyncError`."""


class Sync(NamedTuple):
    """One kind of synchronisation."""

    plan: Planner
    target: Callable[[Settings, Rucio], Target]
    """Its side of Rucio, to undo an entry."""


def _accounts_plan(configuration: Configuration, rucio: Rucio, remove: bool) -> tuple[Plan, Target]:
    """`remove` is not asked: leavers lose access by `leavers` of [sync.accounts], and accounts are never deleted."""
    from lakescope.sync.accounts.planning import make_plan
    from lakescope.sync.accounts.target import AccountsTarget

    settings = configuration.settings
    if settings.sync.accounts is None:
        raise RuntimeError(
            "[sync.accounts] is missing: add it with `url`, `client_id` and `client_secret` of IAM"
        )
    entries = journal_of(settings).entries()
    return make_plan(settings.sync.accounts, rucio, entries, time.time()), AccountsTarget(rucio)


def _accounts_target(settings: Settings, rucio: Rucio) -> Target:
    from lakescope.sync.accounts.target import AccountsTarget

    return AccountsTarget(rucio)


def _rses_plan(configuration: Configuration, rucio: Rucio, remove: bool) -> tuple[Plan, Target]:
    """RSEs from CRIC. The source is read anew: an old version is no reason to change Rucio."""
    from lakescope.app.topology import refresh
    from lakescope.sync.rses.cric import Reading
    from lakescope.sync.rses.lake import SPACE
    from lakescope.sync.rses.plan import make_plan
    from lakescope.sync.rses.target import RseTarget, count_files, names_of_deleted, read_lake

    settings = configuration.settings
    source = settings.topology.rses
    if source is None:
        raise RuntimeError("[topology] has no `rses`: name CRIC's address, or a file with its answer")
    options = settings.sync.rses
    reading = Reading(refresh(settings, "rses", time.time()).document)
    cric = reading.lake.rses
    spaces = {name for name, one in cric.items() if SPACE in one.limits}
    lake = read_lake(rucio, spaces, options.space_source, has_distances=reading.lake.distances is not None)
    plan = make_plan(
        reading,
        lake,
        options,
        source=str(source),
        target=rucio.label,
        remove=remove,
        deleted=names_of_deleted(rucio, cric.keys() - lake.rses.keys()),
        files=count_files(rucio, lake.rses.keys() - cric.keys()),
    )
    return plan, RseTarget(rucio, options.space_source)


def _rses_target(settings: Settings, rucio: Rucio) -> Target:
    from lakescope.sync.rses.target import RseTarget

    return RseTarget(rucio, settings.sync.rses.space_source)


SYNCS: Mapping[str, Sync] = {
    "accounts": Sync(_accounts_plan, _accounts_target),
    "rses": Sync(_rses_plan, _rses_target),
}
"""By name."""


def journal_of(settings: Settings) -> Journal:
    """The journal of all synchronisations of a data directory."""
    return Journal(settings.data_dir / "sync")


class LatestPlan(msgspec.Struct):
    """The last plan that could be made."""

    at: float
    """When (POSIX seconds)."""
    plan: Plan

    @property
    def digest(self) -> str:
        """As `digest_of`."""
        return digest_of(self.plan)


class LatestAccounts(LatestPlan):
    """That of accounts, with the accounts."""

    plan: AccountsPlan


L = TypeVar("L", bound=LatestPlan)


def digest_of(plan: Plan) -> str:
    """Of what would be done."""
    return hashlib.sha256(msgspec.json.encode(plan.actions())).hexdigest()[:16]


def plan_file(folder: Path, name: str) -> Path:
    """Where the last plan of a synchronisation is, below the folder of all of them."""
    return folder / f"plan-{name}.json"


def keep_plan(settings: Settings, plan: Plan, at: float) -> None:
    """Makes it the last one. Raises `OSError`."""
    folder = settings.data_dir / "sync"
    folder.mkdir(parents=True, exist_ok=True)
    content = msgspec.json.encode(LatestPlan(at, plan))
    state_files.write_private(plan_file(folder, plan.sync), content)  # people are in it


def keep_rest(settings: Settings, plan: Plan, outcome: Outcome, at: float) -> None:
    """Keeps what an applied plan has left: what Rucio refused, and what is not for Rucio. Raises `OSError`."""
    if outcome.left:
        return  # stopped on the way: only a new plan can tell
    refused = {entry.change.place for entry in outcome.failed}
    rest = [one for one in plan.changes if not one.is_action or one.place in refused]
    applied = [one for one in plan.actions() if one.place not in refused]
    plan_left = msgspec.structs.replace(plan, changes=rest)
    if isinstance(plan_left, AccountsPlan):
        plan_left.accounts = after(plan_left.accounts, applied, rfc3339(at))
    keep_plan(settings, plan_left, at)


def latest_plan(settings: Settings, name: str) -> LatestPlan | None:
    """Null if there is none yet. Raises `DamagedStateError`."""
    return _read_plan(settings, name, LatestPlan)


def latest_accounts(settings: Settings) -> LatestAccounts | None:
    """Likewise of accounts."""
    return _read_plan(settings, "accounts", LatestAccounts)


def _read_plan(settings: Settings, name: str, kind: type[L]) -> L | None:
    path = plan_file(settings.data_dir / "sync", name)
    return state_files.read(
        path, kind, "a plan of a synchronisation", "the page shows no plan until the next run"
    )


@contextmanager
def open_rucio(settings: Settings) -> Iterator[Rucio]:
    """The Rucio that is written to, for the time of the block. Raises `RuntimeError` where the configuration names none."""
    from lakescope.sync.rucio import Rucio

    if settings.sync.rucio is None:
        raise RuntimeError(
            "[sync.rucio] is missing: add it with `url`, `account`, and `username` and `password`, `oidc`, `token_file` or"
            " `tls.cert_file`"
        )
    rucio = Rucio(settings.sync.rucio, concurrency=settings.sync.concurrency)
    try:
        yield rucio
    finally:
        rucio.close()
