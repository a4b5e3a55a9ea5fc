"""perfSONAR measurements, in the three forms in which they travel; told apart by the body.

- pScheduler's archiver document (``test``, ``run``, ``result``), the same from its http, rabbitmq, kafka
  and syslog archivers, or an array of them: `lakescope.transformers.perfsonar.pscheduler`.
- The WLCG stream's message (``meta``, ``datapoints``) and esmond's data points (``metadata``, ``data``,
  or a bare array of points whose metadata come as headers): `lakescope.transformers.perfsonar.streams`.

An archiver's jq transform that says ``null`` means "do not archive": counted as filtered "not_archived".
"""

from __future__ import annotations

from functools import partial
from typing import Any

from lakescope.core.messages import DecodeResult, Message, RejectedError
from lakescope.transformers._common import any_json, each, shape, unwrap
from lakescope.transformers.perfsonar import pscheduler, streams


def decode(message: Message, out: DecodeResult) -> None:
    """One measurement, several in an array, or the points of one stream."""
    found = any_json(message.body)
    if streams.is_points(found):
        streams.decode_points(found, message, out)
    elif isinstance(found, list):
        each(found, out, partial(_decode_one, message=message))
    else:
        _decode_one(found, out, "$", message)


def _decode_one(found: Any, out: DecodeResult, path: str, message: Message) -> None:
    found, path, _ = unwrap(found, path)
    if found is None:
        out.filtered["not_archived"] += 1
    elif not isinstance(found, dict):
        raise RejectedError("schema", path, "object", shape(found))
    elif "datapoints" in found:
        streams.decode_stream(found, message, out, path)
    elif "data" in found and "metadata" in found:
        streams.decode_esmond(found, message, out, path)
    elif "test" in found or "task" in found:
        pscheduler.decode_document(found, message, out, path)
    else:
        raise RejectedError(
            "unknown_kind",
            path,
            "a pScheduler document (test), a stream message (datapoints) or esmond data (metadata, data)",
            f"the keys {', '.join(sorted(found)) or 'of an empty object'}",
        )
