"""The Pushgateway's API, by the client that Rucio's probes push with (prometheus_client), and by hand."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import (
    basic_auth_handler,
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
)

from lakescope.collectors import _pushgateway
from lakescope.collectors._pushgateway import parse_group
from tests.collectors._pushing import Pushing
from tests.e2e._lakescope import until


@pytest.fixture
def pushing(tmp_path: Path) -> Iterator[Pushing]:
    with Pushing(tmp_path) as lakescope:
        yield lakescope


def events(pushing: Pushing, dataset: str) -> list[dict[str, Any]]:
    """What is stored of a dataset, in order of time."""
    stored = (event for repeats in pushing.stored().values() for event in repeats)
    return sorted((event for event in stored if event["dataset"] == dataset), key=lambda event: event["time"])


def registry(**gauges: float) -> CollectorRegistry:
    made = CollectorRegistry()
    for name, value in gauges.items():
        Gauge(name, "", registry=made).set(value)
    return made


def test_a_probe_pushes_replaces_adds_and_deletes(pushing: Pushing) -> None:
    gateway, key = f"{pushing.url}/push", {"cluster": "prod/1", "instance": ""}
    made = registry(judge_waiting_dids=42)
    Counter("rucio_probes_runs", "", registry=made).inc(3)
    Histogram("rucio_core_request_wait_time", "", registry=made).observe(7.5)
    push_to_gateway(gateway, job="check_unevaluated_dids", registry=made, grouping_key=key)
    pushadd_to_gateway(gateway, "check_unevaluated_dids", registry(judge_updated_dids=7), grouping_key=key)
    delete_from_gateway(gateway, job="check_unevaluated_dids", grouping_key=key)
    pushing.polled(2, 20)

    told = {(one["component"], one["metric"], one.get("part")): one for one in events(pushing, "rucio")}
    assert {name: one["value"] for name, one in told.items()} == {
        ("probes", "judge_waiting_dids", None): 42,
        ("probes", "judge_updated_dids", None): 7,
        ("probes", "runs", None): 3,
        ("core.request", "wait_time", "count"): 1,
        ("core.request", "wait_time", "sum"): 7.5,
    }
    waiting = told["probes", "judge_waiting_dids", None]
    assert (waiting["job"], waiting["instance"]) == ("check_unevaluated_dids", "check_unevaluated_dids")
    assert waiting["labels"] == {"job": "check_unevaluated_dids", "cluster": "prod/1"}
    replaced, ended = events(pushing, "polls")
    assert replaced["scope"] == ended["scope"] == waiting["poll"]
    assert (replaced["count"], ended["count"]) == (4, 0)
    assert replaced["complete"] and ended["complete"]
    assert replaced["time"] == waiting["time"] < ended["time"]


def test_a_token_by_header_or_in_the_path(tmp_path: Path) -> None:
    with Pushing(tmp_path, 'token = "s3cret-of-the-probes"\n') as pushing:
        made = registry(judge_waiting_dids=1)
        with pytest.raises(HTTPError, match="401"):
            push_to_gateway(f"{pushing.url}/push", job="probe", registry=made)
        with pytest.raises(HTTPError, match="401"):
            push_to_gateway(f"{pushing.url}/push/token/wrong-token", job="probe", registry=made)
        push_to_gateway(f"{pushing.url}/push/token/s3cret-of-the-probes", job="in_path", registry=made)

        def login(**request: Any) -> Any:
            return basic_auth_handler(**request, username="probes", password="s3cret-of-the-probes")

        push_to_gateway(f"{pushing.url}/push", job="by_header", registry=made, handler=login)
        until(lambda: len(events(pushing, "rucio")) == 2, 20)
        assert {one["job"] for one in events(pushing, "rucio")} == {"in_path", "by_header"}


def test_a_broken_body_is_a_dead_letter_that_names_its_line(pushing: Pushing) -> None:
    answer = pushing.send(
        "/push/metrics/job/probe", b"judge_waiting_dids 4\n<html>login</html>\n", method="PUT"
    )
    assert answer.status_code == 200
    until(lambda: bool(events(pushing, "polls")), 20)
    (letter,) = pushing.engine.dead_letters.letters()
    assert letter.path == "$.line[2]" and "<html>login</html>" in str(letter.found)
    assert [one["value"] for one in events(pushing, "rucio")] == [4]
    assert events(pushing, "polls")[0]["complete"] is False


@pytest.mark.parametrize(
    ("path", "headers", "status", "told"),
    [
        ("/push/metrics/jobs/x", {}, 400, "expected /metrics/job/<job>"),
        ("/push/metrics/job/x/instance", {}, 400, "expected /metrics/job/<job>"),
        ("/push/metrics/job/x/in-stance/y", {}, 400, "in-stance: expected a label"),
        ("/push/metrics/job/x/a/1/a/2", {}, 400, "the label a is there twice"),
        ("/push/metrics/job@base64/=", {}, 400, "the job is empty"),
        ("/push/metrics/job/x/a@base64/%2B%2B", {}, 400, "a@base64: expected base64"),
        (
            "/push/metrics/job/x",
            {"content-type": "application/vnd.google.protobuf; x=y"},
            415,
            "expected text",
        ),
    ],
)
def test_what_is_no_push_is_told(
    pushing: Pushing, path: str, headers: dict[str, str], status: int, told: str
) -> None:
    answer = pushing.send(path, b"a 1\n", headers, method="PUT")
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True), answer.text


def test_groups_have_a_bound(pushing: Pushing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pushgateway, "GROUPS_MAX", 2)

    def status(method: str, pod: str) -> int:
        return pushing.send(f"/push/metrics/job/x/pod/{pod}", b"a 1\n", method=method).status_code

    assert [status("PUT", pod) for pod in "abac"] == [200, 200, 200, 429]
    assert status("DELETE", "a") == 202
    assert status("POST", "c") == 200


def test_groups_as_the_pushgateway_documents_them() -> None:
    assert parse_group("job/some_job/instance/some_instance") == {
        "job": "some_job",
        "instance": "some_instance",
    }
    assert parse_group("job/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C") == {
        "job": "titan",
        "name": "Προμηθεύς",
    }
    assert (
        parse_group("job@base64/L3Zhci90bXA=") == parse_group("job@base64/L3Zhci90bXA") == {"job": "/var/tmp"}
    )
    padded = urlsafe_b64encode(b"a/b?").decode()
    assert parse_group(f"job/x/empty@base64/=/path@base64/{padded}") == {
        "job": "x",
        "empty": "",
        "path": "a/b?",
    }
