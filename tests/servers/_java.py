"""The Java installations of this machine."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_JVM_FOLDER = Path("/usr/lib/jvm")


@dataclass(frozen=True)
class Java:
    """One installation: a JRE, or a JDK when it has a compiler."""

    home: Path
    version: int

    @property
    def java(self) -> Path:
        """The launcher."""
        return self.home / "bin/java"

    @property
    def is_jdk(self) -> bool:
        """Whether it can compile."""
        return (self.home / "bin/javac").exists()


def find_java(minimum: int, below: int = 1000, *, jdk: bool = False) -> Java | None:
    """JAVA_HOME's Java if minimum <= version < below, else the oldest such under /usr/lib/jvm, or None.

    The oldest, because the servers here were released for it rather than for the newest.
    """
    preferred = os.environ.get("JAVA_HOME")
    installed = _read_all(sorted(_JVM_FOLDER.glob("*")))
    found = _read_all([Path(preferred)] if preferred else [])
    found += sorted(installed, key=lambda java: java.version)
    fitting = (java for java in found if minimum <= java.version < below)
    return next((java for java in fitting if java.is_jdk or not jdk), None)


def _read_all(homes: list[Path]) -> list[Java]:
    return [java for home in homes if (java := _read(home))]


def _read(home: Path) -> Java | None:
    release = home / "release"
    if not (release.is_file() and (home / "bin/java").exists()):
        return None
    # JAVA_VERSION="17.0.15", and "1.8.0_412" of Java 8, which counts as 1: older than anything asked for.
    version = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE)
    return Java(home.resolve(), int(version[1])) if version else None
