"""JSON lines: whole lines only, a file a dataset and period, whatever happens to the disk."""

from __future__ import annotations

import resource
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from lakescope.core.contracts import Finding, TransientError
from lakescope.core.events import DATASETS, AnyEvent, Event
from lakescope.sinks.jsonl import JsonlOptions, JsonlSink
from tests.contract._bodies import documents_of
from tests.sinks._events import event_of, transfer


def write(sink: JsonlSink, events: Sequence[Event]) -> None:
    """Writes events as the engine does."""
    outcome = sink.write([chunk for chunk in sink.encode(events, documents_of(events)) if chunk is not None])
    assert not outcome.rejected and not outcome.retry


def test_every_dataset_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    events = [event_of(dataset) for dataset in DATASETS]
    sink = JsonlSink("a", JsonlOptions(directory=tmp_path / "new/archive"), tmp_path)
    assert list(sink.setup()) == [Finding("done", f"directory {tmp_path}/new/archive")]
    write(sink, events)
    for event in events:
        text = (tmp_path / f"new/archive/{event.dataset}-2026-01-01.jsonl").read_bytes()
        assert msgspec.json.decode(text, type=AnyEvent) == event
        assert text.endswith(b"}\n") and text.count(b"\n") == 1


@pytest.mark.parametrize(
    ("period", "names"),
    [("day", ["2026-01-31", "2026-02-01"]), ("month", ["2026-01", "2026-02"]), ("year", ["2026"])],
)
def test_a_file_holds_a_period_of_event_time(tmp_path: Path, period: str, names: list[str]) -> None:
    sink = JsonlSink("a", JsonlOptions.model_validate({"directory": tmp_path, "period": period}), tmp_path)
    for number, time in enumerate(("2026-01-31T23:59:59.9Z", "2026-02-01T00:00:00Z", "2026-01-31T00:00:00Z")):
        write(sink, [transfer(number, time=time)])
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"transfers-{name}.jsonl" for name in names]
    assert sum(len(path.read_bytes().splitlines()) for path in tmp_path.iterdir()) == 3


def test_a_disk_that_is_full_cuts_no_line_in_half(tmp_path: Path) -> None:
    """As the kernel does it: a write that is shorter than it should be. When there is room again, all are there."""
    sink = JsonlSink("a", JsonlOptions(directory=tmp_path), tmp_path)
    path = tmp_path / "transfers-2026-01-01.jsonl"
    write(sink, [transfer(1, error="x" * 3000)])
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(TransientError, match=rf"^{path}: no space left on device$"):
            write(sink, [transfer(2, error="x" * 3000)])
        assert path.read_bytes() == before
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    write(sink, [transfer(2, error="x" * 3000)])
    assert len(path.read_bytes().splitlines()) == 2 and path.read_bytes().startswith(before)


def test_a_disk_that_is_away_is_told(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    sink = JsonlSink("a", JsonlOptions(directory=archive), tmp_path)
    archive.rmdir()
    with pytest.raises(
        TransientError, match=f"{archive}/transfers-2026-01-01.jsonl: No such file or directory"
    ):
        write(sink, [transfer(1)])
    archive.write_text("a file in its place")
    with pytest.raises(TransientError, match="Not a directory"):
        write(sink, [transfer(1)])


@pytest.mark.parametrize(
    ("period", "kept"),
    [("day", ["2026-01-31", "2026-02-01"]), ("month", ["2026-01", "2026-02"]), ("year", ["2026"])],
)
def test_files_of_periods_that_are_over_for_so_many_days_are_deleted(
    tmp_path: Path, period: str, kept: list[str]
) -> None:
    given = {"directory": tmp_path, "period": period, "retention_days": {"transfers": 1}}
    sink = JsonlSink("a", JsonlOptions.model_validate(given), tmp_path)
    times = ("2025-12-31T23:59:59Z", "2026-01-30T23:59:59Z", "2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z")
    write(sink, [*(transfer(number, time=time) for number, time in enumerate(times)), event_of("hosts")])
    (tmp_path / "transfers-of-mine.txt").touch()
    deleted = sink.expire(datetime.fromisoformat("2026-02-01T12:00:00+00:00"), threading.Event())
    names = {path.name for path in tmp_path.iterdir()}
    assert {name for name in names if name.startswith("transfers-2")} == {
        f"transfers-{one}.jsonl" for one in kept
    }
    assert len(names) == len(kept) + 2 and sum(deleted.values()) >= 1
