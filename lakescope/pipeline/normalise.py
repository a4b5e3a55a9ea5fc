"""The transform stage: a batch of messages in, a batch of events and rejects out. Pure and picklable."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from math import inf

from msgspec.json import encode
from msgspec.structs import replace

from lakescope.core.bounds import clear_impossible
from lakescope.core.community import RUCIO_VO
from lakescope.core.events import Event
from lakescope.core.messages import (
    SENDER,
    SENDER_PRODUCERS,
    SENDER_VOS,
    DecodeResult,
    Format,
    Message,
    Reject,
    RejectedError,
    quote,
    traits,
)
from lakescope.core.unpacking import LIMIT_BYTES, MAGIC, DamagedError, TooLargeError, excess, unpack

log = logging.getLogger(__name__)
EXPECTED_ONE = "one value of a series and time in a body: the first counts"

_BEHIND_MAGIC = bytes([max(MAGIC)[0] + 1])
"""Most bodies begin with a bracket, which is behind every `MAGIC`: one comparison is all they need."""

Enrich = Callable[[Iterable[Event]], Mapping[str, str]]
"""Completes events in place. Returns the RSEs on which a source and the topology disagree -> on what."""


class NormaliseResult(DecodeResult):
    """`DecodeResult` of a batch, with the way back from an event or a reject to its message."""

    __slots__ = ("conflicts", "event_starts", "rejected_messages")

    def __init__(self) -> None:
        super().__init__()
        self.event_starts: list[int] = []
        """``event_starts[i]``: the first event of message i, if it gave any."""
        self.rejected_messages: list[int] = []
        """``rejects[j]`` came from message ``rejected_messages[j]``."""
        self.conflicts: Mapping[str, str] = {}
        """RSE -> on what its source and the topology disagree."""


class Normaliser:
    """Decodes each message by its format, then completes the events by `enrich`, those of Lakescope's own format aside.

    Nothing that a body holds raises: what cannot be read becomes a `Reject`.
    """

    def __init__(self, formats: Mapping[str, Format], enrich: Enrich):
        self.formats = formats
        self.enrich = enrich
        self.complete = frozenset(
            name for name, decode in formats.items() if traits(decode).events == "complete"
        )
        """Formats whose events are not enriched again."""

    def __call__(
        self,
        messages: Sequence[Message],
        check: Callable[[list[Event]], None] | None = None,
        part: float = inf,
    ) -> NormaliseResult:
        """`check` is tried on each message's completed events: if it raises, the message is rejected.

        Stops behind the message that makes it more than `part` events and rejects: ``len(result.event_starts)``
        messages were read.
        """
        out = NormaliseResult()
        events, rejects, formats, starts = out.events, out.rejects, self.formats, out.event_starts
        fault: Exception | None = None
        known_events = 0
        for index, message in enumerate(messages):
            start = len(events)
            starts.append(start)
            try:
                if message.body < _BEHIND_MAGIC and message.body[:2] in MAGIC:
                    message = _unpack_message(message)
                formats[message.format](message, out)
                if len(events) - start > 1:
                    _reject_contradictions(events, start, rejects)
                if SENDER in message.headers:
                    self._reject_foreign(message, events, start, rejects)
                if check is not None:
                    clear_impossible(events[start:], out.impossible)
                    check(self._complete_copies(message, events[start:]))
            except RejectedError as error:
                rejects.append(error.reject)
            except Exception as error:  # noqa: BLE001 - a decoder's bug must not stop the lake's other messages
                del events[start:]
                rejects.append(Reject("decoder_error", found=quote(f"{type(error).__name__}: {error}")))
                fault = error
            if len(rejects) != known_events:
                out.rejected_messages += [index] * (len(rejects) - known_events)
                known_events = len(rejects)
            if len(events) + known_events > part:
                break
        if fault is not None:  # once a batch: it may be every message's
            log.error("decoder_error: a bug in Lakescope, please report it", exc_info=fault)
        out.conflicts = self.enrich(self._incomplete(messages, out))
        clear_impossible(events, out.impossible)  # after: the bound of a host's value is that of its quantity
        return out

    def _incomplete(self, messages: Sequence[Message], out: NormaliseResult) -> list[Event]:
        """The events that are still to be enriched; nearly always all of them."""
        events, starts = out.events, out.event_starts
        if not any(message.format in self.complete for message in messages[: len(starts)]):
            return events
        return [
            event
            for message, start, end in zip(messages, starts, [*starts[1:], len(events)], strict=False)
            if message.format not in self.complete
            for event in events[start:end]
        ]

    def _reject_foreign(
        self, message: Message, events: list[Event], start: int, rejects: list[Reject]
    ) -> None:
        """Only events stay that the rights of their sender cover. Those that name no VO are of its only one."""
        vos = _names(message.headers.get(SENDER_VOS))
        producers = _names(message.headers.get(SENDER_PRODUCERS))
        if not (vos or producers):
            return
        own_events = []
        for event, complete in zip(
            events[start:], self._complete_copies(message, events[start:]), strict=True
        ):
            if len(vos) == 1 and complete.vo in (None, RUCIO_VO):
                complete.vo = event.vo = vos[0]
            producer = getattr(event, "producer", None)
            if vos and complete.vo not in vos:
                expected = f"an event of the VO {' or '.join(vos)}"
                rejects.append(RejectedError("not_allowed", "$", expected, complete.vo or "none").reject)
            elif producers and producer is not None and producer not in producers:
                expected = f"the producer {' or '.join(producers)}"
                rejects.append(RejectedError("not_allowed", "$.producer", expected, producer).reject)
            else:
                own_events.append(event)
        events[start:] = own_events

    def _complete_copies(self, message: Message, events: list[Event]) -> list[Event]:
        """Copies: the events themselves are completed later, for good."""
        copies = [copy(event) for event in events]
        if message.format not in self.complete:
            self.enrich(copies)
        return copies


def _names(header: str | None) -> list[str]:
    return header.split(",") if header else []


def _reject_contradictions(events: list[Event], start: int, rejects: list[Reject]) -> None:
    """Of events of one body that share an id, the first stays. Stores would keep the first or the last, each its own.

    One that says the same is no contradiction: every store counts it once.
    """
    if len({event.id for event in events[start:]}) == len(events) - start:
        return
    first: dict[str, Event] = {}
    rejects += [
        RejectedError("value", "$", EXPECTED_ONE, encode(event).decode()).reject
        for event in events[start:]
        if first.setdefault(event.id, event) != event
    ]
    events[start:] = [event for event in events[start:] if first[event.id] == event]


def _unpack_message(message: Message) -> Message:
    """`message` with its body unpacked, however it came: brokers and files pass on what a sender has packed."""
    encoding = MAGIC[message.body[:2]]
    try:
        body = unpack(message.body, encoding)
    except DamagedError as error:
        raise RejectedError("not_unpacked", "$", f"a body in {encoding}", str(error)) from error
    except TooLargeError as error:
        expected = f"at most {LIMIT_BYTES} bytes unpacked"
        raise RejectedError("not_unpacked", "$", expected, str(error)) from error
    if surplus := excess(body):
        raise RejectedError("not_unpacked", "$", "a body in several parts", surplus)
    return replace(message, body=body)
