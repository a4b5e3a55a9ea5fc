"""The one language in which a person narrows things down: ``name=value`` and ``name!=value``.

Any of a name's wanted values, none of the others; without a value: those that have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

_FILTER = re.compile(r"\s*(\w+)\s*(!?=)(.*)", re.DOTALL)


class Filters(NamedTuple):
    """Name -> values as text, ``""`` for null."""

    only: dict[str, tuple[str, ...]]
    """Any of them."""
    without: dict[str, tuple[str, ...]]
    """None of them."""

    @property
    def names(self) -> set[str]:
        """Of what they speak."""
        return {*self.only, *self.without}

    def accept(self, one: Any) -> bool:
        """Whether an object's attributes are so; one that it does not have is null."""
        return all(text_of(getattr(one, name, None)) in values for name, values in self.only.items()) and all(
            text_of(getattr(one, name, None)) not in values for name, values in self.without.items()
        )


def parse_filters(texts: Iterable[str]) -> Filters:
    """Raises `ValueError` saying what was expected."""
    filters = Filters({}, {})
    for text in texts:
        match = _FILTER.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text[:60]!r} is no filter: expected name=value or name!=value, for example src_rse=EULAKE-1"
            )
        name, operator, value = match.groups()
        values = filters.only if operator == "=" else filters.without
        values[name] = (*values.get(name, ()), value)
    return filters


def text_of(value: Any) -> str:
    """A value as a person writes it in a filter: ``true`` and ``false``, nothing for null."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
