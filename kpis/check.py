"""Whether KPIs are sound: what a compiler and a page may rely on. For those of a site, which no test here has seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from lakescope.core.columns import kinds
from lakescope.core.events import DATASETS
from lakescope.kpis.model import Kpi, Part, Unit, parts

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TEXTS = ("name", "meaning", "null")


def faults(kpi: Kpi) -> Iterator[str]:
    """What is wrong with a KPI, as expected and found."""
    for attribute in _TEXTS:
        if not isinstance(getattr(kpi, attribute), str) or not getattr(kpi, attribute):
            yield f"{attribute}: expected a text, found {getattr(kpi, attribute)!r}"
            return
    if not _NAME.fullmatch(kpi.name):
        yield f"name: expected small letters, digits and _, found {kpi.name!r}"
    if kpi.unit not in get_args(Unit):
        yield f"unit: expected one of {', '.join(get_args(Unit))}, found {kpi.unit!r}"
    if kpi.good not in ("up", "down", "neutral"):
        yield f"good: expected up, down or neutral, found {kpi.good!r}"
    if kpi.dataset not in DATASETS:
        yield f"dataset: expected one of {', '.join(DATASETS)}, found {kpi.dataset!r}"
        return
    kinds_by_field = kinds(kpi.dataset)
    for place, name in _fields(kpi):
        if name not in kinds_by_field:
            yield f"{place}: expected a field of {kpi.dataset}, found {name!r}"


def _fields(kpi: Kpi) -> Iterator[tuple[str, Any]]:
    """(place, name) of all fields that it names."""
    yield from (("dimensions", name) for name in kpi.dimensions)
    yield from (("where", condition.field) for condition in kpi.where)
    for part in parts(kpi.value):
        if not isinstance(part, Part):
            yield "value", part
            continue
        yield from (("value", name) for name in ((part.field,) if part.field else ()))
        yield from (("value", name) for name in part.series)
        yield from (("value", condition.field) for condition in (*part.where, *part.state))
