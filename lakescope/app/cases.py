"""Cases as files: a bug report becomes a folder, and `lakescope test DIR` runs it.

    <format>/<case>/input.*          one body as it was on the wire (.gz and .zst are unpacked)
                    headers.json     the message's headers, where they matter
                    expected.jsonl   the events, in order; absent: none
                    rejected.jsonl   the rejects, in order; absent: none

A case runs without a topology; its message was received at 2026-01-01T00:00:00Z.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from lakescope.core.messages import Message
from lakescope.pipeline.normalise import Normaliser

RECEIVED_AT = 1767225600.0


class Case(msgspec.Struct, frozen=True):
    """One folder."""

    format: str
    path: Path

    def run(self, normaliser: Normaliser) -> dict[str, str]:
        """File name -> what the case gives now, as JSON lines with sorted keys."""
        out = normaliser([self.message()])
        return {"expected.jsonl": _lines(out.events), "rejected.jsonl": _lines(out.rejects)}

    def message(self) -> Message:
        """The case's input as the format gets it."""
        inputs = sorted(self.path.glob("input.*"))
        if len(inputs) != 1:
            raise ValueError(f"{self.path}: expected one file input.*, found {len(inputs)}")
        headers = self.path / "headers.json"
        return Message(
            body=inputs[0].read_bytes(),
            format=self.format,
            headers=msgspec.json.decode(headers.read_bytes(), type=dict[str, str])
            if headers.exists()
            else {},
            received=RECEIVED_AT,
        )

    def differences(self, normaliser: Normaliser) -> list[str]:
        """Unified diff of what the files say against what the case gives; empty if it holds."""
        lines: list[str] = []
        for name, now in self.run(normaliser).items():
            path = self.path / name
            expected = path.read_text() if path.exists() else ""
            lines += difflib.unified_diff(
                expected.splitlines(), now.splitlines(), f"{path}", "now", lineterm="", n=1
            )
        return lines

    def accept(self, normaliser: Normaliser) -> None:
        """Writes what the case gives now: to be read in review, never blindly."""
        for name, now in self.run(normaliser).items():
            if now:
                (self.path / name).write_text(now)
            else:
                (self.path / name).unlink(missing_ok=True)


def find(directory: Path) -> Iterator[Case]:
    """The cases below `directory`: folders with an ``input.*``, named ``<format>/<case>``."""
    for path in sorted({folder.parent for folder in directory.rglob("input.*")}):
        yield Case(format=path.parent.name, path=path)


def _lines(items: Sequence[msgspec.Struct]) -> str:
    return "".join(msgspec.json.encode(item, order="sorted").decode() + "\n" for item in items)
