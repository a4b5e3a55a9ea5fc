"""A small disk of a test's own, which it may fill."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[bool]:
    """Mounts one (tmpfs) at a directory, which is made; whether that was possible: it needs root, and the right to mount."""
    directory.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)]
    is_mounted = subprocess.run(mounting, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(directory)], check=True)
