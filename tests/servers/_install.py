"""What a server says about its installation, and where built things go."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BUILT = (Path(__file__).resolve().parents[2] / ".servers").resolve()
"""Folder of the checkout for what is downloaded and built; git-ignored, safe to delete."""

LIBRARIES = Path(f"/usr/lib/{platform.machine()}-linux-gnu")
"""Debian's folder of shared libraries."""


class InstallError(Exception):
    """A server could not be installed; the message says why and what to do."""


def _no_packages() -> Mapping[str, str | Path]:
    return {}


def _nothing_to_build() -> bool:
    return True


def _nothing_lacking() -> str | None:
    return None


@dataclass(frozen=True)
class Install:
    """How one server gets onto the machine.

    `packages` gives the Debian packages it needs, each with one file that proves its presence: files rather
    than dpkg's answer, so that the same program installed another way counts, and the look costs nothing.
    `is_built` and `build` are for what Debian doesn't have; `build` runs after the packages are there, leaves
    nothing half-made behind and raises InstallError. `lacking` says why a server cannot be had on this machine
    at all: what it needs, neither Debian nor Maven has.
    """

    name: str
    packages: Callable[[], Mapping[str, str | Path]] = _no_packages
    is_built: Callable[[], bool] = _nothing_to_build
    build: Callable[[], None] | None = None
    lacking: Callable[[], str | None] = _nothing_lacking

    def missing_packages(self) -> list[str]:
        """The Debian packages still to be installed."""
        return [package for package, proof in self.packages().items() if not Path(proof).exists()]

    def is_installed(self) -> bool:
        """Whether the server can be started now."""
        return not self.lacking() and not self.missing_packages() and self.is_built()


def run_logged(
    command: Sequence[str | Path], log: Path, *, environment: Mapping[str, str] | None = None
) -> None:
    """Run a command, its output appended to `log`; raises InstallError with the log's end if it fails."""
    with log.open("ab") as output:
        ended = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise InstallError(
            f"{' '.join(map(str, command))}\nfailed ({ended.returncode}); the end of {log}:\n{tail}"
        )
