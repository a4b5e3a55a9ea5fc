"""How a person's name is taken out of texts, bodies, queues and files: the word is replaced."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from lakescope.collectors import _spool
from lakescope.core.columns import columns
from lakescope.core.events import DATASETS
from lakescope.core.messages import Message, Reject
from lakescope.core.personal import FORGOTTEN
from lakescope.core.state_files import write_private
from lakescope.pipeline.dead_letters import DeadLetters, Letter
from lakescope.pipeline.overflow import Overflow, Slice, pack_origin, unpack_origin

_FIELDS = frozenset(column.name for dataset in DATASETS for column in columns(dataset))
"""Somebody who is called like one of these: events need their fields. Other keys of JSON may be a person's name."""
_EVERYTHING = 2**63
_BUSY_S = 2.0


class Name:
    """The name of an account, or a host or a hash: `clean_...` put `FORGOTTEN` in its place."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._word = re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])")
        no_field = rb"(?!\"\s*:)" if name in _FIELDS else b""
        self._in_bytes = re.compile(
            rb"(?<![A-Za-z0-9])" + re.escape(name.encode()) + rb"(?![A-Za-z0-9])" + no_field
        )

    def stands_in(self, content: bytes) -> bool:
        """Whether it does."""
        return self._in_bytes.search(content) is not None

    def clean_text(self, text: str) -> str:
        """Of a text, JSON too."""
        return self._word.sub(FORGOTTEN, text)

    def clean_bytes(self, content: bytes) -> bytes:
        """Of a body, or of what a sink is to write."""
        return self._in_bytes.sub(FORGOTTEN.encode(), content)

    def clean(self, value: Any) -> Any:
        """Of all texts and bytes in tuples, lists and values of objects, whose keys stay."""
        match value:
            case bytes():
                return self.clean_bytes(value)
            case str():
                return self.clean_text(value)
            case list() | tuple():
                return type(value)(map(self.clean, value))
            case dict():
                return {key: self.clean(one) for key, one in value.items()}
        return value

    def clean_message(self, message: Message) -> Message:
        """Of body and headers."""
        return msgspec.structs.replace(
            message, body=self.clean_bytes(message.body), headers=self.clean(dict(message.headers))
        )

    def clean_letter(self, letter: Letter) -> Letter:
        """Of body, headers and what was expected and found; under its old id."""
        return msgspec.structs.replace(
            letter,
            body=self.clean_bytes(letter.body),
            headers=self.clean(letter.headers),
            expected=self.clean(letter.expected),
            found=self.clean(letter.found),
        )


def clean_letters(dead: DeadLetters, name: Name) -> int:
    """How many were changed. Each becomes another letter, as the id is made of the body."""
    count = 0
    for letter in dead.letters():
        new = name.clean_letter(letter)
        if new != letter:
            dead.drop([letter.id])
            reject = Reject(new.reason, new.path, new.expected, new.found)  # type: ignore[arg-type]
            dead.add(new.collector, new.sink, [(new.message(), [reject])])
            count += 1
    dead.give_room_back()
    return count


def clean_spool(path: Path, name: Name) -> int:
    """How many messages that wait there were changed. Raises `sqlite3.Error`."""
    count = _spool.rewrite(path, name.clean_message)
    drop_free_pages(path)
    return count


def clean_overflow(path: Path, name: Name) -> int:
    """How many parts of batches that wait for a sink were changed. Raises `sqlite3.Error`."""
    overflow, count, row = Overflow(path, _EVERYTHING), 0, 0
    try:
        while slices := overflow.read(row, 1):
            for row, before in slices:
                after = _clean_slice(before, name)
                if after is not None:
                    overflow.replace(row, after)
                    count += 1
    finally:
        overflow.close()
    drop_free_pages(path)
    return count


def _clean_slice(before: Slice, name: Name) -> Slice | None:
    """Null where the name is not in it."""
    messages, message_of = unpack_origin(before.origin)
    chunks, clean_messages = name.clean(before.chunks), [name.clean_message(one) for one in messages]
    if chunks == before.chunks and clean_messages == messages:
        return None
    return before._replace(chunks=chunks, origin=pack_origin(clean_messages, message_of))


def drop_free_pages(path: Path) -> None:
    """A database's free pages and its log hold what was deleted: both are given back. Raises `sqlite3.Error`."""
    with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as db:
        db.execute("vacuum")
        db.execute("pragma wal_checkpoint(truncate)")


def clean_plan(path: Path, name: Name) -> int:
    """How many files of the last plan of accounts were changed, 1 or 0: the account and lines about it go."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    document = msgspec.json.decode(content)
    plan = document["plan"]
    plan["changes"] = [one for one in plan["changes"] if one.get("object") != name.name]
    plan["accounts"] = [one for one in plan.get("accounts", []) if one.get("name") != name.name]
    cleaned = msgspec.json.encode(name.clean(document))
    if cleaned == content:
        return 0
    write_private(path, cleaned)
    return 1


def clean_texts(paths: list[Path], name: Name) -> int:
    """How many files of JSON were changed."""
    count = 0
    for path in paths:
        if path.exists():
            text = path.read_text()
            clean = name.clean_text(text)
            if clean != text:
                write_private(path, clean.encode())
                count += 1
    return count


def files_with_people(folder: Path, name: Name) -> Iterator[tuple[Path, bool]]:
    """Of a backup: its files that can hold a name, and whether it is certain. Databases are packed, and not looked into."""
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        if path.suffix == ".json":
            if name.stands_in(path.read_bytes()):
                yield path, True
        elif path.suffix == ".jsonl":
            with path.open("rb") as lines:
                if any(map(name.stands_in, lines)):
                    yield path, True
        else:
            yield path, False
