"""Which sinks have an overflow, what a configuration without one does with it, and what `validate` says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakescope.app.assembly import open_overflows
from lakescope.app.config import load_file
from lakescope.cli import app
from lakescope.core.messages import Message
from lakescope.pipeline.overflow import Overflow, OverflowFullError, Slice, file_of, pack_origin

SLICE = Slice("push", [b"a", b"b"], Counter(), pack_origin([Message(b"x", "hermes")], [0, 0]))


def configuration(directory: Path, **overflow_bytes: int | None) -> Path:
    """Of sinks by name, each with its option."""
    path = directory / "lakescope.toml"
    lines = [f'data_dir = "{directory}/data"', '[collectors.push]\ntype = "http"']
    for name, limit in overflow_bytes.items():
        lines.append(f'[sinks.{name}]\ntype = "jsonl"\ndirectory = "{directory}/{name}"')
        lines += [] if limit is None else [f"overflow_bytes = {limit}"]
    path.write_text("\n".join(lines))
    return path


def test_an_overflow_is_opened_where_it_is_configured_or_left(tmp_path: Path) -> None:
    path = configuration(tmp_path, archive=2**20, other=None)
    overflows = open_overflows(load_file(path))
    assert overflows.keys() == {"archive"} and overflows["archive"].limit_bytes == 2**20
    overflows["archive"].put([(1, SLICE)])
    overflows["archive"].close()
    overflows = open_overflows(load_file(configuration(tmp_path, archive=None, other=None)))
    overflow = overflows["archive"]
    assert overflow.read(0, 10) == [(1, SLICE)], "expected that the rest is delivered"
    with pytest.raises(OverflowFullError):
        overflow.put([(2, SLICE)])
    assert overflow.health.state == "ok"
    overflow.delete([1])
    overflow.close()
    assert not open_overflows(load_file(tmp_path / "lakescope.toml")), "expected none once it is empty"


def test_validate_names_what_a_sink_that_is_gone_has_left(tmp_path: Path) -> None:
    path = configuration(tmp_path, archive=2**20, other=None)
    overflow = Overflow(file_of(tmp_path / "data", "archive"), 2**20)
    overflow.put([(1, SLICE)])
    overflow.close()
    run = CliRunner().invoke(app, ["validate", "-c", str(path)])
    assert run.exit_code == 0 and "warning" not in run.output
    run = CliRunner().invoke(app, ["validate", "-c", str(configuration(tmp_path, other=None))])
    assert run.exit_code == 0
    assert "warning: " in run.output and "2 events wait for a sink 'archive'" in run.output
    assert file_of(tmp_path / "data", "archive").exists()
