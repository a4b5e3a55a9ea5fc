"""What is installed: one package, beside whatever else an environment holds."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
import zipfile
from pathlib import Path

import httpx
import pytest

from docs import release
from lakescope.app.instance import find
from tests._install import ROOT, UV, environment, run
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


def test_the_wheel_is_installed_as_a_tool_by_uv_and_by_pipx(dist: Path, tmp_path: Path) -> None:
    """In a bare environment, as README has it; the version is that of the file's name, by which git's tags are told."""
    (wheel,) = dist.glob("*.whl")
    version = wheel.name.split("-")[1]
    folders = {
        "UV_TOOL_DIR": "tools",
        "UV_TOOL_BIN_DIR": "uv",
        "PIPX_HOME": "pipx",
        "PIPX_BIN_DIR": "pipx-bin",
    }
    bare = {name: str(tmp_path / folder) for name, folder in folders.items()}
    bare |= {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    bare |= {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("UV_INDEX", "UV_DEFAULT", "PIP_", "SSL"))
    }
    for installer in ([UV, "tool", "install"], [UV, "tool", "run", "pipx", "install"]):
        command = [*installer, f"{wheel}[duckdb]"]
        done = subprocess.run(command, env=bare, cwd=tmp_path, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr
    (tmp_path / "lakescope.toml").write_text(JSONL + '[sinks.store]\ntype = "duckdb"\n')
    for folder in ("uv", "pipx-bin"):
        command = [str(tmp_path / folder / "lakescope"), "doctor"]
        done = subprocess.run(command, env=bare, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "0 errors" in done.stdout, done.stdout + done.stderr
    pythons = [*(tmp_path / "tools").rglob("bin/python"), *(tmp_path / "pipx/venvs").rglob("bin/python")]
    assert len(pythons) == 2
    for python in pythons:
        told = run(
            python, "-c", "from importlib.metadata import version; print(version('lakescope'))", cwd=tmp_path
        )
        assert told.strip() == version != "0.0.0"


def test_a_release_has_checksums_a_bill_of_materials_and_its_changes(tmp_path: Path) -> None:
    wheel = tmp_path / "lakescope-1.2.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    export = ["export", "--frozen", "--no-dev", "--all-extras", "--quiet", "--format", "cyclonedx1.5"]
    run(UV, *export, "--output-file", tmp_path / "sbom.cdx.json", cwd=ROOT)
    release.main(tmp_path)
    bill = json.loads((tmp_path / "sbom.cdx.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", "1.2.0")
    assert {"msgspec", "duckdb", "kafka-python"} <= {one["name"] for one in bill["components"]}
    assert "pytest" not in {one["name"] for one in bill["components"]}
    run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=tmp_path)
    assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == 3
    changes = (tmp_path / "CHANGELOG.md").read_text()
    assert "\n## 1.2.0 (" in changes
    headings = ["### Breaking changes", "### Features", "### Fixes", "### Security"]
    assert [line for line in changes.splitlines() if line.startswith("### ")][:4] == headings
    fragments = list((ROOT / "changelog.d").glob("[0-9]*.md"))
    assert sum(line.startswith("- ") for line in changes.splitlines()) >= len(fragments)


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
