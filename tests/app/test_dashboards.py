"""`lakescope dashboards`: build, push, preview and check, as a user calls them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from lakescope.core.events import Transfer
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from tests.dashboards._grafana_api import TOKEN, grafana_api
from tests.e2e import _commands
from tests.e2e._lakescope import Lakescope

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)


def run(*arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command without a configuration."""
    own = {key: value for key, value in os.environ.items() if key != "GRAFANA_TOKEN"}
    ended = _commands.lakescope("dashboards", *arguments, env=own | environment)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended


@pytest.mark.parametrize("store", ["elasticsearch", "opensearch", "influxdb", "monit"])
def test_build_writes_a_file_each_and_says_what_it_left_out(store: str, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    told = run("build", "--store", store, "--out", str(out)).stdout
    assert {path.name for path in out.iterdir()} == {f"lakescope-{name}.json" for name in DASHBOARDS}
    assert told.splitlines()[-1] == f"{len(DASHBOARDS)} dashboards in {out}"
    assert "left out: hosts: Hosts: host_" in told
    first = {path: path.read_bytes() for path in out.iterdir()}
    run("build", "--store", store, "--out", str(out))
    assert {path: path.read_bytes() for path in out.iterdir()} == first


def test_build_of_one_with_a_data_source_of_ones_own(tmp_path: Path) -> None:
    run("build", "lake", "--source", "my-es", "--out", str(tmp_path))
    (path,) = tmp_path.iterdir()
    sources = {
        panel["datasource"]["uid"]
        for panel in json.loads(path.read_text())["panels"]
        if panel["type"] != "row"
    }
    assert sources == {"my-es"}


def test_an_unknown_dashboard_is_told(tmp_path: Path) -> None:
    ended = run("build", "nothing", "--out", str(tmp_path), code=2)
    assert "no dashboard 'nothing'; there are lake, transfers" in ended.stderr


def test_push_creates_then_leaves_alone_and_a_dry_run_shows(tmp_path: Path) -> None:
    with grafana_api() as api:
        arguments = ("push", "lake", "fts", "--url", api.url)
        shown = run(*arguments, "--dry-run", GRAFANA_TOKEN=TOKEN).stdout
        assert shown.startswith("created: lakescope-lake\n") and '+  "title": "Lake overview"' in shown
        assert not api.dashboards
        created = run(*arguments, GRAFANA_TOKEN=TOKEN).stdout
        assert created == "created: lakescope-lake\ncreated: lakescope-fts\n"
        file = tmp_path / "token"
        file.write_text(f"{TOKEN}\n")
        again = run(*arguments, "--token-file", str(file)).stdout
        assert again == "unchanged: lakescope-lake\nunchanged: lakescope-fts\n"
        assert set(api.dashboards) == {"lakescope-lake", "lakescope-fts"}


def test_push_without_or_with_a_wrong_token_is_told_and_never_shows_it() -> None:
    with grafana_api() as api:
        assert "set GRAFANA_TOKEN" in run("push", "--url", api.url, code=2).stderr
        told = run("push", "--url", api.url, code=2, GRAFANA_TOKEN="wr0ng-t0ken")
    assert "401" in told.stderr and "wr0ng-t0ken" not in told.stderr + told.stdout


# --- over a store ----------------------------------------------------------------------------------------


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lakescope]:
    """A store with a few transfers and nothing else; not running."""
    configuration = (
        '[collectors.push]\ntype = "http"\n'
        f'[sinks.duck]\ntype = "duckdb"\npath = "{tmp_path}/lake.duckdb"\n'
        f'[sinks.lines]\ntype = "jsonl"\ndirectory = "{tmp_path}/lines"\n'
    )
    sink = DuckdbSink("duck", DuckdbOptions(path=tmp_path / "lake.duckdb"), tmp_path)
    events = [
        Transfer(
            id=f"{n:032x}",
            time=f"{HOUR + timedelta(seconds=n):%Y-%m-%dT%H:%M:%SZ}",
            source="rucio",
            event="done" if n % 4 else "failed",
            ok=n % 4 != 0,
            src_site="A" if n % 2 else "B",
            dst_site="C",
        )
        for n in range(12)
    ]
    sink.write(sink.encode(events, [msgspec.json.encode(event) for event in events]))
    sink.close()
    with Lakescope(tmp_path, configuration) as lakescope:
        yield lakescope


def test_preview_draws_from_a_store_and_from_the_one_that_holds_it(lake: Lakescope, tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    arguments = ("dashboards", "preview", "lake", "--since", "6h", "--where", "source=B", "--out", str(out))
    names = ["lake.html", "lake-light.png", "lake-dark.png"]
    assert lake.command(*arguments).splitlines() == [str(out / name) for name in names]
    drawn = {name: (out / name).read_bytes() for name in names}
    assert all(drawn[name].startswith(b"\x89PNG") for name in names[1:])
    assert drawn["lake-light.png"] != drawn["lake-dark.png"]
    assert b"50 %" in drawn["lake.html"]  # 3 of the 6 from B failed; of all, a quarter
    lake.start()
    lake.command(*arguments, "--theme", "dark")
    assert b"50 %" in (out / "lake.html").read_bytes()
    assert lake.stop() == 0


def test_check_says_which_panels_show_nothing(lake: Lakescope) -> None:
    told = lake.command("dashboards", "check", "lake", "transfers", "--since", "6h", code=1)
    assert "lake" in told and "Service availability" in told and "no data" in told
    assert "Transfer efficiency" not in told
    assert told.splitlines()[-1].endswith("panels show all they should")
    lake.start()
    assert lake.command("dashboards", "check", "lake", "transfers", "--since", "6h", code=1) == told
    assert lake.stop() == 0


def test_what_cannot_be_asked_is_told(lake: Lakescope) -> None:
    for arguments, said in {
        ("--store", "lines"): "a store of type jsonl cannot answer KPIs",
        ("--store", "none"): "no sink 'none'",
        ("--since", "yesterday"): "'yesterday' is no time",
        ("--where", "source"): "expected variable=value",
    }.items():
        ended = _commands.lakescope("dashboards", "check", *arguments, "-c", lake.config)
        assert ended.returncode == 2, ended.stdout
        assert said in ended.stderr
