"""Rows of Rucio's table ``messages_history`` (or ``messages``): what Hermes has sent, kept by the database.

Body: rows as JSON objects, or CSV with its header (rucio 41.x: lib/rucio/db/sqla/models.py: MessageHistory;
core/message.py). Columns: ``event_type``, ``payload``, ``payload_nolimit``, ``created_at``; ``id``, ``services`` and
``updated_at`` say nothing of the event. Names may be in capitals, as Oracle writes them.

The payload is JSON, or Python's notation of a dict, which is what Rucio writes when it moves a message into the history.
One of more than 4000 characters stands in ``payload_nolimit``, and ``payload`` says "nolimit". Each row becomes the
event that the format `hermes` makes of the message on the broker, under the same id.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from io import StringIO
from typing import Any

from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import any_json, each, epoch_time, pieces, shape, text_of, utc_moment
from lakescope.transformers.hermes import decode_document

LITERAL_MAX = 2**18
"""Characters of a payload in Python's notation: its syntax tree takes some hundred bytes for each."""

DEEPEST = 20
"""Levels of nesting of such a payload; Rucio's have two."""

_COLUMNS = frozenset(
    ("id", "event_type", "payload", "payload_nolimit", "services", "created_at", "updated_at")
)
_NULLS = frozenset(("", "NULL", "null", "None", "\\N", "nolimit"))
"""What exports write for null, and Rucio in ``payload`` where `payload_nolimit` has it."""

csv.field_size_limit(
    2**26
)  # of this process: the default of 131,072 is less than what payload_nolimit may hold


@declare(framing="rows")
def decode(message: Message, out: DecodeResult) -> None:
    """One row, or several of either notation; a bad one of several is a `Reject` of its own."""
    body = message.body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if body[:1] in (b"{", b"["):
        rows = list(pieces(message.body))
        if len(rows) == 1:
            _decode_json(rows[0], out, "$")
        else:
            each(rows, out, _decode_json)
        return
    header, *records = _records(text_of(message.body).removeprefix("\ufeff"))
    decode_record = partial(_decode_record, header=header)
    if len(records) == 1:
        decode_record(records[0], out, "$")
    else:
        each(records, out, decode_record)


def _decode_json(row: tuple[int, bytes], out: DecodeResult, path: str) -> None:
    start, body = row
    document = any_json(body, path, start)
    if isinstance(document, list):
        each(document, out, _decode_row, path)
    else:
        _decode_row(document, out, path)


def _records(text: str) -> Iterator[list[str]]:
    """Header and rows. The separator is the first character of the header that no name has."""
    names = re.match(r'[\s"]*\w+"?([^\w"\r\n])', text)
    try:
        rows = [
            row
            for row in csv.reader(
                StringIO(text, newline=""), delimiter=names[1] if names else ",", strict=True
            )
            if row
        ]
    except csv.Error as error:
        raise RejectedError("not_json", "$", "rows of JSON or CSV", str(error)) from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if not {"event_type", "created_at"} <= set(header) or not {"payload", "payload_nolimit"} & set(header):
        expected = "CSV with a header that names event_type, payload and created_at, or rows of JSON"
        raise RejectedError("schema", "$", expected, text.strip()[:200] or "nothing")
    yield header
    yield from rows[1:]


def _decode_record(record: list[str], out: DecodeResult, path: str, header: list[str]) -> None:
    if len(record) != len(header):
        raise RejectedError(
            "schema", path, f"{len(header)} fields, as the header has", f"{len(record)} fields"
        )
    _decode_row(dict(zip(header, record, strict=True)), out, path)


def _decode_row(document: Any, out: DecodeResult, path: str) -> None:
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "object", shape(document))
    row = {str(name).lower(): value for name, value in document.items()}
    for name in row.keys() - _COLUMNS:
        out.unknown[name] += 1
    column = "payload" if _is_null(row.get("payload_nolimit")) else "payload_nolimit"
    event = {
        "event_type": row.get("event_type"),
        "payload": _payload(row.get(column), f"{path}.{column}"),
        "created_at": _created_at(row.get("created_at"), f"{path}.created_at"),
    }
    decode_document(event, out, path)


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in _NULLS)


def _created_at(value: Any, path: str) -> str | None:
    """As Hermes writes it, so that the event has the id that it has by the broker."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = epoch_time(value / 1000 if value > 1e11 else value, path)
    if _is_null(value) or not isinstance(value, str):
        return None
    moment: datetime | None = utc_moment(value.strip(), path)[1]
    return str(moment) if moment else None


def _payload(value: Any, path: str) -> Any:
    if not isinstance(value, str):
        return value  # an export that has nested it, or what `hermes` rejects
    text = value.strip()
    try:
        return any_json(text.encode(), path)
    except RejectedError:
        return _python(text, path)


# --- Python's notation -----------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*+(?:(?P<open>[{\[(])|(?P<close>[}\])])|[,:]|None\b|True\b|False\b|-?\d++(?:\.\d++)?(?:e[+-]?\d++)?(?![\w.])
    |u?'(?:[^'\\\n]|\\.)*+'|u?"(?:[^"\\\n]|\\.)*+")""",
    re.VERBOSE | re.DOTALL,
)
"""What a dict of JSON's types is written with. No operator is among it, so that nothing nests but brackets."""


def _python(text: str, path: str) -> Any:
    """A dict as Python writes it. Bounded in size and depth before it is parsed: a table's text is anyone's."""
    expected = "a dict in JSON or in Python's notation"
    if len(text) > LITERAL_MAX:
        raise RejectedError(
            "schema", path, f"{expected} of at most {LITERAL_MAX} characters", f"{len(text)} characters"
        )
    place = depth = 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        depth += 0 if token is None else bool(token["open"]) - bool(token["close"])
        if token is None or depth > DEEPEST:
            raise RejectedError("schema", path, expected, text[place:].strip() or text)
        place = token.end()
    try:
        literal = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise RejectedError("schema", path, expected, f"{error}: {text}") from None
    return _sound(literal) if "\\u" in text else literal


def _sound(value: Any) -> Any:
    """Without lone surrogates, as of `any_json`."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_sound(key): _sound(value) for key, value in value.items()}
    return [_sound(value) for value in value] if isinstance(value, (list, tuple)) else value
