"""What an instance does about alerts once a round: evaluate, look for incidents, mute, notify.

    every ROUND_S    rules over the store -> alerts' lives (`app.alerts`);  transfers -> incidents (`alerts.watch`)
    every TICK_S     what is due and was not delivered yet (`alerts.delivery`)

State lies in two files of the data directory, each written whole: `alerts.json` (rules' alerts, and what receivers have
taken) and `incidents.json`. A kill loses nothing: what was not delivered is due again under the same key.
"""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from lakescope.alerts.book import IncidentRecord
from lakescope.alerts.covering import Covering, Culprit
from lakescope.alerts.delivery import Outbox
from lakescope.alerts.incidents import BIN_S
from lakescope.alerts.inhibition import causes
from lakescope.alerts.model import Acknowledgement, Alert, Rule, Silence
from lakescope.alerts.muting import Outage, outage_of
from lakescope.alerts.patterns import Pattern
from lakescope.alerts.receivers._common import Receiver
from lakescope.alerts.records import RULE, Records, alert_of, severity_of
from lakescope.alerts.routing import Subscription, is_settled
from lakescope.alerts.states import Ledger
from lakescope.alerts.watch import FAILED_BY, PLACE, REACH_S, Bins, Watch, bins_of
from lakescope.app import alert_events, evidence
from lakescope.app.alerts import ROUND_S, Evaluator
from lakescope.app.incident_events import events_of
from lakescope.app.lease import ALIVE_S, Lease
from lakescope.app.query import ask_many, query_of
from lakescope.core.contracts import CachingSink, RefusedError, Sink, TransientError
from lakescope.core.events import Event
from lakescope.core.printable import rfc3339
from lakescope.dashboards.pages.incident import title_of
from lakescope.kpis import CATALOGUE, Query
from lakescope.kpis.model import DAY, HOUR, StatesQuery, UnsupportedError
from lakescope.kpis.units import format_value

log = logging.getLogger(__name__)

TICK_S = 15.0
TAKEN_OVER_S = ALIVE_S + ROUND_S
"""What the holder of the lease may not have sent before it fell silent."""
LEARN_S = DAY
"""So much of the past is looked at when nothing is known of it: what is usual is learnt from it."""
PAST_STEP_S = 4 * BIN_S
"""From one round to the next in what is longer past than a round looks back: that of an incident's `together_s`, so that none
that lasts is passed over."""
_AT_ONCE_S = HOUR
"""Of the past, held at a time beside what a round looks back: more might not fit in memory."""
_ONE_REQUEST_S = 1800
"""Of it, asked in one request: the rows of an answer take more than what is made of them."""
_REFRESH = 6
"""In every so many rounds all bins that a round looks at are asked for again, else the last ones: failures are reported late."""
_LATEST_S = 1800
_EVIDENCE = 3
"""In every so many rounds the evidence of all open incidents is asked for again, else of those that changed."""
_OUTAGES = ("site", "rse", "host", "service", "severity", "started", "ended", "description", "url")


class Notifying(NamedTuple):
    """Who is notified, by the configuration."""

    receivers: Mapping[str, Receiver] = {}
    subscriptions: Mapping[str, Subscription] = {}
    links: Callable[[Rule | None, Alert], Mapping[str, str]] = lambda rule, alert: {}
    """Annotations that are addresses: runbook_url, dashboard_url; null: an incident."""
    beat: Callable[[], None] | None = None
    """Tells a dead man's switch outside that a round was evaluated and that this instance notifies."""


class Rounds:
    """A `tasks.Task`'s work. Raises `RuntimeError` for files of its own that are damaged or not ours."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        sink: Sink,
        data_dir: Path,
        notifying: Notifying | None = None,
        store: Callable[[Sequence[Event]], None] | None = None,
        clock: Callable[[], float] = time.time,
        inactive: Callable[[], Sequence[Outage]] = lambda: (),
    ):
        """`store`: keeps events of its own, for whoever shares the store; null: nobody does. `inactive`: places out of operation,
        beside declared downtimes."""
        notifying = notifying or Notifying()
        self.rules = rules
        """Disabled ones, too."""
        self._file = data_dir / "alerts.json"
        self._saving = threading.Lock()
        self.records = Records(data_dir / "incidents.json", title_of)
        self.evaluator = Evaluator(rules, sink, Ledger.load(self._file))
        self._inactive = inactive
        self.outages: list[Outage] = []
        """In force in the last round."""
        self.faults: Mapping[str, str] = {}
        """Receiver -> why it has not taken what is due."""
        self._links, self._beat = notifying.links, notifying.beat
        self._beaten = 0.0
        """The last round of which the dead man's switch has heard."""
        self._store = store
        self._lease = Lease(self._ledger.instance, sink, store) if store else None
        self.is_holder: bool | None = True if self._lease is None else None
        """Whether this one of several instances is to notify; null: not known yet."""
        self.clock = clock
        self._outbox = Outbox(
            notifying.receivers, notifying.subscriptions, self._ledger.receipts, lambda _: self._save()
        )
        self._incident_alerts: list[Alert] = []
        self._watch, self._searched = self._remembered()
        """What the search remembers, and its last round."""
        self._bins: Bins = {}
        self._evaluated = 0.0
        self._now = 0.0
        self._completed: set[str] = set()
        """Incidents whose evidence was asked for in this round."""

    @property
    def receivers(self) -> Mapping[str, Receiver]:
        """Those that are notified, by name."""
        return self._outbox.receivers

    @property
    def _ledger(self) -> Ledger:
        return self.evaluator.ledger

    def __call__(self, stop: threading.Event) -> str:
        """One tick: a round if one is due, then what is due to receivers."""
        now = self.clock()
        at = now // ROUND_S * ROUND_S
        if at > self._evaluated:
            self.round(at, stop)
        self.is_holder = self._asked_lease(now)
        self.notify(now)
        if self.evaluator.fault is not None:
            raise RuntimeError(
                f"the store does not answer, so all alerts are unknown: {self.evaluator.fault}"
            )
        faults = [*(f"receiver {name}: {text}" for name, text in self.faults.items()), *self._tell_switch()]
        if faults:
            raise RuntimeError("; ".join(faults))
        role = "" if self.is_holder else "another instance notifies; "
        return f"{role}{len(self.evaluator.rules)} rules, {len(self.alerts())} alerts open or not yet sent to all"

    def round(self, now: float, stop: threading.Event | None = None) -> None:
        """Evaluates at a time (POSIX seconds, a multiple of `ROUND_S`). Notifies nobody."""
        self.evaluator.fault = None
        self._ask_outages(now)
        fault = self.evaluator.fault
        self._completed.clear()
        self.search(now, stop or threading.Event())
        return_free_memory()
        self.evaluator.cover = Covering(self._culprits(), self._bins, now).of
        self.evaluator.step(now)
        self.evaluator.fault = self.evaluator.fault or fault
        is_due = round(now / ROUND_S) % _EVIDENCE == 0
        self.records.refresh(self._complete, all=is_due, but=self._completed)
        # else the store has what only a round needs until the next one
        if isinstance(self.evaluator.sink, CachingSink):
            self.evaluator.sink.release_memory()
        return_free_memory()
        self._evaluated = now

    def notify(self, now: float) -> None:
        """Sends what is due at a time, and writes what receivers have taken."""
        self._annotate(now)
        self._save()
        alerts = self.alerts()
        if self.is_holder:
            self.faults = self._outbox.deliver(alerts, now)
        else:
            self._outbox.pass_over(alerts, now, now - TAKEN_OVER_S)
        self._keep_alerts(now)
        settled = [one for one in self.records.alerts() if self._is_settled(one, now)]
        self.records.settle(one.labels["incident"] for one in settled)
        self._ledger.forget_settled(self._outbox.subscriptions, now, self.records.alerts())
        self._save()

    def _tell_switch(self) -> Iterator[str]:
        """Beats once a round that the store answered; why it could not, and will try again in the next tick.

        Only who holds the lease: another instance in good health would hide that the one that is to notify has no way out.
        """
        if self._beat is None or not self.is_holder or self._beaten == self._evaluated:
            return
        try:
            self._beat()
            self._beaten = self._evaluated
        except (TransientError, RefusedError) as error:
            yield f"heartbeat: {error}"

    def _keep_alerts(self, now: float) -> None:
        """Stores each step of an alert once; of incidents as long as they are known. Of old ones another instance has done so."""
        if self._store is None:
            return
        alerts = [*self._ledger.alerts, *(alert_of(one) for one in self.records.incidents(0))]
        steps = {one.id: one for one in alert_events.events_of(alerts, self._ledger.receipts)}
        recorded = {*self._ledger.recorded}
        unknown = [one for id, one in steps.items() if id not in recorded]
        if not self.is_holder:
            begin = rfc3339(now - TAKEN_OVER_S)
            unknown = [one for one in unknown if one.time < begin]
        elif unknown:
            self._store(unknown)
        recorded |= {one.id for one in unknown}
        self._ledger.recorded = [id for id in steps if id in recorded]

    def alerts(self) -> list[Alert]:
        """Open ones, and ended ones of which somebody may still have to be notified; of rules and of incidents."""
        return [*self._ledger.alerts, *self._incident_alerts]

    def _is_settled(self, alert: Alert, now: float) -> bool:
        return is_settled(alert, self._ledger.receipts, self._outbox.subscriptions, now)

    def acknowledge(self, id: str, acknowledgement: Acknowledgement) -> Alert:
        """Somebody works on an alert, by its key, or on an incident, by its id: it is not escalated any more.

        Replaces an earlier one; survives a restart. Raises `KeyError` for an unknown id. From any thread.
        """
        alert = self._find(id)
        if alert.rule == RULE:
            self.records.acknowledge(alert.labels["incident"], acknowledgement)
        alert.acknowledged = acknowledgement
        self._save()
        return alert

    def silence(self, id: str, silence: Silence | None) -> Alert:
        """The same for a silence; null ends it."""
        alert = self._find(id)
        if alert.rule == RULE:
            self.records.silence(alert.labels["incident"], silence)
        alert.silence = silence
        self._save()
        return alert

    def _find(self, id: str) -> Alert:
        for one in self.records.alerts():
            if id in (one.key, one.labels["incident"]):
                return one
        return self._ledger.alert(id)

    def close(self) -> None:
        """Closes the receivers."""
        self._outbox.close()

    # --- incidents ----------------------------------------------------------------------------------------

    def _remembered(self) -> tuple[Watch, float]:
        state, at = self.records.watch
        try:
            return (Watch.load(state), at) if state else (Watch(), 0.0)
        except msgspec.DecodeError:  # of another version: what is usual is learnt anew
            log.warning("incidents_learnt_anew")
            return Watch(), 0.0

    def search(self, now: float, stop: threading.Event) -> None:
        """The search's rounds up to `now`: those that were missed, too, as far back as `LEARN_S`."""
        self._now = now
        begin = max(self._searched, now - LEARN_S) // BIN_S * BIN_S
        first = begin
        while begin < now and not stop.is_set():
            end = min(now, begin + _AT_ONCE_S)
            if not self._fill(begin, end):
                return
            if not self._bins and not self._searched:  # history may still be brought in
                begin = end
                continue
            step = PAST_STEP_S if end <= now - REACH_S else BIN_S
            for at in range(int(end) - int(end - begin - BIN_S) // step * step, int(end) + 1, step):
                bins = {one: places for one, places in self._bins.items() if one < at}
                changes = self._watch.step(float(at), bins)
                if end < now:
                    return_free_memory()
                if changes or at == end:
                    unseen = first if at < now - ROUND_S else inf
                    complete = self._complete if at > now - ROUND_S else lambda record: record
                    changed = self.records.update(
                        changes,
                        at,
                        self._watch.dump(),
                        growing=self._watch.tracker.open,
                        unseen_since=unseen,
                        complete=complete,
                    )
                    self._keep(at, {record.id for change, record in changed if change != "updated"})
                self._searched = float(at)
            begin = end

    def _complete(self, record: IncidentRecord) -> IncidentRecord:
        self._completed.add(record.id)
        return evidence.complete(record, self.evaluator.sink, self._now, self.outages)

    def _keep(self, now: float, changed: Collection[str]) -> None:
        """Stores what is known of the open incidents and of those that have ended in this round."""
        records = [one for one in self.records.incidents(0) if one.ended is None or one.id in changed]
        if self._store is not None and records:
            self._store([*events_of(records, now, self._notified(records))])

    def _notified(self, records: Iterable[IncidentRecord]) -> dict[str, float]:
        """Incident -> when the first receiver took it; of another instance's notifications only that it passed them over is
        known, and nothing is said."""
        if not self.is_holder:
            return {}
        times = {
            one.id: [
                receipts[key].opened for receipts in self._ledger.receipts.of.values() if key in receipts
            ]
            for one in records
            for key in [alert_of(one).key]
        }
        return {id: min(of_receivers) for id, of_receivers in times.items() if of_receivers}

    def _fill(self, begin: float, end: float) -> bool:
        """Asks for the bins that the rounds after `begin` until `end` look at, and forgets older ones; whether the store
        answered."""
        first_bin = begin + BIN_S - REACH_S - BIN_S
        held_bins = {at: places for at, places in self._bins.items() if at >= first_bin}
        is_due = end - begin <= BIN_S and round(end / BIN_S) % _REFRESH == 0
        since = first_bin if is_due or not held_bins else min(begin, end - _LATEST_S)
        kpis = (("transfers_ended", PLACE), ("transfers_failed", FAILED_BY))
        bins = {at: places for at, places in held_bins.items() if at < since}
        while since < end:
            until = min(end, since + _ONE_REQUEST_S)
            answers = self._ask([query_of(name, since, until, by, bin_s=BIN_S) for name, by in kpis])
            if answers is None:
                return False
            if any(isinstance(one, UnsupportedError) for one in answers):
                return False  # such a store has no transfers, or cannot tell them apart
            bins |= bins_of(*answers)
            since = until
        self._bins = bins
        return True

    def _culprits(self) -> Iterator[Culprit]:
        """Of open incidents, and of those that will be confirmed soon if they are any."""
        for record in self.records.incidents(inf):
            patterns = [Pattern(one) for one in record.patterns]
            yield Culprit(f"incident {record.id}: {record.culprit}", record.severity, patterns)
        for one in self._watch.tracker.suspected(self._searched):
            text = f"an incident that is not confirmed yet: {title_of(tuple(p.attributes for p in one.patterns))}"
            yield Culprit(text, severity_of(one), one.patterns)

    # --- what mutes ---------------------------------------------------------------------------------------

    def _ask_outages(self, now: float) -> None:
        queries = [
            StatesQuery(of=query_of(name, now - HOUR, now), columns=_OUTAGES, limit=1000)
            for name in ("downtimes_running", "downtimes_planned")
        ]
        answers = self._ask(queries)
        if answers is not None:  # else what was in force is taken to be so still
            rows = [row for one in answers if not isinstance(one, UnsupportedError) for row in one]
            self.outages = [*_in_force(rows, now)]

    def _annotate(self, now: float) -> None:
        """Links of all alerts, and what mutes the open ones now; what has ended stays muted by what it was muted by."""
        self._incident_alerts = self.records.alerts()
        reports = sum(any(one.ended for one in places.values()) for places in self._bins.values())
        completeness = format_value(min(1.0, reports * BIN_S / REACH_S), "ratio")
        covers = {one.alert.key: one.covered_by for one in self._ledger.watched if one.alert}
        alerts = self.alerts()
        greater = causes(alerts, self.evaluator.rules)
        outages = (*self.outages, *self._inactive())
        muted: dict[str, str | None] = {}
        for alert in alerts:
            rule = self.evaluator.rules.get(alert.rule)
            alert.annotations |= self._links(rule, alert)
            if alert.rule == RULE:
                alert.annotations["completeness"] = completeness
            if alert.ended is None:
                cover = covers.get(alert.key)
                if cover is None and (cause := greater.get(alert.key)) is not None:
                    cover = f"{cause.rule}: {cause.annotations.get('summary', cause.key)}"
                alert.muted_by = _downtime(alert, rule, outages) or cover
                if alert.rule == RULE and "incident" in alert.labels:
                    muted[alert.labels["incident"]] = alert.muted_by
            silence = alert.silence
            if alert.muted_by is None and silence and silence.until > (alert.ended or now):
                alert.muted_by = str(silence)
        self.records.mute(muted)

    # --- the store ----------------------------------------------------------------------------------------

    def _asked_lease(self, now: float) -> bool | None:
        if self._lease is None:
            return True
        try:
            return self._lease.is_held(now)
        except UnsupportedError:  # such a store is given no reports: nobody else can be known
            return True
        except (TransientError, RefusedError):
            return self.is_holder

    def _ask(self, queries: Sequence[Query | StatesQuery]) -> list[Any] | None:
        try:
            return ask_many(queries, self.evaluator.sink)
        except (TransientError, RefusedError) as error:
            self.evaluator.fault = str(error)
            return None

    def _save(self) -> None:
        with self._saving:
            self._ledger.save(self._file)


def return_free_memory() -> None:
    """Gives the system what a round needed for a moment: glibc keeps free memory that lies below what is in use. Elsewhere
    nothing happens."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _downtime(alert: Alert, rule: Rule | None, outages: Sequence[Outage]) -> str | None:
    """The one that mutes an alert, which is annotated with it."""
    topic = CATALOGUE[rule.kpi].dataset if rule else "transfers"
    outage = outage_of(alert, topic, outages)
    alert.annotations.pop("downtime", None)
    if outage is None:
        return None
    alert.annotations["downtime"] = str(outage)
    return str(outage)


def _in_force(rows: Iterable[Mapping[str, Any]], now: float) -> Iterator[Outage]:
    """Outages among reported downtimes: a planned one begins at its time, whether the portal has been asked since or not."""
    moment = datetime.fromtimestamp(now, UTC)
    for row in rows:
        started, ended = (_moment(row[name]) for name in ("started", "ended"))
        if row["severity"] == "outage" and (started or moment) <= moment and (ended or moment) >= moment:
            until = f"{ended:%Y-%m-%dT%H:%M:%SZ}" if ended else None
            places = {name: row[name] for name in ("site", "rse", "host", "service", "description", "url")}
            yield Outage(**places, until=until)


def _moment(value: Any) -> datetime | None:
    return value if value is None or isinstance(value, datetime) else datetime.fromisoformat(value)
