"""Where a configuration is at fault: file, line and option, and what to write instead."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One fault of a configuration file."""

    file: str
    line: int | None
    place: str
    text: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        place = f" [{self.place}]" if self.place else ""
        return f"{where}:{place} {self.text}\n    remedy: {self.remedy}"


class ConfigurationError(RuntimeError):
    """The configuration cannot be used; `problems` says why, all at once."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = list(problems)
        super().__init__("\n".join(map(str, problems)))


class Source(NamedTuple):
    """The text of a configuration, in which options have their lines."""

    file: str = "configuration"
    text: str = ""

    def problem(self, place: Sequence[str], text: str, remedy: str) -> Problem:
        """A fault of the option at `place`."""
        return Problem(self.file, self.line(place), ".".join(place), text, remedy)

    def line(self, place: Sequence[str]) -> int | None:
        """Line of the deepest part of `place` that stands in the text: tomllib keeps none."""
        best = (0, 0)
        table: tuple[str, ...] = ()
        lists: Counter[tuple[str, ...]] = Counter()
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*(\[+)(.+?)\]+\s*(#.*)?$", line):
                here = table = _keys(header[2])
                if header[1] == "[[":
                    here = table = (*table, str(lists[table]))
                    lists[here[:-1]] += 1
            elif key := re.match(r"\s*([^=#]+?)\s*=", line):
                here = (*table, *_keys(key[1]))
            else:
                continue
            depth = min(len(here), len(place))
            if here[:depth] == tuple(place[:depth]) and depth > best[0]:
                best = (depth, number)
        return best[1] or None

    def __repr__(self) -> str:
        return f"Source({self.file!r})"  # the text has secrets


def _keys(path: str) -> tuple[str, ...]:
    """The parts of a dotted key, as TOML quotes them; none for what is no key."""
    try:
        inner: object = tomllib.loads(f"{path} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    keys = []
    while isinstance(inner, dict):
        ((key, inner),) = inner.items()
        keys.append(key)
    return tuple(keys)
