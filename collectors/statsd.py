"""statsd by UDP: what Rucio sends with ``carbon_server`` in its ``[monitor]``, summed up at an interval.

Nobody acknowledges a datagram: what is lost on the way, or when Lakescope ends before the interval does, is lost. What the
kernel dropped because its buffer was full is counted, where it tells (Linux: ``/proc/net/udp``), as is what could not be read.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from errno import EADDRINUSE
from pathlib import Path

from pydantic import Field

from lakescope.collectors._common import OneFormat
from lakescope.collectors._statsd import Totals
from lakescope.core.contracts import Finding, Health, Installation
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message, quote

PACKET_BYTES = 65_535
WAIT_S = 0.5
_DROPS = ("/proc/net/udp", "/proc/net/udp6")


class StatsdOptions(OneFormat):
    """Options of the statsd collector."""

    format: str = Field(default="rucio_metrics", examples=["rucio_metrics"])
    """Name of the format that reads the sums."""
    host: str = "127.0.0.1"
    """Address to listen on. statsd knows no password: whoever reaches it can send."""
    port: int = Field(default=8125, ge=1, le=65535)
    """Port to listen on."""
    flush_s: float = Field(default=10.0, ge=0.1)
    """From one sum to the next (seconds)."""
    max_series: int = Field(default=20_000, ge=1)
    """Most names that are kept; what comes under further ones is refused and counted."""
    receive_buffer_bytes: int = Field(default=4 * 2**20, ge=4096)
    """What may wait in the kernel (bytes); Linux gives no more than ``net.core.rmem_max``."""


class StatsdCollector:
    """Sums up datagrams."""

    Options = StatsdOptions

    def __init__(self, name: str, options: StatsdOptions, data_dir: Path) -> None:
        self.options = options
        self.formats = [options.format]
        self.health = Health()
        self._totals = Totals(options.max_series, time.time())
        self._dropped_before = 0
        self.losses: Counter[str] = self._totals.losses
        """What was lost here -> how often."""
        self.losses["dropped_packets"] = 0

    @staticmethod
    def examine(options: StatsdOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`: whether the port is free, or held by the running instance."""
        where = f"udp://{options.host}:{options.port}"
        try:
            StatsdCollector(installation.name, options, installation.data_dir)._listening().close()
        except OSError as error:
            if error.errno == EADDRINUSE and installation.is_running:
                yield Finding("ok", f"{where} is held by the running instance")
                return
            remedy = f"`ss -ulpn 'sport = :{options.port}'` names who has it; give this one another `port`"
            yield Finding("error", f"cannot listen on {where}: {error.strerror}", remedy)
        else:
            yield Finding("ok", f"{where} is free")

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Until told to stop. Raises `OSError` if it cannot listen."""
        with self._listening() as listening:
            self._report()
            due = time.monotonic() + self.options.flush_s
            while not stop.is_set():
                listening.settimeout(min(WAIT_S, max(0.001, due - time.monotonic())))
                try:
                    packet = listening.recv(PACKET_BYTES)
                except TimeoutError:
                    packet = b""
                if packet:
                    self._totals.add(packet, time.time())
                if time.monotonic() >= due:
                    due = time.monotonic() + self.options.flush_s
                    if not self._flush(listening, inbox):
                        return

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Nothing to tell: a datagram cannot be given again."""

    def close(self) -> None:
        """Nothing stays open after `run`."""

    def _listening(self) -> socket.socket:
        options = self.options
        family, kind, _, _, address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_DGRAM)[
            0
        ]
        listening = socket.socket(family, kind)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.receive_buffer_bytes)
            listening.bind(address)
        except OSError:
            listening.close()
            raise
        self._dropped_before = self.losses["dropped_packets"]
        return listening

    def _flush(self, listening: socket.socket, inbox: Inbox) -> bool:
        now = time.time()
        self.losses["dropped_packets"] = self._dropped_before + _dropped(listening)
        page = self._totals.page(now, {"packets": self._totals.packets, **self.losses})
        self._report()
        # it adds to what was sent before, as a POST to a Pushgateway does
        headers = {"instance": f"{socket.gethostname()}:{self.options.port}", "push": "POST"}
        return inbox.put([Message(page, self.options.format, headers, now)])

    def _report(self) -> None:
        notes = [f"listening on udp://{self.options.host}:{self.options.port}"]
        if dropped := self.losses["dropped_packets"]:
            remedy = "raise receive_buffer_bytes and net.core.rmem_max"
            notes.append(f"{dropped} packets dropped by the kernel, whose buffer was full: {remedy}")
        if malformed := self.losses["malformed_lines"]:
            notes.append(f"{malformed} lines refused, the last: {quote(self._totals.last_fault)}")
        self.health.set("ok", "; ".join(notes))


def _dropped(listening: socket.socket) -> int:
    """Datagrams that the kernel dropped for this socket; 0 where it does not tell."""
    inode = str(os.fstat(listening.fileno()).st_ino)
    for path in _DROPS:
        try:
            rows = Path(path).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if columns[9] == inode:
                return int(columns[-1])
    return 0
