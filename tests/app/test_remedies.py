"""Every option of every model, given what it cannot take: the remedy is a line of TOML that it takes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from lakescope.app.config import ConfigurationError, parse, validate
from lakescope.core.options import Options
from lakescope.core.places import Problem, Source
from lakescope.core.plugins import Room, available, load

WRONG: tuple[Any, ...] = ([], {}, "", -1, 2**70, True, 1.5, "\0", [""], [[]], {"a": {}}, {"a": []}, [{}])
PLACE = ("table",)
LINE = re.compile(r"(?:for example|add) (?P<line>\w+ = .+)")
ROOMS: tuple[Room, ...] = ("collectors", "sinks", "receivers")


def _below(model: type[Options]) -> Iterator[type[Options]]:
    for one in model.__subclasses__():
        yield one
        yield from _below(one)


def _models() -> list[type[Options]]:
    for room in ROOMS:
        for name in available(room):
            load(room, name)
    models = {one for one in _below(Options) if one.__module__.startswith("lakescope.")}
    return sorted(models, key=lambda one: (one.__module__, one.__name__))


def _problems(model: type[Options], document: dict[str, Any]) -> list[Problem]:
    try:
        validate(model, document, Source("lakescope.toml", ""), PLACE)
    except ConfigurationError as error:
        return list(error.problems)
    return []


def _nested(place: list[str], value: Any) -> Any:
    """A document with a value at a place; a number is the first of a list."""
    for part in reversed(place):
        value = [value] if part.isdecimal() else {part: value}
    return value


@pytest.mark.parametrize("model", _models(), ids=lambda model: model.__name__)
def test_a_remedy_is_one(model: type[Options]) -> None:
    documents: list[dict[str, Any]] = [{}]
    documents += [{name: value} for name in model.model_fields for value in WRONG]
    for document in documents:
        for problem in _problems(model, document):
            text = f"{problem.text} | {problem.remedy}"
            assert "Undefined" not in text and '"None"' not in text, (document, text)
            if (match := LINE.search(problem.remedy)) is None:
                continue
            ((name, value),) = tomllib.loads(match["line"]).items()
            if re.search(r"\$\{|\.\.\.", str(value)):  # of the environment; nothing to be copied
                continue
            place = problem.place.split(".")[1:]
            while place[-1] != name:  # of an item of a list, whose example is the list
                place.pop()
            again = _problems(model, _nested(place, value))
            where = ".".join((*PLACE, *place))
            assert not [one for one in again if one.place.startswith(where)], (document, text)


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        (
            "[access.tokens.x]\nsha256 = '" + "0" * 64 + "'",
            "access.tokens.x",
            "write it below [access.tokens.x]",
        ),
        ("[access]\ntokens = 5", "access.tokens", "write [access.tokens.NAME] and its options below"),
        ("[reports.weekly]\nkind = 'weekly'", "reports.weekly", "write it below [reports.weekly]"),
        ("objectives = 5", "objectives", "write [[objectives]] and its options below"),
        ("[access]\ngroups = {a = {shared = true}}", "access", "write it below [access]"),
    ],
)
def test_what_a_table_lacks_is_written_below_it(text: str, place: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse(text)
    assert (place, remedy) in [(one.place, one.remedy) for one in error.value.problems]
