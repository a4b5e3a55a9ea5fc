"""What is installed: one package, beside whatever else an environment holds."""

from __future__ import annotations

import subprocess
import tomllib
import zipfile
from pathlib import Path

import httpx
import pytest

from lakescope.app.instance import find
from tests._install import ROOT, environment, run
from tests.e2e._lakescope import until

SAMPLE = ROOT / "tests/cases/hermes/bytes_as_text/input.json"


def modules(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}


def test_the_wheel_holds_every_module_under_one_name(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    tracked = run("git", "ls-files", "*.py", cwd=ROOT).split()
    rooms = (
        "alerts",
        "collectors",
        "dashboards",
        "kpis",
        "reports",
        "simulator",
        "sinks",
        "sync",
        "transformers",
    )
    expected = {name for name in tracked if name.startswith("lakescope/")}
    expected |= {f"lakescope/{name}" for name in tracked if name.startswith(rooms)}
    assert modules(wheel) == expected
    runbooks = {f"lakescope/runbooks/{path.name}" for path in (ROOT / "docs/runbooks").glob("*.md")}
    assert runbooks <= {*zipfile.ZipFile(wheel).namelist()}


def test_it_lives_beside_hugging_faces_transformers(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    python = environment(tmp_path / "env", wheel, "transformers") / "python"
    theirs = run(
        python, "-c", "import transformers; print(transformers.AutoTokenizer.__module__)", cwd=tmp_path
    )
    assert theirs.startswith("transformers.models.auto")
    (tmp_path / "body").write_bytes(SAMPLE.read_bytes())
    ours = run(tmp_path / "env/bin/lakescope", "normalise", "--format", "hermes", "body", cwd=tmp_path)
    assert '"dataset":"transfers"' in ours


@pytest.fixture(scope="module")
def base(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an installation without extras."""
    (wheel,) = dist.glob("*.whl")
    return environment(tmp_path_factory.mktemp("base") / "env", wheel)


JSONL = '[collectors.push]\ntype = "http"\n[sinks.archive]\ntype = "jsonl"\ndirectory = "archive"\n[http]\nport = 0\n'


def test_the_base_installation_is_small_and_runs(base: Path, tmp_path: Path) -> None:
    files = [path for path in base.parent.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files if path.suffix != ".pyc")
    assert size <= 130 * 10**6, f"{size / 1e6:.0f} MB"
    lakescope = base / "lakescope"
    (tmp_path / "lakescope.toml").write_text(JSONL)
    assert "valid; collectors: 1, sinks: 1" in run(lakescope, "validate", cwd=tmp_path)
    assert "pip install 'lakescope[duckdb]'" in run(lakescope, "plugins", cwd=tmp_path)
    (tmp_path / "body").write_bytes(SAMPLE.read_bytes())
    assert '"dataset":"transfers"' in run(lakescope, "normalise", "--format", "hermes", "body", cwd=tmp_path)
    with subprocess.Popen([lakescope, "run"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        try:
            until(lambda: find(tmp_path / "lakescope-data"), 30)
            url = find(tmp_path / "lakescope-data")
            for page in ("/", "/dashboards/", "/dashboards/lake", "/readyz"):
                assert httpx.get(f"{url}{page}", trust_env=False).status_code == 200, page
            charts = httpx.get(f"{url}/dashboards/vega.js", trust_env=False).text
            assert "pip install 'lakescope[pictures]'" in charts
        finally:
            running.terminate()
            _, told = running.communicate(timeout=30)
    assert running.returncode == 0, told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("validate", "-c", "duck.toml"), "duckdb"),
        (("run", "-c", "duck.toml"), "duckdb"),
        (("doctor", "-c", "duck.toml"), "duckdb"),
        (("setup", "-c", "duck.toml"), "duckdb"),
        (("query", "-c", "duck.toml", "transfers_done"), "duckdb"),
        (("plugins", "duckdb"), "duckdb"),
        (("config", "sample", "--sink", "duckdb"), "duckdb"),
        (("demo", "--help"), None),
        (("demo",), "duckdb"),
        (("validate", "-c", "open.toml"), "opensearch"),
        (("dashboards", "build", "--out", "made"), "grafana"),
        (("dashboards", "preview", "--out", "made"), "pictures"),
        (("report", "weekly", "--demo", "--out", "made"), "duckdb"),
    ],
)
def test_what_an_extra_brings_is_told_to_who_lacks_it(
    base: Path, tmp_path: Path, command: tuple[str, ...], extra: str | None
) -> None:
    (tmp_path / "duck.toml").write_text(JSONL + '[sinks.store]\ntype = "duckdb"\n')
    open_ = '[sinks.store]\ntype = "elasticsearch"\nurls = ["http://127.0.0.1:9"]\nflavour = "opensearch"\n'
    (tmp_path / "open.toml").write_text(JSONL + open_)
    (tmp_path / "lakescope.toml").write_text(JSONL)
    done = subprocess.run(
        [base / "lakescope", *command], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    if extra is None:
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 2, done.stdout
    assert f"pip install 'lakescope[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


REPORT = """
from pathlib import Path
from lakescope.reports.model import Period, Report
from lakescope.reports.writing import write

period = Period(name="2026-W47", since="2026-11-16T00:00:00Z", until="2026-11-23T00:00:00Z")
texts = dict(kind="weekly", title="Health", vo=None, period=period, computed="2026-11-23T07:00:00Z", state="good")
lists = dict.fromkeys(("summary", "changes", "findings", "sections", "queries"), ())
print(write(Report(revision=1, **texts, **lists), Path("out")).missing.remedy)
"""


def test_reports_without_their_extra_have_the_forms_that_need_none(base: Path, tmp_path: Path) -> None:
    assert run(base / "python", "-c", REPORT, cwd=tmp_path).strip() == "pip install 'lakescope[reports]'"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.json", "report.md", "report.txt"}


def test_files_to_mutate_and_their_tests_are_there() -> None:
    """mutmut takes a file that was moved for one without mutants."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    for path in (
        *settings["source_paths"],
        *settings["only_mutate"],
        *settings["pytest_add_cli_args_test_selection"],
    ):
        assert (ROOT / path).exists(), f"{path}: write its new place into [tool.mutmut] in pyproject.toml"
