"""statsd by UDP: the client that Rucio has, lines by hand, garbage, and a kernel whose buffer is full."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from statsd import StatsClient

from lakescope.collectors._statsd import Totals
from tests.contract._running import Archiving
from tests.e2e._lakescope import until


class Listening(Archiving):
    """With a statsd collector on a port of its own."""

    def __init__(self, directory: Path, options: str = "") -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        super().__init__(
            directory, f'[collectors.statsd]\ntype = "statsd"\nport = {self.port}\nflush_s = 0.2\n{options}'
        )

    def told_of(self, component: str, metric: str, part: str | None = None) -> list[dict[str, Any]]:
        """Its events so far, in order of time."""
        stored = (event for repeats in self.stored().values() for event in repeats)
        wanted = {"component": component, "metric": metric, "part": part}
        chosen = [event for event in stored if {key: event.get(key) for key in wanted} == wanted]
        return sorted(chosen, key=lambda event: event["time"])

    def send(self, *packets: bytes) -> None:
        """Datagrams."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for packet in packets:
                sender.sendto(packet, ("127.0.0.1", self.port))


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    with Listening(tmp_path) as lakescope:
        until(lambda: lakescope.told.startswith("ok: listening on udp://"), 20)
        yield lakescope


def test_what_rucio_sends_adds_up(listening: Listening) -> None:
    """Names and values as lib/rucio/core/monitor.py gives them to its client."""
    rucio = StatsClient("127.0.0.1", listening.port, prefix="rucio")
    for _ in range(3):
        rucio.incr("rucio.transfertool.fts3.fts01.submission.success", 10)
    rucio.timing("rucio.daemons.reaper.reaper.delete.davs.CNAF-STORM", 1500.0)
    rucio.timing("rucio.daemons.reaper.reaper.delete.davs.CNAF-STORM", 500.0)
    rucio.gauge(
        "rucio.daemons.conveyor.throttler.rse_transfer_limits.User Subscriptions.tier=1|tier=2.waiting", 40
    )
    rucio.gauge("rucio.probes.judge.waiting_dids", 12.5)
    rucio.close()
    until(lambda: listening.told_of("probes", "judge_waiting_dids"), 20)
    until(
        lambda: (listening.told_of("daemons.reaper.reaper", "delete", "count") or [{}])[-1].get("value") == 2,
        20,
    )

    submissions = listening.told_of("transfertool.fts3", "submission")
    assert submissions[0]["value"] == 0 and submissions[-1]["value"] == 30
    assert submissions[-1]["labels"] == {"host": "fts01", "state": "success"}
    assert (submissions[-1]["kind"], submissions[-1]["state"]) == ("counter", "success")
    deleted = listening.told_of("daemons.reaper.reaper", "delete", "sum")[-1]
    assert (deleted["value"], deleted["unit"], deleted["rse"], deleted["protocol"]) == (
        2.0,
        "seconds",
        "CNAF-STORM",
        "davs",
    )
    (limit,) = listening.told_of("daemons.conveyor.throttler", "rse_transfer_limits")
    assert (limit["value"], limit["limit_attr"], limit["rse"]) == (40, "waiting", "tier=1|tier=2")


def test_garbage_is_counted_and_told(listening: Listening) -> None:
    listening.send(b"\xff\xfe\x00", b"no line at all\nrucio.rucio.core.trace.trace_cnt:1|c\n", bytes(60_000))
    until(lambda: "3 lines refused" in listening.told, 20, lambda: listening.told)
    until(lambda: listening.told_of("core.trace", "trace_cnt")[1:], 20)
    metrics = listening.get("/metrics").text
    assert 'lakescope_lost_total{collector="statsd",what="malformed_lines"} 3.0' in metrics
    assert 'lakescope_lost_total{collector="statsd",what="dropped_packets"} 0.0' in metrics


def test_what_the_kernel_drops_is_counted(tmp_path: Path) -> None:
    """Packets come faster than a buffer of 4 KiB is read."""
    packet = b"\n".join(b"rucio.rucio.core.trace.trace_cnt:1|c" for _ in range(100))
    with Listening(tmp_path, "receive_buffer_bytes = 4096\n") as listening:
        until(lambda: listening.told.startswith("ok: listening on udp://"), 20)

        def flooded() -> bool:
            listening.send(*[packet] * 500)
            return "packets dropped by the kernel, whose buffer was full: raise" in listening.told

        until(flooded, 20, lambda: listening.told)
        time.sleep(0.6)  # the last of them are read
        told = {
            name: listening.told_of("lakescope", f"statsd_{name}")[-1]["value"]
            for name in ("packets", "dropped_packets")
        }
        (lost,) = (line for line in listening.get("/metrics").text.splitlines() if "dropped_packets" in line)
        assert told["dropped_packets"] == float(lost.rpartition(" ")[2]) > 0
        assert told["packets"] > 0 and (told["packets"] + told["dropped_packets"]) % 500 == 0


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a:1|c", "a:2|c|@0.1"], {"a": 21.0}),
        (["a:5|g", "a:+3|g", "a:-1|g"], {"a": 7.0}),
        (["a:-4|g"], {"a": -4.0}),
        (["a:320|ms", "a:80|ms|@0.5"], {"a_count": 3.0, "a_sum": 0.48}),
        (["a:320|h"], {"a_count": 1.0, "a_sum": 320.0}),
        (["a:x|s", "a:y|s", "a:x|s"], {"a": 2.0}),
        (["a:b:1|c"], {"a:b": 1.0}),
        (['a"b\\c:1|g'], {'a\\"b\\\\c': 1.0}),
        (["a:1|c|#rse:X"], {"a": 1.0}),
    ],
)
def test_lines_as_statsd_documents_them(lines: list[str], expected: dict[str, float]) -> None:
    totals = Totals(100, 1000.0)
    totals.add("\n".join(lines).encode(), 1001.0)
    page = totals.page(1010.0, {}).decode()
    told = dict(
        line.rpartition(" ")[::2]
        for line in page.splitlines()
        if not line.startswith("#") and not line.endswith("00000")
    )
    assert {name: float(value) for name, value in told.items()} == {
        f'{{"{name}"}}': value for name, value in expected.items()
    }
    assert not totals.losses["malformed_lines"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        ":1|c",
        "a",
        "a:1",
        "a:|c",
        "a:1|x",
        "a:one|c",
        "a:nan|g",
        "a:1_0|c",
        "a:-1|c",
        "a:1|c|@0",
        "a:1|c|@2",
        "a\x01:1|c",
        "n" * 501 + ":1|c",
    ],
)
def test_what_is_no_line_is_refused(line: str) -> None:
    totals = Totals(100, 1000.0)
    totals.add(line.encode(), 1001.0)
    assert totals.losses["malformed_lines"] == bool(line)
    assert totals.page(1010.0, {}) == b""


def test_a_name_has_one_type_and_names_have_a_bound() -> None:
    totals = Totals(2, 1000.0)
    totals.add(b"a:1|c\na:1|g\nb:1|c\nc:1|c\nd:1|c", 1001.0)
    assert totals.losses == {"malformed_lines": 3, "refused_series": 2}
    assert totals.last_fault == "more than 2 names (option max_series): 'd:1|c'"


def test_what_does_not_change_is_not_told_again_and_is_forgotten() -> None:
    totals = Totals(100, 1000.0)
    totals.add(b"a:1|c", 1001.0)
    assert b'{"a"} 0 1000000\n{"a"} 1.0\n' in totals.page(1010.0, {})
    assert totals.page(1020.0, {}) == b""
    totals.add(b"a:1|c", 1021.0)
    assert b'{"a"} 2.0\n' in totals.page(1030.0, {})
    totals.page(5000.0, {})
    totals.add(b"a:4|c", 5001.0)
    assert b'{"a"} 0 5000000\n{"a"} 4.0\n' in totals.page(5010.0, {})
