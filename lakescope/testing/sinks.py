"""What every sink keeps: stored once by its id, encoded anywhere; KPIs answered exactly, or refused with a reason."""

from __future__ import annotations

import pickle
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, get_args

import msgspec
import pytest

from lakescope.app.assembly import open_sinks
from lakescope.app.query import ask_many
from lakescope.app.restriction import restricted
from lakescope.app.viewer import Role, Viewer
from lakescope.core.contracts import Chunk, SearchableSink, Sink, TransientError
from lakescope.core.events import Event, Probe, Transfer
from lakescope.core.messages import Reason
from lakescope.kpis import CATALOGUE, Query, UnsupportedError
from lakescope.kpis.model import KpiSink
from lakescope.pipeline.delivery import deliver
from lakescope.pipeline.overflow import Overflow, Slice, pack_origin
from lakescope.testing._configured import configure

_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
_ATTEMPTS = 20


class SinkContract:
    """A sink and the store behind it.

    What only some stores have is for who derives it: `troubled`, `refused`.
    """

    type: ClassVar[str]
    """Name of its entry point."""
    once: ClassVar[bool] = True
    """Whether the store knows an event by its id, so that a repeat is stored once."""
    answers: ClassVar[bool] = True
    """Whether a sink with the method `answer` answers any KPI as it is configured here."""

    def options(self, directory: Path) -> str:
        """Its options as TOML, `type` left out; `directory` is a test's own."""
        raise NotImplementedError

    def stored(self, sink: Any, directory: Path) -> list[str]:
        """The ids of all that is stored, as often as it is stored."""
        raise NotImplementedError

    def settle(self, sink: Any) -> None:
        """Lets questions see all that was written, where a store takes its time."""

    @contextmanager
    def troubled(self, sink: Any) -> Iterator[None]:
        """For the time of the block, and for some requests more, the store cannot take anything."""
        pytest.skip("its store has no trouble to order")
        yield

    def refused(self) -> Event:
        """An event that the store will never take from now on. Called before the sink is made."""
        pytest.skip("its store refuses nothing")

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

    def test_trouble_that_passes_loses_nothing_and_doubles_nothing(self, tmp_path: Path) -> None:
        events = _events()
        with closing(self._sink(tmp_path)) as sink:
            list(sink.setup())
            _write(sink, events[:5])
            chunks = [chunk for chunk in _encoded(sink, events) if chunk is not None]
            with self.troubled(sink):
                stored = self._attempt(sink, chunks)
            assert not stored, "expected TransientError or Outcome.retry while the store is away"
            rejects = deliver(chunks if self.once else chunks[5:], sink.write, _wait)
            ids = self.stored(sink, tmp_path)
        assert not rejects
        assert Counter(ids) == Counter(event.id for event in events)

    def test_what_the_store_refuses_holds_back_nothing(self, tmp_path: Path) -> None:
        events = _events()
        bad = self.refused()
        with closing(self._sink(tmp_path)) as sink:
            list(sink.setup())
            rejects = deliver(_encoded(sink, [*events[:20], bad, *events[20:]]), sink.write, _wait)
            ids = self.stored(sink, tmp_path)
        assert rejects.keys() == {20}, "expected the refused event among the rejects, and no other"
        assert rejects[20].reason in get_args(Reason) and str(rejects[20])
        assert Counter(ids) == Counter(event.id for event in events)

    @staticmethod
    def _attempt(sink: Sink, chunks: list[Chunk]) -> int:
        """How many chunks one write stores."""
        try:
            outcome = sink.write(chunks)
        except TransientError as error:
            assert str(error), "expected why"
            return 0
        return len(chunks) - len(outcome.retry)

    def test_its_encoder_goes_to_another_process(self, tmp_path: Path) -> None:
        """`lakescope run --workers N` pickles it."""
        events = _events()
        documents = [msgspec.json.encode(event) for event in events]
        with closing(self._sink(tmp_path)) as sink:
            there = pickle.loads(pickle.dumps(sink.encode))  # noqa: S301 - our own bytes
            assert there(events, documents) == sink.encode(events, documents)

    def test_its_chunks_come_back_from_disk(self, tmp_path: Path) -> None:
        """Option `overflow_bytes` keeps them there."""
        with closing(self._sink(tmp_path)) as sink:
            chunks = [chunk for chunk in _encoded(sink, _events()) if chunk is not None]
        overflow = Overflow(tmp_path / "overflow.sqlite", 2**30)
        overflow.put([(1, Slice("tested", chunks, Counter(), pack_origin([], [])))])
        ((_, slice_),) = overflow.read(0, len(chunks))
        overflow.close()
        assert slice_.chunks == chunks, (
            "expected bytes, texts, or flat tuples of bytes, texts, numbers and nulls"
        )

    def test_kpis_are_answered_exactly_or_refused(self, tmp_path: Path) -> None:
        """Nothing to test of a sink that is not `KpiSink`."""
        with closing(self._sink(tmp_path)) as sink:
            if not isinstance(sink, KpiSink):
                return
            list(sink.setup())
            _write(sink, _events())
            self.settle(sink)
            span = {"since": _BEGIN, "until": _BEGIN + timedelta(days=1)}
            queries = [Query(kpi=kpi, **span) for kpi in CATALOGUE.values()]  # type: ignore[arg-type]
            answers = dict(zip(CATALOGUE, ask_many(queries, sink), strict=True))
            by_site = Query(kpi=CATALOGUE["probe_checks"], by=("site",), **span)  # type: ignore[arg-type]
            (groups,) = ask_many([by_site], sink)
        refusals = {name: answer for name, answer in answers.items() if isinstance(answer, UnsupportedError)}
        is_silent = len(refusals) == len(answers)
        assert is_silent != self.answers, "it answers no KPI: leave out the method `answer`"
        assert all(str(error) for error in refusals.values()), "a refusal says why"
        for name, value in (("transfers_done", 12), ("transfers_failed", 3), ("probe_checks", 25)):
            assert name in refusals or answers[name] == [{"value": value}], (name, answers[name])
        expected_rows = [{"site": "SITE-A", "value": 13}, {"site": "SITE-B", "value": 12}]
        assert isinstance(groups, UnsupportedError) or groups == expected_rows, groups

    def test_vos_are_kept_apart(self, tmp_path: Path) -> None:
        """Of the transfers of two VOs a viewer of one gets those of that one, whatever is asked."""
        viewer = Viewer("", Role.READER, frozenset({"vo-a"}), shared=False)
        with closing(self._sink(tmp_path)) as sink:
            list(sink.setup())
            _write(sink, _events())
            self.settle(sink)
            view = restricted(sink, viewer)
            if isinstance(view, KpiSink):
                span = {"since": _BEGIN, "until": _BEGIN + timedelta(days=1)}
                names = ("transfers_done", "probe_checks")
                answers = ask_many([Query(kpi=CATALOGUE[name], **span) for name in names], view)  # type: ignore[arg-type]
                for answer, value in zip(answers, (6, 0), strict=True):
                    assert isinstance(answer, UnsupportedError) or answer == [{"value": value}], answer
            if isinstance(view, SearchableSink):
                vos = [event.get("vo") for event in view.find("transfers", "source", ["rucio"])]
                assert vos == ["vo-a"] * 8, (
                    f"expected the events of vo-a alone, found {vos}: see `find`'s `vos`"
                )

    def _sink(self, directory: Path) -> Sink:
        configuration = configure(directory, "sinks", self.type, self.options(directory))
        return open_sinks(configuration._replace(sinks={"tested": configuration.sinks["tested"]}))["tested"]


def _wait(attempts: int, fault: TransientError) -> None:
    if attempts > _ATTEMPTS:
        raise fault
    time.sleep(0.05)


def _encoded(sink: Sink, events: list[Event]) -> list[Chunk | None]:
    return sink.encode(events, [msgspec.json.encode(event) for event in events])


def _write(sink: Sink, events: list[Event]) -> None:
    chunks = [chunk for chunk in _encoded(sink, events) if chunk is not None]
    outcome = sink.write(chunks) if chunks else None
    assert outcome is None or not (outcome.rejected or outcome.retry), outcome


def _events() -> list[Event]:
    """15 transfers, of which 12 succeeded, and 25 probes of two sites, all within one day."""
    transfers = [
        Transfer(
            id=f"{number:032x}",
            time=_time(number),
            source="rucio",
            vo="vo-b" if number % 2 else "vo-a",
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
