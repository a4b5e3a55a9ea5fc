"""From a panel and what its viewer chose to the KPIs' queries: the one way, for every renderer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from lakescope.core.columns import kinds
from lakescope.dashboards.kinds import KINDS, PanelKind
from lakescope.dashboards.model import Dashboard, Listing, Number, Panel
from lakescope.kpis import CATALOGUE, Kpi, Query
from lakescope.kpis.model import Condition, EventsQuery, StatesQuery, parts

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


def bin_of(selection: Selection, kind: PanelKind = "lines") -> int:
    """Seconds of a bin: the chosen one, or the finest nice one that does not make too many for such a panel."""
    length = (selection.until - selection.since).total_seconds()
    finest = next((nice for nice in _NICE_S if length / nice <= KINDS[kind].bins_max), _NICE_S[-1])
    return finest if selection.bin_s is None else max(selection.bin_s, round(length / 5000))


def filters_of(
    dashboard: Dashboard, number: Number, selection: Selection
) -> dict[str, str | tuple[str, ...]]:
    """The number's fixed filters, and the chosen values of its variables."""
    chosen = {
        field: tuple(values)
        for field, name in variables_of(dashboard, number).items()
        if (values := selection.variables.get(name))
    }
    return {**chosen, **number.where}


def variables_of(dashboard: Dashboard, number: Number) -> dict[str, str]:
    """Dimension of the number's KPI -> the variable that filters it; fixed filters go before."""
    dimensions = CATALOGUE[number.kpi].dimensions
    found: dict[str, str] = {}
    for variable in dashboard.variables:
        field = variable.reverse if number.reverse and variable.reverse else variable.dimension
        if field in dimensions and field not in number.where:
            found[field] = variable.name
    return found


def keeps_least(kind: PanelKind, kpi: Kpi) -> bool:
    """Which groups matter where a panel cannot show all: those with the least of a share of what went well, and over time of
    everything that is good when it is high (free space, say); else those with the greatest value."""
    return kpi.good == "up" and (kpi.unit == "ratio" or KINDS[kind].keeps_least)


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
        noise=selection.noise if kpi.noise is not None else None,
    )


def listing_of(dashboard: Dashboard, listing: Listing, selection: Selection) -> EventsQuery:
    """The events that an ``events`` panel shows."""
    known = kinds(listing.dataset)
    conditions = list(conditions_of(listing))
    for variable in dashboard.variables:
        values = selection.variables.get(variable.name)
        if variable.dimension in known and values:
            conditions.append(Condition(variable.dimension, "in", tuple(values)))
    if selection.noise is False and "functional_test" in known:
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
        kpi = CATALOGUE[listing.counted_by]
        return (
            *kpi.where,
            *(condition for part in parts(kpi.value) for condition in (*part.where, *part.state)),
        )
    return tuple(Condition(field, "=", value) for field, value in listing.where.items())


def series_of(listing: Listing) -> tuple[str, ...]:
    """What each listed report is alone about; nothing where any event may be listed."""
    return parts(CATALOGUE[listing.counted_by].value)[0].series if listing.counted_by else ()


def questions_of(dashboard: Dashboard, selection: Selection) -> list[Question]:
    """All questions of a dashboard: panel by panel, number by number; last, for what is marked on time axes."""
    asked = [
        question for panel in dashboard.panels for question in panel_questions(dashboard, panel, selection)
    ]
    return [*asked, incidents_of(selection)]


def incidents_of(selection: Selection) -> Query:
    """Where and when services failed their checks: what a dip in any panel may come from."""
    return Query(
        kpi=CATALOGUE["probe_availability"],
        since=selection.since,
        until=selection.until,
        by=("site",),
        bin_s=bin_of(selection),
    )


def answers_of(panel: Panel) -> int:
    """How many questions a panel asks."""
    return 1 if panel.listing else len(panel.numbers)


def panel_questions(dashboard: Dashboard, panel: Panel, selection: Selection) -> list[Question]:
    """A panel's questions: one a number, or its listing."""
    if (listing := panel.listing) is not None:
        if listing.counted_by is None:
            return [listing_of(dashboard, listing, selection)]
        counted = query_of(dashboard, panel, Number(kpi=listing.counted_by), selection)
        return [StatesQuery(of=counted, columns=listing.columns, limit=listing.limit)]
    return [query_of(dashboard, panel, number, selection) for number in panel.numbers]


def description_of(panel: Panel) -> str:
    """A panel's description for its viewer, derived from its KPIs: what, which direction is good, what null means."""
    said = []
    for name in dict.fromkeys(number.kpi for number in panel.numbers):
        kpi = CATALOGUE[name]
        bounds = [
            f"{level} {'below' if kpi.good == 'up' else 'above'} {bound:g}"
            for level, bound in (("warning", kpi.warning), ("critical", kpi.critical))
            if bound is not None
        ]
        known = f" ({'; '.join([kpi.unit, *bounds])})"
        said.append(f"{name}: {kpi.meaning.rstrip('.')}{known}. No value: {kpi.null}.")
    if panel.listing:
        said.append(_described(panel.listing))
    return "\n\n".join([*said, *([panel.text] if panel.text and panel.traits.form != "text" else [])])


def _described(listing: Listing) -> str:
    """Which events a panel lists."""
    if listing.counted_by:
        return (
            f"The reports that {listing.counted_by} counts at the end of the range, each"
            f" {' and '.join(series_of(listing))} once; newest first, {listing.limit} at most."
        )
    chosen = [f"{field} is {_word(value)}" for field, value in listing.where.items()]
    narrowed = f" whose {' and whose '.join(chosen)}" if chosen else ""
    return f"The {listing.limit} newest events of the dataset {listing.dataset}{narrowed}; newest first."


def _word(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'
