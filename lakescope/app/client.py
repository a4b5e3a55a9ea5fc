"""Whom commands ask: the running instance, which holds the embedded store; else the stores themselves.

The one way from a command to what is stored: what a viewer may see is to be decided here and in `lakescope.app.web`.
Every method raises `RuntimeError` with what the store or the instance answered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol
from urllib.parse import quote

from lakescope.app.instance import ask, find, local_arguments, stream, tell

if TYPE_CHECKING:
    from datetime import datetime

    from lakescope.app.config import Configuration, Settings
    from lakescope.app.interventions import Words
    from lakescope.app.reports import ReportText
    from lakescope.app.trace import Span
    from lakescope.core.contracts import SearchableSink, Sink
    from lakescope.core.events import Annotation, SyncRun
    from lakescope.dashboards.model import Dashboard
    from lakescope.dashboards.pages.pictures import DashboardAnswer
    from lakescope.dashboards.questions import Selection
    from lakescope.kpis.model import Query, Rows
    from lakescope.pipeline.dead_letters import DeadLetters, Letter
    from lakescope.reports.lake_status import LakeStatus
    from lakescope.reports.model import Report

Document = dict[str, Any]
LETTERS_AT_ONCE = 100
"""Letters of one request to the instance: each answer is a sign of life."""


class KpiText(NamedTuple):
    """A question for a KPI in a person's words, as commands and the API take them."""

    kpi: str
    by: Sequence[str] = ()
    since: str = "7d"
    until: str = "0s"
    bin: str | None = None
    where: Sequence[str] = ()
    noise: bool | None = None

    def parse(self) -> Query:
        """Raises `ValueError` saying what was expected."""
        from lakescope.app.words import parse

        _, by, since, until, bin_, where, noise = self
        return parse(self.kpi, by=by, since=since, until=until, bin=bin_, filters=where, noise=noise)


class SpanText(NamedTuple):
    """A range of time in a person's words; null: without that end."""

    since: str | None = None
    until: str | None = None

    def parse(self) -> Span:
        """Raises `ValueError` saying what was expected."""
        from lakescope.app.trace import Span
        from lakescope.app.words import moment

        since, until = (None if text is None else moment(text) for text in self)
        if since and until and until <= since:
            raise ValueError(f"the range is empty: since {self.since} until {self.until}")
        return Span(since, until)


class LetterFilter(NamedTuple):
    """Which dead letters: all that meet every one that is given."""

    ids: Sequence[str] | None = None
    """Or their first characters."""
    reason: str | None = None
    collector: str | None = None
    sink: str | None = None


class Client(Protocol):
    """Whoever has the stores."""

    def kpi(self, question: KpiText, store: str | None) -> Rows:
        """Rows of a KPI; `store`: the sink to ask, null for the first that can answer."""

    def dashboards(
        self, dashboards: Sequence[Dashboard], selection: SelectionText, store: str | None
    ) -> list[DashboardAnswer]:
        """Dashboards with their values."""

    def report(self, text: ReportText, store: str | None, now: datetime) -> Report:
        """A report; without a period it is of the last one that is over `now`."""

    def lake_status(self, store: str | None, now: datetime) -> LakeStatus:
        """The state of the lake, without what is not for everybody."""

    def transfer(self, request_id: str, span: SpanText) -> list[Document]:
        """The events of one transfer's history, in order of time; empty for none."""

    def explain(self, kind: str, value: str, span: SpanText) -> Document:
        """Why a rule is stuck, where a file is: see `lakescope.app.explain`."""

    def alerts(self) -> Document:
        """All ``rules`` with their states, and ``alerts`` that are open: of the instance's last round, else of now."""

    def alert(self, rule: str) -> Document:
        """One rule's groups, and its last transitions, likewise."""

    def act(
        self, id: str, what: Literal["acknowledge", "silence", "silence/end"], body: Document
    ) -> Document:
        """What people do about an alert, by its key, or an incident, by its id; the alert as it is then."""

    def incidents(self, since: str) -> list[Document] | None:
        """Open ones, and those that ended within `since` (24h), as /api/incidents has them; null: no instance runs."""

    def annotations(self, since: str, until: str) -> list[Document]:
        """Interventions that begin or last in a range, as they hold now, the newest first."""

    def annotate(self, words: Words) -> Document:
        """Writes one down."""

    def correct_annotation(self, id: str, words: Words) -> Document:
        """Replaces what is given of one."""

    def remove_annotation(self, id: str, by: str | None) -> Document:
        """Removes one."""

    def report_run(self, run: SyncRun) -> None:
        """Stores what became of a run of a synchronisation that a command made."""

    def incident(self, id: str) -> Document:
        """One of them, with its evidence."""

    def letter_ids(self, letter_filter: LetterFilter) -> list[str]:
        """The ids of dead letters, oldest first."""

    def letters(self, ids: Sequence[str], *, with_bodies: bool) -> Iterator[Letter]:
        """Dead letters by their ids, oldest first; without bodies, which may be large, these are empty."""

    def back_up(self, name: str) -> str:
        """Copies what is kept on this disk; the folder of the copy."""

    def restore(self, name: str) -> list[str]:
        """Takes back the dead letters of a file that they have moved to, and removes it; their ids."""

    def replay(self, letters: Sequence[str]) -> Iterator[Document]:
        """Tries dead letters again, by their ids: ``id``, ``stored``, ``text`` of each."""

    def drop(self, letters: Sequence[str]) -> int:
        """Forgets dead letters, by their ids; how many there were."""


class SelectionText(NamedTuple):
    """What a dashboard is to show, in a person's words."""

    since: str | None = None
    until: str = "0s"
    where: Sequence[str] = ()
    group: str | None = None
    filters: Sequence[str] = ()

    def parse(self, dashboard: Dashboard) -> Selection:
        """Raises `ValueError` saying what was expected."""
        from lakescope.app.words import parse_selection

        return parse_selection(
            dashboard,
            since=self.since,
            until=self.until,
            variables=self.where,
            group=self.group,
            filters=self.filters,
        )


def client_of(configuration: Configuration) -> Client:
    """The running instance of a configuration, else its stores, opened for each question."""
    url = find(configuration.settings.data_dir)
    return Stores(configuration) if url is None else Instance(url, configuration.settings)


def instance_of(settings: Settings) -> Instance:
    """The running instance. Raises `RuntimeError` with the remedy if there is none."""
    url = find(settings.data_dir)
    if url is None:
        raise RuntimeError(f"no lakescope runs on {settings.data_dir}; start one with `lakescope run`")
    return Instance(url, settings)


class Instance:
    """A running Lakescope, asked over HTTP: with the secret of its start, or, as another user, with `[http] token`."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self._arguments = local_arguments(settings.data_dir, settings.http.token)

    def kpi(self, question: KpiText, store: str | None) -> Rows:
        """From ``/api/kpis``."""
        from lakescope.kpis.model import Rows

        parameters = question._asdict() | {"store": store}
        name = parameters.pop("kpi")
        answer = self._ask(f"/api/kpis/{name}", _nonempty(parameters))
        rows = Rows(answer["rows"])
        rows.bin_s, rows.notes = answer["bin_s"], tuple(answer["notes"])
        return rows

    def dashboards(
        self, dashboards: Sequence[Dashboard], selection: SelectionText, store: str | None
    ) -> list[DashboardAnswer]:
        """From ``/api/dashboards``, one request each."""
        from lakescope.dashboards.pages.pictures import DashboardAnswer

        answers = []
        for dashboard in dashboards:
            with _readable_errors():
                variables = selection.parse(dashboard).variables
            parameters = {
                "since": selection.since,
                "until": selection.until,
                "store": store,
                "group": selection.group,
                "filter": selection.filters,
            } | {f"var.{name}": values for name, values in variables.items()}
            document = self._ask(f"/api/dashboards/{dashboard.name}/data", _nonempty(parameters))
            answers.append(DashboardAnswer.read(dashboard, document))
        return answers

    def report(self, text: ReportText, store: str | None, now: datetime) -> Report:
        """From ``/api/reports``; by the instance's clock."""
        import msgspec

        from lakescope.reports.model import Report

        parameters = text._asdict() | {"store": store}
        kind = parameters.pop("kind")
        parameters["day" if kind == "daily" else "week"] = parameters.pop("period")
        return msgspec.convert(self._ask(f"/api/reports/{kind}", _nonempty(parameters)), Report)

    def lake_status(self, store: str | None, now: datetime) -> LakeStatus:
        """From ``/api/reports/status``; by the instance's clock."""
        import msgspec

        from lakescope.reports.lake_status import LakeStatus

        return msgspec.convert(self._ask("/api/reports/status", _nonempty({"store": store})), LakeStatus)

    def transfer(self, request_id: str, span: SpanText) -> list[Document]:
        """From ``/api/transfers``."""
        events: list[Document] = self._ask(f"/api/transfers/{request_id}", _nonempty(span._asdict()))
        return events

    def explain(self, kind: str, value: str, span: SpanText) -> Document:
        """From ``/api/explain``."""
        document: Document = self._ask(f"/api/explain/{kind}", _nonempty({"id": value} | span._asdict()))
        return document

    def alerts(self) -> Document:
        """From ``/api/alerts``."""
        document: Document = self._ask("/api/alerts")
        return document

    def alert(self, rule: str) -> Document:
        """From ``/api/alerts/{rule}``."""
        document: Document = self._ask(f"/api/alerts/{rule}")
        return document

    def act(
        self, id: str, what: Literal["acknowledge", "silence", "silence/end"], body: Document
    ) -> Document:
        """By ``/api/alerts/{id}/...``."""
        document: Document = self._tell(f"/api/alerts/{quote(id, '')}/{what}", body)
        return document

    def incidents(self, since: str) -> list[Document] | None:
        """From ``/api/incidents``."""
        documents: list[Document] = self._ask("/api/incidents", {"since": since})
        return documents

    def incident(self, id: str) -> Document:
        """From ``/api/incidents/{id}``."""
        document: Document = self._ask(f"/api/incidents/{id}")
        return document

    def annotations(self, since: str, until: str) -> list[Document]:
        """From ``/api/annotations``."""
        documents: list[Document] = self._ask("/api/annotations", {"since": since, "until": until})
        return documents

    def annotate(self, words: Words) -> Document:
        """By ``/api/annotations``."""
        document: Document = self._tell("/api/annotations", words._asdict())
        return document

    def correct_annotation(self, id: str, words: Words) -> Document:
        """By ``/api/annotations/{id}/correct``."""
        document: Document = self._tell(f"/api/annotations/{quote(id, '')}/correct", words._asdict())
        return document

    def remove_annotation(self, id: str, by: str | None) -> Document:
        """By ``/api/annotations/{id}/remove``."""
        document: Document = self._tell(f"/api/annotations/{quote(id, '')}/remove", {"by": by})
        return document

    def report_run(self, run: SyncRun) -> None:
        """By ``/api/syncs/{name}/runs``."""
        import msgspec

        self._tell(f"/api/syncs/{run.sync}/runs", msgspec.to_builtins(run))

    def letter_ids(self, letter_filter: LetterFilter) -> list[str]:
        """From ``/api/dead-letters/ids``."""
        ids: list[str] = self._tell("/api/dead-letters/ids", letter_filter._asdict())
        return ids

    def letters(self, ids: Sequence[str], *, with_bodies: bool) -> Iterator[Letter]:
        """From ``/api/dead-letters``: one at a time with bodies, which may be large, else some."""
        import msgspec

        from lakescope.pipeline.dead_letters import Letter

        for part in _parts(ids, 1 if with_bodies else LETTERS_AT_ONCE):
            letters = self._ask("/api/dead-letters", {"ids": part, "with_bodies": with_bodies})
            yield from msgspec.convert(letters, list[Letter])

    def back_up(self, name: str) -> str:
        """By ``/api/backup``."""
        folder: str = self._tell("/api/backup", {"name": name})
        return folder

    def restore(self, name: str) -> list[str]:
        """By ``/api/dead-letters/restore``."""
        ids: list[str] = self._tell("/api/dead-letters/restore", {"name": name})
        return ids

    def replay(self, letters: Sequence[str]) -> Iterator[Document]:
        """By ``/api/dead-letters/replay``, some at a time."""
        for part in _parts(letters):
            yield from self._tell("/api/dead-letters/replay", part)

    def drop(self, letters: Sequence[str]) -> int:
        """By ``/api/dead-letters/drop``, some at a time."""
        return sum(self._tell("/api/dead-letters/drop", part) for part in _parts(letters))

    def status(self) -> Document:
        """From ``/api/status``."""
        status: Document = self._ask("/api/status")
        return status

    def tap(self, datasets: Sequence[str]) -> Iterator[str]:
        """Events as they pass, each as JSON, without end."""
        return stream(self.url, "/api/tap", params={"datasets": datasets}, **self._arguments)

    def _ask(self, path: str, parameters: Document | None = None) -> Any:
        return ask(self.url, path, params=parameters, **self._arguments)

    def _tell(self, path: str, body: Any) -> Any:
        return tell(self.url, path, body, **self._arguments)


class Stores:
    """The stores of a configuration of which no instance runs."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def kpi(self, question: KpiText, store: str | None) -> Rows:
        """Of one store."""
        from lakescope.app.query import ask as ask_store
        from lakescope.kpis.model import Rows

        with _readable_errors():
            query = question.parse()
            with self.open_store(store) as (_, sink):
                rows = ask_store(query, sink)
        if isinstance(rows, Rows):
            return rows
        binned_rows = Rows(rows)
        binned_rows.bin_s = query.bin_s
        return binned_rows

    def dashboards(
        self, dashboards: Sequence[Dashboard], selection: SelectionText, store: str | None
    ) -> list[DashboardAnswer]:
        """Of one store."""
        from lakescope.app.query import answer_dashboard

        with _readable_errors():
            selections = [selection.parse(dashboard) for dashboard in dashboards]
            with self.open_store(store) as (name, sink):
                return [
                    answer_dashboard(dashboard, configuration, sink, name)
                    for dashboard, configuration in zip(dashboards, selections, strict=True)
                ]

    def report(self, text: ReportText, store: str | None, now: datetime) -> Report:
        """Of one store."""
        from lakescope.app.reports import report_of

        with _readable_errors(), self.open_store(store) as (_, sink):
            return report_of(text, sink, now, self.configuration.settings.objectives)

    def lake_status(self, store: str | None, now: datetime) -> LakeStatus:
        """Of one store."""
        from lakescope.app.reports import lake_status_of

        with _readable_errors(), self.open_store(store) as (_, sink):
            return lake_status_of(sink, now)

    def transfer(self, request_id: str, span: SpanText) -> list[Document]:
        """Of the first store that can be searched."""
        from lakescope.app.trace import story

        with _readable_errors(), self._searched() as store:
            return story(store, request_id, span.parse())

    def explain(self, kind: str, value: str, span: SpanText) -> Document:
        """Of the first store that can be searched."""
        from lakescope.app.explain import explain
        from lakescope.app.subject import Subject

        with _readable_errors():
            subject, parsed = Subject.parse(kind, value), span.parse()
            with self._searched() as store:
                return explain(store, subject, parsed)

    @contextmanager
    def _searched(self) -> Iterator[SearchableSink]:
        from lakescope.app.trace import NOT_SEARCHABLE, searchable_sink

        with self._sinks() as sinks:
            store = searchable_sink(sinks)
            if store is None:
                raise RuntimeError(NOT_SEARCHABLE)
            yield store

    def alerts(self) -> Document:
        """Judged now."""
        import time

        from lakescope.alerts.overview import alerts_of, overview

        with self._judged() as (rules, verdicts, ledger):
            return {
                "rules": overview(rules, verdicts, ledger),
                "alerts": alerts_of(ledger.alerts, time.time()),
                "fault": None,
            }

    def alert(self, rule: str) -> Document:
        """Judged now."""
        from lakescope.alerts.overview import detail

        with self._judged(rule) as (rules, verdicts, ledger):
            return detail(rules[rule], verdicts.get(rule, ()), ledger)

    def act(
        self, id: str, what: Literal["acknowledge", "silence", "silence/end"], body: Document
    ) -> Document:
        """Only an instance notifies."""
        raise RuntimeError(f"no instance runs that notifies of {id}: start `lakescope run`")

    @contextmanager
    def _judged(self, rule: str | None = None) -> Iterator[tuple[Any, Any, Any]]:
        """All rules by name, the verdicts of one or all of them, and what is known of earlier rounds, which are not stepped."""
        import time

        from lakescope.alerts.overview import find
        from lakescope.alerts.states import Ledger
        from lakescope.app.alerts import Evaluator
        from lakescope.app.rules import rules_of

        settings = self.configuration.settings
        rules = rules_of(settings)
        with _readable_errors(), self.open_store(settings.alerts.store) as (_, sink):
            chosen_rules = rules if rule is None else {rule: find(rule, rules)}
            ledger = Ledger.load(settings.data_dir / "alerts.json")
            evaluator = Evaluator(chosen_rules, sink, ledger)
            verdicts = evaluator.judge(time.time())
            if evaluator.fault is not None:
                raise RuntimeError(f"the store does not answer: {evaluator.fault}")
            yield rules, verdicts, ledger

    def incidents(self, since: str) -> list[Document] | None:
        """Only an instance knows them."""
        return None

    def incident(self, id: str) -> Document:
        """Only an instance knows them."""
        raise RuntimeError(f"no instance runs that knows incident {id}: list incidents without an id")

    def annotations(self, since: str, until: str) -> list[Document]:
        """Of the first store that can answer."""
        from lakescope.app.interventions import find_all
        from lakescope.app.words import moment

        with _readable_errors(), self.open_store(None) as (_, sink):
            return find_all(sink, moment(since), moment(until))

    def annotate(self, words: Words) -> Document:
        """Into every store."""
        from lakescope.app.interventions import create

        return self._revise(lambda _, now: create(words, now))

    def correct_annotation(self, id: str, words: Words) -> Document:
        """Into every store."""
        from lakescope.app.interventions import correct, find_one

        return self._revise(lambda store, now: correct(find_one(store, id), words, now))

    def remove_annotation(self, id: str, by: str | None) -> Document:
        """Into every store."""
        from lakescope.app.interventions import find_one, remove

        return self._revise(lambda store, now: remove(find_one(store, id), by, now))

    def _revise(self, make: Callable[[SearchableSink, datetime], Annotation]) -> Document:
        from datetime import UTC, datetime

        import msgspec

        from lakescope.app.assembly import write_own
        from lakescope.app.lock import lock
        from lakescope.app.trace import NOT_SEARCHABLE, searchable_sink

        with lock(self.configuration.settings.data_dir), _readable_errors(), self._sinks() as sinks:
            store = searchable_sink(sinks)
            if store is None:
                raise RuntimeError(NOT_SEARCHABLE)
            try:
                event = make(store, datetime.now(UTC))
            except KeyError as error:
                raise RuntimeError(f"no annotation {error.args[0]!r}, or it was removed") from error
            write_own(self.configuration, sinks, [event])
        document: Document = msgspec.to_builtins(event)
        return document

    def report_run(self, run: SyncRun) -> None:
        """Into every store."""
        from lakescope.app.assembly import write_own
        from lakescope.app.lock import lock

        with lock(self.configuration.settings.data_dir), _readable_errors(), self._sinks() as sinks:
            write_own(self.configuration, sinks, [run])

    def letter_ids(self, letter_filter: LetterFilter) -> list[str]:
        """From the file."""
        with self._dead_letters() as dead:
            return dead.ids(**letter_filter._asdict())

    def letters(self, ids: Sequence[str], *, with_bodies: bool) -> Iterator[Letter]:
        """From the file, one at a time."""
        with self._dead_letters() as dead:
            yield from dead.letters(ids=ids, with_bodies=with_bodies)

    def drop(self, letters: Sequence[str]) -> int:
        """In the file."""
        with self._dead_letters() as dead:
            return dead.drop(letters)

    def back_up(self, name: str) -> str:
        """With sinks of our own."""
        from datetime import UTC, datetime

        from lakescope.app.backup import back_up
        from lakescope.app.lock import lock

        with lock(self.configuration.settings.data_dir), _readable_errors(), self._sinks() as sinks:
            return str(back_up(self.configuration, sinks, name, datetime.now(UTC)))

    def restore(self, name: str) -> list[str]:
        """Into the file."""
        with _readable_errors(), self._dead_letters() as dead:
            return dead.restore(name)

    def replay(self, letters: Sequence[str]) -> Iterator[Document]:
        """With sinks of our own, which write as those of a run would; so none may run meanwhile."""
        import msgspec

        from lakescope.app.assembly import lanes, normaliser
        from lakescope.app.lock import lock
        from lakescope.app.replay import replay
        from lakescope.app.topology import read_topology

        if not letters:
            return
        configuration, settings = self.configuration, self.configuration.settings
        with lock(settings.data_dir):
            topology = read_topology(configuration)
            with self._sinks() as sinks, self._dead_letters() as dead:
                for result in replay(
                    dead.letters(ids=letters),
                    dead,
                    lambda name: normaliser(settings, topology, configuration.collectors.get(name), name),
                    lanes(configuration, sinks),
                    sinks,
                ):
                    yield msgspec.to_builtins(result)

    @contextmanager
    def _sinks(self, *names: str) -> Iterator[dict[str, Sink]]:
        """Sinks of our own: those of the names, else all."""
        from lakescope.app.assembly import open_sinks

        plugins = self.configuration.sinks
        sinks = open_sinks(
            self.configuration._replace(sinks={name: plugins[name] for name in names or plugins})
        )
        try:
            yield sinks
        finally:
            for sink in sinks.values():
                sink.close()

    @contextmanager
    def _dead_letters(self) -> Iterator[DeadLetters]:
        from lakescope.app.assembly import open_dead_letters

        dead = open_dead_letters(self.configuration.settings)
        try:
            yield dead
        except sqlite3.Error as error:
            raise RuntimeError(f"the dead letters cannot be used now: {error}") from error
        finally:
            dead.close()

    @contextmanager
    def open_store(self, store: str | None) -> Iterator[tuple[str, Sink]]:
        """The chosen store, or the first that can answer: its name and the sink."""
        from lakescope.app.query import store_of

        types = {plugin.name: plugin.type for plugin in self.configuration.sinks.values()}
        name = store_of(types, store)
        with self._sinks(name) as sinks:
            yield name, sinks[name]


@contextmanager
def _readable_errors() -> Iterator[None]:
    """A question that is none, and a store that fails, as a person reads it."""
    from lakescope.core.contracts import RefusedError, TransientError

    try:
        yield
    except (ValueError, RefusedError, TransientError) as error:
        raise RuntimeError(str(error)) from error


def _parts(ids: Sequence[str], size: int = LETTERS_AT_ONCE) -> Iterator[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _nonempty(parameters: Document) -> Document:
    return {name: value for name, value in parameters.items() if value not in (None, (), [])}
