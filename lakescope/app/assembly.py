"""Puts a configuration's collectors, formats, enrichment and sinks together into an engine."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec.structs import replace

from lakescope.app.config import Configuration, PipelineOptions, Plugin, Settings
from lakescope.app.lock import lock
from lakescope.app.query import can_answer, store_of
from lakescope.app.sync_desk import SyncDesk
from lakescope.app.tasks import Task, stop_all
from lakescope.app.topology import InactiveRses, TopologyReload, read_topology
from lakescope.core.contracts import (
    BlankingSink,
    Collector,
    ExpiringSink,
    RefusedError,
    Sink,
    TransientError,
)
from lakescope.core.disk import move_away, remedy_for
from lakescope.core.events import Event
from lakescope.core.filters import parse_filters
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message
from lakescope.core.options import renew_certificates
from lakescope.core.plugins import Room, formats, load
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.model import Dashboard
from lakescope.pipeline.dead_letters import DeadLetters
from lakescope.pipeline.delivery import deliver, give_up
from lakescope.pipeline.engine import Engine, Pipeline
from lakescope.pipeline.health import FORMAT, OWN, HealthCollector
from lakescope.pipeline.normalise import Normaliser
from lakescope.pipeline.overflow import Overflow, file_of, find_remainders
from lakescope.pipeline.route import Route
from lakescope.pipeline.status import Status
from lakescope.pipeline.transform import SinkInput, Transform
from lakescope.sinks._common import SinkOptions
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology

if TYPE_CHECKING:  # imported by what needs them: alerts bring numpy, reports all their sections
    from lakescope.alerts.book import IncidentBook
    from lakescope.alerts.receivers._common import LetterReceiver, Receiver
    from lakescope.app.report_rounds import ReportRounds
    from lakescope.app.rounds import Rounds

log = logging.getLogger(__name__)

TOPOLOGY_S = 30.0
"""From one look whether CRIC's files have changed to the next."""
CERTIFICATES_S = 30.0
"""The same of the certificates of clients."""
RETENTION_S = 3600.0
"""From one deletion of old events to the next."""


class Assembly:
    """An engine and what stands around it. Raises `RuntimeError` with a remedy for what cannot be opened."""

    def __init__(self, configuration: Configuration, *, workers: int = 1):
        settings = configuration.settings
        data_dir = settings.data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        self.configuration = configuration
        self.sinks = open_sinks(configuration)
        self.collectors: dict[str, Collector] = {
            plugin.name: _open("collectors", plugin, data_dir) for plugin in configuration.collectors.values()
        }
        self.lanes = lanes(configuration, self.sinks)
        self._topology = read_topology(configuration, is_kept=True)
        self.engine = self._engine(workers)
        plugins = (configuration.collectors | configuration.sinks).values()
        reload = TopologyReload(configuration, self.replace_topology, self._report_document)
        self.tasks = [Task("topology", TOPOLOGY_S, reload)]
        if _names_certificates(configuration):
            self.tasks.append(Task("certificates", CERTIFICATES_S, renew))
        self.tasks += sync_tasks(configuration, self.report)
        for plugin in configuration.sinks.values():
            if getattr(plugin.options, "retention_days", None) and isinstance(
                sink := self.sinks[plugin.name], ExpiringSink
            ):
                self.tasks.append(Task(f"retention {plugin.name}", RETENTION_S, partial(expire, sink)))
        if days := settings.privacy.keep_days:
            for name, sink in self.sinks.items():
                if isinstance(sink, BlankingSink):
                    self.tasks.append(Task(f"names {name}", RETENTION_S, partial(forget_names, sink, days)))
        self.status = Status(self.engine, {plugin.name: plugin.type for plugin in plugins})
        self.dashboards = _dashboards(settings)
        """Lakescope's own pages, by name."""
        self.rounds = open_rounds(configuration, self.sinks, self.report)
        """Null where no store can be asked, or nobody shall."""
        if self.rounds is not None:
            from lakescope.app.gauges import AlertGauges
            from lakescope.app.pseudonyms import Pseudonyms
            from lakescope.app.rounds import TICK_S

            self.tasks.append(Task("alerts", TICK_S, self.rounds))
            settings = configuration.settings
            pseudonyms = Pseudonyms(settings.data_dir, settings.privacy.service_accounts)
            self.engine.metrics.registry.register(AlertGauges(self.rounds, pseudonyms))
        if (reports := open_report_rounds(configuration, self.sinks, self.rounds)) is not None:
            from lakescope.app.report_rounds import TICK_S as REPORTS_TICK_S

            self.tasks.append(Task("reports", REPORTS_TICK_S, reports))
        for task in self.tasks:
            failing = self.engine.metrics.failing.labels(task.name)
            failing.set_function(partial(_is_failing, task))
        self._show_tokens()
        self.syncs = SyncDesk(configuration, self.report)
        self.incidents: IncidentBook | None = None if self.rounds is None else self.rounds.records

    def start(self) -> None:
        """Starts every thread; returns at once."""
        self.engine.start()
        self.status.start()
        for task in self.tasks:
            task.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Stops, drains for `timeout` seconds (null: option `drain_s`), closes. False if messages were left to their
        sources."""
        stop_all(self.tasks)
        if self.rounds is not None:
            self.rounds.close()
        is_drained = self.engine.stop(
            self.configuration.settings.pipeline.drain_s if timeout is None else timeout
        )
        self.status.stop()
        return is_drained

    def _report_document(self, name: str, error: str | None) -> None:
        """That a document of the topology was refused, or is not any more."""
        from lakescope.app.sync_runs import event_of

        self.report([event_of("topology", time.time(), ok=error is None, target=name, error=error)])

    def report(self, events: Sequence[Event]) -> None:
        """Stores events of Lakescope's own, as all others are: with retries, dead letters and metrics. From any thread."""
        message = Message(msgspec.json.encode(list(events)), FORMAT, received=time.time())
        (own,) = self.engine.internal
        own.inbox.put([message])

    def normaliser(self, collector: str) -> Normaliser:
        """The transform stage of a collector, with the topology of now."""
        settings, collectors = self.configuration.settings, self.configuration.collectors
        return normaliser(settings, self._topology, collectors.get(collector), collector)

    def replace_topology(self, topology: Topology) -> None:
        """Batches from now on are completed from `topology`."""
        self._topology = topology
        for pipeline in (*self.engine.pipelines, *self.engine.internal):
            pipeline.transform = Transform(self.normaliser(pipeline.name), self.lanes)
        self.engine.conflicts.clear()  # those of the new one are told anew

    def _show_tokens(self) -> None:
        rooms: dict[str, Mapping[str, Any]] = {
            "collectors": self.collectors,
            "sinks": self.sinks,
            "receivers": {} if self.rounds is None else self.rounds.receivers,
        }
        self.engine.metrics.tokens.of = {
            f"{room}.{name}": plugin.credentials
            for room, plugins in rooms.items()
            for name, plugin in plugins.items()
            if getattr(plugin, "credentials", None) is not None
        }

    def _engine(self, workers: int) -> Engine:
        settings, collectors = self.configuration.settings, self.configuration.collectors
        options = settings.pipeline
        engine = Engine(
            [
                Pipeline(
                    name,
                    collector,
                    self.normaliser(name),
                    self.lanes,
                    Inbox(
                        batch_size=_batch_size(collectors[name], options),
                        batch_age=options.batch_age_s,
                        limit_bytes=options.queue_bytes,
                    ),
                )
                for name, collector in self.collectors.items()
            ],
            self.sinks,
            open_dead_letters(settings),
            overflows=open_overflows(self.configuration),
            queue_limit=options.queue_messages,
            queue_bytes=options.queue_bytes,
            workers=workers,
        )
        inbox = Inbox(batch_age=options.batch_age_s)
        health = HealthCollector(engine, options.health_s)
        engine.internal.append(Pipeline(OWN, health, self.normaliser(OWN), self.lanes, inbox))
        return engine


def _is_failing(task: Task) -> float:
    return float(task.health.state == "error")


def _names_certificates(configuration: Configuration) -> bool:
    """Whether any client shows a certificate, or trusts other CAs than the system's."""
    rooms = (configuration.collectors, configuration.sinks, configuration.receivers)
    options = (getattr(plugin.options, "tls", None) for room in rooms for plugin in room.values())
    return any(tls is not None and (tls.cert_file or tls.ca_file) for tls in options)


def renew(stop: threading.Event) -> str:
    """A task's work: certificates and CAs of clients are read again when their files change."""
    return f"{renew_certificates()} files are read when they change"


def expire(sink: ExpiringSink, stop: threading.Event) -> str:
    """A task's work: a sink deletes its old events."""
    deleted = sink.expire(datetime.now(UTC), stop)
    if deleted:
        log.info("expired %s", " ".join(f"{dataset}={count}" for dataset, count in deleted.items()))
    return _counted("deleted", deleted)


def forget_names(sink: BlankingSink, days: int, stop: threading.Event) -> str:
    """A task's work: a sink makes old events' personal fields null."""
    return _counted("changed", sink.forget_before(datetime.now(UTC) - timedelta(days=days)))


def _counted(what: str, events: Mapping[str, int]) -> str:
    return f"{what}: " + (", ".join(f"{dataset} {count}" for dataset, count in events.items()) or "nothing")


def _dashboards(settings: Settings) -> dict[str, Dashboard]:
    since = settings.dashboards.since
    return {
        name: replace(one, since=since) if since and not one.keeps_since else one
        for name, one in DASHBOARDS.items()
    }


def _batch_size(collector: Plugin, options: PipelineOptions) -> int:
    """A source that gives no more before an acknowledgement would let a larger batch wait its whole age."""
    return min(options.batch_messages, getattr(collector.options, "prefetch", options.batch_messages))


def open_sinks(configuration: Configuration) -> dict[str, Sink]:
    """The configured sinks by name."""
    return {
        plugin.name: _open("sinks", plugin, configuration.settings.data_dir)
        for plugin in configuration.sinks.values()
    }


def open_receivers(configuration: Configuration, names: Collection[str] | None = None) -> dict[str, Receiver]:
    """The configured receivers by name: those of `names`, by default all."""
    return {
        plugin.name: _open("receivers", plugin, configuration.settings.data_dir)
        for plugin in configuration.receivers.values()
        if names is None or plugin.name in names
    }


def open_rounds(
    configuration: Configuration, sinks: Mapping[str, Sink], store: Callable[[Sequence[Event]], None]
) -> Rounds | None:
    """What evaluates alerts over the configured store; null where no store can be asked, or nobody shall."""
    alerts = configuration.settings.alerts
    types = {plugin.name: plugin.type for plugin in configuration.sinks.values()}
    if not alerts.evaluate or not any(map(can_answer, types.values())):
        return None
    from lakescope.alerts.heartbeat import Heartbeat
    from lakescope.app.links import links_of
    from lakescope.app.rounds import Notifying, Rounds
    from lakescope.app.rules import rules_of

    sink = sinks[store_of(types, alerts.store)]
    beat = Heartbeat(alerts.heartbeat) if alerts.heartbeat else None
    links = partial(links_of, alerts)
    notifying = Notifying(open_receivers(configuration), alerts.subscriptions, links, beat)
    settings = configuration.settings
    return Rounds(
        rules_of(settings), sink, settings.data_dir, notifying, store, inactive=InactiveRses(settings)
    )


def open_report_rounds(
    configuration: Configuration, sinks: Mapping[str, Sink], rounds: Rounds | None
) -> ReportRounds | None:
    """What computes and sends reports on their schedules, if the lease of alerts is this instance's; null where none has one.

    Raises `RuntimeError` where no store can be asked.
    """
    settings = configuration.settings
    if not any(one.at for one in settings.reports.values()):
        return None
    types = {plugin.name: plugin.type for plugin in configuration.sinks.values()}
    try:
        sink = sinks[store_of(types, None)]
    except ValueError as error:
        raise RuntimeError(f"[reports] has an `at`, and no report can be computed: {error}") from error
    from lakescope.app.report_rounds import ReportRounds
    from lakescope.app.reports import report_of

    return ReportRounds(
        settings.reports,
        settings.data_dir / "reports",
        lambda text: report_of(text, sink, datetime.now(UTC), settings.objectives),
        lambda names: cast("Mapping[str, LetterReceiver]", open_receivers(configuration, names)),
        lambda: True if rounds is None else rounds.is_holder,
    )


def sync_tasks(configuration: Configuration, report: Callable[[Sequence[Event]], None]) -> list[Task]:
    """The synchronisations on a schedule. Raises `RuntimeError` where one lacks what it needs."""
    sync = configuration.settings.sync
    intervals = {"rses": sync.rses.interval_s, "accounts": sync.accounts and sync.accounts.interval_s}
    if not any(intervals.values()):
        return []
    from lakescope.app.sync_rounds import SyncRounds

    if sync.rucio is None:
        raise RuntimeError(
            "[sync.rucio] is missing, and a synchronisation has an `interval_s`: add it, or remove that"
        )
    return [
        Task(f"sync {name}", interval_s, SyncRounds(name, configuration, report))  # type: ignore[arg-type]
        for name, interval_s in intervals.items()
        if interval_s is not None
    ]


@contextmanager
def evaluating(configuration: Configuration) -> Iterator[Rounds]:
    """What evaluates alerts without an engine, for the time of the block. Raises `RuntimeError` where nothing can be asked."""
    with lock(configuration.settings.data_dir):
        sinks = open_sinks(configuration)
        try:
            rounds = open_rounds(configuration, sinks, partial(_write_what_is_taken, configuration, sinks))
            if rounds is None:
                raise RuntimeError(
                    "no alerts can be evaluated: [alerts] evaluate is false, or no store can be asked"
                )
            try:
                yield rounds
            finally:
                rounds.close()
        finally:
            for sink in sinks.values():
                sink.close()


def _write_what_is_taken(
    configuration: Configuration, sinks: Mapping[str, Sink], events: Sequence[Event]
) -> None:
    """What a store does not take is not kept."""
    for name, sink in sinks.items():
        with suppress(TransientError, RefusedError):
            write_own(configuration, {name: sink}, events)


def write_own(configuration: Configuration, sinks: Mapping[str, Sink], events: Sequence[Event]) -> None:
    """Events of Lakescope's own into every store that wants them, tried once and without an engine.

    Raises `TransientError` or `RefusedError` at the first store that does not take all of them.
    """
    documents = [msgspec.json.encode(one) for one in events]
    for name, lane in lanes(configuration, sinks).items():
        chunks = [chunk for chunk in lane.encode(list(events), documents) if chunk is not None]
        if chunks and (rejects := deliver(chunks, sinks[name].write, give_up)):
            raise RefusedError("refused", f"{name}: {next(iter(rejects.values()))}")


def _open(room: Room, plugin: Plugin, data_dir: Path) -> Any:
    """A collector, sink or receiver. Raises `RuntimeError` for files of its own that are damaged or not ours."""
    try:
        return load(room, plugin.type)(plugin.name, plugin.options, data_dir)
    except (sqlite3.Error, OSError) as error:
        damaged = (
            f"bring its files in {data_dir} back from a backup,"
            f" or move them away: mv {data_dir}/{plugin.name}.* ELSEWHERE"
        )
        raise RuntimeError(
            f"[{room}.{plugin.name}] cannot be opened: {error}; {remedy_for(data_dir, damaged)}"
        ) from error


def open_dead_letters(settings: Settings) -> DeadLetters:
    """The dead letters of a configuration. Raises `RuntimeError` for a file that is damaged or not ours."""
    path = settings.data_dir / "dead-letters.sqlite"
    try:
        options = settings.pipeline
        return DeadLetters(path, options.dead_letters_bytes, options.dead_letters_total_bytes)
    except (sqlite3.Error, OSError) as error:
        damaged = f"bring them back from a backup, or move them away: {move_away(path)}"
        raise RuntimeError(
            f"{path}: expected Lakescope's dead letters: {error}; {remedy_for(path, damaged)}"
        ) from error


def open_overflows(configuration: Configuration) -> dict[str, Overflow]:
    """Of the sinks with `overflow_bytes`, and of those that once had it and may have overflow. Raises `RuntimeError`."""
    data_dir = configuration.settings.data_dir
    overflows = {}
    for plugin in configuration.sinks.values():
        path = file_of(data_dir, plugin.name)
        if (limit_bytes := plugin.options.overflow_bytes) is not None or path.exists():
            try:
                overflow = Overflow(path, limit_bytes or 0)
            except (sqlite3.Error, OSError) as error:
                raise RuntimeError(
                    f"{path}: expected the overflow of [sinks.{plugin.name}]: {error};"
                    f" {remedy_for(path, 'let this user read and write it')}"
                ) from error
            if limit_bytes or overflow.bytes:
                overflows[plugin.name] = overflow
            else:
                overflow.close()
    for sentence in find_remainders(data_dir, configuration.sinks):
        log.warning("overflow_left %s", sentence)
    return overflows


def lanes(configuration: Configuration, sinks: Mapping[str, Sink]) -> dict[str, SinkInput]:
    """How each sink wants its events."""
    options = {plugin.name: plugin.options for plugin in configuration.sinks.values()}
    return {name: SinkInput(sink.encode, route_of(options[name])) for name, sink in sinks.items()}


def route_of(options: SinkOptions) -> Route:
    """Which events a sink takes."""
    return Route(
        datasets=_set(options.datasets),
        vos=_set(options.vos),
        where=parse_filters(options.where),
        sample=options.sample,
        mask=frozenset(options.mask),
    )


def _set(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def normaliser(settings: Settings, topology: Topology, collector: Plugin | None, name: str) -> Normaliser:
    """The transform stage of one collector; null for one that the configuration no longer has."""
    salt = settings.privacy.user_salt
    enrichment = Enrichment(
        topology,
        collector=name,
        vo=collector.options.vo if collector else None,
        vo_names=settings.vos.names,
        functional_activities=settings.functional_tests.activities,
        functional_scopes=settings.functional_tests.scopes,
        experiments=settings.experiments.names,
        user_salt=salt.get_secret_value().encode() if salt else None,
    )
    return Normaliser(formats(), enrichment)
