"""What every format keeps: pure, deterministic, and no error but a reject."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from msgspec.structs import replace

from lakescope.app.cases import Case, find
from lakescope.core.messages import DecodeResult, Message, RejectedError
from lakescope.core.plugins import load
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers.enrichment import Enrichment


class FormatContract:
    """A format and its cases (folders as `lakescope test` takes them)."""

    format: ClassVar[str]
    """Name of its entry point."""
    cases: ClassVar[Path]
    """Folder with ``<format>/<case>/input.*``."""

    def _cases(self) -> list[Case]:
        cases = [case for case in find(self.cases) if case.format == self.format]
        assert cases, f"expected a case {self.format}/NAME/input.json below {self.cases}, found none"
        return cases

    def test_its_cases_hold(self) -> None:
        normaliser = Normaliser({self.format: load("formats", self.format)}, Enrichment())
        differences = [line for case in self._cases() for line in case.differences(normaliser)]
        assert not differences, "\n".join(differences)

    def test_a_repeated_message_gives_the_same_ids(self) -> None:
        for case in self._cases():
            first, second = (self._events(case.message()) for _ in range(2))
            assert first == second, f"{case.path}: a repeat gives other ids"

    def test_a_damaged_body_is_rejected_and_raises_nothing_else(self) -> None:
        for case in self._cases():
            message = case.message()
            for body in _damage(message.body):
                self._events(replace(message, body=body))

    def test_it_can_run_in_another_process(self) -> None:
        decode = load("formats", self.format)
        assert pickle.loads(pickle.dumps(decode)) is decode, "expected a function of a module"  # noqa: S301 - our own bytes

    def _events(self, message: Message) -> list[str]:
        out = DecodeResult()
        try:
            load("formats", self.format)(message, out)
        except RejectedError:
            return []
        return [event.id for event in out.events]


def _damage(body: bytes) -> Iterator[bytes]:
    """Cut short, with a byte replaced, and what is of other types."""
    step = max(1, len(body) // 50)
    yield from (body[:end] for end in range(0, len(body), step))
    yield from (body[:place] + b"\xff" + body[place + 1 :] for place in range(0, len(body), step))
    yield from (b"null", b"[]", b"{}", b'"text"', b"[null, 1, []]", b"1e999")
