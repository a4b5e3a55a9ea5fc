"""From a panel and what its viewer chose to the KPIs' queries: the one way, for every renderer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct, structs

from lakescope.core.columns import kinds
from lakescope.dashboards.kinds import KINDS, PanelKind
from lakescope.dashboards.model import Dashboard, Link, Listing, Number, Panel
from lakescope.dashboards.words import words
from lakescope.kpis import CATALOGUE, Kpi, Query
from lakescope.kpis.model import UNKNOWN, Condition, EventsQuery, StatesQuery, parts

Question = Query | EventsQuery | StatesQuery

SHARPEST = 1.75
"""How many times more bins than wanted Grafana may make of a range of up to three months: it rounds a bin to a nice one, also
down (rangeUtil.roundInterval: 209 s becomes 2 min)."""
_NICE_S = (60, 300, 600, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400)


class Selection(Struct, frozen=True, kw_only=True):
    """What a viewer chose."""

    since: datetime
    until: datetime
    bin_s: int | None = None
    """Seconds of a bin; null: as fits the range."""
    noise: bool | None = None
    """Functional tests in or out; null: each KPI's own choice."""
    variables: Mapping[str, tuple[str, ...]] = {}
    """Variable -> chosen values; one that is missing or empty: all."""
    group: str | None = None
    """What the `grouped` panels are grouped by; null, or what they cannot be grouped by: the dashboard's own."""
    filters: tuple[Condition, ...] = ()
    """Further conditions: ``in``, ``not`` or ``known``. A number whose KPI lacks the dimension ignores it (`ignored`)."""


def bin_of(selection: Selection, kind: PanelKind = "lines") -> int:
    """Seconds of a bin: the chosen one, or the finest nice one that does not make too many for such a panel."""
    length = (selection.until - selection.since).total_seconds()
    finest = next((nice for nice in _NICE_S if length / nice <= KINDS[kind].bins_max), _NICE_S[-1])
    return finest if selection.bin_s is None else max(selection.bin_s, round(length / 5000))


def filters_of(
    dashboard: Dashboard, number: Number, selection: Selection
) -> dict[str, str | tuple[str, ...]]:
    """The number's fixed filters, and the chosen values of its variables."""
    conditions = {
        field: tuple(values)
        for field, name in variables_of(dashboard, number).items()
        if (values := selection.variables.get(name))
    }
    return {**conditions, **number.where}


def variables_of(dashboard: Dashboard, number: Number) -> dict[str, str]:
    """Dimension of the number's KPI -> the variable that filters it; fixed filters go before."""
    dimensions = CATALOGUE[number.kpi].dimensions
    values_by_name: dict[str, str] = {}
    for variable in dashboard.variables:
        field = variable.reverse if number.reverse and variable.reverse else variable.dimension
        if field in dimensions and field not in number.where:
            values_by_name[field] = variable.name
    return values_by_name


def keeps_least(kind: PanelKind, kpi: Kpi) -> bool:
    """Which groups matter where a panel cannot show all: those with the least of a share of what went well or of days left, and
    over time of everything that is good when it is high (free space, say); else those with the greatest value."""
    return kpi.good == "up" and (kpi.unit in ("ratio", "days") or KINDS[kind].keeps_least)


def groupings(dashboard: Dashboard) -> tuple[str, ...]:
    """What the dashboard's `grouped` panels can be grouped by: the dimensions that all their numbers have."""
    numbers = [number for panel in dashboard.panels if panel.grouped for number in panel.numbers]
    shared = CATALOGUE[numbers[0].kpi].dimensions if numbers else ()
    return tuple(
        name
        for name in shared
        if all(name in CATALOGUE[number.kpi].dimensions and name not in number.where for number in numbers)
    )


def as_chosen(dashboard: Dashboard, panel: Panel, group: str | None = None) -> Panel:
    """The panel with the grouping that its viewer chose, if it can be grouped so, in its title too."""
    if not panel.grouped or dashboard.group is None:
        return panel
    if group not in groupings(dashboard):
        group = dashboard.group
    link = panel.link
    if link is not None and group != dashboard.group:
        link = Link(link.dashboard, filters=(group,))
    numbers = tuple(structs.replace(number, by=(group,)) for number in panel.numbers)
    return structs.replace(
        panel, title=panel.title.replace("{group}", words(group)), numbers=numbers, link=link
    )


def dimensions(dashboard: Dashboard) -> tuple[str, ...]:
    """What a dashboard can be filtered by: the dimensions of its numbers."""
    numbers = (number for panel in dashboard.panels for number in panel.numbers)
    return tuple(dict.fromkeys(name for number in numbers for name in CATALOGUE[number.kpi].dimensions))


def ignored(dashboard: Dashboard, panel: Panel, selection: Selection) -> list[str]:
    """What was chosen and does not narrow the panel, or not each of its numbers, in words."""
    narrowing = [variable for variable in dashboard.variables if selection.variables.get(variable.name)]
    filters = dict.fromkeys(condition.field for condition in selection.filters)
    if (listing := panel.listing) is not None and listing.counted_by is None:
        fields = kinds(listing.dataset)
        return [
            *(variable.label for variable in narrowing if variable.dimension not in fields),
            *(words(name) for name in filters if name not in fields),
        ]
    numbers = [Number(kpi=listing.counted_by)] if listing and listing.counted_by else panel.numbers
    names_of_numbers = [(number, variables_of(dashboard, number).values()) for number in numbers]
    lacking = {
        variable.label: [number for number, names in names_of_numbers if variable.name not in names]
        for variable in narrowing
    } | {
        words(name): [number for number in numbers if name not in CATALOGUE[number.kpi].dimensions]
        for name in filters
    }
    return [
        what if len(some) == len(numbers) else f"{what} ({', '.join(map(label_of, some))})"
        for what, some in lacking.items()
        if some
    ]


def texts_of(filters: Iterable[Condition]) -> list[str]:
    """Filters as a person writes them: ``activity=Production``, ``datatype!=RAW``; without a value: of those that have none."""
    return [
        text
        for field, operator, value in filters
        for text in (
            [f"{field}={one}" for one in value]
            if isinstance(value, tuple)
            else [f"{field}!={UNKNOWN if operator == 'known' else value}"]
        )
    ]


def label_of(number: Number) -> str:
    """A number's name in legends and columns."""
    return number.label or number.kpi.replace("_", " ")


def query_of(dashboard: Dashboard, panel: Panel, number: Number, selection: Selection) -> Query:
    """The question that a number of a panel asks. Raises `ValueError` for an empty range."""
    kpi = CATALOGUE[number.kpi]
    return Query(
        kpi=kpi,
        since=selection.since,
        until=selection.until,
        by=number.by,
        bin_s=bin_of(selection, panel.kind) if panel.traits.is_over_time else None,
        filters=filters_of(dashboard, number, selection),
        narrowing=tuple(one for one in selection.filters if one.field in kpi.dimensions),
        noise=selection.noise if kpi.noise is not None else None,
    )


def listing_of(dashboard: Dashboard, listing: Listing, selection: Selection) -> EventsQuery:
    """The events that an ``events`` panel shows."""
    unit_text = kinds(listing.dataset)
    conditions = list(conditions_of(listing))
    for variable in dashboard.variables:
        values = selection.variables.get(variable.name)
        if variable.dimension in unit_text and values:
            conditions.append(Condition(variable.dimension, "in", tuple(values)))
    conditions += [condition for condition in selection.filters if condition.field in unit_text]
    if selection.noise is False and "functional_test" in unit_text:
        conditions.append(Condition("functional_test", "=", False))
    return EventsQuery(
        dataset=listing.dataset,
        columns=listing.columns,
        since=selection.since,
        until=selection.until,
        conditions=tuple(conditions),
        limit=listing.limit,
    )


def conditions_of(listing: Listing) -> tuple[Condition, ...]:
    """A listing's fixed filters."""
    if listing.counted_by:
        kpi, conditions = CATALOGUE[listing.counted_by], list[Condition]()
        for part in parts(kpi.value):
            conditions += [*part.where, *part.state]
            if part.field is not None:
                conditions.append(Condition(part.field, "known"))
        return (*kpi.where, *conditions)
    return tuple(Condition(field, "=", value) for field, value in listing.where.items())


def series_of(listing: Listing) -> tuple[str, ...]:
    """What each listed report is alone about; nothing where any event may be listed."""
    return parts(CATALOGUE[listing.counted_by].value)[0].series if listing.counted_by else ()


def questions_of(dashboard: Dashboard, selection: Selection) -> list[Question]:
    """All questions of a dashboard: panel by panel, number by number; last, for what is marked on
    time axes: failed checks and declared downtimes."""
    questions = [
        question for panel in dashboard.panels for question in panel_questions(dashboard, panel, selection)
    ]
    return [*questions, incidents_of(selection), downtimes_of(dashboard, selection)]


def incidents_of(selection: Selection) -> Query:
    """Where and when services failed their checks: what a dip in any panel may come from."""
    return Query(
        kpi=CATALOGUE["probe_availability"],
        since=selection.since,
        until=selection.until,
        by=("site",),
        bin_s=bin_of(selection),
    )


def downtimes_of(dashboard: Dashboard, selection: Selection) -> Query:
    """Where and when a downtime was declared, of the places that were chosen; of all if none was."""
    places: dict[str, tuple[str, ...]] = {}
    for variable in dashboard.variables:
        field = _PLACES.get(variable.dimension)
        if field and (values := selection.variables.get(variable.name)):
            places[field] = (*places.get(field, ()), *values)
    if "rse" in places:
        places["rse"] += (AMBIGUOUS,)  # a host of several RSEs: its text tells which site's
    return Query(
        kpi=CATALOGUE["downtime"],
        since=selection.since,
        until=selection.until,
        by=("site", "severity", "classification"),
        bin_s=bin_of(selection),
        filters=places,
    )


AMBIGUOUS = "ambiguous"
"""As the topology marks what two RSEs or sites claim."""
_PLACES = {
    **dict.fromkeys(("site", "src_site", "dst_site"), "site"),
    **dict.fromkeys(("rse", "src_rse", "dst_rse"), "rse"),
    "host": "host",
}
"""Field that a variable filters -> what it is of a downtime."""


def answers_of(panel: Panel) -> int:
    """How many questions a panel asks."""
    return 1 if panel.listing else len(panel.numbers)


def panel_questions(dashboard: Dashboard, panel: Panel, selection: Selection) -> list[Question]:
    """A panel's questions: one a number, or its listing."""
    panel = as_chosen(dashboard, panel, selection.group)
    if (listing := panel.listing) is not None:
        if listing.counted_by is None:
            return [listing_of(dashboard, listing, selection)]
        counted = query_of(dashboard, panel, Number(kpi=listing.counted_by), selection)
        return [StatesQuery(of=counted, columns=listing.columns, limit=listing.limit)]
    return [query_of(dashboard, panel, number, selection) for number in panel.numbers]


def description_of(panel: Panel) -> str:
    """A panel's description for its viewer, derived from its KPIs: what, which direction is good, what null means."""
    sentences = []
    for name in dict.fromkeys(number.kpi for number in panel.numbers):
        kpi = CATALOGUE[name]
        bounds = [
            f"{level} {'below' if kpi.good == 'up' else 'above'} {bound:g}"
            for level, bound in (("warning", kpi.warning), ("critical", kpi.critical))
            if bound is not None
        ]
        unit_and_bounds = f" ({'; '.join([kpi.unit, *bounds])})"
        sentences.append(f"{name}: {kpi.meaning.rstrip('.')}{unit_and_bounds}. No value: {kpi.null}.")
    if panel.listing:
        sentences.append(_described(panel.listing))
    return "\n\n".join([*sentences, *([panel.text] if panel.text and panel.traits.form != "text" else [])])


def _described(listing: Listing) -> str:
    """Which events a panel lists."""
    if listing.counted_by:
        return (
            f"The reports that {listing.counted_by} counts at the end of the range, each"
            f" {' and '.join(series_of(listing))} once; newest first, {listing.limit} at most."
        )
    conditions = [f"{field} is {_word(value)}" for field, value in listing.where.items()]
    narrowed = f" whose {' and whose '.join(conditions)}" if conditions else ""
    return f"The {listing.limit} newest events of the dataset {listing.dataset}{narrowed}; newest first."


def _word(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'
