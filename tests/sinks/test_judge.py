"""What the sinks make of a store's answer: stored, refused for good, or to be tried again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from lakescope.core.contracts import Outcome, RefusedError, TransientError
from lakescope.core.http import PERMANENT, judge_status, mask
from lakescope.core.messages import FOUND_MAX, Reject
from lakescope.sinks._elastic import BusyError, _judge_error, is_full
from lakescope.sinks.elasticsearch import judge

URL = "http://store.example.org:8086/write"
FULL = "this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum normal shards open;"
BUSY = [401, 403, 404, 408, 429, 499, 500, 502, 503, 504]
"""Statuses that pass, or that an operator mends."""


def answer(status: int, text: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, text=text, headers=named, request=httpx.Request("POST", URL))


def fault(status: int, text: str = "", **headers: str) -> TransientError | RefusedError:
    with pytest.raises((TransientError, RefusedError)) as raised:
        judge_status(answer(status, text, **headers), good=(204, 200))
    assert isinstance(raised.value, TransientError | RefusedError)
    return raised.value


# --- over plain HTTP -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 204])
def test_a_good_status_is_one_of_those_named(status: int) -> None:
    judge_status(answer(status), good=(204, 200))
    with pytest.raises(TransientError, match=f"^store.example.org answered {status}: all well$"):
        judge_status(answer(status, "all well"), good=(201,))


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_fewer_events_would_pass_is_refused(status: int) -> None:
    error = fault(status, " too much \n")
    assert isinstance(error, RefusedError)
    assert error.reason == ("too_large" if status == 413 else "refused")
    assert str(error) == f"store.example.org answered {status}: too much"


@pytest.mark.parametrize("status", [*BUSY, 201, 299, 411, 414, 421, 423])
def test_all_else_waits(status: int) -> None:
    error = fault(status, "not now")
    assert isinstance(error, TransientError)
    assert str(error).startswith(f"store.example.org answered {status}: not now")


@pytest.mark.parametrize("words", PERMANENT)
@pytest.mark.parametrize("status", [500, 503])
def test_a_fault_of_the_server_is_a_refusal_by_its_words(status: int, words: str) -> None:
    error = fault(status, f"error: {words} x")
    assert isinstance(error, RefusedError) and error.reason == "refused"
    assert isinstance(fault(499, f"error: {words} x"), TransientError), "an error of the sender's is not"


@pytest.mark.parametrize("status", [300, 302, 399])
def test_a_redirect_is_told_with_its_address(status: int) -> None:
    error = fault(status, location="https://user:secret@other.example.org/")
    expected = (
        f"store.example.org answered {status}, a redirect to https://other.example.org/: give that address"
    )
    assert isinstance(error, TransientError) and str(error) == expected
    expected = f"store.example.org answered {status}, a redirect to : give that address"
    assert str(fault(status)) == expected


@pytest.mark.parametrize("status", [200, 302, 400, 500])
def test_a_web_page_is_nobodys_answer_whatever_its_status(status: int) -> None:
    error = fault(status, "partial write:", content_type="text/html; charset=utf-8")
    expected = f"store.example.org answered {status} with a web page: a proxy or a login page is in between"
    assert isinstance(error, TransientError) and str(error) == expected


def test_who_may_not_is_told_what_to_do() -> None:
    start = "store.example.org answered"
    assert str(fault(401)) == f"{start} 401: ; correct `username` and `password`, or the token"
    assert (
        str(fault(403, "no")) == f"{start} 403: no; give this user, or this token, the right to write there"
    )


def test_an_answer_is_quoted_without_secrets_and_not_at_length() -> None:
    assert (
        mask(" see http://user:secret@a.example.org and //x:y@b ") == "see http://a.example.org and //x:y@b"
    )
    assert mask("http://a/b@c ftp://u@d") == "http://a/b@c ftp://d"
    assert len(mask("x" * 1000)) == FOUND_MAX


def test_an_answer_need_not_say_of_what_kind_it_is() -> None:
    bare = httpx.Response(503, content=b"away", request=httpx.Request("POST", URL))
    assert "content-type" not in bare.headers
    with pytest.raises(TransientError, match=r"^store.example.org answered 503: away$"):
        judge_status(bare, good=(204,))


# --- of Elasticsearch and OpenSearch, for the whole request ----------------------------------------------


@pytest.mark.parametrize("status", [400, 413])
def test_the_cluster_refuses_for_good(status: int) -> None:
    error = _judge_error("es", status, "no")
    assert isinstance(error, RefusedError)
    assert error.reason == ("too_large" if status == 413 else "refused")
    assert str(error) == f"es answered {status}: no"


@pytest.mark.parametrize("status", BUSY)
def test_the_cluster_cannot_now(status: int) -> None:
    error = _judge_error("es", status, "not now")
    assert isinstance(error, BusyError if status == 429 else TransientError)
    assert isinstance(error, BusyError) == (status == 429)
    assert str(error).startswith(f"es answered {status}: not now")


@pytest.mark.parametrize("status", [500, 503])
def test_one_nodes_refusal_in_anothers_fault(status: int) -> None:
    error = _judge_error("es", status, "mapper_parsing_exception: failed to parse")
    assert isinstance(error, RefusedError) and error.reason == "refused"
    assert not isinstance(_judge_error("es", 499, "mapper_parsing_exception: failed"), RefusedError)


@pytest.mark.parametrize("status", [400, 413, 500])
def test_a_cluster_without_room_for_an_index_is_waited_for(status: int) -> None:
    assert is_full(FULL) and not is_full("would add") and not is_full("shards open")
    error = _judge_error("es", status, f"mapper_parsing_exception {FULL}")
    assert isinstance(error, TransientError) and not isinstance(error, BusyError)


def test_the_clusters_operator_is_told_what_to_do() -> None:
    assert (
        str(_judge_error("es", 403, "no"))
        == "es answered 403: no; give this user, or this token, the right to write there"
    )


# --- of a bulk request, item by item ---------------------------------------------------------------------


def item(status: int, kind: str | None = None, reason: str | None = None, **rest: Any) -> dict[str, Any]:
    error = {"type": kind, "reason": reason} if kind is not None else None
    return {"index": {"status": status} | ({"error": error | rest} if error else {})}


def judged(*items: dict[str, Any], start: int = 0, errors: bool = True) -> Outcome:
    outcome = Outcome()
    judge({"errors": errors, "items": list(items)}, outcome, start)
    return outcome


def test_an_answer_without_errors_is_not_read_item_by_item() -> None:
    for whole in ({"errors": False, "items": [item(400, "x", "y")]}, {"items": [item(400, "x", "y")]}):
        outcome = Outcome()
        judge(whole, outcome)
        assert outcome == Outcome()


@pytest.mark.parametrize("status", [200, 201, 299])
def test_an_item_is_stored(status: int) -> None:
    assert judged(item(status), item(status)) == Outcome()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_item_that_the_node_has_no_room_for_is_tried_again(status: int) -> None:
    outcome = judged(item(201), item(status, "es_rejected_execution_exception", "queue is full"), item(201))
    assert outcome == Outcome(retry=[1], reason=f"{status} es_rejected_execution_exception: queue is full")


@pytest.mark.parametrize("status", [300, 400, 404, 428, 430, 499])
def test_an_item_that_is_never_taken(status: int) -> None:
    reject = Reject("refused", expected=f"{status} strict_dynamic_mapping_exception", found="no such field")
    assert judged(item(status, "strict_dynamic_mapping_exception", "no such field")) == Outcome(
        rejected={0: reject}
    )


@pytest.mark.parametrize("status", [500, 503])
def test_an_item_whose_refusal_another_node_reports(status: int) -> None:
    outcome = judged(item(status, "mapper_parsing_exception", "failed to parse"))
    reject = Reject("refused", expected=f"{status} mapper_parsing_exception", found="failed to parse")
    assert outcome == Outcome(rejected={0: reject})


def test_an_item_is_rejected_with_its_cause() -> None:
    cause = {"type": "illegal_argument_exception", "reason": "out of range"}
    outcome = judged(item(400, "mapper_parsing_exception", "failed to parse", caused_by=cause))
    assert outcome.rejected[0].found == "failed to parse (out of range)"
    outcome = judged(item(400, "mapper_parsing_exception", "failed to parse", caused_by=None))
    assert outcome.rejected[0].found == "failed to parse"
    outcome = judged(item(400, "mapper_parsing_exception", "x" * 1000))
    assert len(outcome.rejected[0].found or "") == FOUND_MAX


def test_an_item_without_a_word_of_why() -> None:
    for nothing in ({"index": {"status": 400}}, {"index": {"status": 400, "error": None}}):
        assert judged(nothing).rejected == {0: Reject("refused", expected="400 ", found="")}
    assert judged({"index": {"status": 500, "error": {}}}) == Outcome(retry=[0], reason="500 : ")
    nothing = {"index": {"status": 400, "error": {"caused_by": {}}}}
    assert judged(nothing).rejected == {0: Reject("refused", expected="400 ", found="")}


def test_an_item_waits_for_an_index_and_for_a_cluster_with_room() -> None:
    kinds = ("cluster_block_exception", "index_not_found_exception")
    for outcome in (judged(item(400, "validation_exception", FULL)), judged(item(403, kinds[0], "blocked"))):
        assert outcome.retry == [0] and not outcome.rejected
    assert judged(item(400, "validation_exception", FULL)).reason == f"400 validation_exception: {FULL}"


def test_items_are_counted_from_where_the_request_begins() -> None:
    outcome = Outcome()
    judge({"errors": True, "items": [item(201), item(429, "busy", "1")]}, outcome)
    assert outcome.retry == [1], "from the first chunk"
    outcome = judged(
        item(201), item(429, "busy", "1"), item(400, "bad", "2"), item(503, "busy", "3"), start=100
    )
    assert outcome.retry == [101, 103] and outcome.rejected.keys() == {102}
    assert outcome.reason == "503 busy: 3"
