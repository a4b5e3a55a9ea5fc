"""A lake of two VOs, of events without one, and of what belongs to all, each with a text of its own wherever a text may be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import replace

from docs.access import VO, configuration
from lakescope.alerts.book import Evidence, Example, IncidentRecord
from lakescope.alerts.model import Acknowledgement, Rule, Silence, Threshold
from lakescope.app.gauges import AlertGauges
from lakescope.app.pseudonyms import Pseudonyms
from lakescope.app.reports import ReportText, report_of
from lakescope.app.restriction import SHARED
from lakescope.app.rounds import Rounds
from lakescope.app.sync import keep_plan
from lakescope.core.columns import columns
from lakescope.core.events import DATASETS, Event
from lakescope.core.messages import Message, Reject
from lakescope.core.printable import rfc3339
from lakescope.reports.archive import Archive
from lakescope.sync.accounts.state import AccountsPlan, AccountState
from lakescope.transformers._common import identify
from tests.contract._running import QUICK, Running

OWN, OTHER, UNKNOWN, LAKE = "m4rk-own", "m4rk-other", "m4rk-unknown", "m4rk-lake"
"""What stands in every text of an event of the viewer's VO, of another VO, of no known VO, and of what belongs to the lake."""
OTHER_VO = f"{OTHER}.example"
REQUESTS = {OWN: "a" * 32, OTHER: "b" * 32, UNKNOWN: "c" * 32}
RULES = {OWN: "1" * 32, OTHER: "2" * 32, UNKNOWN: "3" * 32}
JOB = "the-job-of-all"
WEEK_S = 7 * 86400

_SOURCES = {
    "transfers": ("rucio", "fts"),
    "deletions": ("rucio",),
    "traces": ("trace",),
    "pipeline": ("lakescope",),
    "incidents": ("lakescope",),
    "alerts": ("lakescope",),
}
_FIXED: dict[str, dict[str, Any]] = {
    "transfers": {
        "event": "failed",
        "ok": False,
        "kind": "transfer",
        "job_id": JOB,
        "functional_test": False,
    },
    "deletions": {"event": "failed", "ok": False},
    "rules": {"event": "stuck"},
    "probes": {"status": "critical", "ok": False},
    "pipeline": {"stage": "sink"},
    "downtimes": {"event": "reported", "state": "running"},
    "incidents": {"event": "reported", "state": "open", "severity": "page"},
    "alerts": {"event": "opened", "severity": "page"},
    "hosts": {"type": "gauge", "quantity": "load1"},
    "rucio": {"kind": "gauge", "part": None, "unit": None},
    "replicas": {"state": "bad"},
    "network": {"ok": False, "test": "throughput"},
    "traces": {"ok": False},
}
FAILING = Rule(
    name="failing",
    title="Transfers of a VO fail",
    kpi="transfer_efficiency",
    condition=Threshold(below=0.6),
    window_s=3600,
    by=("vo", "dst_rse"),
    severity="page",
    owner="vo",
    summary="{dst_rse} of {vo}: {value}",
    description="{dst_rse} of {vo}",
)


def planted_events(now: float) -> list[Event]:
    """Of each dataset, minutes ago and a week ago."""
    events = []
    for dataset in DATASETS:
        for mark in marks_of(dataset):
            for at in (now - 600, now - WEEK_S):
                for source in _SOURCES.get(dataset, ("push",)):
                    events.append(event_of(dataset, mark, at, source))
                    if dataset == "transfers" and source == "rucio":
                        done = msgspec.to_builtins(event_of(dataset, mark, at + 60, source))
                        done |= {
                            "id": identify("done", mark, str(at)),
                            "event": "done",
                            "ok": True,
                            "error": None,
                        }
                        events.append(msgspec.convert(done, DATASETS[dataset]))
    return events


def marks_of(dataset: str) -> tuple[str, ...]:
    """Whose events there are of a dataset."""
    if dataset == "storage":
        return OWN, OTHER, UNKNOWN, LAKE
    return (OWN, OTHER, LAKE) if dataset in SHARED else (OWN, OTHER, UNKNOWN)


def event_of(dataset: str, mark: str, at: float, source: str) -> Event:
    """One that knows everything, but what would make it no event of the lake."""
    fixed = _FIXED.get(dataset, {})
    values: dict[str, Any] = {"dataset": dataset}
    names = {column.name for column in columns(dataset)}
    hints = get_type_hints(DATASETS[dataset])
    for column in columns(dataset):
        name = column.name
        if of_closed_set := _choices(hints.get(name)):
            values[name] = of_closed_set[0]
            continue
        match column.kind:
            case "keyword" | "text":
                values[name] = f"{mark}-{name}"
            case "time":
                values[name] = rfc3339(at)
            case "integer":
                values[name] = 4
            case "float":
                values[name] = 0.5
            case "boolean":
                values[name] = True
            case "labels":
                values[name] = {f"{mark}-label": f"{mark}-value"}
            case "object":
                values[name] = {f"{mark}-key": f"{mark}-value"}
            case "keywords":
                values[name] = [f"{mark}-word"]
    values |= {"id": identify(dataset, mark, str(at), source), "time": rfc3339(at), "source": source}
    values |= {
        name: None
        for name in (
            "functional_test",
            "user_error",
            "credential_error",
            "multihop",
            "expires_at",
            "ended_ms",
        )
        if name in names
    }
    values |= {"vo": {OWN: VO, OTHER: OTHER_VO}.get(mark)} | fixed
    if mark == LAKE:
        values |= dict.fromkeys(SHARED[dataset])
    if "request_id" in names:
        # a chain across VOs: each names another's request
        values |= {
            "request_id": REQUESTS[mark],
            "previous_request_id": REQUESTS[OTHER if mark == OWN else OWN],
        }
    if dataset == "transfers":
        values |= {"parent_scope": f"user.{mark}-account", "error": f"{mark}-error of {mark}-account"}
    if "rule_id" in names:
        values["rule_id"] = RULES[mark]
    return msgspec.convert(
        {key: value for key, value in values.items() if value is not None}, DATASETS[dataset]
    )


def _choices(hint: Any) -> tuple[Any, ...]:
    """What a closed set allows; empty for an open one."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return next((found for arg in get_args(hint) if (found := _choices(arg))), ())


def record(mark: str, vo: str | None, now: float) -> IncidentRecord:
    """An incident whose evidence speaks of another VO."""
    place = (("dst_rse", f"{mark}-dst_rse"),)
    return IncidentRecord(
        id=f"{identify(mark)[:12]}",
        culprit=f"{mark} culprit",
        patterns=(place if vo is None else (("vo", vo), *place),),
        severity="page",
        began=now - 900,
        opened=now - 600,
        attempts=9,
        failures=9,
        expected=1,
        error=f"{mark} error",
        evidence=(Evidence(source="probes", finding="confirms", text=f"{OTHER} evidence"),),
        example=Example(time=now - 700, error=f"{mark} example"),
        muted_by=f"{OTHER} mutes it",
    )


@dataclass
class Book:
    """Incidents that nobody evaluates."""

    records: dict[str, IncidentRecord] = field(default_factory=dict)

    def incidents(self, since: float) -> Sequence[IncidentRecord]:
        """All."""
        return list(self.records.values())

    def incident(self, id: str) -> IncidentRecord | None:
        """One."""
        return self.records.get(id)

    def acknowledge(self, id: str, acknowledgement: Acknowledgement) -> IncidentRecord:
        """As it is then."""
        self.records[id] = replace(self.records[id], acknowledged=acknowledgement)
        return self.records[id]

    def silence(self, id: str, silence: Silence | None) -> IncidentRecord:
        """As it is then."""
        self.records[id] = replace(self.records[id], silence=silence)
        return self.records[id]


class Planted(Running):
    """A running Lakescope that has all of it: stored, failing, dead, reported, alerted."""

    def __init__(self, directory: Path) -> None:
        objectives = (
            '[[objectives]]\nname = "theirs"\nkpi = "transfer_efficiency"\ntarget = 0.98\n'
            f'filters = {{ vo = "{OTHER_VO}" }}\n'
        )
        super().__init__(directory, f"{QUICK}{configuration(objectives)}")
        self.now = time.time()
        self.events = planted_events(self.now)
        self.documents = [msgspec.json.encode(event) for event in self.events]

    def fail(self) -> None:
        """The collector's source has said something of another VO; what is pushed since has made it well again."""
        self.engine.pipelines[0].collector.health.set("error", f"{OTHER} was refused")

    def plant(self) -> None:
        """Once it runs."""
        assembly, engine = self.assembly, self.engine
        sink: Any = assembly.sinks["duck"]
        outcome = sink.write(sink.encode(self.events, self.documents))
        assert not (outcome.rejected or outcome.retry)
        self.fail()
        engine.failures.extend(
            document
            for event, document in zip(self.events, self.documents, strict=True)
            if event.dataset == "transfers" and getattr(event, "ok", None) is False
        )
        letter = Message(f'"{OTHER} letter"'.encode(), "push", received=self.now)
        engine.dead_letters.add(
            "push", None, [(letter, [Reject("schema", "$", "an object", f"{OTHER} found")])]
        )
        engine.pipelines[0].unknown.update([f"{OTHER}-field"])
        book = Book()
        for one in (
            record(OWN, VO, self.now),
            record(OTHER, OTHER_VO, self.now),
            record(UNKNOWN, None, self.now),
        ):
            book.records[one.id] = one
        assembly.incidents = book
        rounds = Rounds({FAILING.name: FAILING}, sink, self.data_dir)
        rounds.round(self.now)
        rounds.notify(self.now)
        assembly.rounds = rounds
        engine.metrics.registry.register(AlertGauges(rounds, Pseudonyms(self.data_dir)))
        accounts = [AccountState(name=f"{mark}-account") for mark in REQUESTS]
        plan = AccountsPlan(
            sync="accounts", source="iam", target="rucio", changes=[], existing={}, accounts=accounts
        )
        keep_plan(assembly.configuration.settings, plan, self.now)
        archive = Archive(self.data_dir / "reports")
        for vo in (None, VO):
            archive.keep(
                report_of(ReportText("weekly", None, vo), sink, datetime.fromtimestamp(self.now, UTC))
            )
