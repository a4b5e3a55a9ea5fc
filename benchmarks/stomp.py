"""From ActiveMQ by STOMP into a null bulk server: `lakescope run` beside a bare loop of stomp.py, each with a queue of its own.

What misleads here: broker, null server and reader share the machine, so that wall times hold for one with free cores only, and
the broker is often the limit. Both queues are filled before, by one virtual topic. The bare loop looks at no message and
acknowledges none (``ack: auto``), which Lakescope does by its id once it is stored.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import stomp

from benchmarks._instance import running, watch
from benchmarks.hot_path import bodies
from benchmarks.whole_process import null_server
from tests.e2e._lakescope import until
from tests.servers.activemq import ActiveMQ

MESSAGES = 30_000
ROUNDS = 3
BARE = """
import sys, threading, time
import stomp
class Count(stomp.ConnectionListener):
    number, done = 0, threading.Event()
    def on_message(self, frame):
        self.number += 1
        if self.number == int(sys.argv[3]):
            self.done.set()
connection, count = stomp.Connection12([("127.0.0.1", int(sys.argv[1]))]), Count()
connection.set_listener("", count)
connection.connect(wait=True)
wall, cpu = time.perf_counter(), time.process_time()
connection.subscribe(f"/queue/{sys.argv[2]}", id="1", ack="auto", headers={"activemq.prefetchSize": "5000"})
count.done.wait()
print(time.perf_counter() - wall, time.process_time() - cpu)
connection.disconnect()
"""
CONFIGURATION = """
[collectors.stomp]
type = "stomp"
brokers = ["{broker}"]
destination = "/queue/{queue}"
format = "hermes"
[sinks.es]
type = "elasticsearch"
urls = ["http://127.0.0.1:{port}"]
"""


READERS = ("bare", "lakescope")


def _queues(number: int) -> list[str]:
    return [f"Consumer.{reader}.VirtualTopic.round{number}" for reader in READERS]


def _fill(broker: ActiveMQ, number: int) -> list[str]:
    """The queues of a round, one a reader, each with all messages."""
    queues = _queues(number)
    connection = stomp.Connection([(broker.host, broker.port)])
    connection.connect(wait=True)
    for body in bodies(MESSAGES):
        connection.send(f"/topic/VirtualTopic.round{number}", body, headers={"persistent": "true"})
    until(lambda: all(broker.queue_size(queue) == MESSAGES for queue in queues), 60)
    connection.disconnect()
    return queues


def _read_bare(broker: ActiveMQ, queue: str) -> tuple[float, float]:
    command = [sys.executable, "-c", BARE, str(broker.port), queue, str(MESSAGES)]
    wall, cpu = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(wall), float(cpu)


def main() -> None:
    """Prints both, and their ratio."""
    bare, ours = [], []
    names = [queue for number in range(ROUNDS) for queue in _queues(number)]
    with (
        tempfile.TemporaryDirectory() as folder,
        ActiveMQ(Path(folder) / "activemq", queues=names, heap_mb=768) as broker,
        null_server() as port,
    ):
        for number in range(ROUNDS):
            bare_queue, our_queue = _fill(broker, number)
            bare.append(_read_bare(broker, bare_queue))
            directory = Path(folder) / f"round{number}"
            configuration = CONFIGURATION.format(broker=broker.stomp_url, queue=our_queue, port=port)
            with running(directory, configuration) as process:
                ours.append(watch(process, directory, MESSAGES))
    print(f"{MESSAGES} Hermes bodies, medians of {ROUNDS}")
    for what, runs in (("bare loop", bare), ("lakescope run", ours)):
        wall_s, cpu_s = (median(run[place] for run in runs) for place in (0, 1))
        print(
            f"{what:14} {MESSAGES / wall_s:9,.0f} messages/s   {cpu_s / MESSAGES * 1e6:5.1f} us of CPU a message"
        )
    ratio = median(loop[0] / our[0] for loop, our in zip(bare, ours, strict=True))
    print(f"{ratio:.2f} of what the bare loop drains")


if __name__ == "__main__":
    main()
