"""The kinds of panels: a new one costs its line in the table, and the function that draws it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast, get_args

import pytest
from msgspec import structs

from lakescope.dashboards.check import faults
from lakescope.dashboards.grafana import STORES, build
from lakescope.dashboards.grafana.extension import panels_of
from lakescope.dashboards.kinds import KINDS, Kind, PanelKind
from lakescope.dashboards.model import Number, Panel, Row
from lakescope.dashboards.pages import page, vega
from lakescope.dashboards.pages.pictures import DashboardAnswer, is_empty, pictures
from lakescope.dashboards.pages.preview import svg
from lakescope.dashboards.questions import Selection, questions_of
from lakescope.dashboards.theme import CSS, LIGHT
from lakescope.kpis import Query
from tests.dashboards._sample import SAMPLE

NEW = cast(PanelKind, "dots")
SINCE, UNTIL = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)


def test_every_kind_has_its_line() -> None:
    assert set(KINDS) == set(get_args(PanelKind))
    charts = {kind for kind, traits in KINDS.items() if traits.is_chart}
    assert charts <= set(vega._KINDS)


def test_a_new_kind_costs_a_line_and_its_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    traits = Kind(
        form="series",
        grafana="timeseries",
        dimensions=(0, 1),
        is_chart=True,
        has_axis=True,
        bins_max=6,
        series_max=2,
    )
    monkeypatch.setitem(KINDS, NEW, traits)
    monkeypatch.setitem(vega._KINDS, NEW, vega._KINDS["lines"])
    panel = Panel(title="New", kind=NEW, numbers=(Number(kpi="transfers_done", by=("activity",)),))
    dashboard = structs.replace(SAMPLE, rows=(Row(title="A row", panels=(panel,)),))
    assert faults({"sample": dashboard}) == []
    selection = Selection(since=SINCE, until=UNTIL)
    question = questions_of(dashboard, selection)[0]
    assert isinstance(question, Query) and question.bin_s == 6 * 3600
    rows = [{"time": "2026-01-05T06:00:00Z", "activity": name, "value": n} for n, name in enumerate("abc", 1)]
    (picture,) = pictures(dashboard, selection, [rows, []])
    assert [line["name"] for line in picture["series"]] == ["c", "b"] and not is_empty(picture)
    drawn: dict[str, Any] = page.chart(picture, CSS)
    assert len(drawn["looks"]) == 2 and drawn["spec"]["layer"]
    assert "New" in svg(DashboardAnswer.of(dashboard, selection, [rows, []], "store"), LIGHT)
    for store in STORES:
        (made,) = [one for one in panels_of(build(dashboard, store).document) if one["type"] != "row"]
        assert (made["type"], made["maxDataPoints"]) == ("timeseries", 6)
