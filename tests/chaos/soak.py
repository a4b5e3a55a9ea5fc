"""`python -m tests.chaos.soak [--bodies N] [--seed S]`: hostile bodies through `lakescope run`, a few good ones between them.

Exit code 1 where it crashes, answers late, keeps memory, or loses a good body.

Bodies come by push, as JSON lines: who cannot read one must still find the next.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.contract._bodies import events_of, hermes
from tests.e2e._lakescope import Lakescope, duckdb_events, until

LINES = 500
"""Of a request."""
GOOD = 50
"""Of so many bodies one is good."""
LARGE_BYTES = 50_000_000
LARGE = 10
ANSWER_S = 1.0
"""Within which `/livez` is to answer throughout."""
KEPT_MB = 50
"""More than at the start, after the run, at most."""
_CONFIGURATION = """
[pipeline]
batch_age_s = 0.2
dead_letters_bytes = 100_000_000
[collectors.push]
type = "http"
[sinks.duckdb]
type = "duckdb"
"""


def hostile(chance: random.Random, good: bytes) -> bytes:
    """One line that is no good body: made of a good one, or of nothing."""
    body = json.loads(good)
    payload = body["payload"]
    kind = chance.randrange(10)
    if kind == 0:
        cut = good[: chance.randrange(1, len(good))].rstrip()
        return (
            cut + b"0" if cut.endswith(b":") else cut
        )  # else it may be one sound document with the lines behind it
    if kind == 1:
        depth = chance.randrange(200, 3000)
        return b'{"payload": ' + b"[" * depth + b"]" * depth + b"}"
    if kind == 2:
        payload["bytes"] = 10 ** chance.randrange(20, 400)
    elif kind == 3:
        return good.replace(b'"payload": {', b'"payload": {"bytes": NaN, "duration": -Infinity, ', 1)
    elif kind == 4:
        return good.replace(b'"payload": {', b'"payload": {"name": "\\ud800\\udfff\\udc00", ', 1)
    elif kind == 5:
        return good.replace(b'"payload": {', b'"payload": {"a": 1, "a": 2, "payload": {"payload": [', 1)
    elif kind == 6:
        for name in payload:
            payload[name] = chance.choice((None, [], {}, True, -1, 1e308, "", "\x00", "x" * 5000))
    elif kind == 7:
        return bytes(
            chance.choice(b'\x00\x01\x7f\x80\xc0\xff{}[]",:') for _ in range(chance.randrange(1, 300))
        )
    elif kind == 8:
        flipped = bytearray(good)
        for _ in range(5):
            flipped[chance.randrange(len(flipped))] = chance.randrange(32, 256)
        return bytes(flipped)
    else:
        body["event_type"] = chance.choice(("", "transfer-", "no-such", None, 5, ["transfer-done"]))
    return json.dumps(body).encode()


class Watch(threading.Thread):
    """How long `/livez` takes, and how much memory the process has."""

    def __init__(self, lakescope: Lakescope) -> None:
        super().__init__(daemon=True)
        self.lakescope, self.slowest, self.is_over = lakescope, 0.0, threading.Event()
        url = lakescope.url
        assert url is not None
        self.url = url

    def run(self) -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self.is_over.wait(0.25):
                begun = time.monotonic()
                client.get(f"{self.url}/livez").raise_for_status()
                self.slowest = max(self.slowest, time.monotonic() - begun)

    def megabytes(self, what: str) -> int:
        """VmRSS or VmHWM."""
        assert self.lakescope.process is not None
        lines = Path(f"/proc/{self.lakescope.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(what)) // 1024


def post(url: str, content: bytes) -> None:
    """Until it is taken, or refused for good: what is too large or too deep may be."""
    while True:
        answer = httpx.post(
            f"{url}/push/hermes",
            content=content,
            headers={"content-type": "application/x-ndjson"},
            timeout=120,
            trust_env=False,
        )
        if answer.status_code not in (429, 503):
            return
        time.sleep(float(answer.headers.get("retry-after", 1)))


def requests(count: int, chance: random.Random, sent: list[bytes]) -> Iterator[bytes]:
    """JSON lines; the good ones are added to `sent`."""
    templates = hermes(40)
    for begin in range(0, count, LINES):
        lines = []
        for number in range(begin, min(count, begin + LINES)):
            if number % GOOD == 0:
                (body,) = hermes(1, start=1000 + number)
                sent.append(body)
                lines.append(body)
            else:
                lines.append(
                    hostile(chance, chance.choice(templates)).replace(b"\n", b" ").replace(b"\r", b" ")
                )
        yield b"\n".join(lines) + b"\n"


def main() -> int:
    """Sends, waits, and says what it saw."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak")
    parser.add_argument("--bodies", type=int, default=1_000_000)
    parser.add_argument("--large", type=int, default=LARGE, help=f"bodies of {LARGE_BYTES:,} bytes")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    sent: list[bytes] = []
    with (
        tempfile.TemporaryDirectory(prefix="lakescope-soak-", ignore_cleanup_errors=True) as folder,
        Lakescope(Path(folder), _CONFIGURATION) as lakescope,
    ):
        lakescope.start()
        watch = Watch(lakescope)
        post(
            watch.url, b"\n".join(hermes(200, start=900_000))
        )  # what is imported at the first body is no leak
        until(lambda: lakescope.drained(200), 60, lakescope.brief)
        before = watch.megabytes("VmRSS")
        watch.start()
        large = b'{"payload": "' + b"x" * LARGE_BYTES
        every = max(1, options.bodies // LINES // max(1, options.large))
        for number, content in enumerate(requests(options.bodies, chance, sent)):
            post(watch.url, content)
            if number % every == 0 and number // every < options.large:
                post(watch.url, large)
        until(lambda: lakescope.drained(0), 600, lakescope.brief)
        time.sleep(10)
        after, peak = watch.megabytes("VmRSS"), watch.megabytes("VmHWM")
        watch.is_over.set()
        letters = lakescope.status()["dead_letters"]["total"]
        is_clean = lakescope.stop(90) == 0
        stored = Counter(event["id"] for event in duckdb_events(lakescope.data_dir / "lake.duckdb"))
    wanted = events_of("hermes", sent)
    lost = [id for id in wanted if not stored[id]]
    doubled = [id for id, count in stored.items() if count > 1]
    print(
        f"bodies                {options.bodies}, of them good {len(sent)}, and {options.large} of {LARGE_BYTES // 10**6} MB"
    )
    print(f"good events           lost {len(lost)} doubled {len(doubled)}")
    print(f"dead letters kept     {letters}")
    print(f"/livez at worst       {watch.slowest:.2f} s (bound {ANSWER_S:.0f})")
    print(f"memory                {before} MB before, {after} MB after (bound +{KEPT_MB}), {peak} MB at most")
    is_right = (
        is_clean and not lost and not doubled and watch.slowest < ANSWER_S and after - before <= KEPT_MB
    )
    print("right" if is_right else "WRONG")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
