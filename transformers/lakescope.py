"""What Lakescope says of its own work, once an interval (`lakescope.pipeline.health`).

Body: an array of events of the dataset ``pipeline`` as JSON, one for each collector and sink. The format makes
their ids, of instance, stage, name and time: a report that is delivered twice is one report.
"""

from __future__ import annotations

import msgspec

from lakescope.core.events import Pipeline
from lakescope.core.messages import Decoded, Message, Rejected
from lakescope.transformers._common import any_json, convert, each, identify, shape, utc_time


def decode(message: Message, out: Decoded) -> None:
    """One report; a bad element is a `Reject` of its own."""
    found = any_json(message.body)
    if not isinstance(found, list):
        raise Rejected("schema", "$", "array", shape(found))
    each(found, out, _decode_one)


def _decode_one(found: object, out: Decoded, path: str) -> None:
    event = convert(found, Pipeline, path)
    time = utc_time(event.time, f"{path}.time")
    if time is None:
        raise Rejected("value", f"{path}.time", "a time after 1970", event.time)
    for name, value in msgspec.structs.asdict(event).items():
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise Rejected("value", f"{path}.{name}", "an integer of 64 bits", value)
    event.id = identify("lakescope", event.instance, event.stage, event.name, time)
    event.time = time
    out.events.append(event)
