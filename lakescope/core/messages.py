"""What travels between the rooms: messages in, events out, and everything that could not become one.

    collector --Message--> format --DecodeResult(events, rejects, unknown, odd, filtered)--> sinks

A `RejectedError` is raised (or a `Reject` added) for what cannot be read; it ends in the dead letters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, get_args

import msgspec

from lakescope.core.events import Event

Reason = Literal[
    "not_json",  # the body is not the syntax that the format reads
    "not_text",  # the body is not UTF-8
    "not_unpacked",  # the body is packed (gzip, zstd) and damaged, or too large once unpacked
    "schema",  # a field has the wrong type, or one that identifies the event is missing
    "value",  # a field has the right type and an impossible value
    "unknown_kind",  # the format does not know this kind of message
    "not_allowed",  # whoever pushed it may not push events of this VO, or documents of this producer
    "too_large",  # the store refuses an event of this size
    "decoder_error",  # the decoder itself failed: a bug in Lakescope, please report it
    "sink_error",  # a sink failed on this event alone: a bug in Lakescope, please report it
    "refused",  # a store refused the event for good (mapping conflict, field type, size)
]
"""Why something was not stored: a closed list, and the label of ``lakescope_dead_events_total``."""
REASONS: tuple[str, ...] = get_args(Reason)

SENDER, SENDER_VOS, SENDER_PRODUCERS = "sender", "sender-vos", "sender-producers"
"""Headers of a message whose sender had to show who it is: its name, and the only VOs and producers that its events may be of
(`join_names`). Collectors write them; no sender can."""

FOUND_MAX = 200  # characters of a found value that an error quotes
FAULT_MAX = 2000  # characters of an error's whole text: the places, what it quotes, and the remedy at its end


def join_names(names: Iterable[str]) -> str:
    """As a header has them."""
    return ",".join(names)


class Message(msgspec.Struct, gc=False):
    """One body as a transport delivered it."""

    body: bytes
    format: str = ""  #: name of the format that reads it
    headers: Mapping[str, str] = {}
    received: float = 0.0  #: POSIX seconds; the time of events that carry none
    token: Any = None  #: what the collector needs to acknowledge it; nobody else's business


class Reject(msgspec.Struct, gc=False):
    """Why a message, or a part of it, gave no event: where, what was expected, what was found."""

    reason: Reason
    path: str = "$"  #: place in the body in msgspec's notation: ``$.payload.bytes``
    expected: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        text = f"{self.reason} at {self.path}"
        if self.expected:
            text += f": expected {self.expected}"
        if self.found:
            text += f", found {self.found}"
        return text


class RejectedError(Exception):
    """Raised by a format: this body cannot be read. Carries the `Reject`."""

    def __init__(self, reason: Reason, path: str = "$", expected: str | None = None, found: object = None):
        found_text = None if found is None else quote(found)
        self.reject = Reject(reason, path, expected, found_text)
        super().__init__(str(self.reject))


class DecodeResult:
    """What the formats made of a batch of messages. Each body either adds here or raises `RejectedError`.

    ``received = len(events) + len(rejects) + sum(filtered.values())`` holds by construction.
    """

    __slots__ = ("events", "filtered", "impossible", "odd", "rejects", "unknown")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.rejects: list[Reject] = []
        self.unknown: Counter[str] = Counter()
        """Field names that the format does not know -> how often; never fatal."""
        self.impossible: Counter[str] = Counter()
        """``dataset.field`` -> how many numbers and times cannot have been measured; they are null (`lakescope.core.bounds`)."""
        self.odd: Counter[str] = Counter()
        """Optional fields whose value had another type, stored as null or as text -> how often; never fatal."""
        self.filtered: Counter[str] = Counter()
        """Rule -> how many records it left out on purpose (an empty archive, a heartbeat)."""


class Format(Protocol):
    """A dialect: reads one message's body, adds its events, raises `RejectedError` for what is unreadable.

    Pure: no I/O, no clock, no state. A body of several records adds a `Reject` to ``out.rejects``
    for the bad ones and keeps the rest.
    """

    def __call__(self, message: Message, out: DecodeResult) -> None: ...


Framing = Literal["json", "rows", "whole"]
"""How bodies lie in a file. json: documents one after the other; rows: the same, or a table (CSV) of which each body is
a part with the header again; whole: a file is a body."""
Maturity = Literal["stable", "experimental"]
"""experimental: shown against a documented form of the bodies only, and not against a real sample or server."""


class Traits(NamedTuple):
    """What a format declares of its bodies."""

    framing: Framing = "json"
    items: Literal["together", "independent"] = "together"
    """independent: an array means no more than its items one by one, so that large ones may be cut. Not for an answer
    that is complete only as a whole, such as a list of all rules there are. Of two items that contradict each other
    (one id, another content) the second is a reject in one piece; in two pieces it is what two messages are: the store
    keeps what it does of a repeat (docs/architecture.md, "Acknowledgement")."""
    events: Literal["raw", "complete"] = "raw"
    """complete: they went through the transform stage before, so that enrichment leaves them as they are."""
    maturity: Maturity = "stable"


Decoder = TypeVar("Decoder", bound=Format)


def declare(
    *,
    framing: Framing = "json",
    items: Literal["together", "independent"] = "together",
    events: Literal["raw", "complete"] = "raw",
    maturity: Maturity = "stable",
) -> Callable[[Decoder], Decoder]:
    """Decorates a format that differs from the usual: see `Traits`."""

    def decorate(decode: Decoder) -> Decoder:
        decode.traits = Traits(framing, items, events, maturity)  # type: ignore[attr-defined]
        return decode

    return decorate


def traits(decode: Format) -> Traits:
    """What a format declares; the usual of one that declares nothing."""
    return getattr(decode, "traits", Traits())


def quote(value: object, limit: int = FOUND_MAX) -> str:
    """`value` for an error text, at most `limit` characters."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def whole_text(fault: Exception) -> str:
    """A store's or a collector's fault as it was put, the remedy included: bounded, for a plugin that quotes a page."""
    return quote(str(fault), FAULT_MAX)
