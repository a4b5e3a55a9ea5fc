"""What every sink keeps: stored once by its id, encoded anywhere; KPIs answered exactly, or refused with a reason."""

from __future__ import annotations

import pickle
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from lakescope.app.assembly import open_sinks
from lakescope.app.query import ask_many
from lakescope.core.contracts import Sink
from lakescope.core.events import Event, Probe, Transfer
from lakescope.kpis import CATALOGUE, Query, UnsupportedError
from lakescope.kpis.model import KpiSink
from lakescope.testing._configured import configure

_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


class SinkContract:
    """A sink and the store behind it."""

    type: ClassVar[str]
    """Name of its entry point."""
    once: ClassVar[bool] = True
    """Whether the store knows an event by its id, so that a repeat is stored once."""

    def options(self, directory: Path) -> str:
        """Its options as TOML, `type` left out; `directory` is a test's own."""
        raise NotImplementedError

    def stored(self, sink: Any, directory: Path) -> list[str]:
        """The ids of all that is stored, as often as it is stored."""
        raise NotImplementedError

    def test_its_configuration_is_valid(self, tmp_path: Path) -> None:
        configuration = configure(tmp_path, "sinks", self.type, self.options(tmp_path))
        assert configuration.document()["sinks"]["tested"]["type"] == self.type

    def test_its_setup_can_be_repeated(self, tmp_path: Path) -> None:
        with closing(self._sink(tmp_path)) as sink:
            for _ in range(2):
                findings = [finding for finding in sink.setup() if finding.level == "error"]
                assert not findings, findings

    def test_every_event_is_stored_once(self, tmp_path: Path) -> None:
        events = _events()
        with closing(self._sink(tmp_path)) as sink:
            list(sink.setup())
            for part in (events[:20], events[20:], events[:20] if self.once else []):
                _write(sink, part)
            ids = self.stored(sink, tmp_path)
        assert Counter(ids) == Counter(event.id for event in events)

    def test_its_encoder_goes_to_another_process(self, tmp_path: Path) -> None:
        """`lakescope run --workers N` pickles it."""
        events = _events()
        documents = [msgspec.json.encode(event) for event in events]
        with closing(self._sink(tmp_path)) as sink:
            there = pickle.loads(pickle.dumps(sink.encode))  # noqa: S301 - our own bytes
            assert there(events, documents) == sink.encode(events, documents)

    def test_kpis_are_answered_exactly_or_refused(self, tmp_path: Path) -> None:
        """Nothing to test of a sink that is not `KpiSink`."""
        with closing(self._sink(tmp_path)) as sink:
            if not isinstance(sink, KpiSink):
                return
            list(sink.setup())
            _write(sink, _events())
            span = {"since": _BEGIN, "until": _BEGIN + timedelta(days=1)}
            queries = [Query(kpi=kpi, **span) for kpi in CATALOGUE.values()]  # type: ignore[arg-type]
            answers = dict(zip(CATALOGUE, ask_many(queries, sink), strict=True))
            by_site = Query(kpi=CATALOGUE["probe_checks"], by=("site",), **span)  # type: ignore[arg-type]
            (groups,) = ask_many([by_site], sink)
        refusals = {name: answer for name, answer in answers.items() if isinstance(answer, UnsupportedError)}
        assert len(refusals) < len(answers), "it answers no KPI: leave out the method `answer`"
        assert all(str(error) for error in refusals.values()), "a refusal says why"
        for name, value in (("transfers_done", 12), ("transfers_failed", 3), ("probe_checks", 25)):
            assert name in refusals or answers[name] == [{"value": value}], (name, answers[name])
        expected_rows = [{"site": "SITE-A", "value": 13}, {"site": "SITE-B", "value": 12}]
        assert isinstance(groups, UnsupportedError) or groups == expected_rows, groups

    def _sink(self, directory: Path) -> Sink:
        configuration = configure(directory, "sinks", self.type, self.options(directory))
        return open_sinks(configuration._replace(sinks={"tested": configuration.sinks["tested"]}))["tested"]


def _write(sink: Sink, events: list[Event]) -> None:
    documents = [msgspec.json.encode(event) for event in events]
    chunks = [chunk for chunk in sink.encode(events, documents) if chunk is not None]
    outcome = sink.write(chunks) if chunks else None
    assert outcome is None or not (outcome.rejected or outcome.retry), outcome


def _events() -> list[Event]:
    """15 transfers, of which 12 succeeded, and 25 probes of two sites, all within one day."""
    transfers = [
        Transfer(
            id=f"{number:032x}",
            time=_time(number),
            source="rucio",
            event="transfer-done" if number < 12 else "transfer-failed",
            kind="transfer",
            ok=number < 12,
            functional_test=False,
            bytes=1000 * number,
        )
        for number in range(15)
    ]
    probes = [
        Probe(
            id=f"{1000 + number:032x}",
            time=_time(number),
            source="push",
            probe="ping",
            status="ok",
            site="SITE-B" if number % 2 else "SITE-A",
        )
        for number in range(25)
    ]
    return [*transfers, *probes]


def _time(number: int) -> str:
    return f"{_BEGIN + timedelta(minutes=10 * number):%Y-%m-%dT%H:%M:%SZ}"
