"""Whether definitions are sound: what a renderer may rely on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from lakescope.core.columns import kinds
from lakescope.dashboards.model import COLUMNS, Dashboard, Listing, Panel
from lakescope.kpis import CATALOGUE
from lakescope.kpis.model import Part


def faults(dashboards: Mapping[str, Dashboard]) -> list[str]:
    """What is wrong, each with its place; empty if all is well."""
    return [
        f"{name}: {fault}"
        for name, dashboard in dashboards.items()
        for fault in _of_dashboard(name, dashboard, dashboards)
    ]


def faults_of(dashboard: Dashboard, dashboards: Mapping[str, Dashboard]) -> Iterator[str]:
    """What is wrong with one among `dashboards`."""
    yield from _of_dashboard(dashboard.name, dashboard, dashboards)


def _of_dashboard(name: str, dashboard: Dashboard, all_: Mapping[str, Dashboard]) -> Iterator[str]:
    if dashboard.name != name:
        yield f"is named {dashboard.name!r}"
    names = [variable.name for variable in dashboard.variables]
    yield from (f"variable {one!r} stands twice" for one, count in Counter(names).items() if count > 1)
    for variable in dashboard.variables:
        if variable.dimension not in kinds(variable.dataset):
            yield f"variable {variable.name}: {variable.dataset} has no field {variable.dimension!r}"
    yield from _of_grouping(dashboard)
    for row in dashboard.rows:
        titles = Counter(panel.title for panel in row.panels)
        yield from (
            f"row {row.title!r}: {title!r} stands twice" for title, count in titles.items() if count > 1
        )
        for panel in row.panels:
            yield from (f"panel {panel.title!r}: {fault}" for fault in _of_panel(panel, all_))


def _of_grouping(dashboard: Dashboard) -> Iterator[str]:
    grouped = [panel for panel in dashboard.panels if panel.grouped]
    if (dashboard.group is None) != (not grouped):
        yield "expected a group and panels that are grouped by it, found only one of them"
    for panel in grouped:
        if not panel.traits.is_over_time or any(number.by != (dashboard.group,) for number in panel.numbers):
            yield f"panel {panel.title!r}: expected series by {dashboard.group}, as its viewer may choose another group"
        if "{group}" not in panel.title:
            yield f"panel {panel.title!r}: expected {{group}} in the title, as its viewer may choose another group"


def _of_panel(panel: Panel, all_: Mapping[str, Dashboard]) -> Iterator[str]:
    if not 1 <= panel.width <= COLUMNS:
        yield f"expected a width of 1 to {COLUMNS}, found {panel.width}"
    if panel.top is not None and not panel.traits.is_over_time:
        yield "keeps some groups only, which a panel that scrolls need not"
    if panel.traits.form == "events":
        if panel.listing is None:
            yield "shows events and has no listing"
        else:
            yield from _of_listing(panel.listing)
    elif panel.traits.form == "text":
        if not panel.text:
            yield "has no text"
    else:
        yield from _of_numbers(panel)
        if panel.instead is not None:
            yield from _of_listing(panel.instead)
    if panel.link:
        yield from _of_link(panel, all_)


def _of_listing(listing: Listing) -> Iterator[str]:
    if listing.dataset == "transfers" and "request_id" not in listing.columns:
        yield "lists transfers without request_id, which leads to their story"
    kinds_by_field = kinds(listing.dataset)
    yield from (
        f"{listing.dataset} has no field {one!r}"
        for one in (*listing.columns, *listing.where)
        if one not in kinds_by_field
    )
    yield from _of_counted(listing)


def _of_counted(listing: Listing) -> Iterator[str]:
    if listing.counted_by is None:
        return
    kpi = CATALOGUE.get(listing.counted_by)
    if kpi is None:
        yield f"there is no KPI {listing.counted_by!r}"
    elif not isinstance(kpi.value, Part) or not kpi.value.is_state or kpi.dataset != listing.dataset:
        yield f"{kpi.name} counts no reports of {listing.dataset}"
    elif not set(kpi.value.series) <= set(listing.columns):
        yield f"lists reports without what they are about: {', '.join(kpi.value.series)}"
    elif listing.where:
        yield f"has filters of its own beside those of {kpi.name}"


def _of_numbers(panel: Panel) -> Iterator[str]:
    if not panel.numbers:
        yield "has no number"
        return
    if panel.traits.is_single and len(panel.numbers) > 1:
        yield f"expected one number in a panel of kind {panel.kind}, found {len(panel.numbers)}"
    low, high = panel.traits.dimensions
    by = panel.numbers[0].by
    if not low <= len(by) <= high:
        yield f"expected {low} to {high} dimensions in a panel of kind {panel.kind}, found {len(by)}"
    units = set()
    for number in panel.numbers:
        kpi = CATALOGUE.get(number.kpi)
        if kpi is None:
            yield f"there is no KPI {number.kpi!r}"
            continue
        units.add(kpi.unit)
        if number.by != by:
            yield "its numbers are grouped differently"
        for name in (*number.by, *number.where):
            if name not in kpi.dimensions:
                yield f"{number.kpi} has no dimension {name!r}"
    if len(units) > 1 and panel.traits.has_axis:
        yield f"its numbers share an axis, but not a unit: {', '.join(sorted(units))}"


def _of_link(panel: Panel, all_: Mapping[str, Dashboard]) -> Iterator[str]:
    assert panel.link is not None
    target = all_.get(panel.link.dashboard)
    if target is None:
        yield f"links to {panel.link.dashboard!r}, which is no dashboard"
        return
    variable_names = {variable.name for variable in target.variables}
    dimensions = panel.numbers[0].by if panel.numbers else ()
    for variable, dimension in panel.link.variables.items():
        if variable not in variable_names:
            yield f"links to {target.name}, which has no variable {variable!r}"
        if dimension not in dimensions:
            yield f"links by {dimension!r}, which it does not group by"
