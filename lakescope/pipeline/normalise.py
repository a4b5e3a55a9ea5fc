"""The transform stage: a batch of messages in, a batch of events and rejects out. Pure and picklable."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from lakescope.events import Event
from lakescope.messages import Decoded, Format, Message, Reject, Rejected, quote

log = logging.getLogger(__name__)


class Normalised(Decoded):
    """`Decoded` of a batch, with the way back from an event or a reject to its message."""

    __slots__ = ("event_starts", "reject_starts")

    def __init__(self) -> None:
        super().__init__()
        self.event_starts: list[int] = []
        """``events[event_starts[i]:event_starts[i + 1]]`` came from message i."""
        self.reject_starts: list[int] = []
        """``rejects[reject_starts[i]:reject_starts[i + 1]]`` came from message i."""


class Normaliser:
    """Decodes each message by its format, then completes the events by `enrich`.

    Nothing that a body holds raises: what cannot be read becomes a `Reject`.
    """

    def __init__(self, formats: Mapping[str, Format], enrich: Callable[[Iterable[Event]], None]):
        self.formats = formats
        self.enrich = enrich

    def __call__(
        self, messages: Sequence[Message], check: Callable[[list[Event]], None] | None = None
    ) -> Normalised:
        """`check` is tried on each message's events: if it raises, the message is rejected."""
        out = Normalised()
        events, rejects, formats = out.events, out.rejects, self.formats
        for message in messages:
            out.event_starts.append(len(events))
            out.reject_starts.append(len(rejects))
            try:
                formats[message.format](message, out)
                if check is not None:
                    check(events[out.event_starts[-1] :])
            except Rejected as error:
                rejects.append(error.reject)
            except Exception as error:
                del events[out.event_starts[-1] :]
                rejects.append(Reject("decoder_error", found=quote(f"{type(error).__name__}: {error}")))
                log.exception("decoder_error format=%s", message.format)
        out.event_starts.append(len(events))
        out.reject_starts.append(len(rejects))
        self.enrich(events)
        return out
