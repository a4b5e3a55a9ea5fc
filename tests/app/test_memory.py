"""Memory while every store is away: the stated bounds hold, whatever the bodies."""

from __future__ import annotations

from pathlib import Path

import httpx
import psutil
import pytest

from tests.e2e._lakescope import Lakescope

MB = 2**20
BASE, QUEUE, BODY = 200 * MB, 8 * MB, 24 * MB


def array(documents: int = 100_000) -> bytes:
    """An array of the simplest push documents, of some 24 MB."""
    text = (
        '{"producer":"ops","type":"check","timestamp":%d,"value":1,"idb_tags":[],"text":"' + 150 * "x" + '"}'
    )
    return b"[" + b",".join([(text % (1760000000000 + i)).encode() for i in range(documents)]) + b"]"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux: the peak of resident memory")
def test_large_arrays_and_dead_stores_take_the_stated_memory(tmp_path: Path) -> None:
    sinks = '[sinks.a]\ntype = "elasticsearch"\nurls = ["http://127.0.0.1:9"]\n'
    sinks += '[sinks.b]\ntype = "influxdb"\nurl = "http://127.0.0.1:9"\ndatabase = "lake"\n'
    configuration = f"[pipeline]\nqueue_bytes = {QUEUE}\n[collectors.push]\ntype = 'http'\n{sinks}"
    body = array()
    assert 0.8 * BODY < len(body) < BODY
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.start()
        for _ in range(5):
            httpx.post(
                f"{lakescope.url}/push/push", content=body, trust_env=False, timeout=60
            ).raise_for_status()
        status = Path(f"/proc/{psutil.Process(lakescope.process.pid).pid}/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
        assert peak <= BASE + 3 * QUEUE + 2 * len(body), f"{peak / MB:.0f} MB"
