"""The inbox: batches by size and age, bounded, in order, and closed without a loss."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message
from tests.e2e._lakescope import until


def messages(*numbers: int) -> list[Message]:
    """Messages that can be told apart."""
    return [Message(str(number).encode()) for number in numbers]


def taken(inbox: Inbox) -> list[int]:
    """The numbers of the next batch."""
    return [int(message.body) for message in inbox.take() or ()]


def in_thread(work: Callable[[], object]) -> threading.Thread:
    """Begins work beside the test."""
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_full_batch_is_given_at_once_and_the_rest_stays_in_order() -> None:
    inbox = Inbox(batch_size=3, batch_age=3600)
    inbox.put(messages(1, 2))
    inbox.put(messages(3, 4, 5, 6, 7))
    assert [taken(inbox), taken(inbox)] == [[1, 2, 3], [4, 5, 6]]
    assert (len(inbox), inbox.received) == (1, 7)
    inbox.close()
    assert taken(inbox) == [7]
    assert inbox.take() is None


def test_a_batch_that_does_not_fill_is_given_when_it_is_old() -> None:
    inbox = Inbox(batch_size=1000, batch_age=0.1)
    begun = time.monotonic()
    inbox.put(messages(1))
    threading.Timer(0.05, lambda: inbox.put(messages(2))).start()
    assert taken(inbox) == [1, 2]  # by the age of the oldest, not of the last
    assert 0.1 <= time.monotonic() - begun < 2


def test_a_taker_that_waits_is_woken_by_the_first_message_and_by_the_last_of_a_batch() -> None:
    inbox = Inbox(batch_size=2, batch_age=3600)
    got: list[list[int]] = []
    taker = in_thread(lambda: got.append(taken(inbox)))
    inbox.put(messages(1))
    inbox.put(messages(2))
    taker.join(10)
    assert got == [[1, 2]]


def test_putting_waits_for_room_and_never_holds_more() -> None:
    inbox = Inbox(batch_size=2, batch_age=0, limit=4)
    assert inbox.put(messages(1, 2, 3, 4))
    done: list[bool] = []
    putter = in_thread(lambda: done.append(inbox.put(messages(5))))
    until(lambda: inbox._can_put._waiters, 5)  # type: ignore[attr-defined]
    assert not done and len(inbox) == 4
    assert taken(inbox) == [1, 2]
    putter.join(10)
    assert done == [True] and len(inbox) == 3


def test_who_must_not_wait_does_not() -> None:
    """The broker bounds what is under way."""
    inbox = Inbox(limit=1)
    assert inbox.put(messages(1, 2, 3), wait=False)
    assert inbox.put(messages(4), wait=False)
    assert len(inbox) == 4


def test_closing_wakes_everybody_and_loses_nothing() -> None:
    inbox = Inbox(batch_size=10, batch_age=3600, limit=1)
    inbox.put(messages(1))
    answers: list[bool] = []
    putter = in_thread(lambda: answers.append(inbox.put(messages(2))))
    until(lambda: inbox._can_put._waiters, 5)  # type: ignore[attr-defined]
    inbox.close()
    putter.join(10)
    assert answers == [False]  # it was not taken: the source keeps it
    assert not inbox.put(messages(3), wait=False)
    assert not inbox.put([])
    assert [taken(inbox), inbox.take()] == [[1], None]
    assert inbox.received == 1


def test_nothing_is_no_message() -> None:
    inbox = Inbox(batch_age=0)
    assert inbox.put([])
    assert (inbox.received, inbox.last_received) == (0, None)
    inbox.put(messages(1))
    assert inbox.last_received is not None and time.time() - inbox.last_received < 5


def test_many_putters_and_one_taker() -> None:
    inbox = Inbox(batch_size=7, batch_age=0.01, limit=20)

    def put(start: int) -> None:
        for number in range(start, start + 500):
            assert inbox.put(messages(number))

    putters = [in_thread(lambda start=start: put(start)) for start in (0, 500, 1000, 1500)]  # type: ignore[misc]
    got: list[int] = []
    while len(got) < 2000:
        batch = taken(inbox)
        assert 1 <= len(batch) <= 7 and len(inbox) <= 20
        got += batch
    for putter in putters:
        putter.join(10)
    assert sorted(got) == list(range(2000))
    assert [n for n in got if n < 500] == list(range(500))  # of one putter in its order


def test_a_batch_of_any_size_fits_into_the_inbox() -> None:
    inbox = Inbox(batch_size=6000, batch_age=3600)
    feeder = in_thread(lambda: [inbox.put(messages(*range(500))) for _ in range(12)])
    feeder.join(10)  # with room for 4000 it waits for a batch that is never full
    assert len(inbox) == 6000
    assert len(taken(inbox)) == 6000


def test_a_put_gives_up_after_its_timeout() -> None:
    inbox = Inbox(limit=1, batch_age=0)
    assert inbox.put(messages(0))
    assert not inbox.put(messages(1), timeout=0.01)
    assert not inbox.is_closed
    assert taken(inbox) == [0]
    assert inbox.put(messages(2), timeout=0.01)
    inbox.close()
    assert not inbox.put(messages(3), timeout=0.01)
    assert inbox.is_closed
