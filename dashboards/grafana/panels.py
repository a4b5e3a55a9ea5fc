"""From a panel's definition to Grafana's panel: targets, transformations, units, colours, links."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from grafanalib.core import Target
from msgspec import Struct, structs

from lakescope.core.columns import kinds
from lakescope.dashboards.grafana._common import (
    BIN,
    BY_CHOICE,
    FILTERS,
    GROUP,
    TOTAL,
    Builder,
    NumberQuery,
    Series,
)
from lakescope.dashboards.grafana.extension import LEGEND, NO_LEGEND, TOOLTIP, Json, PanelOf, cell, override
from lakescope.dashboards.model import Dashboard, Number, Panel, fill_lines
from lakescope.dashboards.questions import description_of, keeps_least, series_of
from lakescope.dashboards.theme import LIGHT
from lakescope.dashboards.words import words
from lakescope.kpis import CATALOGUE, Kpi
from lakescope.kpis.model import UnsupportedError, parts

UNITS = {
    "ratio": "percentunit",
    "count": "short",
    "bytes": "decbytes",
    "bytes/s": "Bps",
    "bits/s": "bps",
    "seconds": "s",
    "days": "d",
    "1/s": "cps",
}
"""A KPI's unit -> Grafana's."""
_UNKNOWN: Json = {"type": "special", "options": {"match": "empty", "result": {"text": "unknown", "index": 0}}}
"""What InfluxDB calls the group of points that lack a tag; a link needs a text that can be clicked."""
_REFS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MANY = frozenset({"rse", "host", "site", "src_site", "dst_site", "account", "error_template"})
"""Dimensions of which a lake may have hundreds of values."""
STAT: Json = {
    "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    "graphMode": "none",
    "textMode": "auto",
    "justifyMode": "auto",
    "orientation": "auto",
    "wideLayout": True,
}
_TOTAL_REF = "total"
_READ = 1000
"""Newest reports that a list of states is made of: Grafana's queries have no last one of each series."""
_REPORTED_NOTE = (
    "Grafana's queries cannot tell this exactly: here is what was last reported so within the range, also what has ended"
    " since, and without what was reported before the range. Lakescope's own page shows the exact list."
)


class PanelQuery(Struct, frozen=True):
    """A number of a panel, with its query."""

    number: Number
    label: str
    ref: str
    query: NumberQuery

    @property
    def kpi(self) -> Kpi:
        """What it shows."""
        return CATALOGUE[self.number.kpi]


def panel_of(
    dashboard: Dashboard, panel: Panel, builder: Builder, variables: Sequence[str]
) -> tuple[PanelOf | None, list[str]]:
    """The panel without its place, or null if nothing of it can be asked; and what was left out, and why.

    `variables`: those whose choice goes along when one follows a link.
    """
    if panel.traits.form == "text":
        return PanelOf(
            type="text", title=panel.title, options={"mode": "markdown", "content": panel.text}
        ), []
    if panel.traits.form == "events":
        return _events(dashboard, panel, builder)
    queries, left_out = _ask(dashboard, panel, builder)
    if not queries:
        reports = last_reports(panel)
        return (_events(dashboard, reports, builder)[0] if reports else None), left_out
    total = builder.total(dashboard, queries[0].number, _TOTAL_REF) if _is_cut(panel) else None
    panel_builder = _PanelBuilder(panel, builder, queries, variables, total)
    panel_json = panel_builder.over_time() if panel.traits.is_over_time else panel_builder.of_range()
    panel_json.below = None if panel.traits.is_over_time else _counts(dashboard, panel, builder, queries)
    return panel_json, left_out


def last_reports(panel: Panel) -> Panel | None:
    """What stands for a panel none of whose numbers can be asked: a list of the reports that they are made of."""
    if panel.instead is None:
        return None
    title = f"{panel.title}: last reports"
    return structs.replace(panel, title=title, kind="events", numbers=(), listing=panel.instead, link=None)


def _counts(
    dashboard: Dashboard, panel: Panel, builder: Builder, answered: Sequence[PanelQuery]
) -> PanelOf | None:
    """How many groups there are, where the panel may lack some."""
    limited = min(
        (one for one in answered if one.query.limit is not None),
        key=lambda one: one.query.limit or 0,
        default=None,
    )
    many = [name for name in panel.numbers[0].by if name in _MANY]
    if limited is None or not many:
        return None
    most = f"at most {limited.query.limit} in {'a column' if panel.kind == 'table' else 'the panel'} above"
    names = {ref: f"{words(name)}: number in all, {most}" for name, ref in zip(many, _REFS, strict=False)}
    return PanelOf(
        type="stat",
        title="",
        targets=[
            builder.count(dashboard, answered[0].number, name, ref)
            for name, ref in zip(many, _REFS, strict=False)
        ],
        transformations=[],
        defaults={"unit": "short", "color": {"mode": "fixed", "fixedColor": LIGHT.muted}},
        overrides=[override("byFrameRefID", ref, {"displayName": name}) for ref, name in names.items()],
        options=STAT | {"colorMode": "none", "textMode": "value_and_name"},
    )


def _ask(dashboard: Dashboard, panel: Panel, builder: Builder) -> tuple[list[PanelQuery], list[str]]:
    answered, left_out = [], []
    several = len(panel.numbers) > 1
    for number, ref in zip(panel.numbers, _REFS, strict=False):
        label = number.label or CATALOGUE[number.kpi].name.replace("_", " ")
        series = Series(
            label="" if number.by and not several else label,
            top=panel.top,
            least=keeps_least(panel.kind, CATALOGUE[number.kpi]),
            bins=panel.traits.bins_max,
        )
        try:
            query = builder.number(dashboard, number, ref, series if panel.traits.is_over_time else None)
        except UnsupportedError as error:
            title = panel.title.replace(f" by ${{{GROUP}:text}}", "")
            left_out.append(f"{dashboard.name}: {title}: {error}")
        else:
            answered.append(PanelQuery(number, label, ref, query))
    return answered, left_out


def _events(dashboard: Dashboard, panel: Panel, builder: Builder) -> tuple[PanelOf | None, list[str]]:
    if panel.listing is None:
        raise ValueError(f"{dashboard.name}: {panel.title}: a panel of events needs a listing")
    listing = panel.listing
    series = series_of(listing)
    if series:
        listing = structs.replace(listing, limit=_READ)
    try:
        target, fields = builder.events(dashboard, listing, "A")
    except UnsupportedError as error:
        return None, [f"{dashboard.name}: {panel.title}: {error}"]
    names = {column: field for field, column in fields.items()}
    rearranged = [_organize(names, order=list(names))]
    if series:
        rearranged = list(_latest_of([fields[name] for name in series], names, panel.listing.limit))
    table = PanelOf(
        type="table",
        title=panel.title,
        description="\n\n".join([description_of(panel), *([_REPORTED_NOTE] if series else [])]),
        targets=[target],
        transformations=[_only(list(names)), *rearranged],
        options={"showHeader": True, "cellHeight": "sm"},
        defaults={"custom": cell("auto") | {"filterable": True}},
        overrides=[
            override(
                "byName",
                name,
                {"custom.minWidth": 320, "custom.cellOptions": {"type": "auto", "wrapText": True}},
            )
            for name in listing.columns
            if kinds(listing.dataset)[name] == "text"
        ],
    )
    return table, []


def _latest_of(columns: Collection[str], names: Mapping[str, str], limit: int) -> Iterator[Json]:
    """Of rows with the newest first, the first of each group by those columns."""
    operations: Json = {
        name: {"operation": "groupby", "aggregations": []}
        if name in columns
        else {"operation": "aggregate", "aggregations": ["first"]}
        for name in names
    }
    yield {"id": "groupBy", "options": {"fields": operations}}
    grouped = {name if name in columns else f"{name} (first)": title for name, title in names.items()}
    yield _organize(grouped, order=list(grouped))
    yield {"id": "limit", "options": {"limitField": limit}}


class _PanelBuilder(Struct, frozen=True):
    """What is left of a panel: the numbers that the store can answer."""

    panel: Panel
    builder: Builder
    answered: list[PanelQuery]
    variables: Sequence[str]
    total: Target | None = None
    """How many groups there are."""

    def over_time(self) -> PanelOf:
        panel, first = self.panel, self.answered[0]
        links = {"links": panel_links} if (panel_links := self._links(over_time=True)) else {}
        if panel.traits.has_levels:
            options: Json = {"showValue": "never", "rowHeight": 0.9, "colWidth": 0.9}
            return self._panel(
                panel.traits.grafana,
                defaults=_field_defaults(first.kpi) | links | {"custom": {"fillOpacity": 90, "lineWidth": 0}},
                options=options | {"legend": NO_LEGEND, "tooltip": {"mode": "single", "sort": "none"}},
            )
        stacked = panel.traits.is_summed
        state = any(part.is_state for part in parts(first.kpi.value))  # holds until it is reported anew
        bounds = not stacked and len(steps(first.kpi)) > 1
        custom = {
            "drawStyle": "bars" if stacked else "line",
            "lineInterpolation": "stepAfter" if state else "linear",
            "lineWidth": 1,
            "fillOpacity": 70 if stacked else 0,
            "showPoints": "auto",
            "spanNulls": state,
            "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if bounds else "off"},
        }
        return self._panel(
            panel.traits.grafana,
            defaults=_field_defaults(first.kpi, palette=True) | links | {"custom": custom},
            options={"legend": LEGEND, "tooltip": TOOLTIP},
            overrides=[*([] if first.number.by else self._colours()), *self._counted()],
        )

    def of_range(self) -> PanelOf:
        panel, first = self.panel, self.answered[0]
        links = {"links": panel_links} if (panel_links := self._links(over_time=False)) else {}
        match panel.kind:
            case "stat":
                options = STAT | {"colorMode": "value" if len(steps(first.kpi)) == 1 else "background_solid"}
                return self._panel("stat", defaults=_field_defaults(first.kpi) | links, options=options)
            case (
                "bars"
            ):  # a bar in each row of a table, which scrolls: a bar chart of 300 groups cannot be read
                bar = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
                return self._table(links, {first.label: {**self._column(first), "custom.cellOptions": bar}})
            case "matrix":
                coloured = _field_defaults(first.kpi) | {
                    "custom": cell("color-background") | {"align": "center", "minWidth": 60}
                }
                return self._panel(
                    "table",
                    defaults=coloured | links,
                    options={"showHeader": True, "cellHeight": "sm"},
                    overrides=[override("byType", "string", {"custom.cellOptions": {"type": "auto"}})],
                )
            case _:
                return self._table(links, {one.label: self._column(one) for one in self.answered})

    def _table(self, links: Json, columns: Mapping[str, Json]) -> PanelOf:
        """A table that scrolls; `columns`: what holds for a number's column only."""
        return self._panel(
            "table",
            defaults={"custom": cell("auto") | {"filterable": True}, "mappings": [_UNKNOWN]} | links,
            options={"showHeader": True, "cellHeight": "sm"},
            overrides=[override("byName", label, of) for label, of in columns.items()],
        )

    def _panel(self, type: str, *, defaults: Json, options: Json, overrides: Sequence[Json] = ()) -> PanelOf:
        over_time = self.panel.traits.is_over_time
        transformations = PanelOf(
            type=type,
            title=self.panel.title,
            description=_described(self.panel, self.answered, counted=self.total is not None),
            targets=list(self._targets()),
            transformations=[] if over_time else self._transformations(),
            defaults=defaults,
            options=options,
            overrides=list(overrides),
        )
        transformations.interval = f"${BIN}" if over_time else None
        transformations.maxDataPoints = self.panel.traits.bins_max if over_time else None
        return transformations

    def _targets(self) -> Iterator[Target]:
        yield from (column.target for one in self.answered for column in one.query.columns)
        if self.total is not None:
            yield self.total

    def _counted(self) -> list[Json]:
        """How many groups there are is read in the legend and beside the pointer, and not drawn."""
        if self.total is None:
            return []
        unseen = {"custom.lineWidth": 0, "custom.fillOpacity": 0, "custom.showPoints": "never"}
        alone = {"custom.axisPlacement": "hidden", "custom.stacking": {"mode": "none", "group": "A"}}
        colour = {"mode": "fixed", "fixedColor": LIGHT.muted}
        style = {"unit": "short", "color": colour}
        return [override("byFrameRefID", _TOTAL_REF, {**unseen, **alone, **style, "links": []})]

    def _colours(self) -> list[Json]:
        """Of numbers without groups: each its own, which colour-blind people tell apart."""
        return [
            override("byFrameRefID", one.ref, {"color": {"mode": "fixed", "fixedColor": colour}})
            for one, colour in zip(self.answered, LIGHT.series, strict=False)
        ]

    def _column(self, one: PanelQuery) -> Json:
        """A table's column: its number's unit, and its bounds as the colour of its cells."""
        columns_by_name = {key: value for key, value in _field_defaults(one.kpi).items() if key != "color"}
        if len(steps(one.kpi)) > 1:
            columns_by_name["custom.cellOptions"] = cell("color-background")["cellOptions"]
        return columns_by_name

    # --- transformations ---------------------------------------------------------------------------------

    def _transformations(self) -> list[Json]:
        """From the targets' tables to one with a column a group and a column a number."""
        panel, first = self.panel, self.answered[0]
        dimensions = [name.replace("_", " ") for name in first.number.by]
        names_by_column = dict(zip(first.query.groups, dimensions, strict=False))
        columns = [one for answer in self.answered for one in answer.query.columns]
        if len(columns) == 1 and not first.query.reducer:
            names = names_by_column | {columns[0].field: first.label}
            steps_to_table = [_only(list(names)), _organize(names, order=list(names))]
        else:
            steps_to_table = self._joined(names_by_column, dimensions)
        if panel.traits.form == "cells":
            down, across = dimensions
            fields = {"rowField": down, "columnField": across, "valueField": first.label}
            return [*steps_to_table, {"id": "groupingToMatrix", "options": {**fields, "emptyValue": "null"}}]
        if panel.traits.form == "groups":
            worst_first = not keeps_least(panel.kind, first.kpi)
            steps_to_table.append(
                {"id": "sortBy", "options": {"sort": [{"field": first.label, "desc": worst_first}]}}
            )
        return steps_to_table

    def _joined(self, renamed: Mapping[str, str], dimensions: Sequence[str]) -> list[Json]:
        """Grouping gives the values names of their own (renaming does not: merging goes by a field's first name)
        and sums up series; then the tables become one, row by row."""
        naming: list[Json] = []
        grouping: Json = {
            name: {"operation": "groupby", "aggregations": []} for name in self.answered[0].query.groups
        }
        made_of: list[Json] = []
        names: dict[str, str] = dict(renamed)
        helpers: list[str] = []
        for one in self.answered:
            reducer = one.query.reducer or "lastNotNull"
            parts = [one.label] if one.query.operator is None else [f"{one.label} a", f"{one.label} b"]
            for part, column, ref in zip(parts, one.query.columns, (one.ref, f"{one.ref}2"), strict=False):
                if column.field != part:
                    naming.append(_organize({column.field: part}, ref=ref))
                grouping[part] = {"operation": "aggregate", "aggregations": [reducer]}
            columns = [f"{part} ({reducer})" for part in parts]
            if one.query.operator is None:
                names[columns[0]] = one.label
            else:
                helpers += columns
                made_of += _calculated(one.label, one.query.operator, columns)
        joined: list[Json] = [*naming, {"id": "groupBy", "options": {"fields": grouping}}]
        if len(list(self._targets())) > 1:
            joined.append({"id": "merge", "options": {}})
        if not dimensions:
            helpers += self.answered[0].query.groups
        order = [*dimensions, *(one.label for one in self.answered)]
        columns_by_name = {after: before for before, after in names.items()}
        return [
            *joined,
            *made_of,
            _organize(names, exclude=helpers, order=[columns_by_name.get(name, name) for name in order]),
        ]

    # --- links -------------------------------------------------------------------------------------------

    def _links(self, *, over_time: bool) -> list[Json]:
        """Where a click leads; nothing where Grafana cannot tell which group was clicked."""
        link = self.panel.link
        by = self.answered[0].number.by
        if link is not None and by == (BY_CHOICE,) and self.builder.filters and len(self.panel.numbers) == 1:
            condition = f"var-{FILTERS}={BY_CHOICE}%7C%3D%7C${{__field.displayName:percentencode}}"
            return [_link(link.dashboard, [condition], self.variables)]
        if link is None or not set(link.variables.values()) <= set(by):
            return []
        values = self._values_over_time(by) if over_time else self._values(by)
        if not values.keys() >= set(link.variables.values()):
            return []
        parameters = [f"var-{name}={values[dimension]}" for name, dimension in link.variables.items()]
        return [
            _link(link.dashboard, parameters, [name for name in self.variables if name not in link.variables])
        ]

    def _values(self, by: Sequence[str]) -> dict[str, str]:
        """Dimension -> Grafana's word for its value in the row that was clicked."""
        if self.panel.traits.form == "cells":
            return {by[0]: "${__data.fields[0]:percentencode}", by[1]: "${__field.name:percentencode}"}
        return {name: f"${{__data.fields[{i}]:percentencode}}" for i, name in enumerate(by)}

    def _values_over_time(self, by: Sequence[str]) -> dict[str, str]:
        if self.builder.labels:
            return {name: f"${{__field.labels.{name}:percentencode}}" for name in by}
        alone = len(by) == len(self.panel.numbers) == 1  # then the series is called as its group
        return {by[0]: "${__field.displayName:percentencode}"} if alone else {}


def _is_cut(panel: Panel) -> bool:
    """Whether there may be more groups than the panel can show."""
    many = bool(set(panel.numbers[0].by) & {*_MANY, BY_CHOICE})
    return panel.traits.has_axis and (many or panel.top is not None)


def _link(dashboard: str, parameters: Sequence[str], others: Sequence[str]) -> Json:
    """Time and choices go along. Not by ``__all_variables``: a variable that stood twice in the address would have
    two values; of filters each is one."""
    variables = [f"${{{name}:queryparam}}" for name in others]
    url = f"/d/lakescope-{dashboard}?{'&'.join(['${__url_time_range}', *variables, *parameters])}"
    return {"title": f"Open {dashboard}", "url": url, "targetBlank": False}


def _organize(
    rename: Mapping[str, str],
    *,
    exclude: Sequence[str] = (),
    order: Sequence[str] = (),
    ref: str | None = None,
) -> Json:
    options = {
        "renameByName": {before: after for before, after in rename.items() if before != after},
        "excludeByName": dict.fromkeys(exclude, True),
        "indexByName": {name: index for index, name in enumerate(order)},
    }
    transformation = {"id": "organize", "options": options}
    return transformation | ({"filter": {"id": "byRefId", "options": ref}} if ref else {})


def _only(names: Sequence[str]) -> Json:
    return {"id": "filterFieldsByName", "options": {"include": {"names": list(names)}}}


def _calculated(label: str, operator: str, columns: Sequence[str]) -> list[Json]:
    left, right = ({"matcher": {"id": "byName", "options": name}} for name in columns)
    if operator != "1-/":
        return [_binary(label, left, operator, right)]
    share = {"matcher": {"id": "byName", "options": f"{label} share"}}
    return [_binary(f"{label} share", left, "/", right), _binary(label, {"fixed": "1"}, "-", share)]


def _binary(alias: str, free_columns: Json, operator: str, right: Json) -> Json:
    binary = {"left": free_columns, "operator": operator, "right": right}
    options = {"mode": "binary", "binary": binary, "alias": alias, "replaceFields": False}
    return {"id": "calculateField", "options": options}


def _described(panel: Panel, answered: Sequence[PanelQuery], *, counted: bool = False) -> str | None:
    """`counted`: the panel may show some of its groups only."""
    texts = [description_of(panel)]
    if counted:
        end = "least" if keeps_least(panel.kind, CATALOGUE[panel.numbers[0].kpi]) else "greatest"
        texts.append(
            f'Of many groups those with the {end} values are shown; "{TOTAL}" says how many there are.'
        )
    if most := min((one.query.series for one in answered if one.query.series), default=None):
        texts.append(
            f"Complete for up to {most:,} reported series. Of more, the store refuses the query"
            " (too_many_buckets_exception) until its setting search.max_buckets is raised."
        )
    return "\n\n".join(filter(None, texts)) or None


# --- units, bounds and colours ---------------------------------------------------------------------------


def _field_defaults(kpi: Kpi, *, palette: bool = False) -> Json:
    """Unit, bounds and what stands for null; `palette`: a colour a series rather than by its bounds."""
    defaults: Json = {
        "unit": UNITS[kpi.unit],
        "color": {"mode": "palette-classic" if palette else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": steps(kpi)},
        "mappings": [{"type": "special", "options": {"match": "nan", "result": {"text": "-", "index": 0}}}],
    }
    if kpi.unit == "ratio":
        defaults |= {"min": 0}
    return defaults | ({"noValue": "0"} if kpi.null == "never null" else {})


def steps(kpi: Kpi) -> list[Json]:
    """Grafana's thresholds: each colour holds from its value on, the first from the beginning.

    A KPI's bound itself is still good; where down is good its step begins at the next number.
    """
    if kpi.warning is None and kpi.critical is None:
        return [{"color": LIGHT.good, "value": None}]
    if kpi.good == "up":
        levels = [
            *([(LIGHT.critical, None)] if kpi.critical is not None else []),
            *([(LIGHT.warning, kpi.critical)] if kpi.warning is not None else []),
            (LIGHT.good, kpi.critical if kpi.warning is None else kpi.warning),
        ]
    else:
        levels = [
            (LIGHT.good, None),
            *([(LIGHT.warning, _above(kpi.warning))] if kpi.warning is not None else []),
            *([(LIGHT.critical, _above(kpi.critical))] if kpi.critical is not None else []),
        ]
    return [{"color": colour, "value": value} for colour, value in levels]


def _above(bound: float) -> float:
    return math.nextafter(bound, math.inf)


COUNTS_HEIGHT = 2


def placed(panels: Sequence[tuple[Any, Panel]], top: int) -> int:
    """Gives panels their places from line `top` on, left to right, line after line, all of them full; the line below."""
    rest = iter(panels)
    for line in fill_lines([(panel.width, panel.height) for _, panel in panels]):
        left = 0
        for width, height in line:
            grafana_panel, _ = next(rest)
            counts_height = COUNTS_HEIGHT if getattr(grafana_panel, "below", None) else 0
            grafana_panel.gridPos = {"h": height - counts_height, "w": width, "x": left, "y": top}
            if counts_height:
                grafana_panel.below.gridPos = {
                    "h": counts_height,
                    "w": width,
                    "x": left,
                    "y": top + height - counts_height,
                }
            left += width
        top += line[0][1]
    return top
