"""Bytes to bulk body: the finished code path beside a bare loop and a straight-line prototype of the same mapping.

What misleads here: the machine is shared, so only the ratios of one run count; every pass works on bodies that
differ in ids, names and times, but failures repeat their texts, as in life (their masking is cached); CPU time of
one thread is measured, not wall time; the author of the code wrote the benchmark.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from lakescope.core.messages import Message
from lakescope.pipeline.normalise import Normaliser
from lakescope.pipeline.transform import SinkInput, Transform
from lakescope.sinks.elasticsearch import BulkEncoder
from lakescope.transformers import hermes
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.errors import classify
from lakescope.transformers.topology import Topology

SAMPLES = Path(__file__).parents[1] / "tests" / "samples" / "hermes_one_of_each.json"
MESSAGES = 20_000
ROUNDS = 7
BATCH = 1000
BEGIN = datetime(2026, 11, 22, 12)  # noqa: DTZ001 - Rucio's own times are naive


def bodies(count: int = MESSAGES, seed: int = 1) -> list[bytes]:
    """Hermes' ends of transfers, 1.2 KB each: 5 in 6 done, 1 in 6 failed; ids, names and times of their own."""
    chance = random.Random(seed)
    samples = [s["body"] for s in json.loads(SAMPLES.read_text())]
    successful_count, failed_count = (
        next(s for s in samples if s["event_type"] == kind) for kind in ("transfer-done", "transfer-failed")
    )
    messages = []
    for number in range(count):
        body = json.loads(json.dumps(failed_count if chance.random() < 1 / 6 else successful_count))
        payload = body["payload"]
        payload["request-id"] = f"{chance.getrandbits(128):032x}"
        payload["name"] = f"file_{number:08}.root"
        for key in ("src-url", "dst-url"):
            payload[key] = payload[key].rpartition("/")[0] + "/" + payload["name"]
        end = BEGIN + timedelta(seconds=number // 160)  # ATLAS's mean rate; FTS's clock has whole seconds
        payload["transferred_at"] = str(end)
        payload["started_at"] = str(end - timedelta(seconds=chance.randrange(1, 900)))
        payload["submitted_at"] = str(end - timedelta(seconds=1200, microseconds=chance.randrange(1, 10**6)))
        payload["created_at"] = str(end - timedelta(seconds=3600, microseconds=chance.randrange(1, 10**6)))
        body["created_at"] = str(end + timedelta(seconds=30, microseconds=chance.randrange(1, 10**6)))
        messages.append(json.dumps(body).encode())
    return messages


def topology() -> Topology:
    """Sites for the RSEs of the samples."""
    rses = {f"LAKE-{letter}-{kind}": {"site": f"SITE-{letter}", "country_name": "X", "rse_type": kind, "params": {"qos": "FAST"}}
            for letter in "ABCDE" for kind in ("DISK", "TAPE")}  # fmt: skip
    return Topology({"rses": rses})


# --- the three -------------------------------------------------------------------------------------------


def bare() -> Callable[[list[bytes]], int]:
    """The limit: msgspec decodes the same typed body and encodes it again; nothing between."""
    decode = msgspec.json.Decoder(hermes._RucioEvent).decode
    encode = msgspec.json.Encoder().encode

    def run(batch: list[bytes]) -> int:
        return len(b"\n".join([encode(decode(body)) for body in batch]))

    return run


def prototype() -> Callable[[list[bytes]], int]:
    """The same mapping in one function, written for speed alone: no batches' bookkeeping, no rejects, no options."""
    decode = msgspec.json.Decoder(hermes._RucioEvent).decode
    fields = [
        *[
            "dataset",
            "id",
            "time",
            "source",
            "vo",
            "event",
            "ok",
            "kind",
            "request_id",
            "previous_request_id",
            "job_id",
            "scope",
            "name",
        ],
        *[
            "parent_scope",
            "parent_name",
            "datatype",
            "activity",
            "account",
            "src_rse",
            "dst_rse",
            "src_host",
            "dst_host",
            "src_url",
        ],
        *[
            "dst_url",
            "src_site",
            "dst_site",
            "src_country",
            "dst_country",
            "src_type",
            "dst_type",
            "src_qos",
            "dst_qos",
            "protocol",
        ],
        *[
            "bytes",
            "adler32",
            "md5",
            "created",
            "submitted",
            "started",
            "ended",
            "queue_s",
            "transfer_s",
            "throughput",
            "endpoint",
        ],
        *["error", "error_class", "error_template", "error_scope", "error_code", "functional_test"],
    ]
    flat = msgspec.defstruct("Flat", [(f, Any, None) for f in fields], omit_defaults=True, gc=False)
    encode = msgspec.json.Encoder().encode
    parse = datetime.fromisoformat
    rses = topology()._rses
    hosts: dict[str, str] = {}

    def host(url: str) -> str:
        authority = url.split("/", 3)[2]
        host = hosts.get(authority)
        if host is None:
            host = hosts[authority] = authority.partition(":")[0].lower()
        return host

    def run(batch: list[bytes]) -> int:
        lines = []
        for body in batch:
            envelope = decode(body)
            p = envelope.payload
            created_at, started_at, ended_at = (
                parse(p.created_at),
                parse(p.started_at),
                parse(p.transferred_at),
            )
            parse(p.submitted_at)
            transfer_s = (ended_at - started_at).total_seconds()
            event_time = p.transferred_at.replace(" ", "T") + "Z"
            src, dst = rses[p.src_rse], rses[p.dst_rse]
            ok = envelope.event_type == "transfer-done"
            error_class = template = scope = code = None
            if p.reason:
                error_class, template = classify(p.reason)
                scope, code = "SOURCE", 2
            id_ = blake2b(
                f"rucio\x1f{envelope.event_type}\x1f{p.request_id}\x1f{p.transfer_id}".encode(),
                digest_size=16,
            ).hexdigest()
            event = flat(
                "transfers", id_, event_time, "rucio", None, "done" if ok else "failed", ok, "transfer",
                p.request_id, p.previous_request_id, p.transfer_id, p.scope, p.name, p.dataset_scope, p.dataset,
                p.datatype, p.activity, p.account, p.src_rse, p.dst_rse, host(p.src_url), host(p.dst_url),
                p.src_url, p.dst_url, src[0], dst[0], src[1], dst[1], p.src_type, p.dst_type, src[3], dst[3],
                p.protocol, p.bytes, p.checksum_adler, p.checksum_md5, p.created_at.replace(" ", "T") + "Z",
                p.submitted_at.replace(" ", "T") + "Z", p.started_at.replace(" ", "T") + "Z", event_time,
                (started_at - created_at).total_seconds(), transfer_s,
                p.bytes / transfer_s if ok and transfer_s else None,
                "127.0.0.1", p.reason, error_class, template, scope, code, p.activity == "Functional Test",
            )  # fmt: skip
            lines.append(
                b'{"index":{"_index":"lakescope-transfers-%b","_id":"%b"}}\n{"@timestamp":"%b",%b\n'
                % (
                    event_time[:7].replace("-", ".").encode(),
                    id_.encode(),
                    event_time.encode(),
                    encode(event)[1:],
                )
            )
        return len(b"".join(lines))

    return run


def transfers_decoder() -> Callable[[list[bytes]], int]:
    """Lakescope's own path: messages, decode, enrich, encode, the accounting of a batch, one sink's bulk body."""
    normalise = Normaliser({"hermes": hermes.decode}, Enrichment(topology(), collector="benchmark"))
    transform = Transform(normalise, {"es": SinkInput(BulkEncoder("lakescope", "month"))})

    def run(batch: list[bytes]) -> int:
        result = transform([Message(body, "hermes") for body in batch])
        assert not result.rejects
        return len(b"".join(result.parcels["es"].chunks))

    return run


def measure(messages: list[bytes], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Name -> CPU microseconds a message, round by round, the three in turn within each round."""
    batches = [messages[start : start + BATCH] for start in range(0, len(messages), BATCH)]
    runs = {"bare": bare(), "prototype": prototype(), "finished": transfers_decoder()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            begin = time.thread_time()
            for batch in batches:
                run(batch)
            times[name].append((time.thread_time() - begin) / len(messages) * 1e6)
    return times


def main() -> None:
    """Prints the table: the median over rounds, and the median of the rounds' ratios."""
    messages = bodies()
    times = measure(messages)
    print(
        f"{len(messages)} bodies of {statistics.mean(map(len, messages)):.0f} bytes, {ROUNDS} rounds, CPU of one thread"
    )
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        ratios = [proto / mine for proto, mine in zip(times["prototype"], seconds, strict=True)]
        print(
            f"{name:10} {middle:6.2f} us a message  {1e6 / middle:9,.0f} messages/CPU-s"
            f"  {statistics.median(ratios):.2f} of the prototype ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
