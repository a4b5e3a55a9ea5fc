"""From ActiveMQ by STOMP into a null bulk server: `lakescope run` beside a bare loop of stomp.py, each with a queue of its own.

What misleads here: broker, null server and reader share the machine, so that wall times hold for one with free cores only, and
the broker is often the limit. Both queues are filled before, by one virtual topic. The bare loop looks at no message and
acknowledges none (``ack: auto``), which Lakescope does once what it has read is stored.
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
connection, count = stomp.Connection([("127.0.0.1", int(sys.argv[1]))]), Count()
connection.set_listener("", count)
connection.connect(wait=True)
wall, cpu = time.perf_counter(), time.process_time()
connection.subscribe(f"/queue/{sys.argv[2]}", id="1", ack="auto", headers={"activemq.prefetchSize": "5000"})
count.done.wait()
print(time.perf_counter() - wall, time.process_time() - cpu)
connection.disconnect()
"""
CONFIGURATION = """
[http]
port = 0
[alerts]
evaluate = false
[collectors.stomp]
type = "stomp"
brokers = ["{broker}"]
destination = "/queue/{queue}"
format = "hermes"
[sinks.es]
type = "elasticsearch"
urls = ["http://127.0.0.1:{port}"]
"""


def _queue(reader: str, number: int) -> str:
    return f"Consumer.{reader}{number}.VirtualTopic.events"


def _fill(broker: ActiveMQ, queues: list[str]) -> None:
    connection = stomp.Connection([(broker.host, broker.port)])
    connection.connect(wait=True)
    for body in bodies(MESSAGES):
        connection.send("/topic/VirtualTopic.events", body, headers={"persistent": "true"})
    until(lambda: all(broker.queue_size(queue) == MESSAGES for queue in queues), 120)
    connection.disconnect()


def main() -> None:
    """Prints both, and their ratio."""
    queues = {reader: [_queue(reader, number) for number in range(ROUNDS)] for reader in ("bare", "ours")}
    names = [queue for pair in zip(*queues.values(), strict=True) for queue in pair]
    bare, ours = [], []
    with (
        tempfile.TemporaryDirectory() as name,
        ActiveMQ(Path(name) / "activemq", queues=names, memory_mb=256, heap_mb=768) as broker,
        null_server() as port,
    ):
        _fill(broker, names)
        for number, (bare_queue, our_queue) in enumerate(zip(*queues.values(), strict=True)):
            command = [sys.executable, "-c", BARE, str(broker.port), bare_queue, str(MESSAGES)]
            wall, cpu = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            bare.append((float(wall), float(cpu)))
            directory = Path(name) / f"round{number}"
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
