"""What the formats share: times, ids, hosts, and msgspec's errors as rejects."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import blake2b
from math import inf
from typing import Any, TypeVar

import msgspec

from lakescope.core.framing import split_json
from lakescope.core.messages import DecodeResult, RejectedError

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all arithmetic here is on naive UTC, four times as fast


_MARKS = slice(4, 20, 3)
"""Every third character of ``YYYY-MM-DD hh:mm:ss[.ffffff]`` from the first hyphen on: all that is no digit."""
_NEVER = (None, None)
_parse = datetime.fromisoformat
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]+)?")
_MILLISECONDS_FROM = 1e11  # as seconds: the year 5138
_YEAR_1971 = 365 * 86_400
"""Nothing was measured before: such a time is unset, computed from something unset, or seconds in place of milliseconds."""


# --- times -----------------------------------------------------------------------------------------------


def utc_time(text: str | None, path: str = "$") -> str | None:
    """A source's naive UTC time, ISO time or HTTP date as RFC 3339 in UTC; null, "" and 1970 are null.

    ``2025-03-20 20:14:31[.f]``, ``2025-03-20T20:14:31[.f](Z|+hh:mm|)`` and
    ``Thu, 20 Mar 2025 20:14:31 UTC`` are read. Raises `RejectedError` ("value") for anything else.
    """
    return utc_moment(text, path)[0]


def utc_moment(text: str | None, path: str = "$") -> tuple[str, datetime] | tuple[None, None]:
    """`utc_time` and the same as a naive datetime, for durations: parsing twice would cost as much again."""
    if not text:
        return _NEVER
    # Rucio's own form first: the parser validates it, then it is rewritten instead of formatted anew
    length = len(text)
    if length == 19:
        return _whole_second(text) or _other_moment(text, path)
    if length == 26 and text[_MARKS] in ("-- ::.", "--T::.") and text > "1971":
        try:
            moment = _parse(text)
        except ValueError:
            return _other_moment(text, path)
        if moment.tzinfo is None:
            return text.replace(" ", "T") + "Z", moment
    return _other_moment(text, path)


@lru_cache(8192)
def _whole_second(text: str) -> tuple[str, datetime] | None:
    """FTS's clock has whole seconds, which all transfers of the moment share; null if it is not Rucio's form."""
    if text[_MARKS] not in ("-- ::", "--T::") or text <= "1971":
        return None
    try:
        return text.replace(" ", "T") + "Z", _parse(text)
    except ValueError:
        return None


def _other_moment(text: str, path: str) -> tuple[str, datetime] | tuple[None, None]:
    try:
        moment = _parse(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            raise RejectedError("value", path, "a UTC time such as 2025-03-20 20:14:31", text) from None
    try:
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise RejectedError("value", path, "a time between the years 1 and 9999", text) from None
    return _NEVER if moment.year <= 1970 else (moment.isoformat() + "Z", moment)


NO_COUNT = -1
"""In place of a count that cannot be, or that contradicts another: beyond its bound (`lakescope.core.bounds`)."""


def number(value: float | None) -> float | None:
    """`value` as a double; infinity, which is beyond every bound, for an integer that is beyond a double."""
    try:
        return None if value is None else float(value)
    except OverflowError:
        return inf


def to_int(value: float | None) -> int | None:
    """A count without its fraction; `NO_COUNT` for what is none: below 0, beyond 64 bits, infinity, NaN."""
    if value is None:
        return None
    return int(value) if 0 <= value < 2**63 else NO_COUNT


def span_s(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from `start` to `end`; null if one is unknown.

    Negative, which is beyond its bound (`lakescope.core.bounds`), if they are reversed. Null if they are by less than a
    second: FTS's clock has whole ones, which Rucio's times of the same second may be behind.
    """
    if start is None or end is None:
        return None
    span = (end - start).total_seconds()
    return span if span >= 0 or span <= -1 else None


def epoch_time(seconds: float | None, path: str = "$") -> str | None:
    """POSIX seconds as RFC 3339 in UTC with microseconds where there are any; null, and all before 1971, are null."""
    if seconds is None or seconds < _YEAR_1971:
        return None
    try:
        return (EPOCH + timedelta(seconds=seconds)).isoformat() + "Z"
    except (OverflowError, ValueError):
        raise RejectedError("value", path, "POSIX seconds before the year 10000", seconds) from None


def epoch_ms_time(milliseconds: int | None, path: str = "$") -> str | None:
    """POSIX milliseconds as RFC 3339 in UTC; null, and all before 1971, are null."""
    if milliseconds is None or milliseconds < _YEAR_1971 * 1000:
        return None
    try:
        moment = EPOCH + timedelta(milliseconds=milliseconds)
    except (OverflowError, ValueError):
        raise RejectedError("value", path, "POSIX milliseconds before the year 10000", milliseconds) from None
    return moment.isoformat(timespec="milliseconds") + "Z"


def moment_of(text: str | float | None, path: str) -> str | None:
    """POSIX seconds or milliseconds, as a number or as text, or a UTC time; null for none and for 0."""
    if text is None or text == "":
        return None
    if isinstance(text, str) and not _NUMBER.fullmatch(text):
        return utc_time(text, path)
    seconds = float(text)
    return epoch_time(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds, path)


# --- names -----------------------------------------------------------------------------------------------


def identify(*fields: object) -> str:
    """The event's id: 32 hex characters of BLAKE2b over the identifying fields, None as empty."""
    return digest("\x1f".join(["" if field is None else str(field) for field in fields]))


def identify_series(*fields: str, labels: Mapping[str, str]) -> str:
    """The id of a sample of a series: whatever stands in names, labels and values, two series never share one.

    The order of the labels does not count, and an empty one is none: with it the series is the same.
    """
    pairs = [text for name in sorted(labels) if labels[name] for text in (name, labels[name])]
    return digest("".join([f"{len(text)}:{text}" for text in (*fields, *pairs)]))


def digest(text: str) -> str:
    """32 hex characters: `identify` for fields that are joined already."""
    digest = _new_hash()
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


_new_hash = blake2b(digest_size=16).copy  # takes half the time of a new one


def host_of(url: str | None) -> str | None:
    """Host of a URL or of ``host[:port]``: lower case, without user, port and brackets; null if there is none."""
    if not url:
        return None
    parts = url.split("/", 3)
    authority = parts[2] if len(parts) > 2 and not parts[1] else parts[0]
    return _hosts.get(authority) or _host(authority)


_hosts: dict[str, str] = {}
"""Authority -> host, of those seen lately."""
_HOST_MAX = 300  # characters that a cache may keep of a text that anyone can send; no host has as many


def _host(authority: str) -> str | None:
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:  # more than one: a bare IPv6 address
        host = host.partition(":")[0]
    host = host.lower()
    if len(authority) < _HOST_MAX:
        if len(_hosts) >= 4096:
            _hosts.clear()
        _hosts[authority] = host
    return host or None


_SCHEME = re.compile(r"(?!\w{8}(?:-\w{4}){3}-\w{12}$)[A-Za-z][A-Za-z0-9+.-]{0,31}")


def protocol_of(text: str | None) -> str | None:
    """A URL's scheme as Rucio names it; ``globus`` for what can be none; null for none.

    Rucio up to 1.28.3 takes for the scheme what is before the first colon of a Globus destination: the endpoint's
    UUID, or the whole path (rucio/rucio#5432).
    """
    if not text:
        return None
    return text if _SCHEME.fullmatch(text) else "globus"


# --- errors ----------------------------------------------------------------------------------------------

_MSGSPEC = re.compile(
    r"(?:Expected `(?P<expected>[^`]*)`(?P<bound> [<>]=? \S+)?(?:, got `(?P<got>[^`]*)`)?|(?P<text>.*?))"
    r"(?: - at `(?P<path>[^`]*)`)?$"
)


def rejection(error: msgspec.DecodeError, under: str = "$") -> RejectedError:
    """msgspec's error as a `RejectedError`: not_json for syntax, schema for shape.

    `under` is the place of what was decoded within the whole body.
    """
    if not isinstance(error, msgspec.ValidationError):
        return RejectedError("not_json", under, "JSON", str(error))
    match = _MSGSPEC.fullmatch(str(error))
    if match is None:
        return RejectedError("schema", under, found=str(error))
    path = under + (match["path"] or "$").removeprefix("$")
    expected = match["expected"] and match["expected"] + (match["bound"] or "")
    return RejectedError("schema", path, expected, match["got"] or match["text"])


# --- JSON of many shapes ---------------------------------------------------------------------------------

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
_any_json = msgspec.json.Decoder().decode

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""One escape of a JSON string; the group: a surrogate without its partner. An escaped backslash is one as well, so
that the letters behind it are none."""


def any_json(body: bytes, path: str = "$", start: int = 0) -> Any:
    """Any JSON document, whose lone surrogates become U+FFFD, in keys as well.

    Python writes a byte that is no UTF-8 (a file name in latin-1) as one, and json.dumps passes it on; RFC 8259,
    section 8.2, allows it. `path` and `start`: where `body` lies in the message.
    A number beyond a double is infinity: no measurement, as `lakescope.core.bounds` finds.
    Raises `RejectedError` (not_json; not_text).
    """
    try:
        try:
            return _any_json(body)
        except msgspec.DecodeError:
            return _unusual_json(body)
    except UnicodeDecodeError:
        raise _not_text(body, path, start) from None
    except msgspec.DecodeError as error:
        if body.lstrip()[:1] == b"<":
            page = " ".join(body[:100].decode(errors="replace").split())
            text = f"a web page, perhaps of a login or a proxy: {page}"
            raise RejectedError("not_json", path, "JSON", text) from None
        raise rejection(error, path) from None
    except RecursionError:
        raise RejectedError("not_json", path, "less deeply nested JSON") from None


def _unusual_json(body: bytes) -> Any:
    """What the fast decoder refuses and RFC 8259 allows: lone surrogates, and numbers beyond a double, as infinity.

    Looked at only here: a body that decodes has neither.
    """
    body = _ESCAPE.sub(_join_surrogates, body) if _SURROGATE.search(body) else body
    try:
        return _any_json(body)
    except msgspec.ValidationError as error:
        if "out of range" not in str(error):
            raise
        try:
            return json.loads(body)
        except ValueError:  # an integer of more than 4,300 digits
            raise error from None


def _join_surrogates(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]


def text_of(body: bytes) -> str:
    """A body of text. Raises `RejectedError` (not_text)."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise _not_text(body, "$", 0) from None


def _not_text(body: bytes, path: str, start: int) -> RejectedError:
    """`start`: of `body` within the message, so that the place is what an editor shows for the whole."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        where = f"byte 0x{body[error.start]:02x} at byte {start + error.start} of the body"
        return RejectedError("not_text", path, "UTF-8", where)
    raise AssertionError("only a body that is no UTF-8 comes here")


def pieces(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The documents of a stream, and where in it each begins."""
    start = 0
    for piece in split_json(body):
        start = body.find(piece, start)
        yield start, piece
        start += len(piece)


def unwrap(value: Any, path: str = "$") -> tuple[Any, str, dict[str, Any]]:
    """A document, its path and its metadata, taken out of MONIT's envelope ``{"data": {..}, "metadata": {..}}``."""
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        metadata = value.get("metadata")
        if len(value) == 1 or isinstance(metadata, dict):
            return value["data"], f"{path}.data", metadata or {}
    return value, path, {}


def convert(value: object, kind: type[T], path: str = "$") -> T:
    """`value` (JSON decoded at `path`) as `kind`; numbers sent as text are read. Raises `RejectedError` (schema)."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise rejection(error, path) from None
    except RecursionError:
        raise RejectedError("schema", path, "less deeply nested JSON") from None


def metadata_time(metadata: dict[str, Any], path: str = "$") -> str | None:
    """The time that MONIT has for a document, POSIX milliseconds: the event's own, else of its arrival; null for none."""
    for key in ("event_timestamp", "timestamp"):
        metadata_value = metadata.get(key)
        if isinstance(metadata_value, (int, str)) and re.fullmatch("[0-9]{1,18}", str(metadata_value)):
            return epoch_ms_time(int(metadata_value), f"{path}.metadata.{key}")
    return None


_PROSE = frozenset(("reason", "stateReason", "t__error_message", "rationale"))
"""Fields of error texts: a person reads them in any form."""


def convert_fields(
    document: dict[str, Any],
    kind: type[S],
    out: DecodeResult,
    path: str = "$",
    required_fields: frozenset[str] = frozenset(),
) -> S:
    """`convert`, where an optional field of another type costs the field and not the event.

    A number in the place of text is its text, all else null, and the field is counted in ``out.odd``. `needed`: the
    keys that tell one event from another; they, and fields without a default, raise `RejectedError` (schema) as of `convert`.
    """
    try:
        return msgspec.convert(document, kind, strict=False)
    except (msgspec.ValidationError, RecursionError):
        fields = dict(document)
    for field in msgspec.structs.fields(kind):
        key = field.encode_name
        if key not in document:
            continue
        try:
            convert(document[key], field.type, f"{path}.{key}")
        except RejectedError:
            if field.required or key in required_fields:
                raise
            out.odd[key] += 1
            fields[key] = _as_text(document[key], key) if field.type == str | None else None
    return convert(fields, kind, path)


def _as_text(value: Any, key: str) -> str | None:
    if isinstance(value, (int, float)) or key in _PROSE:
        try:
            return msgspec.json.encode(value).decode()
        except RecursionError:
            return None
    return None


def shape(document: object) -> object:
    """`document` as a `RejectedError` may quote it: arrays and objects by that name, however deep they are."""
    return "array" if isinstance(document, list) else "object" if isinstance(document, dict) else document


def count_unknown(
    fields: Mapping[str, Any], kind: type[msgspec.Struct], out: DecodeResult, under: str = ""
) -> None:
    """Counts in `out` the keys of `fields` that `kind` has no field for, as ``<under>.<key>``."""
    for key in fields.keys() - kind.__struct_encode_fields__:
        out.unknown[f"{under}.{key}" if under else key] += 1


def each(
    items: Sequence[Any], out: DecodeResult, decode: Callable[[Any, DecodeResult, str], None], path: str = "$"
) -> None:
    """Decodes the elements of an array one by one: a bad one becomes a `Reject` of its own, the rest stays.

    `decode` gets the element, `out` and the element's path. An empty array is counted: filtered "empty".
    """
    if not items:
        out.filtered["empty"] += 1
    for index, element in enumerate(items):
        event_count = len(out.events)
        try:
            decode(element, out, f"{path}[{index}]")
        except RejectedError as error:
            del out.events[event_count:]
            out.rejects.append(error.reject)
