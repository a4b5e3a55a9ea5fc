"""What formats of polled answers share: when an answer was given, to which question, and that it came.

What was asked is in the header ``scope``, or ``url`` as the poll collector has it. When it was answered is in the header
``date``, else it is when the body was received; ``interval_s`` is the time from one question to the next.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from msgspec import Struct

from lakescope.core.events import Poll
from lakescope.core.messages import Message, RejectedError
from lakescope.transformers._common import EPOCH, epoch_time, identify, utc_moment


class Question(Struct, frozen=True):
    """When the answer was given, and to which question."""

    time: str
    moment: datetime
    scope: str | None
    """Its URL without who asked; null if it is not known what was asked."""
    interval_s: float | None


def question_of(message: Message) -> Question:
    """What a message answers. Raises `RejectedError` for one without a time."""
    date = message.headers.get("date")
    if date:
        time, moment = utc_moment(date, "$.headers.date")
    else:
        time, moment = epoch_time(message.received), EPOCH + timedelta(seconds=message.received)
    if time is None or moment is None:
        raise RejectedError(
            "schema", "$.headers.date", "a time after 1970, of the answer or of its reception", date
        )
    answered_url = message.headers.get("scope") or message.headers.get("url")
    scope = _without_password(answered_url) if answered_url else None
    return Question(time, moment, scope, _interval(message.headers.get("interval_s")))


def poll_of(
    source: str, question: Question, kind: str, count: int, *, complete: bool, state: str | None = None
) -> Poll:
    """That the answer came. `count`: its records; `complete`: whether all of them could be read."""
    assert question.scope is not None
    return Poll(
        id=identify(source, "poll", question.scope, question.time),
        time=question.time,
        source=source,
        scope=question.scope,
        kind=kind,
        state=state,
        count=count,
        complete=complete,
        interval_s=question.interval_s,
    )


def _without_password(url: str) -> str:
    """Who asked is no part of the question."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()


def _interval(text: str | None) -> float | None:
    try:
        seconds = float(text or 0)
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None
