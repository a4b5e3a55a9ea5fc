"""Cutting streams into documents: exact for documents, lossless and linear for anything else."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lakescope.core import framing
from lakescope.core.framing import (
    HEADER_LIMIT,
    LIMIT,
    SEPARATORS,
    split_json,
    split_json_stream,
    split_rows_stream,
)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
BODIES = st.lists(VALUES) | st.dictionaries(st.text(), VALUES)


def written(value: object, indent: int | str | None, ascii_only: bool, comma: str) -> bytes:
    """`value` as one of the many ways to write JSON."""
    separators = (comma, ": ") if indent is None else (comma.rstrip(), " : ")
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators).encode(
        errors="surrogatepass"
    )


DOCUMENTS = st.builds(
    written, BODIES, st.sampled_from([None, None, 0, 1, "\t"]), st.booleans(), st.sampled_from([",", ", "])
)
BLANKS = st.text(st.sampled_from(SEPARATORS.decode()), max_size=4).map(str.encode)
STREAMS = st.lists(st.tuples(DOCUMENTS, st.sampled_from([b"\n", b"\r\n", b" ", b""]) | BLANKS), max_size=8)
JUNK = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b"\r", b" ", b",", b":", b"1", b"x", b"\xff", b"\0"]
    )
    | DOCUMENTS,
    max_size=40,
).map(b"".join)


def reader(data: bytes, sizes: Iterable[int]) -> Callable[[int], bytes]:
    """A ``read`` that gives as few bytes as a pipe may."""
    buffer, turns = io.BytesIO(data), iter(sizes)
    return lambda most: buffer.read(min(most, next(turns, most)))


def assert_nothing_lost(data: bytes, pieces: list[bytes]) -> None:
    """Each piece is in `data`, in order, and only separators lie between them."""
    pos = 0
    for piece in pieces:
        assert piece, "an empty piece"
        assert piece == piece.strip(SEPARATORS)
        found = data.index(piece, pos)
        assert not data[pos:found].strip(SEPARATORS), "bytes lost"
        pos = found + len(piece)
    assert not data[pos:].strip(SEPARATORS), "bytes lost"


@settings(max_examples=80)
@given(STREAMS)
def test_documents_come_back_exactly(stream: list[tuple[bytes, bytes]]) -> None:
    data = b"".join(document + blank for document, blank in stream)
    assert list(split_json(data)) == [document for document, _blank in stream]


@settings(max_examples=60)
@given(STREAMS, st.lists(st.integers(1, 30)))
def test_documents_come_back_from_a_stream(stream: list[tuple[bytes, bytes]], sizes: list[int]) -> None:
    data = b"".join(document + blank for document, blank in stream)
    assert list(split_json_stream(reader(data, sizes))) == [document for document, _blank in stream]


@settings(max_examples=80)
@given(JUNK | st.binary())
@example(b'{"a": [1,\n{"b": 2}\n{"c": "]}')
@example(b"[\n[1],\n[\n[1],\n")
def test_no_byte_is_lost(data: bytes) -> None:
    assert_nothing_lost(data, list(split_json(data)))


@settings(max_examples=80)
@given(JUNK | st.binary(), st.lists(st.integers(1, 9)), st.integers(1, 40))
def test_no_byte_is_lost_of_a_stream(data: bytes, sizes: list[int], limit: int) -> None:
    assert_nothing_lost(data, list(split_json_stream(reader(data, sizes), limit=limit)))


@settings(max_examples=60)
@given(JUNK, DOCUMENTS, DOCUMENTS)
def test_lines_behind_junk_survive(junk: bytes, first: bytes, second: bytes) -> None:
    """The junk may keep the first line (it can be a continuation of the junk), never the second one."""
    compact = [
        json.dumps(json.loads(document.decode(errors="surrogatepass"))).encode()
        for document in (first, second)
    ]
    pieces = list(split_json(junk + b"\n" + compact[0] + b"\n" + compact[1] + b"\n"))
    assert pieces[-1] == compact[1]


@pytest.mark.parametrize(
    ("data", "pieces"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b" \n\0\x04\x1e", [], id="only separators"),
        pytest.param(b'{"a":1}\n{"a":2}\n', [b'{"a":1}', b'{"a":2}'], id="lines"),
        pytest.param(b'{"a":1}\r\n{"a":2}\r\n', [b'{"a":1}', b'{"a":2}'], id="lines of Windows"),
        pytest.param(b'{"a":1}\n\n{"a":2}', [b'{"a":1}', b'{"a":2}'], id="empty line"),
        pytest.param(b'{"a":1}{"a":2}\n{"a":3}\n', [b'{"a":1}', b'{"a":2}', b'{"a":3}'], id="glued together"),
        pytest.param(b'{"a":1} {"a":2} ', [b'{"a":1}', b'{"a":2}'], id="FTS since 3.6, compact"),
        pytest.param(
            b'{\n\t"a" : 1\n} {\n\t"a" : 2\n} ', [b'{\n\t"a" : 1\n}', b'{\n\t"a" : 2\n}'], id="FTS since 3.6"
        ),
        pytest.param(b'{"a":1}\x04{"a":2}\x04', [b'{"a":1}', b'{"a":2}'], id="FTS before 3.6"),
        pytest.param(b'\x1e{"a":1}\n\x1e{"a":2}\n', [b'{"a":1}', b'{"a":2}'], id="RFC 7464"),
        pytest.param(
            b'{"a":"} {"}\n{"a":"\\"}{"}\n', [b'{"a":"} {"}', b'{"a":"\\"}{"}'], id="brackets in strings"
        ),
        pytest.param(
            b'{"a":"\\\\"} {"b":1}', [b'{"a":"\\\\"}', b'{"b":1}'], id="backslash before the closing quote"
        ),
        pytest.param(b'{"a":"\xff"}\n{"b":1}', [b'{"a":"\xff"}', b'{"b":1}'], id="not UTF-8"),
        pytest.param(b'{"a":"\\ud800"} {"b":1}', [b'{"a":"\\ud800"}', b'{"b":1}'], id="half a surrogate"),
        pytest.param(b'{"a":NaN} {"b":1}', [b'{"a":NaN}', b'{"b":1}'], id="NaN"),
        pytest.param(
            b'{ "a": {}\n, "b": 1\n}\n{"c":1}',
            [b'{ "a": {}\n, "b": 1\n}', b'{"c":1}'],
            id="comma on the next line",
        ),
        pytest.param(b'[\n{"a":1},\n{"a":2}\n]', [b'[\n{"a":1},\n{"a":2}\n]'], id="an array of lines"),
        pytest.param(b'oops\n{"a":1}', [b"oops", b'{"a":1}'], id="junk before"),
        pytest.param(b'{"a":1} oops\n{"a":2}', [b'{"a":1}', b"oops", b'{"a":2}'], id="junk behind"),
        pytest.param(
            b'a\nb {"c":1}\n\nd\n{"a":1}', [b'a\nb {"c":1}\n\nd', b'{"a":1}'], id="junk is one piece"
        ),
        pytest.param(b'{"a": {"b": 1\n{"c":1}', [b'{"a": {"b": 1', b'{"c":1}'], id="cut short"),
        pytest.param(b'{"a": "b\n{"c":1}', [b'{"a": "b', b'{"c":1}'], id="cut short in a string"),
        pytest.param(
            b'{"a": [1,\n{"b":1}\n{"c":1}',
            [b'{"a": [1,', b'{"b":1}', b'{"c":1}'],
            id="cut short behind a comma",
        ),
        pytest.param(
            b'{"a": 1,\n{"b":1}\n{"c":1}\n}',
            [b'{"a": 1,', b'{"b":1}', b'{"c":1}', b"}"],
            id="cut short behind a member, and a bracket that fits",
        ),
        pytest.param(
            b'{"a":\n{"b":1}\nx}\n{"c":1}',
            [b'{"a":', b'{"b":1}', b"x}", b'{"c":1}'],
            id="cut short behind a colon, and a bracket that fits",
        ),
        pytest.param(
            b'[\n{"a":1},\n{"b":2}\n', [b"[", b'{"a":1}', b",", b'{"b":2}'], id="an array without its end"
        ),
        pytest.param(b'{"a":1]}\n{"b":1}', [b'{"a":1]}', b'{"b":1}'], id="wrong bracket"),
        pytest.param(b'{\n"a":[1}\n{"b":1}', [b'{\n"a":[1}', b'{"b":1}'], id="wrong bracket over lines"),
        pytest.param(b"[" * 9000 + b'\n{"a":1}', [b"[" * 9000, b'{"a":1}'], id="too deep"),
        pytest.param(b"[" * 1900 + b"]" * 1900 + b"[1]", [b"[" * 1900 + b"]" * 1900, b"[1]"], id="deep"),
    ],
)
def test_pieces(data: bytes, pieces: list[bytes]) -> None:
    assert list(split_json(data)) == pieces
    assert list(split_json_stream(io.BytesIO(data).read)) == pieces
    assert list(split_json_stream(reader(data, [1] * len(data)))) == pieces


def test_complete_documents_do_not_wait_for_the_next_read() -> None:
    reads = iter([b'{"a":1}\n{"a":2}\n', b""])
    pieces = split_json_stream(lambda _most: next(reads))
    assert [next(pieces), next(pieces)] == [b'{"a":1}', b'{"a":2}']
    assert next(reads) == b""


def test_a_document_over_the_limit_is_cut_and_what_follows_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "CHUNK", 64)
    huge = b'{"a": "' + b"x" * 1000 + b'"}'
    pieces = list(split_json_stream(io.BytesIO(b'{"b":1}\n' + huge + b'\n{"c":1}\n').read, limit=200))
    assert (pieces[0], pieces[-1]) == (b'{"b":1}', b'{"c":1}')
    assert b"".join(pieces[1:-1]) == huge
    assert all(len(piece) <= 264 for piece in pieces)


def test_another_wording_of_the_decoder_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a document is read off msgspec's complaint; without it the slow scanner finds the same."""
    data = b'{"a": [1, "]"]} {"b": {}}{"c":1}[\n]'
    fast = list(split_json(data))
    monkeypatch.setattr(framing, "_end_by_decoder", lambda _data, _pos: 0)
    assert list(split_json(data)) == fast == [b'{"a": [1, "]"]}', b'{"b": {}}', b'{"c":1}', b"[\n]"]


@pytest.mark.parametrize(
    "unit",
    [
        b"[\n",
        b"[\n[1],\n",
        b'{"a":\n',
        b'{"a":[1,\n',
        b'[\n{"a":\n}x\n]',
        b'"\n{',
        b"{}",
        b"}{",
        b'{"a\\',
        b'{"a":"\\ud800"} ',
        b"\n\n{",
    ],
    ids=repr,
)
def test_time_is_linear(unit: bytes) -> None:
    """Eight times the data may take at most twice eight times as long: a square would take 64 times."""

    def seconds(data: bytes) -> float:
        start = time.process_time()
        for _piece in split_json(data):
            pass
        return time.process_time() - start

    short = min(seconds(unit * 5_000) for _ in range(3))
    assert seconds(unit * 40_000) < 16 * short + 0.05


# --- rows ------------------------------------------------------------------------------------------------


def rows_of(data: bytes, step: int = 2**20, limit: int = LIMIT) -> list[bytes]:
    stream = io.BytesIO(data)
    return list(split_rows_stream(lambda size: stream.read(min(size, step)), limit))


CELLS = st.text(st.sampled_from('ab",;\n\r\t{}[] é'), max_size=6)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6),
    st.integers(1, 50),
    st.sampled_from(["\n", "\r\n"]),
)
def test_rows_of_csv_are_those_that_the_csv_module_reads(rows: list[list[str]], step: int, end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["x", "y"], *rows])
    found = rows_of(text.getvalue().encode(), step)
    assert [list(csv.reader(io.StringIO(piece.decode(), newline=""))) for piece in found] == [
        [["x", "y"], row] for row in rows
    ]


@given(st.binary(max_size=200), st.integers(1, 20), st.integers(1, 40))
def test_rows_of_anything_are_cut_without_a_fault(data: bytes, step: int, limit: int) -> None:
    assert all(rows_of(data, step, limit))


def test_rows_of_json_are_documents() -> None:
    data = b'\xef\xbb\xbf\n {"a": 1}\n{"a":\n 2}'
    for step in (1, 3, 100):
        assert rows_of(data, step) == [b'{"a": 1}', b'{"a":\n 2}']


def test_a_quote_that_is_never_closed_costs_no_more_than_the_limit() -> None:
    data = b'x,y\n1,"2\n' + b"3,4\n" * 10
    assert rows_of(data, limit=20)[-1] == b"x,y\n3,4"
    assert sum(map(len, rows_of(data, limit=20))) < 2 * len(data)


def test_a_header_without_end_is_not_repeated() -> None:
    data = b"x" * (HEADER_LIMIT + 1) + b"\n1\n2\n"
    assert rows_of(data) == [b"x" * (HEADER_LIMIT + 1), b"1", b"2"]


# --- large arrays ----------------------------------------------------------------------------------------


def test_a_large_array_is_cut_between_its_items() -> None:
    items = [{"n": i, "text": 'a, ]} [{ \\" é' * (i % 40)} for i in range(5_000)]
    body = b" \n" + json.dumps(items, indent=1).encode()
    parts = list(framing.slices(body))
    assert len(parts) > 3
    assert [item for part in parts for item in json.loads(part)] == items
    assert all(len(part) < framing.SLICE_BYTES + 2_000 for part in parts)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"[1,2]",
        b'{"a":[' + b"1," * 10**6 + b"1]}",
        b"[" + b"1," * 10**6,
        b"[" + b"1," * 10**6 + b"1] [2]",
    ],
    ids=["empty", "small", "object", "open", "two documents"],
)
def test_whatever_else_stays_whole(body: bytes) -> None:
    assert list(framing.slices(body)) == [body]


def test_an_item_larger_than_a_slice_is_one() -> None:
    large = b'"' + b"x" * (2 * framing.SLICE_BYTES) + b'"'
    body = b"[" + b",".join([large] * 5) + b"]"
    assert list(framing.slices(body)) == [b"[" + large + b"]"] * 5
