"""Pages of Rucio's metrics that are too long, and names that are the same by every way."""

from __future__ import annotations

import time

import pytest

from lakescope.core.events import RucioMetric
from lakescope.core.messages import DecodeResult, Message, RejectedError
from lakescope.transformers._rucio_names import of_prometheus, of_statsd
from lakescope.transformers.rucio_metrics import REJECTS_MAX, SAMPLES_MAX, SERIES_MAX, decode

PAGE = {"instance": "rucio:8080", "url": "http://rucio:8080/metrics"}


def decoded(body: bytes, headers: dict[str, str] | None = None) -> DecodeResult:
    out = DecodeResult()
    decode(Message(body, "rucio_metrics", headers or PAGE, time.time()), out)
    return out


def test_a_label_with_a_value_for_each_request_is_bounded() -> None:
    page = b"".join(b'rucio_core_request_mine{request_id="%d"} 1\n' % number for number in range(10_000))
    out = decoded(page + b"rucio_core_trace_trace_cnt_total 4\n")
    assert len(out.events) == SERIES_MAX + 2  # the other metric, and that the page was read
    assert out.filtered == {f"more_than_{SERIES_MAX}_series_of_a_metric": 10_000 - SERIES_MAX}


def test_a_page_of_a_million_lines_is_bounded() -> None:
    page = b"".join(b"rucio_core_request_m%d 1\n" % number for number in range(1_000_000))
    out = decoded(page)
    assert len(out.events) == SAMPLES_MAX + 1
    assert out.filtered == {f"more_than_{SAMPLES_MAX}_samples_on_a_page": 1_000_000 - SAMPLES_MAX}


def test_malformed_lines_are_told_up_to_a_bound() -> None:
    out = decoded(b"rucio_core_trace_trace_cnt_total 4\n" + b"no sample at all here\n" * 1000)
    assert len(out.rejects) == REJECTS_MAX
    assert out.filtered == {"malformed_line": 1000 - REJECTS_MAX}
    with pytest.raises(RejectedError, match="not of the form"):
        decoded(b"no sample at all here\n" * 1000)


@pytest.mark.parametrize(
    ("module", "prometheus", "statsd", "labels"),
    [
        ("transfertool.fts3", "submission", "fts01.submission.failure", {"host": "fts01", "state": "failure"}),
        ("transfertool.fts3", "submit_transfer", "submit_transfer.fts01", {"host": "fts01"}),
        ("transfertool.fts3", "submit_transfers_fts3", "submit_transfers_fts3", {}),
        ("core.request", "get_next_requests", "get_next.requests.STAGEIN.LOST", {"request_type": "STAGEIN", "state": "LOST"}),
        ("core.request", "get_and_mark_next", "get_and_mark_next", {}),
        ("daemons.reaper.reaper", "delete", "delete.davs.X", {"scheme": "davs", "rse": "X"}),
        ("daemons.judge.evaluator", "exceptions", "exceptions.Locks", {"exception": "Locks"}),
        ("daemons.conveyor.poller", "update_request_state", "update_request_state.True", {"updated": "True"}),
        ("daemons.conveyor.throttler", "released_waiting_requests", "released_waiting_requests.A B.X",
         {"activity": "A B", "rse": "X"}),
        ("daemons.transmogrifier.transmogrifier", "addnewrule_errortype", "addnewrule.errortype.E", {"exception": "E"}),
        ("core.oidc", "token_cache_hit", "token_cache.hit", {}),
        ("probes", "judge_waiting_dids", "judge.waiting_dids", {}),
    ],
)  # fmt: skip
def test_both_ways_give_one_series(module: str, prometheus: str, statsd: str, labels: dict[str, str]) -> None:
    """Templates as lib/rucio/core/monitor.py fills them in."""
    first = of_prometheus(f"rucio_{module.replace('.', '_')}_{prometheus}")
    second = of_statsd(f"int.rucio.{module}.{statsd}")
    assert first[:2] == second[:2] == (module, prometheus)
    assert second.labels == labels


def test_a_put_and_a_page_say_what_there_is_and_a_post_does_not() -> None:
    group = {"group": '{"job":"probe"}'}
    for headers, polls in ((PAGE, 1), (group | {"push": "PUT"}, 1), (group | {"push": "POST"}, 0)):
        out = decoded(b"judge_waiting_dids 4\n", headers)
        events = [event for event in out.events if isinstance(event, RucioMetric)]
        assert len(out.events) - len(events) == polls
        assert events[0].poll is not None
