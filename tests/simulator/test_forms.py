"""Every message has the form of the samples, which real services wrote (tests/samples)."""

import json
import re
from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lakescope.simulator import Lake, Wire
from lakescope.simulator.wire.node_exporter import go_number
from lakescope.simulator.wire.rucio_metrics import STATSD

SAMPLES = Path(__file__).parents[1] / "samples"

Json = Any


def of(wires: list[Wire], source: str) -> list[Wire]:
    return [wire for wire in wires if wire.source == source]


def shape(payload: dict[str, Json]) -> tuple[str, ...]:
    return tuple(key for key in payload if key != "vo")


# Hermes


@pytest.fixture(scope="module")
def hermes_samples() -> dict[str, list[dict[str, Json]]]:
    found = defaultdict(list)
    for sample in json.loads((SAMPLES / "hermes_one_of_each.json").read_text()):
        found[sample["body"]["event_type"]].append(sample["body"]["payload"])
    return found


def test_hermes_bodies_are_python_json(quiet: list[Wire]) -> None:
    for wire in of(quiet, "rucio"):
        body = json.loads(wire.body)
        assert json.dumps(body).encode() == wire.body
        assert list(body) == ["event_type", "payload", "created_at"]
        assert wire.headers == {"persistent": "true", "event_type": body["event_type"]}
        assert wire.destination == "/topic/escape.rucio.events"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?", body["created_at"])


def test_hermes_payloads_have_the_samples_keys_in_order(
    quiet: list[Wire], hermes_samples: dict[str, list[dict[str, Json]]]
) -> None:
    seen = defaultdict(set)
    for wire in of(quiet, "rucio"):
        body = json.loads(wire.body)
        seen[body["event_type"]].add(shape(body["payload"]))
    # what FTS finished always has a link to it, and what was lost never: the sample without one is a mock's
    known = {
        event: {shape(payload) for payload in payloads if payload.get("protocol") != "mock"}
        for event, payloads in hermes_samples.items()
    }
    twins = {
        "stagein-preparing": "transfer-preparing",
        "stagein-submission_failed": "transfer-submission_failed",
    }
    for event, shapes in seen.items():
        if event == "deletion-failed":
            continue  # has three shapes, of which the samples hold one: see below
        assert shapes <= known[twins.get(event, event)], event
    assert set(known) - set(seen) <= {"lost", "incomplete"}  # rare in two hours


def test_hermes_values_have_the_samples_types(
    quiet: list[Wire], hermes_samples: dict[str, list[dict[str, Json]]]
) -> None:
    types = defaultdict(set)
    for event, payloads in hermes_samples.items():
        for payload in payloads:
            for key, value in payload.items():
                types[event, key].add(type(value))
    nullable = {"checksum-md5", "dataset", "datasetScope", "datatype", "retry-count", "previous-request-id"}
    nullable |= {"expired_at"}
    texts = {"reason", "expired_at", "previous-request-id"}  # null in some samples, a text in others
    for wire in of(quiet, "rucio"):
        body = json.loads(wire.body)
        for key, value in body["payload"].items():
            allowed = set(types.get((body["event_type"], key), ()))
            if not allowed or key == "vo":
                continue
            allowed |= {type(None)} if key in nullable else set()
            allowed |= {str} if key in texts else set()
            allowed |= {int} if key == "retry-count" else set()
            assert type(value) in allowed, (body["event_type"], key, value)


def test_failed_deletions_have_rucios_three_shapes(quiet: list[Wire]) -> None:
    usual = ("scope", "name", "rse", "file-size", "bytes", "url")
    shapes = {
        shape(json.loads(wire.body)["payload"])
        for wire in of(quiet, "rucio")
        if wire.headers["event_type"] == "deletion-failed"
    }
    assert shapes <= {
        (*usual, "protocol", "datatype", "reason", "duration"),
        (*usual, "reason", "protocol"),
        ("scope", "name", "rse", "rse_id", "file-size", "bytes", "url", "reason", "protocol"),
    }


def test_times_that_fts_lacked_are_1970_and_durations_wrap(quiet: list[Wire]) -> None:
    canceled = [
        json.loads(wire.body)["payload"]
        for wire in of(quiet, "rucio")
        if b'"started_at": "1970-01-01 00:00:00"' in wire.body
    ]
    assert canceled
    for payload in canceled:
        assert 0 <= payload["duration"] < 86_400
        hour, minute, second = payload["transferred_at"][11:19].split(":")
        assert payload["duration"] == int(hour) * 3600 + int(minute) * 60 + int(second)


# FTS


def jsoncpp(value: Json, depth: int = 0) -> str:
    """JSON as JsonCpp's styled writer sets it, for comparison."""
    if not isinstance(value, dict):
        return (
            json.dumps(value) if not isinstance(value, float) else f"{value:.17g}{'' if value % 1 else '.0'}"
        )
    tabs = "\t" * (depth + 1)
    lines = []
    for key, item in sorted(value.items()):
        before = f"\n{tabs}" if isinstance(item, dict) else ""
        lines.append(f'{tabs}"{key}" : {before}{jsoncpp(item, depth + 1)}')
    return "{\n" + ",\n".join(lines) + "\n" + "\t" * depth + "}"


FTS_SAMPLES = {
    "/topic/transfer.fts_monitoring_start": ["fts_3.14.4_start.txt"],
    "/topic/transfer.fts_monitoring_complete": [
        "fts_3.14.4_complete_ok.txt",
        "fts_3.14.4_complete_error_negative_time.txt",
    ],
    "/topic/transfer.fts_monitoring_queue_state": ["fts_3.14.4_optimizer.txt"],
}
ACCEPTED_KEYS = {
    *("dest_se", "dst_url", "endpnt", "file_id", "file_metadata", "file_state", "job_id", "job_metadata"),
    *("job_state", "retry_counter", "retry_max", "source_se", "src_url", "timestamp", "user_dn", "vo_name"),
}
"""A state message of the REST server, at submission."""
STATE_KEYS = ACCEPTED_KEYS | {
    *("archiving", "archiving_finished", "archiving_start", "reason", "staging", "staging_finished"),
    *("staging_start", "submit_time", "user_filesize"),
}


def test_the_comparison_writes_the_samples_themselves() -> None:
    for name in chain(*FTS_SAMPLES.values()):
        text = (SAMPLES / name).read_text()
        assert jsoncpp(json.loads(text)) + " " == text


def test_fts_bodies_are_set_as_jsoncpp_sets_them(quiet: list[Wire]) -> None:
    for wire in of(quiet, "fts"):
        assert jsoncpp(json.loads(wire.body)) + " " == wire.body.decode()


def test_fts_bodies_have_the_samples_keys_and_types(quiet: list[Wire]) -> None:
    samples = {
        destination: [json.loads((SAMPLES / name).read_text()) for name in names]
        for destination, names in FTS_SAMPLES.items()
    }
    seen = set()
    for wire in of(quiet, "fts"):
        seen.add(wire.destination)
        body = json.loads(wire.body)
        if wire.destination.endswith("_state") and "queue" not in wire.destination:
            assert set(body) in (STATE_KEYS, ACCEPTED_KEYS)
            assert isinstance(body["timestamp"], int if set(body) == STATE_KEYS else float)
            assert wire.headers == {"persistent": "true", "vo": body["vo_name"]}
            continue
        assert "vo" not in wire.headers
        for key, value in body.items():
            allowed = {type(sample[key]) for sample in samples[wire.destination]}
            # another client's metadata may be anything
            assert type(value) in allowed or key == "file_metadata", (key, value)
        assert set(body) == set(samples[wire.destination][0])
        foreign = body.get("job_metadata", {}) == {"activity": "functional-testing"}
        if "file_metadata" in body and not foreign:
            assert set(body["file_metadata"]) == set(samples[FTS_START][0]["file_metadata"])
            assert set(body["job_metadata"]) == set(samples[FTS_START][0]["job_metadata"])
    assert seen == {*FTS_SAMPLES, "/topic/transfer.fts_monitoring_state"}


FTS_START = "/topic/transfer.fts_monitoring_start"


def test_fts_numbers_hold_together(quiet: list[Wire]) -> None:
    for wire in of(quiet, "fts"):
        if wire.destination != "/topic/transfer.fts_monitoring_complete":
            continue
        body = json.loads(wire.body)
        assert body["transfer_time"] == body["timestamp_tr_comp"] - body["timestamp_tr_st"]
        if body["t_final_transfer_state"] == "Ok":
            assert body["throughput"] == body["file_size"] / (body["transfer_time"] / 1000)
            assert body["operation_time"] >= body["transfer_time"] > 0
        else:
            assert body["t__error_message"] and body["t_error_code"] and body["tr_error_category"].isupper()
            assert len(body["t__error_message"]) <= 1024
        if body["t_final_transfer_state"] == "Abort":
            assert body["tr_timestamp_start"] == 0


def test_error_texts_are_varied_and_partly_not_ascii(quiet: list[Wire]) -> None:
    texts = {
        json.loads(wire.body)["t__error_message"]
        for wire in of(quiet, "fts")
        if wire.destination == "/topic/transfer.fts_monitoring_complete" and b'"Error"' in wire.body
    }
    masked = {re.sub(r"[0-9a-f]{8,}|\d+", "#", text) for text in texts}
    assert len(masked) > 30
    assert any(not text.isascii() for text in texts)
    assert not any("{" in text for text in texts)


# Hosts


def test_collectd_value_lists(quiet: list[Wire]) -> None:
    samples = json.loads((SAMPLES / "collectd_write_http_selection.json").read_text())
    lists = [sample for sample in samples if "plugin" in sample]
    keys = list(lists[0])
    named = {(s["plugin"], s["type"]): (s["dsnames"], s["dstypes"]) for s in lists}
    named["chrony", "time_offset"] = ["value"], ["gauge"]  # types.db; the sample's host ran no chronyd
    for wire in of(quiet, "collectd"):
        assert b", " not in wire.body.replace(b'", "', b"")
        assert re.search(rb'"time":\d+\.\d{3},"interval":120\.000,', wire.body)
        for value in json.loads(wire.body):
            assert list(value) == keys
            assert (value["dsnames"], value["dstypes"]) == named[value["plugin"], value["type"]]
            assert len(value["values"]) == len(value["dsnames"])


def test_node_exporter_pages(quiet: list[Wire]) -> None:
    def families(text: str) -> dict[str, tuple[str, str]]:
        return {f.name: (f.type, f.documentation) for f in text_string_to_metric_families(text)}

    sample = families((SAMPLES / "node_exporter_metrics.txt").read_text())
    pages = of(quiet, "node_exporter")
    for wire in pages[:50]:
        ours = families(wire.body.decode())
        assert ours.items() <= sample.items()
        assert {"node_cpu_seconds", "node_network_receive_bytes", "node_filesystem_avail_bytes"} <= set(ours)
    assert len({wire.headers["instance"] for wire in pages}) > 5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (336387, "336387"),
        (8028160, "8.02816e+06"),
        (1e6, "1e+06"),
        (0.49, "0.49"),
        (5.8787e-05, "5.8787e-05"),
        (1794988802.725427, "1.794988802725427e+09"),
        (-2.5e6, "-2.5e+06"),
        (1.5e20, "1.5e+20"),
        (10**20, "1e+20"),
    ],
)
def test_numbers_as_go_writes_them(value: float, text: str) -> None:
    assert go_number(value) == text


def test_telegraf_batches(quiet: list[Wire]) -> None:
    for wire in of(quiet, "telegraf"):
        for metric in json.loads(wire.body)["metrics"]:
            assert list(metric) == ["fields", "name", "tags", "timestamp"]
            assert metric["tags"]["host"]


# perfSONAR, traces, scripts


def test_perfsonar_documents(quiet: list[Wire]) -> None:
    wanted = {
        "throughput": {"summary", "intervals", "mss", "mtu"},
        "latencybg": {
            "packets-sent",
            "packets-lost",
            "histogram-latency",
            "histogram-ttl",
            "max-clock-error",
        },
        "rtt": {"sent", "received", "lost", "loss", "roundtrips"},
        "trace": {"paths"},
        "clock": {"difference", "local", "remote"},
    }
    seen, negative = set(), False
    for wire in of(quiet, "perfsonar"):
        body = json.loads(wire.body)
        kind, result = body["test"]["type"], body["result"]
        seen.add(kind)
        assert {
            "id",
            "schedule",
            "test",
            "tool",
            "run",
            "task",
            "participants",
            "result",
            "reference",
        } == set(body)
        assert body["run"]["result-merged"] == result
        if result["succeeded"]:
            assert wanted[kind] <= set(result)
        else:
            assert result["error"] and body["run"]["state"] == "failed"
        histogram = result.get("histogram-latency", {})
        negative |= any(key.startswith("-") for key in histogram)
        if histogram:
            assert sum(histogram.values()) == result["packets-received"]
    assert seen == set(wanted)
    assert negative  # some clocks are off


def test_traces(quiet: list[Wire]) -> None:
    kinds = set()
    for wire in of(quiet, "trace"):
        trace = json.loads(wire.body)
        kinds.add(trace["eventType"])
        assert {"traceIp", "traceTimeentry", "traceTimeentryUnix", "traceId"} <= set(trace)
        assert ("filename" in trace) == (trace["eventType"] != "upload")
        assert wire.destination == "/topic/rucio.tracer"
    assert kinds == {"upload", "download", "touch", "get_sm", "put_sm"}


def test_pushed_documents(quiet: list[Wire]) -> None:
    kinds = set()
    for wire in of(quiet, "push"):
        body = json.loads(wire.body)
        assert json.dumps(body).encode() == wire.body
        for document in body if isinstance(body, list) else [body]:
            kinds.add(document["type"])
            assert document["producer"] == "escape_wp2"
            assert isinstance(document["timestamp"], int)
    statistics = {"rucio_rse_stats", "rucio_scope_stats", "rucio_experiment_stats", "alba_rep_stats"}
    assert kinds == {"sam_gfal", "availability"} | statistics


# Rucio's API

# lib/rucio/db/sqla/models.py of Rucio 41: ReplicationRule and its base; `bytes` is the data identifier's
RULE_COLUMNS = (
    "id subscription_id account scope name did_type state error rse_expression copies expires_at weight locked"
    " locks_ok_cnt locks_replicating_cnt locks_stuck_cnt source_replica_expression activity grouping notification"
    " stuck_at purge_replicas ignore_availability ignore_account_limit priority comments child_rule_id eol_at"
    " split_container meta deleted_at created_at updated_at bytes"
)


ACCOUNT_KEYS = {"rse_id", "rse", "account", "used_files", "used_bytes", "quota_bytes"}
# lib/rucio/core/account_limit.py: get_local_account_usage


def test_accounts_share_what_is_on_their_rse(quiet: list[Wire], lake: Lake) -> None:
    """All of an answer together fit on the RSE; some accounts have a quota, others none."""
    quotas: dict[str, list[int | None]] = {}
    for wire in of(quiet, "rucio-api"):
        if wire.headers["scope"].endswith("/accounts/usage"):
            lines = [json.loads(line) for line in wire.body.splitlines()]
            (rse,) = {line["rse"] for line in lines}
            assert 0 < sum(line["used_bytes"] for line in lines) <= lake.rse(rse).volume
            quotas[rse] = [line["quota_bytes"] for line in lines]
    assert set(quotas) == {rse.name for rse in lake.rses}
    assert all(None in of_rse and any(of_rse) for of_rse in quotas.values())


def test_a_rule_stays_stuck(quiet: list[Wire]) -> None:
    """Some rule is in every answer of the stuck ones."""
    answers = [
        {json.loads(line)["id"] for line in wire.body.splitlines()}
        for wire in of(quiet, "rucio-api")
        if wire.headers["scope"].endswith("state=S")
    ]
    assert len(answers) > 1
    assert set.intersection(*answers)


def test_answers_of_rucios_api(quiet: list[Wire], lake: Lake) -> None:
    """The columns of Rucio 41's table ``rules`` and the keys of its usage; every storage element; what adds up."""
    columns = set(RULE_COLUMNS.split())
    rses, states = set(), set()
    for wire in of(quiet, "rucio-api"):
        assert wire.headers["date"].endswith(" GMT")
        if not wire.headers["scope"].endswith(("/usage", "state=S", "state=R", "state=U")):
            continue
        for line in wire.body.splitlines():
            found = json.loads(line)
            if "account" in found and "rse" in found:
                assert set(found) == ACCOUNT_KEYS
            elif "rse" in found:
                rses.add(found["rse"])
                assert found["total"] == found["used"] + (found["free"] or 0)
                assert found["source"] != "storage" or found["total"] == lake.rse(found["rse"]).volume
            else:
                assert set(found) == columns
                states.add(found["state"])
    assert rses == {rse.name for rse in lake.rses}
    assert states == {"REPLICATING", "STUCK", "SUSPENDED"}


def test_what_rucio_says_of_itself(quiet: list[Wire], lake: Lake) -> None:
    """Each question is asked; links add up; one done more there is one done more in Hermes's messages."""
    answers: dict[str, list[Any]] = defaultdict(list)
    for wire in of(quiet, "rucio-api"):
        path = wire.headers["scope"].split("/", 3)[3].partition("?")[0]
        answers[path.replace(path.split("/")[1], "*") if path.startswith("rses/E") else path].append(
            wire.body
        )
    assert {"rses/", "requests/metrics", "heartbeats", "replicas/bad/summary", "replicas/suspicious"} <= set(
        answers
    )
    links = [json.loads(line) for line in answers["requests/metrics"][-1].splitlines()]
    assert links
    for link in links:
        for unit in ("files", "bytes"):
            for what in ("queued", "done", "failed"):
                amounts = link[unit]
                by_span = amounts.get(what, {})
                for span in ("1h", "6h") if what != "queued" else ("",):
                    total = f"{what}-total-{span}" if span else f"{what}-total"
                    counts = (one.get(span, 0) if span else one for one in by_span.values())
                    assert amounts.get(total, 0) == sum(counts)
    beats = json.loads(answers["heartbeats"][-1])
    assert {"readable", "hostname", "pid", "thread_name", "updated_at", "created_at", "payload"} == set(
        beats[0]
    )


# Rucio's own metrics


def test_pages_of_rucio_are_prometheus_text_and_their_counters_grow(quiet: list[Wire]) -> None:
    before: dict[tuple[str, str, str], float] = {}
    started: dict[str, float] = {}
    for wire in (wire for wire in of(quiet, "rucio-metrics") if "push" not in wire.headers):
        instance = wire.headers["instance"]
        if instance == STATSD:
            continue
        families = list(text_string_to_metric_families(wire.body.decode()))
        (began,) = (
            family.samples[0].value for family in families if family.name == "process_start_time_seconds"
        )
        is_restarted, started[instance] = started.get(instance, began) != began, began
        for sample in chain.from_iterable(family.samples for family in families):
            if not sample.name.endswith(("_total", "_count", "_sum")):
                continue
            key = (instance, sample.name, json.dumps(sample.labels))
            assert is_restarted or sample.value >= before.get(key, 0)
            before[key] = sample.value
    assert len(started) == 13
    assert {name for _, name, _ in before} >= {
        "rucio_transfertool_fts3_submission_total",
        "rucio_daemons_conveyor_finisher_handle_requests_total",
        "rucio_daemons_reaper_reaper_delete_count",
    }


def test_pushes_of_rucios_probes_name_their_group(quiet: list[Wire]) -> None:
    pushes = [wire for wire in of(quiet, "rucio-metrics") if "push" in wire.headers]
    assert pushes
    for wire in pushes:
        job = json.loads(wire.headers["group"])["job"]
        assert wire.destination == f"/push/metrics/job/{job}"
        assert list(text_string_to_metric_families(wire.body.decode()))
