"""Statements that take people's names out of DuckDB's tables."""

from __future__ import annotations

from lakescope.core.columns import columns
from lakescope.core.personal import FORGOTTEN, FREE_TEXTS, PERSONAL

_WORD = r"'(^|[^A-Za-z0-9])' || regexp_escape($name) || '($|[^A-Za-z0-9])'"
"""The name, and not as a part of another word."""


def forget_statement(dataset: str) -> str | None:
    """Puts `FORGOTTEN` in the place of ``$name``; ``$scope``: that of the user. Null for a dataset that names nobody."""
    kinds = {column.name: column.kind for column in columns(dataset)}
    fields = PERSONAL.get(dataset, ())
    texts = [name for name, kind in kinds.items() if name in FREE_TEXTS and kind in ("keyword", "text")]
    labels = [name for name, kind in kinds.items() if name in FREE_TEXTS and kind in ("labels", "object")]
    scopes = [name for name in texts if name.endswith("scope")]
    if not fields and not scopes:
        return None
    changes = [
        f'"{name}" = case when "{name}" = $name then \'{FORGOTTEN}\' else "{name}" end' for name in fields
    ]
    changes += [f'"{name}" = {_replaced(f""" "{name}" """)}' for name in texts]
    changes += [f'"{name}" = {_replaced(f""" "{name}"::varchar """)}::json' for name in labels]
    conditions = [*(f'"{name}" = $name' for name in fields), *(f'"{name}" = $scope' for name in scopes)]
    return f'update "{dataset}" set {", ".join(changes)} where {" or ".join(conditions)}'  # noqa: S608 - names of our own structs


def _replaced(text: str) -> str:
    return rf"regexp_replace({text}, {_WORD}, '\1{FORGOTTEN}\2', 'g')"


def blank_statement(dataset: str) -> str | None:
    """Makes the personal fields of events before ``$end`` null. Null for a dataset that has none."""
    fields = PERSONAL.get(dataset, ())
    if not fields:
        return None
    conditions = " or ".join(f'"{name}" is not null' for name in fields)
    blank = ", ".join(f'"{name}" = null' for name in fields)
    return f'update "{dataset}" set {blank} where time < $end and ({conditions})'  # noqa: S608 - names of our own structs
