"""Builds and installs Lakescope as others do, beside this checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = ROOT / ".uv/bin/uv"


def run(*command: str | Path, cwd: Path) -> str:
    """The standard output of a command that must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def environment(folder: Path, *packages: str | Path) -> Path:
    """The folder of the commands of a new environment with `packages`."""
    run(UV, "venv", "--quiet", folder, cwd=folder.parent)
    run(UV, "pip", "install", "--quiet", "--python", folder / "bin/python", *packages, cwd=folder.parent)
    return folder / "bin"
