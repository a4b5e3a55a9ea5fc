"""Whom commands ask: the running instance, which holds the embedded store; else the stores themselves.

The one way from a command to what is stored: what a viewer may see is to be decided here and in `lakescope.app.web`.
Every method raises `RuntimeError` with what the store or the instance answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lakescope.app.instance import ask, find, stream, tell

if TYPE_CHECKING:
    from lakescope.app.config import Configuration, Settings
    from lakescope.core.contracts import Sink
    from lakescope.dashboards.model import Dashboard
    from lakescope.dashboards.pages.pictures import Answered
    from lakescope.dashboards.questions import Selection
    from lakescope.kpis.model import Query, Rows

Document = dict[str, Any]
REPLAYED_AT_ONCE = 100
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


class Client(Protocol):
    """Whoever has the stores."""

    def kpi(self, question: KpiText, store: str | None) -> Rows:
        """Rows of a KPI; `store`: the sink to ask, null for the first that can answer."""

    def dashboards(
        self, dashboards: Sequence[Dashboard], selection: SelectionText, store: str | None
    ) -> list[Answered]:
        """Dashboards with their values."""

    def transfer(self, request_id: str) -> list[Document]:
        """The events of one transfer's history, in order of time; empty for none."""

    def replay(self, letters: Sequence[str]) -> Iterator[Document]:
        """Tries dead letters again, by their ids: ``id``, ``stored``, ``text`` of each."""


class SelectionText(NamedTuple):
    """What a dashboard is to show, in a person's words."""

    since: str | None = None
    until: str = "0s"
    where: Sequence[str] = ()

    def parse(self, dashboard: Dashboard) -> Selection:
        """Raises `ValueError` saying what was expected."""
        from lakescope.app.words import parse_selection

        return parse_selection(dashboard, since=self.since, until=self.until, variables=self.where)


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
    """A running Lakescope, asked over HTTP with the token of its configuration."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        token = settings.http.token
        self._headers = (
            {} if token is None else {b"authorization": b"Bearer " + token.get_secret_value().encode()}
        )

    def kpi(self, question: KpiText, store: str | None) -> Rows:
        """From ``/api/kpis``."""
        from lakescope.kpis.model import Rows

        parameters = question._asdict() | {"store": store}
        name = parameters.pop("kpi")
        answer = self._ask(f"/api/kpis/{name}", _given(parameters))
        rows = Rows(answer["rows"])
        rows.bin_s, rows.notes = answer["bin_s"], tuple(answer["notes"])
        return rows

    def dashboards(
        self, dashboards: Sequence[Dashboard], selection: SelectionText, store: str | None
    ) -> list[Answered]:
        """From ``/api/dashboards``, one request each."""
        from lakescope.dashboards.pages.pictures import Answered

        answers = []
        for dashboard in dashboards:
            with _reported():
                variables = selection.parse(dashboard).variables
            parameters = {"since": selection.since, "until": selection.until, "store": store} | {
                f"var.{name}": values for name, values in variables.items()
            }
            document = self._ask(f"/api/dashboards/{dashboard.name}/data", _given(parameters))
            answers.append(Answered.read(dashboard, document))
        return answers

    def transfer(self, request_id: str) -> list[Document]:
        """From ``/api/transfers``."""
        events: list[Document] = self._ask(f"/api/transfers/{request_id}")
        return events

    def replay(self, letters: Sequence[str]) -> Iterator[Document]:
        """By ``/api/dead-letters/replay``, some at a time."""
        for start in range(0, len(letters), REPLAYED_AT_ONCE):
            part = letters[start : start + REPLAYED_AT_ONCE]
            yield from tell(self.url, "/api/dead-letters/replay", part, headers=self._headers)

    def status(self) -> Document:
        """From ``/api/status``."""
        status: Document = self._ask("/api/status")
        return status

    def tap(self, datasets: Sequence[str]) -> Iterator[str]:
        """Events as they pass, each as JSON, without end."""
        return stream(self.url, "/api/tap", params={"datasets": datasets}, headers=self._headers)

    def _ask(self, path: str, parameters: Document | None = None) -> Any:
        return ask(self.url, path, params=parameters, headers=self._headers)


class Stores:
    """The stores of a configuration of which no instance runs."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def kpi(self, question: KpiText, store: str | None) -> Rows:
        """Of one store."""
        from lakescope.app.query import ask as ask_store
        from lakescope.kpis.model import Rows

        with _reported():
            query = question.parse()
            with self._opened(store) as (_, sink):
                rows = ask_store(query, sink)
        if isinstance(rows, Rows):
            return rows
        binned = Rows(rows)
        binned.bin_s = query.bin_s
        return binned

    def dashboards(
        self, dashboards: Sequence[Dashboard], selection: SelectionText, store: str | None
    ) -> list[Answered]:
        """Of one store."""
        from lakescope.app.query import answered

        with _reported():
            selections = [selection.parse(dashboard) for dashboard in dashboards]
            with self._opened(store) as (name, sink):
                return [
                    answered(dashboard, chosen, sink, name)
                    for dashboard, chosen in zip(dashboards, selections, strict=True)
                ]

    def transfer(self, request_id: str) -> list[Document]:
        """Of the first store that can be searched."""
        from lakescope.app.assembly import open_sinks
        from lakescope.app.trace import searchable, story

        sinks = open_sinks(self.configuration)
        try:
            store = searchable(sinks)
            if store is None:
                raise RuntimeError(
                    "no sink can be searched: add one of type duckdb or elasticsearch, or influxdb 1.x"
                )
            with _reported():
                return story(store, request_id)
        finally:
            for sink in sinks.values():
                sink.close()

    def replay(self, letters: Sequence[str]) -> Iterator[Document]:
        """With sinks of our own, which write as those of a run would; so none may run meanwhile."""
        import msgspec

        from lakescope.app.assembly import lanes, normaliser, open_dead_letters, open_sinks, read_topology
        from lakescope.app.lock import locked
        from lakescope.app.replay import replay

        if not letters:
            return
        chosen, settings = self.configuration, self.configuration.settings
        with locked(settings.data_dir):
            topology = read_topology(settings)
            sinks = open_sinks(chosen)
            dead = open_dead_letters(settings)
            try:
                for result in replay(
                    dead.letters(ids=letters),
                    dead,
                    lambda name: normaliser(settings, topology, chosen.collectors.get(name), name),
                    lanes(chosen, sinks),
                    sinks,
                ):
                    yield msgspec.to_builtins(result)
            finally:
                dead.close()
                for sink in sinks.values():
                    sink.close()

    @contextmanager
    def _opened(self, store: str | None) -> Iterator[tuple[str, Sink]]:
        """The chosen store, or the first that can answer: its name and the sink."""
        from lakescope.app.assembly import open_sinks
        from lakescope.app.query import store_of

        plugins = self.configuration.sinks
        name = store_of({plugin.name: plugin.type for plugin in plugins.values()}, store)
        sink = open_sinks(self.configuration._replace(sinks={name: plugins[name]}))[name]
        try:
            yield name, sink
        finally:
            sink.close()


@contextmanager
def _reported() -> Iterator[None]:
    """A question that is none, and a store that fails, as a person reads it."""
    from lakescope.core.contracts import RefusedError, TransientError

    try:
        yield
    except (ValueError, RefusedError, TransientError) as error:
        raise RuntimeError(str(error)) from error


def _given(parameters: Document) -> Document:
    return {name: value for name, value in parameters.items() if value not in (None, (), [])}
