"""Cuts a stream of JSON documents into single bodies, without parsing them.

A document is an object or an array. Documents follow one another with nothing, or with any mixture of
`SEPARATORS`, between them: JSON lines, pretty-printed bodies one after the other, FTS's trailing space
(0x04 before FTS 3.6), RFC 7464's record separators.

The usual case costs a search for the next line end: a line that begins with ``{`` and ends with ``}``, or
begins with ``[`` and ends with ``]``, is taken whole. Only where that could be wrong (the line holds
``} {``, or the next one goes on with a comma or a closing bracket) is it looked into.

What is no document is one piece up to the next line that begins with ``{`` or ``[``, for the format to
reject: it costs neither its bytes nor the documents behind it. Of a document that is cut short or broken,
those documents are saved that begin a line.

`split_rows_stream` cuts the rows of a table: documents as above, or CSV, of which each piece has the header again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from heapq import merge

import msgspec

SEPARATORS = b" \t\n\r\v\f\0\x04\x1e"
"""What may stand between documents. Also at both ends of a piece: cut off there, kept inside."""

LIMIT = 64 * 2**20
"""Bytes of one document that `split_json_stream` waits for."""

CHUNK = 2**20
"""Bytes that `split_json_stream` asks for at a time."""

_OPENERS = b"{["
_CLOSER = {ord("{"): ord("}"), ord("["): ord("]")}
_DEEPEST = 2_000  # levels; no decoder here follows that far, and the stack must not fill the memory

_BLANKS = re.compile(rb"[ \t\n\r\v\f\0\x04\x1e]*+")
_RESYNC = re.compile(rb"[\n\0\x04\x1e](?=[{\[])")
# "} {" on one line: the end of one document and the start of the next, or a piece of a string. Two patterns,
# each with a first letter that can be searched for at the speed of memchr
_GLUED_DOCUMENTS = (
    re.compile(rb"}[ \t\r\v\f\0\x04\x1e]*+[{\[]"),
    re.compile(rb"\][ \t\r\v\f\0\x04\x1e]*+[{\[]"),
)
# all up to the next bracket outside a string; no string holds a line end (RFC 8259, section 7), so an
# unclosed one is seen at once and does not swallow the next documents
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]*+"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+")*+[^"{}\[\]]*+')
_TRAILING_CHARACTERS = re.compile(r"trailing characters \(byte (\d+)\)")
_skip = msgspec.json.Decoder(msgspec.Raw).decode


def split_json(data: bytes) -> Iterator[bytes]:
    """The documents of `data`, in order; what is none of them likewise. Never raises.

    Each piece is a part of `data`, without `SEPARATORS` at its ends and never empty; only separators lie
    between them. The time is linear in the size of `data`.
    """
    return _pieces(data, last=True, is_broken=False)


def split_json_stream(read: Callable[[int], bytes], limit: int = LIMIT) -> Iterator[bytes]:
    """`split_json` of all that `read` (of a binary file, or a pipe's ``read1``) gives until it gives nothing.

    What is complete is given before `read` is called again. At most `limit` + `CHUNK` bytes are held: of a
    document larger than `limit` the first `limit` bytes are given as they are, then its rest likewise.
    Raises only what `read` raises.
    """
    data, last, is_broken = b"", False, False
    while not last:
        # at least as much again as is waiting: a document is scanned once for each doubling of its size
        data, last = _more(data, min(max(len(data), 1), limit), read)
        consumed_bytes = yield from _pieces(data, last, is_broken)
        is_broken = is_broken and consumed_bytes == 0
        data = data[consumed_bytes:]
        while len(data) >= limit:
            if piece := data[:limit].strip(SEPARATORS):
                yield piece
            data, is_broken = data[limit:], True


WHOLE_BYTES = 2**20
"""Arrays up to here stay whole."""
SLICE_BYTES = 2**18

_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


def slices(body: bytes) -> Iterator[bytes]:
    """A large array as several, each of about `SLICE_BYTES` or one item; whatever else as it is.

    Decoded, an array takes ten to twenty times its bytes in memory: hence piece by piece. The items are scanned, not
    decoded, and cost some 60 bytes each until the last slice is taken.
    """
    if len(body) <= WHOLE_BYTES or not body.lstrip(SEPARATORS).startswith(b"["):
        yield body
        return
    try:
        items = _items(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield body  # for the format to say what is wrong with it
        return
    size, begin = 0, 0
    for index, item in enumerate(items):
        size += len(memoryview(item))
        if size >= SLICE_BYTES:
            yield b"[" + b",".join(items[begin : index + 1]) + b"]"
            size, begin = 0, index + 1
    if begin < len(items) or not items:
        yield b"[" + b",".join(items[begin:]) + b"]"


HEADER_LIMIT = 2**16
"""Bytes of a table's header, which each of its pieces repeats."""

_BOM = b"\xef\xbb\xbf"


def split_rows_stream(read: Callable[[int], bytes], limit: int = LIMIT) -> Iterator[bytes]:
    """The rows of a table: `split_json_stream`, or of CSV (RFC 4180) each row behind the header and a line end.

    What begins with ``{`` or ``[`` is JSON. A line end within quotes is a part of its row. At most `limit` + `CHUNK`
    bytes are held: of a row larger than that (a quote that is never closed) `limit` bytes are given as they are, behind
    the header, and the next line begins a row. Raises only what `read` raises.
    """
    data = b""
    while not (data := data.lstrip(SEPARATORS + _BOM)):
        data = read(CHUNK)
        if not data:
            return
    if data[0] in _OPENERS:
        pieces = [data]
        yield from split_json_stream(lambda size: pieces.pop() if pieces else read(size), limit)
        return
    rows = _rows(data, read, limit)
    header = next(rows)
    if len(header) > HEADER_LIMIT:
        yield header
        header = b""
    for row in rows:
        yield header + b"\n" + row if header else row


def _rows(data: bytes, read: Callable[[int], bytes], limit: int) -> Iterator[bytes]:
    """The rows of CSV without their line ends; none that is empty. Linear in the size of the input."""
    parts: list[bytes] = []  # of the row that is read
    size, is_open = 0, False
    for line in _lines(data, read):
        parts.append(line)
        size += len(line)
        is_open ^= line.count(b'"') % 2 == 1
        if (line.endswith(b"\n") and not is_open) or size >= limit:
            if row := b"".join(parts).rstrip(b"\r\n"):
                yield row
            parts, size, is_open = [], 0, False
    if row := b"".join(parts).rstrip(b"\r\n"):
        yield row


def _lines(data: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
    """What is read, cut behind each line end and wherever reading stopped."""
    while data:
        start = 0
        while end := data.find(b"\n", start) + 1:
            yield data[start:end]
            start = end
        if start < len(data):
            yield data[start:]
        data = read(CHUNK)


def _more(data: bytes, least: int, read: Callable[[int], bytes]) -> tuple[bytes, bool]:
    """`data` and at least `least` more bytes; and whether the input has ended."""
    parts = [data]
    while least > 0:
        part = read(CHUNK)
        if not part:
            return b"".join(parts), True
        parts.append(part)
        least -= len(part)
    return b"".join(parts), False


def _pieces(data: bytes, last: bool, is_broken: bool) -> Generator[bytes, None, int]:
    """The pieces of `data` that are complete, all if `last`. Returns where the first incomplete one begins.

    `broken`: `data` begins inside something that was given up.
    """
    find, size, pos, line_end = data.find, len(data), 0, -1
    marks = merge(*((match.start() for match in pattern.finditer(data)) for pattern in _GLUED_DOCUMENTS))
    glue = next(marks, size)
    unclosed_brackets: set[int] = set()  # opening brackets known to have no partner
    while True:
        if not is_broken:
            while glue < pos:
                glue = next(marks, size)
            if line_end < pos and (line_end := find(b"\n", pos)) < 0:
                line_end = size
            if line_end <= glue and line_end + 1 < size and data[line_end + 1] in _OPENERS:
                end = line_end - 1 if data[line_end - 1] == _RETURN else line_end
                if data[end - 1] == _CLOSER.get(data[pos]):
                    yield data[pos:end]
                    pos = line_end + 1
                    continue
            pos = _BLANKS.match(data, pos).end()  # type: ignore[union-attr]  # matches anywhere
            if pos == size:
                return size
            end = _end_of_document(data, pos, last, unclosed_brackets) if data[pos] in _OPENERS else _NO_END
            if end == _INCOMPLETE:
                return pos
            if end != _NO_END:
                yield data[pos:end]
                pos = end
                continue
        end = _resynchronise(data, pos, unclosed_brackets)
        if end == size and not last:
            return pos
        is_broken = False
        if piece := data[pos:end].strip(SEPARATORS):
            yield piece
        pos = end


_INCOMPLETE, _NO_END = 0, -1  # instead of a document's end
_RETURN = ord("\r")


def _end_of_document(data: bytes, pos: int, last: bool, unclosed_brackets: set[int]) -> int:
    """Behind the closing bracket that belongs to the opening one at `pos`, or `_INCOMPLETE`, or `_NO_END`.

    Where it is broken, or incomplete and `last`, adds to `unclosed` the brackets that were open.
    """
    if end := _end_by_decoder(data, pos):
        return end
    size = len(data)
    brackets: list[int] = []
    while pos < size:
        byte = data[pos]
        if byte in _OPENERS:
            if brackets and (not _may_open(data, pos, data[brackets[-1]]) or len(brackets) == _DEEPEST):
                break
            brackets.append(pos)
        elif byte == ord('"'):  # its string does not end: by a line end, or with `data`
            if data.find(b"\n", pos) < 0:
                pos = size
            break
        elif byte == _CLOSER[data[brackets[-1]]]:
            brackets.pop()
            if not brackets:
                return pos + 1
            if not _may_go_on(data, pos + 1):
                break
        else:
            break
        pos = _TO_BRACKET.match(data, pos + 1).end()  # type: ignore[union-attr]  # matches anywhere
    if pos == size and not last:
        return _INCOMPLETE
    unclosed_brackets.update(brackets)
    return _NO_END


def _end_by_decoder(data: bytes, pos: int) -> int:
    """The same by msgspec, 20 times as fast: its complaint names the first byte behind a document.

    0 for all that is not flawless, and for any other wording of the complaint.
    """
    try:
        _skip(memoryview(data)[pos:])
    except msgspec.DecodeError as error:
        match = _TRAILING_CHARACTERS.search(str(error))
    except RecursionError:
        return 0
    else:
        return len(data.rstrip(SEPARATORS)) if data[-1] in SEPARATORS else len(data)
    if match is None:
        return 0
    behind = pos + int(match[1]) - 1  # msgspec 0.20 counts from 1
    end = behind
    while data[end - 1] in SEPARATORS:
        end -= 1
    return end if data[end - 1] == _CLOSER[data[pos]] and data[behind] not in b"]}" else 0


def _may_open(data: bytes, pos: int, around: int) -> bool:
    """Whether a document may go on with an opening bracket at `pos`, within the bracket `around` it; if not, another one begins
    there."""
    pos -= 1
    while data[pos] in b" \t\r\n":
        pos -= 1
    return data[pos] == ord("[") or data[pos] == (ord(",") if around == ord("[") else ord(":"))


def _may_go_on(data: bytes, pos: int) -> bool:
    """Whether a document may go on at `pos`, behind a closing bracket within it; if not, a line was cut short, and behind it came
    a bracket that happens to fit."""
    size = len(data)
    while pos < size and data[pos] in b" \t\r\n":
        pos += 1
    return pos == size or data[pos] in b",]}"


def _resynchronise(data: bytes, pos: int, unclosed_brackets: set[int]) -> int:
    """The next place behind `pos` where a line begins with a document; the end of `data` if there is none."""
    for match in _RESYNC.finditer(data, pos):
        if match.end() not in unclosed_brackets:
            return match.end()
    return len(data)
