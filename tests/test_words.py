"""What people read uses the field's terms, and names in code are nouns, verbs and questions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.build import commands
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.kpis import CATALOGUE

ROOT = Path(__file__).parent.parent
ROOMS = ("lakescope/core", "lakescope/pipeline", "lakescope/app", "lakescope/cli", "lakescope/testing")
ROOMS += ("collectors", "transformers", "sinks", "kpis", "dashboards", "reports", "simulator", "sync")

AVOIDED = (
    "95 of 100 below", "99 of 100 below", "as it was told", "by the last word", "end well", "ended well",
    "in the mean", "that went well", "well or badly", "whatever it was", "where is it ill",
    "without words",
)  # fmt: skip
"""Phrases that nobody in the field uses, and for which there is a term (average, p95, efficiency, no data, ...)."""

PARTICIPLES = frozenset(
    (
        *(
            "asked",
            "begun",
            "chosen",
            "drawn",
            "found",
            "given",
            "gone",
            "heard",
            "held",
            "kept",
            "known",
            "made",
        ),
        *("said", "seen", "shown", "taken", "told", "wanted"),
    )
)
PARTICIPLES_MAX = 5
"""How many names in code may be bare participles: ``found`` of what is rejected, which plugins and stores read, that of
pScheduler's answers, and a method of `lakescope.testing`. It only goes down."""


def _texts() -> Iterator[tuple[str, str]]:
    for name, kpi in CATALOGUE.items():
        yield f"KPI {name}", f"{kpi.meaning} {kpi.null}"
    for name, dashboard in DASHBOARDS.items():
        yield f"dashboard {name}", f"{dashboard.title} {dashboard.question}"
        for panel in dashboard.panels:
            yield f"panel of {name}", panel.title
    for context in commands():
        yield f"help of {context.command_path}", context.get_help()
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        yield str(page.relative_to(ROOT)), page.read_text()


@pytest.mark.parametrize("phrase", AVOIDED)
def test_people_read_the_terms_of_the_field(phrase: str) -> None:
    places = [place for place, text in _texts() if phrase in " ".join(text.split()).lower()]
    assert not places, f'write the term of the field instead of "{phrase}"'


def _names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case (
                ast.arg(arg=name)
                | ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
            ):
                yield name


def test_names_are_no_bare_participles() -> None:
    """`events` or `row` instead of `found`: a value is named by what it is."""
    places = [
        f"{path.relative_to(ROOT)}: {name}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for name in _names(path)
        if name.strip("_").lower() in PARTICIPLES
    ]
    assert len(places) <= PARTICIPLES_MAX, "\n".join(places)
