"""What a dashboard is: layout, text and names of KPIs. It holds no query text, and knows no store and no renderer.

    Dashboard > Row > Panel > Number (a KPI, its grouping, its fixed filters)
    Panel + Selection (range, bin, variables) -> kpis.Query      (dashboards/questions.py)

From the same definitions come Grafana's dashboards (dashboards/grafana), Lakescope's own pages and the previews
(dashboards/pages, lakescope/app/web).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

from msgspec import Struct

from lakescope.dashboards.kinds import KINDS, Kind, PanelKind

COLUMNS = 24
"""Of a page, as Grafana counts them."""


def fill_lines(sizes: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """(width, height) of a row's panels, line by line, each line widened until it fills the `COLUMNS`, and of one height."""
    lines: list[list[tuple[int, int]]] = []
    for width, height in sizes:
        if not lines or sum(w for w, _ in lines[-1]) + width > COLUMNS:
            lines.append([])
        lines[-1].append((width, height))
    return [list(_stretch(line)) for line in lines]


def _stretch(line: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    ends = list(accumulate((width for width, _ in line), initial=0))
    height = max(height for _, height in line)
    for left, right in pairwise(round(end * COLUMNS / ends[-1]) for end in ends):
        yield right - left, height


class Number(Struct, frozen=True, kw_only=True):
    """A KPI as a panel shows it."""

    kpi: str
    by: tuple[str, ...] = ()
    """Dimensions it is grouped by; the same for all numbers of a panel."""
    where: Mapping[str, str | tuple[str, ...]] = {}
    """Fixed filters, beside those of the dashboard's variables."""
    label: str | None = None
    """Name in legends and columns; null: the KPI's own."""
    reverse: bool = False
    """The link the other way round: the source's variable filters the destination and the reverse."""


class Link(Struct, frozen=True):
    """Where a click on a group leads; the time range and the other variables go with it."""

    dashboard: str
    variables: Mapping[str, str] = {}
    """Variable there -> dimension of the group here that gives its value."""
    filters: tuple[str, ...] = ()
    """Dimensions of the group here that become filters there."""


class Listing(Struct, frozen=True, kw_only=True):
    """Which events an ``events`` panel shows, newest first.

    With `counted_by` these are the reports that a snapshot counts at the end of the range, each series once.
    """

    dataset: str
    columns: tuple[str, ...]
    """Fields shown, beside the time."""
    where: Mapping[str, str | bool] = {}
    """Only those whose field has that value."""
    limit: int = 50
    counted_by: str | None = None
    """The snapshot's KPI."""


class Panel(Struct, frozen=True, kw_only=True):
    """One picture."""

    title: str
    kind: PanelKind
    numbers: tuple[Number, ...] = ()
    width: int = 12
    """Of 24 columns."""
    height: int = 8
    """Grid lines (of some 30 pixels, as Grafana's)."""
    top: int | None = None
    """Over time only that many groups: of the first number the greatest, or the worst where more of it is good. Other
    panels scroll, and their headings sort all that there is."""
    link: Link | None = None
    grouped: bool = False
    """Its viewer chooses by what its numbers are grouped; at first it is the dashboard's `group`. ``{group}`` in its title
    is that choice."""
    listing: Listing | None = None
    instead: Listing | None = None
    """In Grafana, if none of its numbers can be asked there exactly: the reports that they are made of."""
    text: str = ""
    """For ``text`` panels; else said beneath the KPI's own meaning."""

    @property
    def traits(self) -> Kind:
        """What its kind is."""
        return KINDS[self.kind]


class Row(Struct, frozen=True, kw_only=True):
    """A heading and what is below it."""

    title: str
    panels: tuple[Panel, ...]


class Variable(Struct, frozen=True, kw_only=True):
    """What a viewer can choose. Its name stands in links, so it is a contract."""

    name: str
    label: str
    dimension: str
    """The field that is filtered."""
    dataset: str
    """Where its values are looked up."""
    reverse: str | None = None
    """The field that is filtered for a number that is `reverse`; null: the same one."""


class Dashboard(Struct, frozen=True, kw_only=True):
    """A page of rows."""

    name: str
    """Stands in URLs and, as ``lakescope-<name>``, in Grafana's uid: a contract."""
    title: str
    question: str
    """What it answers, in one sentence for an operator."""
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    group: str | None = None
    """Dimension by which the `grouped` panels are grouped at first."""
    since: str = "24h"
    """How far back it looks at first."""
    keeps_since: bool = False
    """Whether it does so even where the configuration says otherwise for all dashboards."""
    refresh_s: int = 60
    """How often it looks again (seconds)."""

    @property
    def uid(self) -> str:
        """Grafana's uid: it never changes."""
        return f"lakescope-{self.name}"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in reading order."""
        return tuple(panel for row in self.rows for panel in row.panels)
