"""`lakescope.pipeline.delivery`: which events are stored, tried again, or given up, and after how many writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lakescope.core.contracts import Outcome, RefusedError, TransientError
from lakescope.core.messages import FOUND_MAX, Reject
from lakescope.pipeline.delivery import STUCK_ATTEMPTS, STUCK_S, deliver

BAD = Reject("sink_rejected", found="a bad event")


class GaveUpError(Exception):
    """What a test's `wait` raises."""


class Store:
    """Answers each write by `answer(chunks)`; keeps what it stored, in order, and the size of each write."""

    def __init__(self, answer: Callable[[list[Any]], Outcome]):
        self.answer = answer
        self.stored: list[Any] = []
        self.sizes: list[int] = []
        self.now = 1000.0
        self.waits: list[int] = []

    def write(self, chunks: Sequence[Any]) -> Outcome:
        self.sizes.append(len(chunks))
        outcome = self.answer(list(chunks))
        left = outcome.rejected.keys() | set(outcome.retry)
        self.stored += [chunk for i, chunk in enumerate(chunks) if i not in left]
        return outcome

    def wait(self, attempts: int, fault: TransientError) -> None:
        """Two and a half minutes an attempt; gives up on a store that is away for days."""
        self.now += STUCK_S / 4
        self.waits.append(attempts)
        if len(self.waits) > 1000:
            raise GaveUpError

    def deliver(self, chunks: Sequence[Any]) -> dict[int, Reject]:
        return deliver(chunks, self.write, self.wait, lambda: self.now)


def fails_on(
    *bad: Any, error: Callable[[], Exception] = lambda: TransientError("503")
) -> Callable[[Any], Outcome]:
    """A store that fails as a whole if one of `bad` is among the chunks."""

    def answer(chunks: list[Any]) -> Outcome:
        if set(bad) & set(chunks):
            raise error()
        return Outcome()

    return answer


def test_all_is_stored_by_one_write() -> None:
    store = Store(lambda chunks: Outcome())
    assert store.deliver("abcd") == {}
    assert store.stored == list("abcd") and store.sizes == [4] and store.waits == []


def test_a_whole_batch_is_written_without_a_copy() -> None:
    batch = list("abcd")
    written: list[Sequence[Any]] = []

    def write(chunks: Sequence[Any]) -> Outcome:
        written.append(chunks)
        return Outcome()

    assert deliver(batch, write, lambda attempts, fault: None) == {}
    assert len(written) == 1 and written[0] is batch


def test_nothing_is_not_written() -> None:
    store = Store(lambda chunks: Outcome())
    assert store.deliver([]) == {} and store.sizes == []


def test_the_rejected_keep_their_places_through_partial_retries() -> None:
    """Of a..f: a and c at first are too many, then c once more and e; e is rejected by the second write."""
    answers = [
        Outcome(retry=[0, 2, 4]),
        Outcome(rejected={2: BAD}, retry=[1], reason="busy"),
        Outcome(),
    ]
    store = Store(lambda chunks: answers.pop(0))
    assert store.deliver("abcdef") == {4: BAD}
    assert store.stored == list("bdf" + "a" + "c") and store.sizes == [6, 3, 1]
    assert store.waits == [], "every write stored something"


def test_only_writes_in_a_row_that_store_nothing_lengthen_the_wait() -> None:
    answers = [
        Outcome(retry=[0, 1]),
        Outcome(retry=[0, 1]),
        Outcome(retry=[1]),
        Outcome(retry=[0]),
        Outcome(),
    ]
    store = Store(lambda chunks: answers.pop(0))
    assert store.deliver("ab") == {}
    assert store.waits == [1, 2, 1]


def test_what_the_store_is_too_busy_for_is_told_to_wait() -> None:
    faults: list[str] = []

    def wait(attempts: int, fault: TransientError) -> None:
        faults.append(str(fault))
        raise GaveUpError

    with pytest.raises(GaveUpError):
        deliver("ab", lambda chunks: Outcome(retry=[0, 1], reason="queue is full"), wait)
    assert faults == ["2 events to be tried again: queue is full"]


@pytest.mark.parametrize("bad", [0, 3, 6])
def test_an_event_that_makes_the_sink_raise_is_found_by_halves(bad: int) -> None:
    chunks = list(range(7))
    store = Store(fails_on(bad, error=lambda: KeyError("no such thing")))
    assert store.deliver(chunks) == {bad: Reject("sink_error", found="KeyError('no such thing')")}
    assert sorted(store.stored) == [i for i in chunks if i != bad]
    assert len(store.sizes) <= 7 and store.waits == []


def test_a_refusal_keeps_its_reason() -> None:
    store = Store(fails_on("c", error=lambda: RefusedError("too_large", "413: at most 100 MB")))
    assert store.deliver("abcd") == {2: Reject("too_large", found="413: at most 100 MB")}
    assert store.stored == list("abd")


def test_a_refusal_keeps_its_remedy_and_a_bug_no_page() -> None:
    text = f"{'a long answer ' * 20}; raise the limit there"
    store = Store(fails_on("c", error=lambda: RefusedError("refused", text)))
    assert store.deliver("abcd") == {2: Reject("refused", found=text)}
    store = Store(fails_on("c", error=lambda: KeyError(text)))
    (reject,) = store.deliver("abcd").values()
    assert reject.found is not None and len(reject.found) == FOUND_MAX


def test_two_events_at_fault_in_both_halves() -> None:
    store = Store(fails_on("a", "h", error=lambda: RefusedError("sink_rejected", "no")))
    assert store.deliver("abcdefgh").keys() == {0, 7}
    assert sorted(store.stored) == list("bcdefg")


@pytest.mark.parametrize("text", ["503", ""])
def test_a_store_that_is_away_for_days_costs_no_event(text: str) -> None:
    store = Store(fails_on(*"abcdefgh", error=lambda: TransientError(text)))
    with pytest.raises(GaveUpError):
        store.deliver("abcdefgh")
    assert store.waits == list(range(1, 1002)), "the waits go on growing"
    assert store.sizes.count(8) == 1001, "each attempt is of all of them"
    assert set(store.sizes) == {8, 4, 2, 1}, "and now and then parts of them are"
    halves, quarters = [4] * 2, [2] * 4
    assert store.sizes[:24] == [8] * 5 + halves + [8] * 5 + halves + quarters + [8] * 5 + [4], (
        "deeper each time"
    )


def test_one_event_alone_is_never_given_up() -> None:
    store = Store(fails_on("a"))
    with pytest.raises(GaveUpError):
        store.deliver("a")
    assert store.sizes == [1] * 1001


@pytest.mark.parametrize("text", ["503", ""])
def test_one_event_that_the_store_never_takes_holds_back_the_others_for_a_bounded_time(text: str) -> None:
    store = Store(fails_on("c", error=lambda: TransientError(text)))
    assert store.deliver("abcdefgh") == {2: Reject("sink_error", found=text)}
    assert sorted(store.stored) == list("abdefgh")
    assert store.sizes == [8] * STUCK_ATTEMPTS + [4, 4, 2, 2, 1, 1] + [1] * STUCK_ATTEMPTS
    assert len(store.waits) == 2 * STUCK_ATTEMPTS - 1
    assert store.now - 1000 < 3 * STUCK_S


def test_several_such_events_side_by_side_are_singled_out_without_another_wait() -> None:
    store = Store(fails_on(*"abcd"))
    assert store.deliver("abcdefgh").keys() == {0, 1, 2, 3}
    probes, singles = [4, 4, 2, 2, 1, 1, 1, 1], [2, 1, 1, 2, 1, 1]
    assert store.sizes == [8] * STUCK_ATTEMPTS + probes + [4] * STUCK_ATTEMPTS + singles


def test_of_two_the_one_at_fault_is_told_from_the_other() -> None:
    store = Store(fails_on("b"))
    assert store.deliver("ab") == {1: Reject("sink_error", found="503")}
    assert store.stored == ["a"]


def test_an_event_that_gets_another_answer_when_singled_out_waits_on() -> None:
    """Of c and d, both stuck, only c gets the same answer alone: the store goes away before d does."""
    faults = [TransientError("connection refused"), TransientError("connection refused")]

    def answer(chunks: list[Any]) -> Outcome:
        if len(store.waits) < 2 * STUCK_ATTEMPTS - 1 or "c" in chunks:
            return fails_on("c", "d")(chunks)
        if faults:
            raise faults.pop()
        return Outcome()

    store = Store(answer)
    assert store.deliver("abcd") == {2: Reject("sink_error", found="503")}
    assert store.stored == list("abd") and not faults


@pytest.mark.parametrize("bad", ["ah", "adeh", "abcd", "cf"])
def test_several_such_events_wherever_they_stand(bad: str) -> None:
    store = Store(fails_on(*bad))
    rejects = store.deliver("abcdefgh")
    assert {"abcdefgh"[i] for i in rejects} == set(bad)
    assert sorted(store.stored) == sorted(set("abcdefgh") - set(bad))


def test_numbers_in_an_answer_do_not_make_it_another() -> None:
    counter = iter(range(10_000))
    store = Store(fails_on("c", error=lambda: TransientError(f"503 after {next(counter)} ms")))
    assert store.deliver("abcd").keys() == {2}


def test_another_answer_begins_the_count_anew() -> None:
    """The store dies after the event at fault was alone: its answer is another, and nothing is given up."""
    state = {"is_away": False}

    def answer(chunks: list[Any]) -> Outcome:
        if state["is_away"]:
            raise TransientError("connection refused")
        if "c" in chunks:
            state["is_away"] = len(chunks) == 1
            raise TransientError("503")
        return Outcome()

    store = Store(answer)
    with pytest.raises(GaveUpError):
        store.deliver("abcd")
    assert sorted(store.stored) == list("ab")


@pytest.mark.parametrize("step", [0.0, 1.0])
def test_a_batch_is_not_parted_by_attempts_alone(step: float) -> None:
    """Five attempts are not enough while 10 minutes are not over, to the second."""
    now = [0.0]
    sizes: list[int] = []

    def write(chunks: Sequence[Any]) -> Outcome:
        sizes.append(len(chunks))
        raise TransientError("503")

    def wait(attempts: int, fault: TransientError) -> None:
        now[0] += step
        if attempts == 600:
            raise GaveUpError

    with pytest.raises(GaveUpError):
        deliver("ab", write, wait, lambda: now[0])
    assert set(sizes) == {2}


def test_nor_by_time_alone() -> None:
    now = [0.0]
    sizes: list[int] = []

    def write(chunks: Sequence[Any]) -> Outcome:
        sizes.append(len(chunks))
        raise TransientError("503")

    def wait(attempts: int, fault: TransientError) -> None:
        now[0] += STUCK_S
        if attempts == STUCK_ATTEMPTS - 1:
            raise GaveUpError

    with pytest.raises(GaveUpError):
        deliver("ab", write, wait, lambda: now[0])
    assert set(sizes) == {2}
