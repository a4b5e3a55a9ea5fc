"""From a dashboard's answers to what is drawn: one plain form, for the page (as JSON) and for the previews.

Here every value gets its words, its level and its link, so that those who draw only draw. `value`s are in the
KPI's own unit, null is null; `text` is the value as a person says it; `level` is good, warning, critical or, without
bounds or without a value, null; `link` is ``{"dashboard", "variables"}``; times are milliseconds since 1970.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, count, islice
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from lakescope.dashboards.kinds import KINDS
from lakescope.dashboards.model import COLUMNS, Dashboard, Link, Number, Panel, fill_lines
from lakescope.dashboards.questions import (
    Selection,
    answers_of,
    as_chosen,
    bin_of,
    description_of,
    dimensions,
    groupings,
    ignored,
    keeps_least,
    label_of,
    texts_of,
)
from lakescope.dashboards.words import words
from lakescope.kpis import CATALOGUE, Kpi, UnsupportedError
from lakescope.kpis.model import UNKNOWN as NO_VALUE
from lakescope.kpis.units import format_value, goodness, level_of, text_of

Rows = list[dict[str, Any]]
Answer = Rows | UnsupportedError
Picture = dict[str, Any]
Key = tuple[Any, ...]

UNKNOWN = "unknown"
OTHERS = "all others"
GROUPS_MAX = 1000  # rows of a table that a browser is given
WIDE = 40  # a matrix of more columns takes the whole width


class DashboardAnswer(Struct, frozen=True, kw_only=True):
    """A dashboard with all that it shows: what ``/api/dashboards/<name>/data`` says, and previews are made of."""

    dashboard: Dashboard
    since: datetime
    until: datetime
    bin_s: int
    store: str
    """Who answered."""
    answered: datetime
    variables: Mapping[str, Sequence[str]]
    """What was chosen."""
    group: str | None = None
    """What the viewer chose to group by."""
    filters: Sequence[str] = ()
    """Further filters, each in words: ``activity=Production``, ``datatype!=RAW``."""
    pictures: Sequence[Picture]

    @classmethod
    def of(
        cls, dashboard: Dashboard, selection: Selection, answers: Sequence[Answer], store: str
    ) -> DashboardAnswer:
        """From a store's answers to `questions_of`, now."""
        return cls(
            dashboard=dashboard,
            since=selection.since,
            until=selection.until,
            bin_s=bin_of(selection),
            store=store,
            answered=datetime.now(UTC),
            variables=selection.variables,
            group=selection.group,
            filters=texts_of(selection.filters),
            pictures=pictures(dashboard, selection, answers),
        )

    @classmethod
    def read(cls, dashboard: Dashboard, document: Mapping[str, Any]) -> DashboardAnswer:
        """From what `document` made, also of another Lakescope."""
        return cls(
            dashboard=dashboard,
            since=datetime.fromisoformat(document["since"]),
            until=datetime.fromisoformat(document["until"]),
            bin_s=document["bin_s"],
            store=document["store"],
            answered=datetime.fromisoformat(document["answered"]),
            variables=document["variables"],
            group=document["group"],
            filters=document["filters"],
            pictures=document["panels"],
        )

    def document(self) -> dict[str, Any]:
        """As plain data."""
        times = {key: getattr(self, key) for key in ("since", "until", "answered")}
        return {
            "name": self.dashboard.name,
            **{key: f"{time:%Y-%m-%dT%H:%M:%SZ}" for key, time in times.items()},
            "bin_s": self.bin_s,
            "store": self.store,
            "variables": {name: list(values) for name, values in self.variables.items()},
            "group": self.group,
            "filters": list(self.filters),
            "panels": list(self.pictures),
        }


def is_empty(picture: Picture) -> bool:
    """Whether a panel that was answered has nothing to show."""
    form = KINDS[picture["kind"]].form
    if form == "tiles":
        return all(tile["value"] is None for tile in picture.get("tiles", ()))
    return not picture.get(form)


def layout(dashboard: Dashboard) -> dict[str, Any]:
    """What is known of a dashboard before anything is asked."""
    ids = count()
    rows: list[dict[str, Any]] = [
        {
            "title": row.title,
            "panels": [_frame(as_chosen(dashboard, panel), next(ids)) for panel in row.panels],
        }
        for row in dashboard.rows
    ]
    for row in rows:
        _fill(row["panels"])
    return {
        "name": dashboard.name,
        "title": dashboard.title,
        "question": dashboard.question,
        "since": dashboard.since,
        "refresh_s": dashboard.refresh_s,
        "variables": [{"name": v.name, "label": v.label} for v in dashboard.variables],
        "group": dashboard.group,
        "groupings": _named(groupings(dashboard)),
        "dimensions": _named(dimensions(dashboard)),
        "rows": rows,
    }


def _named(fields: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": name, "label": words(name)} for name in fields]


def pictures(dashboard: Dashboard, selection: Selection, answers: Sequence[Answer]) -> list[Picture]:
    """The panels with their answers, which are in the order of `questions_of`."""
    rest = iter(answers)
    panels = [as_chosen(dashboard, panel, selection.group) for panel in dashboard.panels]
    all_pictures = [
        _frame(panel, index)
        | _picture(panel, selection, list(islice(rest, answers_of(panel))))
        | {"ignored": ignored(dashboard, panel, selection)}
        for index, panel in enumerate(panels)
    ]
    for picture in all_pictures:
        picture["remarks"] = list(_remarks(picture))
    beginning = 0
    for row in dashboard.rows:  # a large matrix took more than the layout gave it
        _fill(all_pictures[beginning : beginning + len(row.panels)])
        beginning += len(row.panels)
    marks = {
        "incidents": _incidents(next(rest, []), selection),
        "downtimes": _downtimes(next(rest, []), selection),
    }
    return [
        picture | marks if KINDS[picture["kind"]].has_axis and "times" in picture else picture
        for picture in all_pictures
    ]


def _remarks(picture: Picture) -> Iterator[str]:
    """What is to be said below a panel."""
    yield from (f"Not shown: {note}" for note in picture.get("notes", ()))
    if note := picture.get("note"):
        yield f"Shown: {note}"
    if picture["ignored"]:
        yield f"Not filtered by: {', '.join(picture['ignored'])}"


def _downtimes(answer: Answer, selection: Selection) -> list[dict[str, Any]]:
    """The bins in which a downtime was declared for a site, and of which sites: `i` is the bin's place in ``times``."""
    if isinstance(answer, UnsupportedError):
        return []
    bin_s = bin_of(selection)
    first = int(selection.since.timestamp() // bin_s)
    places_by_bin: dict[int, list[str]] = {}
    for row in answer:
        if row["value"]:
            index = int(datetime.fromisoformat(row["time"]).timestamp() // bin_s) - first
            what = " ".join(filter(None, [row["classification"], row["severity"]]))
            places_by_bin.setdefault(index, []).append(
                f"{_name(row['site'])} ({what})" if what else _name(row["site"])
            )
    return [{"i": i, "places": sorted(places)} for i, places in sorted(places_by_bin.items())]


def _incidents(answer: Answer, selection: Selection) -> list[dict[str, Any]]:
    """The bins in which a site's availability was critical: `i` is the bin's place in ``times``."""
    if isinstance(answer, UnsupportedError):
        return []
    kpi, bin_s = CATALOGUE["probe_availability"], bin_of(selection)
    first = int(selection.since.timestamp() // bin_s)
    texts_by_bin: dict[int, list[str]] = {}
    for row in answer:
        if level_of(kpi, row["value"]) == "critical":
            index = int(datetime.fromisoformat(row["time"]).timestamp() // bin_s) - first
            texts_by_bin.setdefault(index, []).append(f"{_name(row['site'])} {text_of(kpi, row['value'])}")
    return [
        {"i": i, "text": f"probe success rate: {', '.join(texts)}"}
        for i, texts in sorted(texts_by_bin.items())
    ]


def _fill(row: Sequence[Picture]) -> None:
    """Widens a row's panels, so that no line of it is half empty."""
    sizes = fill_lines([(picture["width"], picture["height"]) for picture in row])
    for picture, (width, height) in zip(row, chain.from_iterable(sizes), strict=True):
        picture |= {"width": width, "height": height}


def _frame(panel: Panel, index: int) -> Picture:
    return {
        "id": f"panel{index}",
        "title": panel.title,
        "kind": panel.kind,
        "form": panel.traits.form,
        "has_levels": panel.traits.has_levels,
        "is_summed": panel.traits.is_summed,
        "width": panel.width,
        "height": panel.height,
        "description": description_of(panel),
    }


class _NumberAnswer(NamedTuple):
    """A number with its answer."""

    number: Number
    kpi: Kpi
    rows: Rows

    @property
    def label(self) -> str:
        return label_of(self.number)


def _picture(panel: Panel, selection: Selection, answers: Sequence[Answer]) -> Picture:
    refusals = [str(answer) for answer in answers if isinstance(answer, UnsupportedError)]
    if answers and len(refusals) == len(answers):
        return {"refused": refusals[0]}
    notes = list(dict.fromkeys(refusals))
    if panel.traits.form == "text":
        return {"text": panel.text}
    if panel.listing:
        return {"notes": notes} | _events(panel.listing.columns, answers[0])
    number_answers = [
        _NumberAnswer(number, CATALOGUE[number.kpi], answer)
        for number, answer in zip(panel.numbers, answers, strict=True)
        if not isinstance(answer, UnsupportedError)
    ]
    contents = _FORMS[panel.traits.form](panel, selection, number_answers)
    notes += [note for one in number_answers for note in getattr(one.rows, "notes", ())]
    return {"notes": notes, "numbers": [_described(one) for one in number_answers]} | contents


def _described(answer: _NumberAnswer) -> dict[str, Any]:
    kpi = answer.kpi
    return {
        "kpi": kpi.name,
        "label": answer.label,
        "meaning": kpi.meaning,
        "unit": kpi.unit,
        "good": kpi.good,
        "null": kpi.null,
        "warning": kpi.warning,
        "critical": kpi.critical,
    }


# --- the kinds -------------------------------------------------------------------------------------------


def _tiles(panel: Panel, selection: Selection, number_answers: Sequence[_NumberAnswer]) -> Picture:
    tiles = []
    for one in number_answers:
        value = one.rows[0]["value"] if one.rows else _nothing(one.kpi)
        tile = _cell(one.kpi, value)
        note = one.kpi.null[:1].upper() + one.kpi.null[1:] if value is None else ""
        tiles.append({"label": one.label if len(number_answers) > 1 else "", "note": note} | tile)
    return {"tiles": tiles}


def _groups(panel: Panel, selection: Selection, number_answers: Sequence[_NumberAnswer]) -> Picture:
    """A line a group and a cell a number, the greatest of the first number first; of what went well the worst."""
    rows_by_key = _merged(number_answers)
    greatest = [
        max([abs(values[i]) for values in rows_by_key.values() if values[i] is not None], default=0.0)
        for i in range(len(number_answers))
    ]
    scales = [
        1.0 if one.kpi.unit == "ratio" and top <= 1 else top
        for one, top in zip(number_answers, greatest, strict=True)
    ]
    worst = keeps_least(panel.kind, number_answers[0].kpi)
    ranked = sorted(rows_by_key.items(), key=lambda item: _rank(item[1][0], item[0], up=worst))
    shown_ones = ranked[:GROUPS_MAX]
    by = number_answers[0].number.by
    groups = [
        {
            "names": [_name(part) for part in key],
            "link": _link(panel.link, by, key),
            "cells": [
                _cell(one.kpi, value) | {"share": _share(value, scale)}
                for one, value, scale in zip(number_answers, values, scales, strict=True)
            ],
        }
        for key, values in shown_ones
    ]
    return {
        "dimensions": [words(name) for name in by],
        "columns": [one.label for one in number_answers],
        "groups": groups,
        "note": _first_of(len(groups), len(ranked), worst),
    }


def _matrix(panel: Panel, selection: Selection, number_answers: Sequence[_NumberAnswer]) -> Picture:
    """Sparse cells over sorted axes; the further numbers are said with the first."""
    merged = _merged(number_answers)
    by = number_answers[0].number.by
    down, across = (sorted({key[i] for key in merged}, key=_order) for i in (0, 1))
    top = max([abs(values[0]) for values in merged.values() if values[0] is not None], default=0.0)
    cells = [
        _cell(number_answers[0].kpi, values[0])
        | {
            "row": down.index(key[0]),
            "column": across.index(key[1]),
            "share": _depth(number_answers[0].kpi, values[0], top),
            "link": _link(panel.link, by, key),
            "also": [
                f"{one.label}: {text_of(one.kpi, value)}"
                for one, value in zip(number_answers[1:], values[1:], strict=True)
            ],
        }
        for key, values in merged.items()
    ]
    return {
        **({"width": COLUMNS} if len(across) > WIDE else {}),
        "dimensions": [words(name) for name in by],
        "down": list(map(_name, down)),
        "across": list(map(_name, across)),
        "cells": cells,
    }


def _over_time(panel: Panel, selection: Selection, number_answers: Sequence[_NumberAnswer]) -> Picture:
    """A series a group, with a value a bin, null where there is none."""
    bin_s = bin_of(selection, panel.kind)
    first = int(selection.since.timestamp() // bin_s * bin_s)
    times = list(range(first, max(int(selection.until.timestamp()), first + 1), bin_s))
    unit = number_answers[0].kpi.unit  # of all: dashboards/check.py
    bad_and_good = {one.kpi.good for one in number_answers} >= {"up", "down"}
    series = []
    for one in number_answers:
        width = getattr(one.rows, "bin_s", None) or bin_s  # of a state no finer than its reports
        values_by_key: dict[Key, list[Any]] = {}
        for row in one.rows:
            begin = datetime.fromisoformat(str(row["time"])).timestamp()
            place = slice(bisect_left(times, begin), bisect_left(times, begin + width))
            key = tuple(row[name] for name in one.number.by)
            values = values_by_key.setdefault(key, [_nothing(one.kpi)] * len(times))
            values[place] = [row["value"]] * (place.stop - place.start)
        for key, values in values_by_key.items():
            if all(value is None for value in values):
                continue
            names = [
                *([_joined(one.number.by, key)] if key else []),
                *([one.label] if len(number_answers) > 1 or not key else []),
            ]
            series.append(
                {
                    "name": ", ".join(names),
                    "values": values,
                    "link": _link(panel.link, one.number.by, key),
                    "bad": bad_and_good and one.kpi.good == "down",
                    "rest": False,
                    "kpi": one.kpi,
                }
            )
    lines, note = _choose(panel, number_answers[0].kpi, series)
    for line in lines:
        kpi = line.pop("kpi")
        line["texts"] = [text_of(kpi, value) for value in line["values"]]
        if panel.traits.has_levels:
            line["levels"] = [level_of(kpi, value) for value in line["values"]]
            top = max([abs(v) for one in lines for v in one["values"] if v is not None], default=0.0)
            line["shares"] = [_depth(kpi, value, top) for value in line["values"]]
    kpi = number_answers[0].kpi
    bounds = [("warning", kpi.warning), ("critical", kpi.critical)]
    return {
        "unit": unit,
        "since": int(selection.since.timestamp() * 1000),
        "until": int(selection.until.timestamp() * 1000),
        "bin_s": bin_s,
        "times": [time * 1000 for time in times],
        "series": lines,
        "bounds": [{"level": level, "value": value} for level, value in bounds if value is not None],
        "greatest": max([abs(v) for line in lines for v in line["values"] if v is not None], default=0.0),
        "share": panel.traits.has_axis and not panel.traits.is_summed and _worst_first(kpi),
        "note": note,
    }


def _events(columns: Sequence[str], answer: Answer) -> Picture:
    assert not isinstance(answer, UnsupportedError)
    shown_columns = [name for name in columns if name != "request_id"]
    return {
        "columns": ["time (UTC)", *map(words, shown_columns)],
        "events": [
            {
                "time": row.get("time"),
                "texts": ["" if row.get(name) is None else _plain(name, row[name]) for name in shown_columns],
                "story": row.get("request_id"),
                "explained": [_subject(name, row) for name in shown_columns],
            }
            for row in answer
        ],
    }


def _subject(name: str, row: Mapping[str, Any]) -> list[str] | None:
    """What the page about a column's value is called and asks for: a rule, a job, a data identifier."""
    if not row.get(name):
        return None
    if name == "name":
        return ["did", f"{row['scope']}:{row['name']}"] if row.get("scope") else None
    return {"rule_id": ["rule", row[name]], "job_id": ["fts_job", row[name]]}.get(name)


_FORMS = {"tiles": _tiles, "groups": _groups, "cells": _matrix, "series": _over_time}


# --- their parts -----------------------------------------------------------------------------------------


def _merged(number_answers: Sequence[_NumberAnswer]) -> dict[Key, list[Any]]:
    """Group -> the numbers' values; without groups of which nothing is known."""
    merged: dict[Key, list[Any]] = {}
    for index, one in enumerate(number_answers):
        for row in one.rows:
            key = tuple(row[name] for name in one.number.by)
            merged.setdefault(key, [_nothing(other.kpi) for other in number_answers])[index] = row["value"]
    return {key: values for key, values in merged.items() if any(value is not None for value in values)}


def _choose(panel: Panel, kpi: Kpi, series: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """As many series as one can tell apart: of shares the worst ones, else the greatest, the others summed up."""
    most = panel.traits.series_max
    limit = min(panel.top or most, most)
    in_order = sorted(series, key=lambda line: str(line["name"])) if panel.traits.has_levels else series
    if len(series) <= limit:
        return in_order, ""
    worst = keeps_least(panel.kind, kpi)
    ranked = sorted(series, key=lambda line: _mean(line["values"]), reverse=not worst)
    lines, rest = ranked[:limit], ranked[limit:]
    if panel.traits.is_summed:
        sums = [
            sum(v or 0 for v in values) for values in zip(*(line["values"] for line in rest), strict=True)
        ]
        name = f"{OTHERS} ({len(rest)})"
        return [
            *lines,
            {"name": name, "values": sums, "link": None, "bad": False, "rest": True, "kpi": kpi},
        ], ""
    if panel.traits.has_levels:
        lines.sort(key=lambda line: str(line["name"]))
    return lines, _first_of(limit, len(series), worst)


def _worst_first(kpi: Kpi) -> bool:
    """Of a share of what went well one looks for the lowest; of everything else for the greatest."""
    return kpi.unit == "ratio" and kpi.good == "up"


def _first_of(count: int, total: int, worst: bool) -> str:
    return f"the {'worst' if worst else 'greatest'} {count} of {total}" if count < total else ""


def _mean(values: Iterable[float | None]) -> float:
    numbers = [value for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers else 0.0


def _rank(value: float | None, key: Key, *, up: bool) -> tuple[Any, ...]:
    """Without a value last, then by value, then by name."""
    return value is None, (value or 0) * (1 if up else -1), [_order(part) for part in key]


def _order(part: Any) -> tuple[bool, list[tuple[bool, int, str]]]:
    """As a person sorts names: SITE-2 before SITE-10, unknown last."""
    pieces = re.findall(r"\d+|\D+", str(part))
    return part is None, [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in pieces]


def _nothing(kpi: Kpi) -> int | None:
    """The value of a group without events: a count of nothing is 0, everything else is unknown."""
    return 0 if kpi.null == "never null" else None


def _cell(kpi: Kpi, value: Any) -> dict[str, Any]:
    return {"value": value, "text": text_of(kpi, value), "level": level_of(kpi, value)}


def _depth(kpi: Kpi, value: Any, greatest: float) -> float:
    """How deep a cell's colour is (0..1): the better, or without bounds the greater, the deeper."""
    return round(goodness(kpi, value), 4) if level_of(kpi, value) else _share(value, greatest)


def _share(value: Any, of: float) -> float:
    return round(min(1.0, abs(value) / of), 4) if value is not None and of else 0.0


def _name(part: Any) -> str:
    if isinstance(part, bool):
        return str(part).lower()
    return UNKNOWN if part is None else str(part)


def _joined(by: Sequence[str], key: Key) -> str:
    """A link reads with an arrow, everything else with commas."""
    link = len(by) == 2 and by[0].startswith("src_") and by[1].startswith("dst_")
    return (" \N{RIGHTWARDS ARROW} " if link else ", ").join(map(_name, key))


def _link(link: Link | None, by: Sequence[str], key: Key) -> dict[str, Any] | None:
    """A group without a name leads to the events that lack one."""
    if link is None:
        return None
    values = dict(zip(by, (NO_VALUE if part is None else _name(part) for part in key), strict=True))
    return {
        "dashboard": link.dashboard,
        "variables": {name: values[dimension] for name, dimension in link.variables.items()},
        "filters": {name: values[name] for name in link.filters},
    }


def _plain(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        unit: Literal["bytes", "seconds", "count"] = (
            "seconds"
            if name.endswith("_s")
            else "bytes"
            if name in ("bytes", "used", "free", "total")
            else "count"
        )
        return format_value(value, unit)
    return str(value)
