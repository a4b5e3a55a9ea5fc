"""From Kafka into a null bulk server: one `lakescope run` beside a bare loop of kafka-python over the same topic.

What misleads here: broker, null server and reader share the machine, so that wall times hold for one with free cores only;
the CPU seconds of the reader alone are the operating system's own. The null server stores nothing. The bare loop looks at no
message and commits nothing; both read a topic of four partitions from its beginning, packed with lz4, in turn.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks._instance import running, watch
from benchmarks.hot_path import bodies
from benchmarks.whole_process import null_server
from tests.servers.kafka import Kafka

MESSAGES = 150_000
ROUNDS = 3
TOPIC = "transfers"
BARE = """
import sys, time
from kafka import KafkaConsumer, TopicPartition
consumer = KafkaConsumer(bootstrap_servers=sys.argv[1], metrics_enabled=False, fetch_max_bytes=16 * 2**20)
partitions = [TopicPartition(sys.argv[2], number) for number in range(4)]
consumer.assign(partitions)
consumer.seek_to_beginning()
count, wall, cpu = 0, time.perf_counter(), time.process_time()
while count < int(sys.argv[3]):
    count += sum(map(len, consumer.poll(250, 1000).values()))
print(time.perf_counter() - wall, time.process_time() - cpu)
"""
CONFIGURATION = """
[collectors.kafka]
type = "kafka"
brokers = ["{broker}"]
topics = ["transfers"]
group = "{group}"
format = "hermes"
[sinks.es]
type = "elasticsearch"
urls = ["http://127.0.0.1:{port}"]
"""


def read_bare(address: str) -> tuple[float, float]:
    """(Wall, CPU) seconds of the loop, its start left out."""
    command = [sys.executable, "-W", "ignore", "-c", BARE, address, TOPIC, str(MESSAGES)]
    wall, cpu = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(wall), float(cpu)


def read_with_lakescope(directory: Path, broker: str, port: int) -> tuple[float, float]:
    """(Wall, CPU) seconds from the first message received to the last one stored."""
    configuration = CONFIGURATION.format(broker=broker, port=port, group=directory.name)
    with running(directory, configuration) as process:
        return watch(process, directory, MESSAGES)


def main() -> None:
    """Prints both, and their ratio."""
    with tempfile.TemporaryDirectory() as name, Kafka(Path(name) / "kafka", heap_mb=512) as kafka:
        kafka.create_topic(TOPIC, 4)
        kafka.send(TOPIC, bodies(MESSAGES), compression_type="lz4", batch_size=256 * 1024, linger_ms=20)
        bare, ours = [], []
        with null_server() as port:
            for number in range(ROUNDS):
                bare.append(read_bare(urlsplit(kafka.url).netloc))
                ours.append(read_with_lakescope(Path(name) / f"round{number}", kafka.url, port))
    size = sum(map(len, bodies(1000))) / 1000
    print(f"{MESSAGES} Hermes bodies of {size:,.0f} bytes, medians of {ROUNDS}")
    for what, runs in (("bare loop", bare), ("lakescope run", ours)):
        wall, cpu = (median(run[place] for run in runs) for place in (0, 1))
        print(
            f"{what:14} {MESSAGES / wall:9,.0f} messages/s   {MESSAGES / cpu:9,.0f} messages/CPU-s"
            f"   {cpu / MESSAGES * 1e6:5.1f} us of CPU a message"
        )
    for place, unit in ((1, "CPU"), (0, "wall")):
        ratio = median(loop[place] / our[place] for loop, our in zip(bare, ours, strict=True))
        print(f"ratio by {unit}: {ratio:.2f} of the bare loop")


if __name__ == "__main__":
    main()
