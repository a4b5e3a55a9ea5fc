"""The incidents of an instance: what the search found, what people did about it, and what they are notified of.

A file keeps them over restarts, with what the search remembers. Times are POSIX seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from math import inf
from pathlib import Path

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from lakescope.alerts.book import IncidentRecord
from lakescope.alerts.incidents import Change, Incident
from lakescope.alerts.model import Acknowledgement, Alert, Owner, Severity, Silence
from lakescope.core.state_files import read, write

RULE = "incident"
"""The name under which people are notified of incidents."""
Patterns = tuple[tuple[tuple[str, str], ...], ...]
KEPT_S = 30 * 86_400.0
TICKETS = {"link", "links", "account", "activity"}
"""Culprits that wake nobody until many transfers fail."""
MANY = 200.0
"""Failures beyond the expected ones in one window."""


class _State(Struct, kw_only=True):
    records: dict[str, IncidentRecord] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    """Of which somebody may still have to be notified."""
    watch: bytes | None = None
    """What the search remembers (`watch.Watch.dump`)."""
    at: float = 0.0
    """Its last round."""


class Records:
    """A `book.IncidentBook` in a file. Its methods may be called from any thread."""

    def __init__(self, path: Path, title: Callable[[Patterns], str]) -> None:
        """`title`: a culprit as people read it. Raises `RuntimeError` for a file that is damaged or not ours."""
        self._title = title
        self._path = path
        self._lock = threading.RLock()
        self._state = read(path, _State, "the incidents") or _State()

    @property
    def watch(self) -> tuple[bytes | None, float]:
        """What the search remembers, and its last round."""
        return self._state.watch, self._state.at

    def update(
        self,
        changes: Iterable[tuple[Change, Incident]],
        now: float,
        watch: bytes,
        *,
        growing: Iterable[Incident] = (),
        unseen_since: float = inf,
        complete: Callable[[IncidentRecord], IncidentRecord] = lambda record: record,
    ) -> list[tuple[Change, IncidentRecord]]:
        """One round's changes, as records; `complete` adds evidence to those of open incidents. Written before it returns.

        `growing`: open incidents, whose numbers change without a change of the incident; so may their severity.
        Of an incident that opened after `unseen_since` and has ended nobody is notified: it is found in the past.
        """
        changed = [(change, self._made(incident, now, complete)) for change, incident in changes]
        with self._lock:
            records = self._state.records
            changed = [
                (change, _with_people(record, records.get(record.id)))
                for change, record in changed
                if change == "opened" or record.id in records
            ]
            for _, record in changed:
                records[record.id] = record
                if record.ended is None or record.opened <= unseen_since:
                    self._state.unsettled.add(record.id)
                else:
                    self._state.unsettled.discard(record.id)
            for incident in growing:
                if (before := records.get(incident.id)) is not None:
                    records[incident.id] = _record(incident, before, now)
            self._state.records = {
                id: one for id, one in records.items() if one.ended is None or now - one.ended < KEPT_S
            }
            self._state.unsettled &= self._state.records.keys()
            self._state.watch, self._state.at = watch, now
            self._save()
        return changed

    def refresh(
        self,
        complete: Callable[[IncidentRecord], IncidentRecord],
        *,
        all: bool,
        but: Container[str] = frozenset(),
    ) -> None:
        """Completes the open incidents again: all, or those without evidence; not those whose ids are in `but`. They can be read
        while `complete` asks a store."""
        due = [
            complete(one) for one in self.incidents(inf) if one.id not in but and (all or not one.evidence)
        ]
        if due:
            with self._lock:
                records = self._state.records
                records |= {one.id: _with_people(one, records.get(one.id)) for one in due}
                self._save()

    def _made(
        self, incident: Incident, now: float, complete: Callable[[IncidentRecord], IncidentRecord]
    ) -> IncidentRecord:
        """An incident as a record, not yet kept."""
        record = _record(incident, self._state.records.get(incident.id), now)
        record = replace(record, culprit=self._title(record.patterns))
        return complete(record) if record.ended is None else record

    def alerts(self) -> list[Alert]:
        """Of the incidents of which somebody may still have to be notified."""
        with self._lock:
            return [alert_of(self._state.records[id]) for id in sorted(self._state.unsettled)]

    def mute(self, reasons: Mapping[str, str | None]) -> None:
        """Why nobody is notified of some incidents, by their ids; null: they are notified."""
        with self._lock:
            for id, reason in reasons.items():
                self._state.records[id] = replace(self._state.records[id], muted_by=reason)
            self._save()

    def settle(self, ids: Iterable[str]) -> None:
        """Nobody has to be notified of these any more."""
        with self._lock:
            if ids := self._state.unsettled & {*ids}:
                self._state.unsettled -= ids
                self._save()

    # --- the book -----------------------------------------------------------------------------------------

    def incidents(self, since: float) -> Sequence[IncidentRecord]:
        """The open ones, and those that ended after `since`."""
        with self._lock:
            return [one for one in self._state.records.values() if one.ended is None or one.ended > since]

    def incident(self, id: str) -> IncidentRecord | None:
        """One of them, however old, as long as it is known."""
        return self._state.records.get(id)

    def acknowledge(self, id: str, acknowledgement: Acknowledgement) -> IncidentRecord:
        """What it is then. Replaces an earlier one. Raises `KeyError` for an unknown id."""
        return self._change(id, acknowledged=acknowledgement)

    def silence(self, id: str, silence: Silence | None) -> IncidentRecord:
        """The same for a silence; null ends it."""
        return self._change(id, silence=silence)

    def _change(self, id: str, **fields: Acknowledgement | Silence | None) -> IncidentRecord:
        with self._lock:
            record = replace(self._state.records[id], **fields)
            self._state.records[id] = record
            self._save()
        return record

    def _save(self) -> None:
        write(self._path, msgspec.json.encode(self._state))


def severity_of(incident: Incident) -> Severity:
    """page, but for one link or one user's transfers: those are a ticket until `MANY` fail."""
    names = {name for pattern in incident.patterns for name, _ in pattern.attributes}
    return "ticket" if names and names <= TICKETS and incident.peak.excess < MANY else "page"


_OWNERS: dict[str, Owner] = {
    **dict.fromkeys(("site", "src_site", "dst_site"), "site"),
    **dict.fromkeys(("rse", "src_rse", "dst_rse", "protocol"), "storage"),
    **dict.fromkeys(("link", "links"), "network"),
    **dict.fromkeys(("vo", "account", "activity"), "vo"),
    "endpoint": "fts",
}


def owner_of(incident: Incident) -> Owner:
    """Who can do something: by what all its culprits are; several kinds, or none: the lake's operators."""
    owners = {_OWNERS.get(name, "lake") for pattern in incident.patterns for name, _ in pattern.attributes}
    return owners.pop() if len(owners) == 1 else "lake"


def _record(incident: Incident, before: IncidentRecord | None, now: float) -> IncidentRecord:
    severity = severity_of(incident)
    if before is not None and before.severity == "page":
        severity = "page"
    record = before or IncidentRecord(
        id=incident.id,
        culprit="",
        severity=severity,
        owner=owner_of(incident),
        began=incident.began,
        opened=incident.opened or now,
        attempts=0,
        failures=0,
        expected=0,
        runbook=f"docs/runbooks/{RULE}.md",
    )
    return replace(
        record,
        patterns=tuple(pattern.attributes for pattern in incident.patterns),
        severity=severity,
        ended=incident.closed,
        attempts=incident.peak.weight,
        failures=incident.peak.value,
        expected=incident.peak.expected,
        error_class=incident.error_class,
    )


_FIRST: dict[Owner, str] = {
    "site": "whether the site has declared a downtime, then its storage doors and its network",
    "storage": "the storage endpoint: its service, its certificate and its free space",
    "network": "packet loss and routes between the two sites, in both directions",
    "fts": "whether the FTS server answers, then its queue and its host",
    "vo": "the credentials with which the transfers are submitted: certificate, proxy or token",
}
"""Owner -> what to check first."""
_OF_ALL = "what all transfers share: the FTS servers, certificate authorities, the network"


def _with_people(record: IncidentRecord, current: IncidentRecord | None) -> IncidentRecord:
    """With what people have done about it since it was read."""
    if current is None:
        return record
    return replace(record, acknowledged=current.acknowledged, silence=current.silence)


def alert_of(record: IncidentRecord) -> Alert:
    """What people are notified of: labels that never change, the culprit and the numbers as annotations."""
    error = record.error or record.error_class
    failed = f"{record.failures:.0f} of {record.attempts:.0f} attempts failed"
    sentences = [f"The failures are best explained by {record.culprit}."]
    if error:
        sentences.append(f"Most frequent error: {_sentence(error)}")
    for finding, words in (("confirms", "Confirmed by"), ("clears", "Contradicted by")):
        sentences += [
            f"{words} {one.source}: {_sentence(one.text)}"
            for one in record.evidence
            if one.finding == finding
        ]
    sentences.append(f"First check {_FIRST.get(record.owner, _OF_ALL)}.")
    annotations = {
        "summary": f"Transfers fail: {record.culprit}: {failed}, {record.expected:.0f} expected",
        "description": " ".join(sentences),
        "culprit": record.culprit,
        "value": failed,
    }
    return Alert(
        rule=RULE,
        labels={
            "rule": RULE,
            "incident": record.id,
            "severity": record.severity,
            "owner": record.owner,
        },
        annotations=annotations,
        severity=record.severity,
        began=record.began,
        opened=record.opened,
        ended=record.ended,
        acknowledged=record.acknowledged,
        silence=record.silence,
        culprits=tuple(attribute for pattern in record.patterns for attribute in pattern),
        muted_by=record.muted_by,
    )


def _sentence(text: str) -> str:
    return text.rstrip().rstrip(".") + "."
