"""A running instance as one viewer sees it: all that its pages and its API are made of.

Routes get a `View` and nothing else of the instance, so that none can forget whom it answers: import rules keep the assembly,
the stores and the dead letters out of `lakescope.app.web`, and a test asks every route as every role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import generate_latest

from lakescope.alerts.book import IncidentBook
from lakescope.alerts.objectives import Objective
from lakescope.alerts.options import AlertOptions
from lakescope.app import interventions
from lakescope.app.assembly import Assembly
from lakescope.app.backup import back_up
from lakescope.app.interventions import Words
from lakescope.app.pseudonyms import Pseudonyms
from lakescope.app.query import store_of
from lakescope.app.replay import ReplayResult, replay
from lakescope.app.restriction import missing_right, restricted, sees
from lakescope.app.sync import LatestAccounts, LatestPlan, latest_accounts, latest_plan
from lakescope.app.sync_desk import SyncDesk
from lakescope.app.topology import snapshots_of
from lakescope.app.trace import searchable_sink
from lakescope.app.viewer import Viewer
from lakescope.app.visible_alerts import VisibleAlerts, VisibleIncidents, sees_objective
from lakescope.core.contracts import SearchableSink, Sink
from lakescope.core.events import Annotation
from lakescope.core.state_files import DamagedStateError
from lakescope.dashboards.model import Dashboard
from lakescope.pipeline.dead_letters import DeadLetters
from lakescope.reports.archive import Archive
from lakescope.sync.journal import Entry
from lakescope.sync.topology import Snapshot, Version

Document = dict[str, Any]
TAPS_MAX = 20
HIDDEN = "not shown"


class ForbiddenError(Exception):
    """The viewer lacks a right; the text names it, and nothing of what it would show."""

    def __init__(self, what: str, right: str) -> None:
        super().__init__(f"{what}: expected the right `{right}`, which you lack")


def without_directory(text: str, directory: Path) -> str:
    """A text about files below a directory, with their names there: where that is, is for the log."""
    for prefix in {f"{directory}/", f"{directory.resolve()}/"}:
        text = text.replace(prefix, "")
    return text


class View:
    """What a viewer sees. What needs a right that they lack raises `ForbiddenError`."""

    def __init__(self, assembly: Assembly, pseudonyms: Pseudonyms, viewer: Viewer) -> None:
        self._assembly = assembly
        self._pseudonyms = None if viewer.people else pseudonyms
        self.viewer = viewer
        self._sinks = {
            name: restricted(sink, viewer, self._pseudonyms) for name, sink in assembly.sinks.items()
        }

    # --- what is the same for everybody ---------------------------------------------------------------------

    @property
    def dashboards(self) -> Mapping[str, Dashboard]:
        """Lakescope's dashboards and the site's own, by name."""
        return self._assembly.dashboards

    @property
    def alert_options(self) -> AlertOptions:
        """Where links lead."""
        return self._assembly.configuration.settings.alerts

    def brief(self, text: str) -> str:
        """A text as `without_directory` has it, of the data directory."""
        return without_directory(text, self._assembly.configuration.settings.data_dir)

    @property
    def types(self) -> dict[str, str]:
        """The sinks' types by their names."""
        return {sink: self._assembly.status.types[sink] for sink in self._sinks}

    def missing_right(self, dataset: str) -> str | None:
        """The right with which the viewer would see more events of a dataset; null for who sees all."""
        return missing_right(self.viewer, dataset)

    # --- stored events --------------------------------------------------------------------------------------

    def store(self, name: str | None) -> tuple[str, Sink]:
        """The named store, else the first that can answer: its name, and what the viewer sees of it. Raises `ValueError`."""
        sink_name = store_of(self.types, name)
        return sink_name, self._sinks[sink_name]

    def searchable(self) -> SearchableSink | None:
        """The first store that can be searched, as far as the viewer sees it."""
        return searchable_sink(self._sinks)

    @contextmanager
    def tap(self, take: Callable[[list[bytes]], None]) -> Iterator[None]:
        """Gives `take` the events that pass and that the viewer sees, as JSON, for the time of the block."""
        viewer, pseudonyms = self.viewer, self._pseudonyms

        def filtered(documents: list[bytes]) -> None:
            events = [one for one in map(msgspec.json.decode, documents) if sees(viewer, one)]
            if pseudonyms is not None:
                events = [pseudonyms.hide(one, one["dataset"]) for one in events]
            if events:
                take([msgspec.json.encode(one) for one in events])

        mine = take if viewer.vos is None and pseudonyms is None else filtered
        self._assembly.engine.taps.append(mine)
        try:
            yield
        finally:
            self._assembly.engine.taps.remove(mine)

    @property
    def has_free_tap(self) -> bool:
        """Whether one more may watch."""
        return len(self._assembly.engine.taps) < TAPS_MAX

    # --- what is made of them -------------------------------------------------------------------------------

    @property
    def objectives(self) -> list[Objective]:
        """Those that name no VO, or one of the viewer's."""
        objectives = self._assembly.configuration.settings.objectives
        return [one for one in objectives if sees_objective(self.viewer, one)]

    @property
    def incidents(self) -> IncidentBook | None:
        """Null where this instance looks for none."""
        book = self._assembly.incidents
        return None if book is None else VisibleIncidents(book, self.viewer, self._pseudonyms)

    @property
    def alerts(self) -> VisibleAlerts | None:
        """Null where this instance evaluates none."""
        rounds = self._assembly.rounds
        return None if rounds is None else VisibleAlerts(rounds, self.viewer)

    @property
    def archive(self) -> Archive:
        """Of reports, which were made for viewers of all VOs, and name accounts: also that of one VO has numbers of the whole
        lake."""
        self._need_all("the archive of reports")
        if not self.viewer.people:
            raise ForbiddenError("the archive of reports", "people")
        return Archive(self._assembly.configuration.settings.data_dir / "reports")

    # --- interventions --------------------------------------------------------------------------------------

    def annotations(self, since: datetime, until: datetime) -> list[Document]:
        """Those of a range, the newest first; none where no store can be asked. Raises `TransientError` or `RefusedError`."""
        try:
            _, store = self.store(None)
        except ValueError:
            return []
        return interventions.find_all(store, since, until)

    def annotate(self, words: Words, now: datetime) -> Annotation:
        """Stores a new one. Raises `ValueError`."""
        return self._store_annotation(
            interventions.create(words._replace(vo=interventions.vo_for(self.viewer, words.vo or None)), now)
        )

    def correct_annotation(self, id: str, words: Words, now: datetime) -> Annotation:
        """Stores its next revision. Raises `KeyError` or `ValueError`."""
        before = self._annotation(id)
        words = words._replace(vo=interventions.vo_for(self.viewer, words.vo or before.get("vo")))
        return self._store_annotation(interventions.correct(before, words, now))

    def remove_annotation(self, id: str, by: str | None, now: datetime) -> Annotation:
        """Stores its last revision. Raises `KeyError` or `ValueError`."""
        before = self._annotation(id)
        interventions.vo_for(self.viewer, before.get("vo"))
        return self._store_annotation(interventions.remove(before, by, now))

    def _annotation(self, id: str) -> Document:
        store = self.searchable()
        if store is None:
            raise KeyError(id)
        return interventions.find_one(store, id)

    def _store_annotation(self, event: Annotation) -> Annotation:
        self._assembly.report([event])
        return event

    # --- synchronisations -----------------------------------------------------------------------------------

    @property
    def syncs(self) -> SyncDesk:
        """Plans of synchronisations, and what is done about them; that of accounts needs `need_people` besides."""
        self._need_all("synchronisations")
        return self._assembly.syncs

    def need_people(self, what: str) -> None:
        """Raises `ForbiddenError` for a viewer who sees pseudonyms instead of accounts."""
        if not self.viewer.people:
            raise ForbiddenError(what, "people")

    def accounts(self) -> tuple[LatestAccounts | None, list[Entry]]:
        """Accounts as of their last plan, and what was changed about them, the oldest first. Raises `RuntimeError` or `SyncError`
        for files that are damaged."""
        self._need_all("accounts")
        self.need_people("accounts")
        settings = self._assembly.configuration.settings
        return latest_accounts(settings), self._assembly.syncs.entries("accounts")

    # --- the topology ---------------------------------------------------------------------------------------

    def topology(self) -> tuple[Snapshot | None, list[Version], LatestPlan | DamagedStateError | None]:
        """CRIC's RSEs as of now, what changed in its documents, and their last plan, which is of one VO, or why it cannot be
        read."""
        if self.viewer.vos is not None and not self.viewer.shared:
            raise ForbiddenError("the topology", "shared")
        settings = self._assembly.configuration.settings
        snapshots = snapshots_of(settings)
        plan: LatestPlan | DamagedStateError | None
        try:
            plan = latest_plan(settings, "rses") if self.viewer.vos is None else None
        except DamagedStateError as error:
            plan = error
        return snapshots.latest("rses"), snapshots.history(), plan

    # --- the instance itself --------------------------------------------------------------------------------

    def reasons(self) -> list[str]:
        """Why it is not ready; what sources and stores said of that may hold anybody's data."""
        reasons = self._assembly.status.reasons()
        return (
            reasons if self.viewer.vos is None else [f"{one.partition(':')[0]}: {HIDDEN}" for one in reasons]
        )

    def status(self) -> Document:
        """All about collectors, sinks and tasks. Of some VOs only their failures, and no dead letters."""
        if self.viewer.vos is not None and not self.viewer.shared:
            raise ForbiddenError("the status", "shared")
        document = self._assembly.status.document()
        document["tasks"] = [task.document() for task in self._assembly.tasks]
        failures = [
            one
            for one in self._assembly.status.failures()
            if sees(self.viewer, {**one, "dataset": "transfers"})
        ]
        if (pseudonyms := self._pseudonyms) is not None:
            failures = [pseudonyms.hide(one, "transfers") for one in failures]
        document["latest_failures"] = [self._assembly.status.summary_of(one) for one in failures]
        return document if self.viewer.vos is None else self._own_status(document)

    def _own_status(self, document: Document) -> Document:
        for kind in ("collectors", "sinks", "tasks"):
            for one in document[kind]:
                one |= {name: HIDDEN for name in ("detail", "fault") if one.get(name)}
                if "unknown_fields" in one:
                    one["unknown_fields"] = {}
                if one.get("overflow"):
                    one["overflow"]["detail"] = ""
        return document | {
            "reasons": self.reasons(),
            "dead_letters": {"total": document["dead_letters"]["total"], "by_reason": [], "files": 0},
        }

    def metrics(self) -> bytes:
        """For Prometheus: counters of collectors and sinks, and gauges of all alerts."""
        self._need_all("/metrics")
        return generate_latest(self._assembly.engine.metrics.registry)

    @property
    def dead_letters(self) -> DeadLetters:
        """Their bodies may be anybody's, and what could not be decoded has no VO."""
        self._need_all("dead letters")
        return self._assembly.engine.dead_letters

    @property
    def sees_bodies(self) -> bool:
        """Whether dead letters are shown with their bodies, which may name people."""
        return self.viewer.people

    def replay(self, ids: Sequence[str]) -> list[ReplayResult]:
        """Tries dead letters again, by their ids."""
        letters, assembly = self.dead_letters, self._assembly
        matches = list(letters.letters(ids=ids)) if ids else []
        return list(replay(matches, letters, assembly.normaliser, assembly.lanes, assembly.sinks))

    def back_up(self, name: str, now: datetime) -> str:
        """Copies what is kept on this disk; the folder. Raises as `lakescope.app.backup.back_up`."""
        self._need_all("a backup")
        return str(back_up(self._assembly.configuration, self._assembly.sinks, name, now))

    def _need_all(self, what: str) -> None:
        if self.viewer.vos is not None:
            raise ForbiddenError(what, "all_vos")
