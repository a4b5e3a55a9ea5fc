"""The status is told while the pipeline works."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.contract._running import Archiving


def test_failures_come_while_it_is_told(tmp_path: Path) -> None:
    with Archiving(tmp_path, '[collectors.push]\ntype = "http"\n') as lakescope:
        failures, done = lakescope.engine.failures, threading.Event()

        def fail() -> None:
            while not done.is_set():
                failures.append(b'{"id": "1"}')

        thread = threading.Thread(target=fail)
        thread.start()
        try:
            for _ in range(50):
                lakescope.status.document()
        finally:
            done.set()
            thread.join()
