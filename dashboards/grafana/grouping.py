"""What a viewer of Grafana can group panels by: the variable `GROUP`, as the store calls the dimensions."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, structs

from lakescope.dashboards.grafana._common import BY_CHOICE, GROUP, Builder, Series
from lakescope.dashboards.model import Dashboard, Number, Panel
from lakescope.dashboards.questions import as_chosen, groupings
from lakescope.kpis import CATALOGUE
from lakescope.kpis.model import UnsupportedError


class Grouping(Struct, frozen=True):
    """The grouped panels of a dashboard, for a store."""

    dashboard: Dashboard
    choices: Mapping[str, str]
    """Dimension -> the value of `GROUP`, the dashboard's own first; empty: there is nothing to choose."""
    following: tuple[Panel, ...] = ()
    """Panels that follow the choice."""

    @classmethod
    def of(cls, dashboard: Dashboard, builder: Builder) -> Grouping:
        """Panels follow that the store can group by any dimension; a choice is what all of them can be grouped by.

        A state whose series are added up can be grouped by them only: its panel keeps the dashboard's own grouping.
        """
        following = [
            panel
            for panel in dashboard.panels
            if panel.grouped and _answers(dashboard, panel, builder, BY_CHOICE)
        ]
        values = {
            name: {builder.grouping(dataset, name) for dataset in _datasets(following)}
            for name in dict.fromkeys((str(dashboard.group), *groupings(dashboard)))
            if all(_answers(dashboard, panel, builder, name) for panel in following)
        }
        alike = {name: next(iter(some)) for name, some in values.items() if len(some) == 1}
        choices = {name: value for name, value in alike.items() if value is not None}
        if len(choices) < 2 or dashboard.group not in choices:
            return cls(dashboard, {})
        return cls(dashboard, choices, tuple(following))

    def panel(self, panel: Panel) -> Panel:
        """The panel, grouped by what the viewer chooses if it can be."""
        if panel not in self.following:
            return as_chosen(self.dashboard, panel)
        numbers = tuple(structs.replace(number, by=(BY_CHOICE,)) for number in panel.numbers)
        title = panel.title.replace("{group}", f"${{{GROUP}:text}}")
        return structs.replace(panel, title=title, numbers=numbers)


def _answers(dashboard: Dashboard, panel: Panel, builder: Builder, name: str) -> bool:
    """Whether each number that the store can answer at all can be grouped so, and there is one."""

    def is_answered(number: Number) -> bool:
        try:
            builder.number(dashboard, number, "A", Series("", panel.top))
        except UnsupportedError:
            return False
        return True

    numbers = list(filter(is_answered, panel.numbers))
    return bool(numbers) and all(is_answered(structs.replace(number, by=(name,))) for number in numbers)


def _datasets(panels: list[Panel]) -> set[str]:
    return {CATALOGUE[number.kpi].dataset for panel in panels for number in panel.numbers}
