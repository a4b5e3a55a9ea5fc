"""perfSONAR measurements, in the three forms in which they travel; recognised by the body.

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
    document = any_json(message.body)
    if streams.is_points(document):
        streams.decode_points(document, message, out)
    elif isinstance(document, list):
        each(document, out, partial(_decode_one, message=message))
    else:
        _decode_one(document, out, "$", message)


def _decode_one(document: Any, out: DecodeResult, path: str, message: Message) -> None:
    document, path, _ = unwrap(document, path)
    if document is None:
        out.filtered["not_archived"] += 1
    elif not isinstance(document, dict):
        raise RejectedError("schema", path, "object", shape(document))
    elif "datapoints" in document:
        streams.decode_stream(document, message, out, path)
    elif "data" in document and "metadata" in document:
        streams.decode_esmond(document, message, out, path)
    elif "test" in document or "task" in document:
        pscheduler.decode_document(document, message, out, path)
    else:
        raise RejectedError(
            "unknown_kind",
            path,
            "a pScheduler document (test), a stream message (datapoints) or esmond data (metadata, data)",
            f"the keys {', '.join(sorted(document)) or 'of an empty object'}",
        )
