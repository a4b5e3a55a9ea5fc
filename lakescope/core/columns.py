"""The events' fields as columns: the one place that store mappings, tables and docs are derived from."""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from lakescope.core.events import DATASETS, TAG, Event

Kind = Literal["keyword", "text", "time", "integer", "float", "boolean", "labels", "object", "keywords"]

_PLAIN: dict[Any, Kind] = {str: "keyword", int: "integer", float: "float", bool: "boolean"}


class Column(NamedTuple):
    """One field of a dataset."""

    name: str
    kind: Kind
    required: bool


@cache
def types_of(struct: type[Event]) -> Mapping[str, Any]:
    """Field -> its type, with all that is annotated. Evaluated once: the types are texts, each of which is compiled."""
    return get_type_hints(struct, include_extras=True)


@cache
def columns(dataset: str) -> tuple[Column, ...]:
    """The fields of a dataset in their order; raises `KeyError` for an unknown dataset."""
    struct = DATASETS[dataset]
    hints = types_of(struct)
    return tuple(Column(name, *_kind(hints[name])) for name in struct.__struct_fields__)


@cache
def kinds(dataset: str) -> Mapping[str, Kind]:
    """Field -> kind, for looking up."""
    return {column.name: column.kind for column in columns(dataset)}


@cache
def tags(dataset: str) -> tuple[str, ...]:
    """The fields of a dataset that are tags where a store has tags, in their order."""
    struct = DATASETS[dataset]
    hints = types_of(struct)
    return tuple(
        name
        for name in struct.__struct_fields__
        if any(TAG in getattr(part, "__metadata__", ()) for part in (hints[name], *get_args(hints[name])))
    )


def _kind(hint: Any) -> tuple[Kind, bool]:
    """(kind, whether null is impossible)."""
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (arg for arg in get_args(hint) if arg is not type(None))
        return _kind(inner)[0], False
    if get_origin(hint) is Annotated:
        extra = hint.__metadata__[0].extra
        return (extra["kind"], True) if extra and "kind" in extra else _kind(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return "keyword", True
    if get_origin(hint) is list:
        return "keywords", True
    if get_origin(hint) is dict:
        return ("labels" if get_args(hint)[1] is str else "object"), True
    return _PLAIN[hint], True
