"""What is installed: one package, beside whatever else an environment holds."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = ROOT / ".uv/bin/uv"
SAMPLE = ROOT / "tests/cases/hermes/bytes_as_text/input.json"


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--quiet", "--out-dir", folder, ROOT, cwd=folder)
    return folder


def modules(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}


def test_the_wheel_holds_every_module_under_one_name(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    tracked = run("git", "ls-files", "*.py", cwd=ROOT).split()
    rooms = ("collectors", "dashboards", "kpis", "simulator", "sinks", "transformers")
    expected = {name for name in tracked if name.startswith("lakescope/")}
    expected |= {f"lakescope/{name}" for name in tracked if name.startswith(rooms)}
    assert modules(wheel) == expected


def test_it_lives_beside_hugging_faces_transformers(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    run(UV, "venv", "--quiet", tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env/bin/python"
    run(UV, "pip", "install", "--quiet", "--python", python, wheel, "transformers", cwd=tmp_path)
    theirs = run(
        python, "-c", "import transformers; print(transformers.AutoTokenizer.__module__)", cwd=tmp_path
    )
    assert theirs.startswith("transformers.models.auto")
    (tmp_path / "body").write_bytes(SAMPLE.read_bytes())
    ours = run(tmp_path / "env/bin/lakescope", "normalise", "--format", "hermes", "body", cwd=tmp_path)
    assert '"dataset":"transfers"' in ours
