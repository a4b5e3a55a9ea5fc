"""A site's own KPIs, dashboards and rules of alerts, beside Lakescope's: by entry point, or in files of a folder.

[site]
folder = "site"      # every *.py of it may have KPIS, DASHBOARDS and RULES
"""

from __future__ import annotations

import runpy
import traceback
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

from lakescope.alerts import check as alerts
from lakescope.alerts.catalogue import RULES
from lakescope.alerts.model import Rule
from lakescope.core.extras import explain
from lakescope.core.places import Problem
from lakescope.dashboards import check as dashboards
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.model import Dashboard
from lakescope.kpis import CATALOGUE, Kpi
from lakescope.kpis import check as kpis

_OWN: dict[type, tuple[dict[str, Any], frozenset[str]]] = {
    Kpi: (CATALOGUE, frozenset(CATALOGUE)),
    Dashboard: (DASHBOARDS, frozenset(DASHBOARDS)),
    Rule: (RULES, frozenset(RULES)),
}
"""Kind -> where they stand, and which of them are Lakescope's. Dashboards and rules name KPIs, which come first."""
_GROUPS = {
    "lakescope.kpis": ("KPIS", Kpi),
    "lakescope.dashboards": ("DASHBOARDS", Dashboard),
    "lakescope.rules": ("RULES", Rule),
}
_NAMES: dict[type, str] = {Kpi: "Kpi", Dashboard: "Dashboard", Rule: "AlertRule"}
"""In `lakescope.plugin`."""


class _Entry(NamedTuple):
    """What a file or an entry point gives."""

    place: str
    line: int | None
    kind: type
    value: Any


def load(folder: Path | None = None) -> list[Problem]:
    """Puts a site's own beside Lakescope's, in place of those of an earlier call; what is wrong with them.

    What is at fault is left out.
    """
    problems: list[Problem] = []
    for registry, own in _OWN.values():
        for name in registry.keys() - own:
            del registry[name]
    entries = [*_entries(problems), *(_files(folder, problems) if folder else ())]
    for kind in _OWN:
        new_entries = [one for one in entries if one.kind is kind and not _add(one, problems)]
        if kind is Dashboard and new_entries:
            _check_dashboards(new_entries, problems)
    return problems


def _entries(problems: list[Problem]) -> Iterator[_Entry]:
    for group, (_, kind) in _GROUPS.items():
        for entry in entry_points(group=group):
            place = f"entry point {entry.name} of {entry.dist.name if entry.dist else entry.value}"
            try:
                value = entry.load()
            except Exception as error:  # noqa: BLE001 - a stranger's module
                problems.append(_problem(place, error, "mend it, or uninstall the package"))
            else:
                yield from _each(value, place, None, kind)


def _files(folder: Path, problems: list[Problem]) -> Iterator[_Entry]:
    if not folder.is_dir():
        remedy = "name a folder with *.py files, or remove the option"
        problems.append(Problem(str(folder), None, "site.folder", "expected a folder, found none", remedy))
        return
    for path in sorted(folder.glob("*.py")):
        try:
            variables = runpy.run_path(str(path))
        except Exception as error:  # noqa: BLE001 - a stranger's file
            problems.append(_problem(str(path), error, "correct the file"))
            continue
        names = [name for name, _ in _GROUPS.values() if name in variables]
        if not names:
            text = "expected KPIS, DASHBOARDS or RULES, found none"
            problems.append(Problem(str(path), None, "", text, "name what the file defines so: KPIS = (...)"))
        for name, kind in _GROUPS.values():
            if name in variables:
                yield from _each(variables[name], str(path), _line(path, name), kind)


def _line(path: Path, name: str) -> int | None:
    lines = path.read_text().splitlines()
    return next((number for number, text in enumerate(lines, 1) if text.startswith(name)), None)


def _each(value: Any, place: str, line: int | None, kind: type) -> Iterator[_Entry]:
    several = isinstance(value, Iterable) and not isinstance(value, str)
    yield from (_Entry(place, line, kind, one) for one in (value if several else (value,)))


def _problem(place: str, error: Exception, remedy: str) -> Problem:
    """With the line of the file that raised, where it is one of that file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == place]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    missing_extra = explain(error) if isinstance(error, ModuleNotFoundError) else None
    text = f"cannot be read: {type(error).__name__}: {error}"
    return Problem(place, line, "", text, missing_extra.remedy if missing_extra else remedy)


def _add(one: _Entry, problems: list[Problem]) -> bool:
    """Whether it was left out."""
    registry, own = _OWN[one.kind]
    word = _NAMES[one.kind]
    if not isinstance(one.value, (Kpi, Dashboard, Rule)) or not isinstance(one.value, one.kind):
        text = f"expected {'an' if one.kind is Rule else 'a'} {word}, found {type(one.value).__name__} {str(one.value)[:60]!r}"
        problems.append(Problem(one.place, one.line, "", text, f"import {word} from lakescope.plugin"))
        return True
    name = one.value.name
    if name in registry:
        whose = "of Lakescope" if name in own else "of this site"
        text = f"expected a name of its own, found that of another {word} {whose}"
        problems.append(Problem(one.place, one.line, str(name), text, "give it another name"))
        return True
    faults = list(_faults(one.value))
    problems += [Problem(one.place, one.line, str(name), fault, "correct it there") for fault in faults]
    if not faults:
        registry[name] = one.value
    return bool(faults)


def _faults(value: Kpi | Dashboard | Rule) -> Iterator[str]:
    """Of a dashboard only `_check_dashboards` can say, once all are there."""
    if isinstance(value, Kpi):
        yield from kpis.faults(value)
    elif isinstance(value, Rule):
        yield from alerts.faults(value)
        if value.runbook_url is None:
            yield "runbook_url: expected the address of a page that says what to do, found none"


def _check_dashboards(entries: list[_Entry], problems: list[Problem]) -> None:
    for one in entries:
        faults = list(dashboards.faults_of(one.value, DASHBOARDS))
        problems += [
            Problem(one.place, one.line, one.value.name, fault, "correct it there") for fault in faults
        ]
        if faults:
            del DASHBOARDS[one.value.name]
