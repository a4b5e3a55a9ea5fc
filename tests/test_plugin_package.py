"""A package of somebody else, built from CONTRIBUTING.md's own text outside this tree, beside the wheel."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests._install import ROOT, environment, run

_FILE = re.compile(r"`([\w/.-]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^## Write a plugin$.*?(?=^## )", re.MULTILINE | re.DOTALL)
CONFIGURATION = """[collectors.beats]
type = "udp"
format = "heartbeat"
port = 19125
[sinks.store]
type = "sqlite"
path = "lake.sqlite"
"""
BEATS = [{"service": f"davs://se{n}:443", "up": n > 1, "at": "2026-03-20 20:14:31"} for n in range(5)]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the package, as CONTRIBUTING.md has it, word for word."""
    section = _SECTION.search((ROOT / "CONTRIBUTING.md").read_text())
    assert section
    folder = tmp_path_factory.mktemp("third") / "example-site"
    for name, text in _FILE.findall(section[0]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def commands(package: Path, dist: Path) -> Path:
    """The commands of an environment with Lakescope's wheel and the package."""
    (wheel,) = dist.glob("*.whl")
    return environment(package.parent / "env", wheel, "pytest", package)


def test_it_keeps_the_contracts(package: Path, commands: Path) -> None:
    told = run(commands / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=package)
    assert re.search(r"^1[2-9] passed", told, re.MULTILINE), told


def test_all_of_it_is_found_by_the_commands(commands: Path, tmp_path: Path) -> None:
    lakescope = commands / "lakescope"
    (tmp_path / "lakescope.toml").write_text(CONFIGURATION)
    assert "valid" in run(lakescope, "validate", cwd=tmp_path)
    listed = run(lakescope, "plugins", cwd=tmp_path)
    assert all(name in listed for name in ("heartbeat", "udp", "sqlite"))
    assert "Port to listen on" in run(lakescope, "plugins", "udp", cwd=tmp_path)
    (tmp_path / "beats").write_text(json.dumps(BEATS))
    events = run(lakescope, "normalise", "--format", "heartbeat", "beats", cwd=tmp_path).splitlines()
    assert [json.loads(event)["ok"] for event in events] == [beat["up"] for beat in BEATS]
    given = (json.loads(event) for event in events)
    rows = [(event["id"], event["dataset"], event["time"], json.dumps(event)) for event in given]
    store = f"""import json, sys; from pathlib import Path; from example_site.sqlite import *
sink = SqliteSink("store", SqliteOptions(path=Path("lake.sqlite")), Path())
sink.write({rows!r}); sink.close()"""
    run(commands / "python", "-c", store, cwd=tmp_path)
    asked = ("query", "heartbeats_missing", "--since", "2026-03-20", "--until", "2026-03-21")
    answer = run(lakescope, *asked, "--format", "json", cwd=tmp_path)
    assert [row["value"] for row in json.loads(answer)] == [2]
    shown = run(
        *(lakescope, "dashboards", "check", "night", "--since", "2026-03-20", "--until", "2026-03-21"),
        cwd=tmp_path,
    )
    assert "2 of 2 panels show all they should" in shown
    explained = run(lakescope, "alerts", "explain", "heartbeat_missing", cwd=tmp_path)
    assert "when the value is above 2, in every round for 5 min" in explained


def test_a_package_that_is_wrong_is_refused(package: Path, commands: Path, tmp_path: Path) -> None:
    """As a collector that CONTRIBUTING once described, its options derived from a plain model; and one without an end."""
    (tmp_path / "lakescope.toml").write_text(CONFIGURATION)
    (installed,) = commands.parent.glob("lib/python*/site-packages/example_site/udp.py")
    text = installed.read_text()
    plain = text.replace("class UdpOptions(OneFormat)", "class UdpOptions(BaseModel)")
    plain = plain.replace("from pydantic import Field", "from pydantic import BaseModel, Field")
    endless = text.replace("def close", "def ends").replace("def acknowledge", "def is_safe")
    said = {
        plain: "expected example_site.udp.UdpCollector.Options to be derived from lakescope.plugin.CollectorOptions,"
        " found BaseModel",
        endless: "expected example_site.udp.UdpCollector to have acknowledge, close, as lakescope.plugin.Collector",
    }
    for wrong, expected in said.items():
        installed.write_text(wrong)
        try:
            done = subprocess.run(
                [commands / "lakescope", "validate"], cwd=tmp_path, capture_output=True, text=True, timeout=60
            )
        finally:
            installed.write_text(text)
        assert done.returncode == 2
        assert f"lakescope.toml:2: [collectors.beats.type] {expected}" in done.stderr
