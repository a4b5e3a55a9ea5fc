"""The topology of a configuration: CRIC's documents, kept as versions, and the QoS classes that collectors read."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakescope.alerts.muting import Outage
from lakescope.app.config import Configuration, Settings
from lakescope.core.state_files import DamagedStateError
from lakescope.sync import topology as cric
from lakescope.sync.topology import Name, Snapshot, Snapshots, SourceError
from lakescope.transformers.topology import AMBIGUOUS, Topology

if TYPE_CHECKING:
    from lakescope.collectors.rucio._qos import QosFile

log = logging.getLogger(__name__)

_SETTLED_NS = 10**9
DOCUMENTS: tuple[Name, ...] = ("rses", "services", "sites")


def snapshots_of(settings: Settings) -> Snapshots:
    """The versions of CRIC's documents in a data directory."""
    return Snapshots(settings.data_dir / "cric")


def source_of(settings: Settings, name: Name) -> str | Path | None:
    """Where a document comes from."""
    source: str | Path | None = getattr(settings.topology, name)
    return source


def refresh(settings: Settings, name: Name, at: float, *, accept_loss: bool = False) -> Snapshot:
    """Reads a document from its source and makes it the version of now. Raises `SourceError`: then the version before stays."""
    source = source_of(settings, name)
    assert source is not None
    document = read_document(settings, name, source)
    return snapshots_of(settings).update(name, document, str(source), at, accept_loss=accept_loss)


def read_document(settings: Settings, name: Name, source: str | Path) -> dict[str, Any]:
    """A document as its source has it now, checked and not kept. Raises `SourceError`."""
    content = cric.fetch(source, settings.topology.tls, settings.topology.timeout_s)
    return cric.decode(content, name, str(source))


def read_topology(configuration: Configuration, *, is_kept: bool = False) -> Topology:
    """CRIC's documents, and the QoS classes that collectors read.

    A source that is a file is read, one that is a URL only where there is no version of it yet. With `is_kept` what is read
    becomes the version of now. Where a source is refused, the version before serves. Raises `RuntimeError` for a file without
    one.
    """
    settings = configuration.settings
    documents = {name: _document(settings, name, is_kept=is_kept) for name in DOCUMENTS}
    return build(configuration, documents)


def build(configuration: Configuration, documents: dict[Name, dict[str, Any] | None]) -> Topology:
    """The topology of some documents, with the QoS classes of now."""
    qos: dict[str, str] = {}
    for file in _qos_files(configuration):
        for rse, value in file.load().items():
            qos[rse] = value if qos.get(rse, value) == value else AMBIGUOUS
    return Topology(documents["rses"], documents["services"], documents["sites"], qos)


def _document(settings: Settings, name: Name, *, is_kept: bool) -> dict[str, Any] | None:
    source = source_of(settings, name)
    if source is None:
        return None
    last = snapshots_of(settings).latest(name)
    if last is not None and last.source != str(source):
        last = None
    if last is not None and isinstance(source, str):
        return last.document
    try:
        if is_kept:
            return refresh(settings, name, time.time()).document
        document = read_document(settings, name, source)
        if last is not None:
            cric.check_loss(last, document)
        return document
    except SourceError as error:
        if last is None and isinstance(source, Path):
            raise RuntimeError(str(error)) from error
        log.warning("topology_refused document=%s error=%s", name, error)
        return None if last is None else last.document


def _qos_files(configuration: Configuration) -> Iterator[QosFile]:
    """Those of the collectors that read QoS classes."""
    data_dir = configuration.settings.data_dir
    for plugin in configuration.collectors.values():
        if hasattr(plugin.options, "qos_file") and (file := plugin.options.qos_file(plugin.name, data_dir)):
            yield file


class TopologyReload:
    """A task's work: reads the sources anew, files when they have changed, URLs once an interval, and keeps what it had of one
    that is refused. `replace` gets the topology when something in it has changed."""

    def __init__(
        self,
        configuration: Configuration,
        replace: Callable[[Topology], None],
        report: Callable[[Name, str | None], None] = lambda name, error: None,
        clock: Callable[[], float] = time.time,
    ):
        """`report` gets the name of each document that was refused and why, and once that it is not any more (null)."""
        self.configuration = configuration
        self._report = report
        self.replace = replace
        self._clock = clock
        self._settings = configuration.settings
        self._due: dict[Name, float] = {}
        self._files = {name: _file_version(source_of(self._settings, name)) for name in DOCUMENTS}
        self._faults: dict[Name, str] = {}
        self._last_content = self._content()

    def __call__(self, stop: threading.Event) -> str:
        for name in DOCUMENTS:
            source = source_of(self._settings, name)
            if source is not None and self._is_due(name, source):
                self._refresh(name, source)
        content = self._content()
        if content != self._last_content:
            snapshots = snapshots_of(self._settings)
            documents: dict[Name, dict[str, Any] | None] = dict.fromkeys(DOCUMENTS)
            for name in DOCUMENTS:
                if source_of(self._settings, name) is not None and (last := snapshots.latest(name)):
                    documents[name] = last.document
            self.replace(build(self.configuration, documents))
            self._last_content = content
            log.info("topology_replaced")
        if self._faults:
            raise RuntimeError("; ".join(self._faults.values()))
        count = sum(source_of(self._settings, name) is not None for name in DOCUMENTS)
        return f"{count} documents of the topology are read: files when they change, URLs once an interval"

    def _is_due(self, name: Name, source: str | Path) -> bool:
        """A file that has changed, a URL or a file that was refused whose interval is over."""
        is_over = self._clock() >= self._due.get(name, 0.0)
        if isinstance(source, Path):
            version = _file_version(source)
            if version is not None and time.time_ns() - version[2] < _SETTLED_NS:
                return False  # it may be in the middle of being written: the next round sees it
            is_due = version != self._files[name] or (name in self._faults and is_over)
            self._files[name] = version
            return is_due
        return is_over

    def _refresh(self, name: Name, source: str | Path) -> None:
        self._due[name] = self._clock() + self._settings.topology.interval_s
        try:
            refresh(self._settings, name, self._clock())
        except SourceError as error:
            self._faults[name] = str(error)
            self._report(name, str(error))
        else:
            if self._faults.pop(name, None) is not None:
                self._report(name, None)

    def _content(self) -> list[tuple[int, int, int] | None]:
        """Inode, size and time of change of each file that the topology is made of; null for one that is not there."""
        snapshots = snapshots_of(self._settings)
        paths = [snapshots.path(name) for name in DOCUMENTS]
        return [
            _file_version(path) for path in (*paths, *(one.path for one in _qos_files(self.configuration)))
        ]


class InactiveRses:
    """The RSEs that are not ACTIVE in CRIC, as outages: they mute alerts as declared downtimes do."""

    def __init__(self, settings: Settings) -> None:
        self._snapshots = snapshots_of(settings)
        self._has_source = source_of(settings, "rses") is not None
        self._version: tuple[int, int, int] | None = None
        self._outages: list[Outage] = []

    def __call__(self) -> list[Outage]:
        """By the version of now."""
        version = _file_version(self._snapshots.path("rses"))
        if self._has_source and version != self._version:
            self._version = version
            try:
                last = self._snapshots.latest("rses")
            except DamagedStateError as error:  # what was so stays so: alerts are notified of all the same
                log.error("topology_damaged error=%s", error)
                return self._outages
            states = states_of(last.document) if last else {}
            self._outages = [
                Outage(rse=name, description=f"its state in CRIC is {state}")
                for name, state in states.items()
                if state != "ACTIVE"
            ]
        return self._outages


def states_of(document: Mapping[str, Any]) -> dict[str, str]:
    """RSE -> its state in CRIC; ACTIVE where CRIC says none."""
    records = cric.records_of(document)
    return {
        name: str(record.get("state") or "ACTIVE").upper()
        for name, record in records.items()
        if isinstance(record, Mapping)
    }


def _file_version(path: str | Path | None) -> tuple[int, int, int] | None:
    try:
        file_status = path.stat() if isinstance(path, Path) else None
    except OSError:
        return None
    return file_status and (file_status.st_ino, file_status.st_size, file_status.st_mtime_ns)
