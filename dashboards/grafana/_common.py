"""What a query builder gives a panel: targets, and which columns of their answers are groups and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from grafanalib.core import Target, Template
from msgspec import Struct

from lakescope.dashboards.kinds import MAX_BINS
from lakescope.dashboards.model import Dashboard, Listing, Number, Variable
from lakescope.kpis import CATALOGUE, Kpi
from lakescope.kpis.model import Comparison, Condition, DaysLeft, Part, Timeline, UnsupportedError, parts

GROUP = "group"
"""Name of the variable that says what the `grouped` panels are grouped by."""
BY_CHOICE = f"${{{GROUP}:raw}}"
"""In the place of a dimension: what the viewer chose, as the store calls it."""
FILTERS = "filters"
"""Name of the variable that holds a viewer's own filters."""
Operator = Literal["-", "/", "1-/"]

NOISE = "noise"
"""Name of the variable that takes functional tests in or out."""
TOTAL = "groups in all"
"""Name of the series that tells how many groups there are, of which a panel shows some."""
BIN = "bin"
"""Name of the variable that is the shortest bin."""


class Column(Struct, frozen=True):
    """A target, and its answer's column that holds the value."""

    target: Target
    field: str


class NumberQuery(Struct, frozen=True, kw_only=True):
    """One number as Grafana asks for it: its value is one column, or made of two."""

    columns: tuple[Column, ...]
    groups: tuple[str, ...]
    """Columns by which it is grouped; for a number without groups a column whose value is always the same, if any."""
    reducer: Literal["sum", "mean", "min", "max"] | None = None
    """A row is a series: what is made of the rows of a group."""
    operator: Operator | None = None
    """Of two columns, row by row; ``1-/``: what their ratio leaves."""
    limit: int | None = None
    """Most values of a dimension that the answer has; null: all of any lake."""
    series: int | None = None
    """Most series that it can be made of: of more the store refuses it whole; null: of any number."""


class Series(Struct, frozen=True):
    """How a number over time is shown."""

    label: str
    """Said before the groups' names; empty for a panel's only number."""
    top: int | None
    """Only that many groups, where the store can tell which matter."""
    least: bool = False
    """Those with the least value matter, not those with the greatest."""
    bins: int = MAX_BINS
    """Bins of the range, before Grafana rounds them."""

    def alias(self, form: str, groups: Sequence[str]) -> str:
        """A series' name; `form`: the data source's word for a group's value."""
        names = " \N{RIGHTWARDS ARROW} ".join(form % group for group in groups)
        return " ".join(filter(None, [self.label, names]))


class Annotation(Struct, frozen=True):
    """An annotation's query: its target, and what its data source wants beside it."""

    target: Mapping[str, object]
    fields: Mapping[str, str]


class Builder(Protocol):
    """The queries of one kind of data source. Pure; raises `UnsupportedError` for what the store cannot answer."""

    type: str
    """Grafana's name of the data source's kind."""
    labels: bool
    """Whether a series carries its groups' values, rather than only a name made of them."""

    filters: bool
    """Whether a viewer can add filters of their own to all queries."""

    def grouping(self, dataset: str, dimension: str) -> str | None:
        """What `GROUP` holds for a dimension that it can be grouped by."""

    def number(self, dashboard: Dashboard, number: Number, ref: str, series: Series | None) -> NumberQuery:
        """A KPI. `ref`: the target's id; a second target's is `ref` and a 2. `series`: over time, or null; then
        `BY_CHOICE` may stand for its dimension."""

    def total(self, dashboard: Dashboard, number: Number, ref: str) -> Target | None:
        """How many groups there are over time, where a panel cannot show all; null where the store shows all."""

    def count(self, dashboard: Dashboard, number: Number, dimension: str, ref: str) -> Target:
        """How many values of a dimension there are in the range, for a number whose answer has a `limit`."""

    def events(self, dashboard: Dashboard, listing: Listing, ref: str) -> tuple[Target, dict[str, str]]:
        """The events themselves, and event field -> its column in the answer, in the order wanted."""

    def variable(self, variable: Variable) -> Template:
        """What can be chosen."""

    def noise(self) -> str:
        """Options of the variable `NOISE`, as a custom variable writes them."""

    def annotation(
        self, dataset: str, where: Sequence[Condition], text: str, until: str | None = None
    ) -> Annotation:
        """Events as marks on the time axis; `text`: the field that is shown, `until`: that of the end of a mark
        with a length."""


def fixed_conditions(number: Number) -> tuple[Condition, ...]:
    """The KPI's conditions and the number's fixed filters."""
    filters = (
        Condition(field, "in", (value,) if isinstance(value, str) else tuple(value))
        for field, value in number.where.items()
    )
    return (*CATALOGUE[number.kpi].where, *filters)


def check_form(number: Number, *, over_time: bool) -> None:
    """Refuses comparisons, and states that Grafana's queries would get wrong."""
    kpi = CATALOGUE[number.kpi]
    if isinstance(kpi.value, Comparison):
        raise refuse(kpi, "Grafana's queries do not join the answers to two questions")
    if isinstance(kpi.value, Timeline):
        raise refuse(kpi, "Grafana's queries do not know how long a result of a probe or a downtime holds")
    states = [part for part in parts(kpi.value) if isinstance(part, Part) and part.is_state]
    if any(part.polled not in ("", "metrics") for part in states):  # a gauge is shown as it was last reported
        raise refuse(kpi, "Grafana's queries do not know what the latest answer lacks")
    if any(part.state for part in states):
        raise refuse(kpi, "Grafana's queries cannot choose among series by what each reported last")
    if isinstance(kpi.value, DaysLeft):
        raise refuse(kpi, "Grafana's queries do not know when a series was first reported")
    if over_time and any(part.kind == "growth" for part in states):
        raise refuse(kpi, "Grafana's queries do not know a bin's state before its first report")
    summed_series = [part.together or part.series for part in states if part.over == "sum"]
    if over_time and any(not set(series) <= set(number.by) for series in summed_series):
        raise refuse(kpi, "Grafana's queries add up reports of one bin, in which not every series reports")


def refuse(kpi: Kpi, reason: str) -> UnsupportedError:
    """The error that says why."""
    return UnsupportedError(f"{kpi.name}: {reason}")
