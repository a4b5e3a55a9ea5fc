"""What Grafana gets: golden documents, links that lead somewhere, places that do not overlap, words said plainly."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from grafanalib.core import Dashboard as GrafanaDashboard
from msgspec import structs

from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.grafana import STORES, Store, build, write
from lakescope.dashboards.grafana import panels as panels_module
from lakescope.dashboards.grafana._common import FILTERS
from lakescope.dashboards.grafana.elasticsearch import ElasticsearchBuilder
from lakescope.dashboards.grafana.extension import Json, document, panels_of
from lakescope.dashboards.grafana.panels import steps
from lakescope.dashboards.model import Number, Panel, Row
from lakescope.dashboards.pages.pictures import pictures
from lakescope.dashboards.questions import Selection
from lakescope.dashboards.theme import LIGHT
from lakescope.kpis import CATALOGUE, Kpi
from lakescope.kpis.model import Comparison, Condition, Timeline, parts
from lakescope.kpis.units import level_of, scale_of
from tests.dashboards._grafana import View, interpolate
from tests.dashboards._sample import GOLDEN, KEPT, SAMPLE
from tests.kpis.conftest import END, START

ALL = [(store, name) for store in STORES for name in DASHBOARDS]

_ON_DASHBOARDS = {
    number.kpi for one in DASHBOARDS.values() for panel in one.panels for number in panel.numbers
}
_COMPARISONS = {name for name in _ON_DASHBOARDS if isinstance(CATALOGUE[name].value, (Comparison, Timeline))}
_INCREASES = {
    kpi.name
    for kpi in CATALOGUE.values()
    if kpi.dataset == "rucio" and any(part.kind == "increase" for part in parts(kpi.value))
}
_RUCIO_SUMS = {"rucio_requests_queue"}
"""Over time."""
_BY_LAST_REPORT = {"rules_stuck", "rules_stuck_locks", "oldest_stuck_rule", "incidents_open"} | {
    kpi.name
    for kpi in CATALOGUE.values()
    if kpi.dataset in ("requests", "daemons", "replicas", "downtimes")
    and any(part.polled for part in parts(kpi.value))
}
_CLOSED = {"storage_not_readable", "storage_not_writable", "storage_not_deletable"}
LEFT_OUT: dict[Store, set[str]] = {
    "elasticsearch": {
        *("days_to_full", "done_agreement", "host_cpu", "host_cpu_told", "host_disk", "host_memory"),
        *("host_network_received", "host_network_sent", "transfers_empty_hours", "network_empty_hours"),
        *("probes_empty_hours", "storage_empty_hours", *_BY_LAST_REPORT, "rules_reported", *_COMPARISONS),
        *("account_fullness", "account_used", "rules_flapping"),
        *("fts_recent_efficiency", "fts_staging", "fts_archiving"),
        *("rucio_empty_hours", *_INCREASES, *_RUCIO_SUMS, *_CLOSED),
    },
    "influxdb": {
        *("transfers_failed", "files_failing", "host_silence", "variable Error class"),
        *("transfers_empty_hours", "network_empty_hours", "probes_empty_hours", "storage_empty_hours"),
        *(
            "days_to_full",
            "account_fullness",
            "account_used",
            *_BY_LAST_REPORT,
            "rules_reported",
            *_COMPARISONS,
        ),
        "certificate_days_left",
        *("fts_recent_efficiency", "fts_staging", "fts_archiving"),
        *("rucio_empty_hours", "rucio_silence", *_RUCIO_SUMS, *_CLOSED),
    },
}
LEFT_OUT["opensearch"] = LEFT_OUT["monit"] = LEFT_OUT["elasticsearch"]
"""Store -> numbers that are left out somewhere. A number that does not stand here must be there."""


@pytest.mark.parametrize("store", KEPT)
def test_golden(store: Store, tmp_path: Path) -> None:
    """`python -m tests.dashboards._sample` writes them anew."""
    write(tmp_path, [SAMPLE], store)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_text() for path in (GOLDEN / store).iterdir()}
    assert set(made) == {"lakescope-sample.json"}


@pytest.mark.parametrize("store", STORES)
def test_says_what_is_left_out(store: Store) -> None:
    left_out = [text for dashboard in DASHBOARDS.values() for text in build(dashboard, store).left_out]
    found = {next(name for name in LEFT_OUT[store] if f": {name}: " in text) for text in left_out}
    assert found == LEFT_OUT[store], "take from LEFT_OUT what is there now"
    shown = sum(len(list(panels_of(build(one, store).document))) for one in DASHBOARDS.values())
    defined = sum(
        not panel.numbers
        or not {number.kpi for number in panel.numbers}
        <= _COMPARISONS | _BY_LAST_REPORT | (_INCREASES & LEFT_OUT[store])
        for one in DASHBOARDS.values()
        for panel in one.panels
    )
    assert shown >= defined * 0.9


@pytest.mark.parametrize("store", STORES)
def test_a_row_without_panels_is_left_out(store: Store) -> None:
    """No store's Grafana can show the sample's third row."""
    made = build(SAMPLE, store)
    titles = [panel["title"] for panel in made.document["panels"] if panel["type"] == "row"]
    assert titles == ["Numbers", "Over time", "Events"]
    assert any("transfers_empty_hours" in text for text in made.left_out)


@pytest.mark.parametrize(("store", "name"), ALL)
def test_places(store: Store, name: str) -> None:
    """In the grid, without overlaps; ids are those of the reading order."""
    panels = build(DASHBOARDS[name], store).document["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24
        cells = set(
            itertools.product(
                range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
            )
        )
        assert not cells & taken, panel["title"]
        taken |= cells
    lines = max(y for _, y in taken) + 1
    assert len(taken) == 24 * lines, "a line that is not full"
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))


@pytest.mark.parametrize(("store", "name"), ALL)
def test_every_variable_is_there(store: Store, name: str) -> None:
    """In queries and links; what Grafana itself gives begins with two underscores, or is InfluxDB's."""
    made = build(DASHBOARDS[name], store).document
    known = {one["name"] for one in made["templating"]["list"]} | {"timeFilter"}
    used = set(re.findall(r"\$\{?([a-zA-Z]\w*)", json.dumps(made)))
    assert {name for name in used if not name.startswith("tag_")} <= known


@cache
def _documents(store: Store) -> dict[str, Json]:
    return {f"lakescope-{name}": build(dashboard, store).document for name, dashboard in DASHBOARDS.items()}


@pytest.mark.parametrize(("store", "name"), ALL)
def test_links_lead_somewhere(store: Store, name: str) -> None:
    """To a dashboard that is there, with variables that it has; time and other choices go along, none twice."""
    documents = _documents(store)
    for url in _links(documents[f"lakescope-{name}"]):
        path, _, query = url.partition("?")
        target = documents[path.removeprefix("/d/")]
        parts = query.split("&")
        assert parts[0] == "${__url_time_range}"
        names = [re.sub(r"^var-(\w+)=.*|^\$\{(\w+):queryparam\}$", r"\1\2", part) for part in parts[1:]]
        own = [name for name in names if name != FILTERS]  # each filter is a value of its own
        assert len(own) == len(set(own)), url
        there = {one["name"] for one in target["templating"]["list"]}
        assert {re.findall(r"var-(\w+)=", part)[0] for part in parts if part.startswith("var-")} <= there, url


def test_links_are_there() -> None:
    """Of panels whose groups Grafana can tell when they are clicked."""
    for store in STORES:
        assert len(list(_links(build(DASHBOARDS["transfers"], store).document))) >= 3


def _links(made: Json) -> Iterator[str]:
    for panel in panels_of(made):
        for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", ()):
            yield link["url"]


def test_the_same_bytes_each_time() -> None:
    for store, name in ALL:
        assert build(DASHBOARDS[name], store).text == build(DASHBOARDS[name], store).text


def test_the_data_source_can_be_another() -> None:
    made = build(SAMPLE, "influxdb", "another-uid").document
    uids = set(re.findall(r'"uid": "([^"]+)"', json.dumps(made)))
    assert uids == {"another-uid", "lakescope-sample"}


def test_a_dashboard_needs_a_uid() -> None:
    with pytest.raises(ValueError, match="'Nameless' needs a uid"):
        document(GrafanaDashboard(title="Nameless"), {"type": "influxdb", "uid": "x"})


def test_no_old_words() -> None:
    """Keys of schema 12, which Grafana no longer mends in a document of schema 42."""
    for store, name in ALL:
        made = build(DASHBOARDS[name], store).document
        assert made["schemaVersion"] == 42
        text = json.dumps(made)
        for word in (
            '"__inputs"',
            '"rows"',
            '"span"',
            '"useTags"',
            '"displayMode": "auto"',
            '"value": "null"',
        ):
            assert word not in text, (store, name, word)
        for panel in panels_of(made):
            found = panel.get("options", {}).get("legend", {"showLegend": True})
            assert "showLegend" in found, panel["title"]


# --- bounds and words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kpi", CATALOGUE.values(), ids=lambda kpi: kpi.name)
def test_bounds(kpi: Kpi) -> None:
    """A colour is the KPI's level just before, at and behind each bound."""
    colours = {"good": LIGHT.good, "warning": LIGHT.warning, "critical": LIGHT.critical, None: LIGHT.good}
    for bound in (kpi.warning, kpi.critical):
        for value in (0.0, 0.999 * bound, bound, 1.001 * bound, 1e18) if bound is not None else ():
            colour = [s["color"] for s in steps(kpi) if s["value"] is None or s["value"] <= value][-1]
            assert colour == colours[level_of(kpi, value)], (kpi.name, value)
    assert steps(kpi)[0]["value"] is None
    values = [step["value"] for step in steps(kpi)[1:]]
    assert values == sorted(values)


GRAFANA = {
    "percentunit": (0.01, "%"), "short": (1.0, ""), "decbytes": (1.0, "B"), "Bps": (1.0, "B/s"), "bps": (1.0, "b/s"),
    "s": (1.0, "s"), "d": (1.0, "d"), "cps": (1.0, "/s"),
}  # fmt: skip
"""What Grafana makes of its units: packages/grafana-data/src/valueFormats/categories.ts, of version 11."""


@pytest.mark.parametrize("kpi", CATALOGUE.values(), ids=lambda kpi: kpi.name)
def test_a_kpi_has_one_unit_in_grafana_and_on_the_pages(kpi: Kpi) -> None:
    panel = Panel(title="One", kind="stat", numbers=(Number(kpi=kpi.name),))
    dashboard = structs.replace(SAMPLE, rows=(Row(title="A row", panels=(panel,)),))
    units = {
        made["fieldConfig"]["defaults"]["unit"]
        for store in STORES
        for made in panels_of(build(dashboard, store).document)
    }
    selection = Selection(since=START, until=END)
    (drawn,) = pictures(dashboard, selection, [[{"value": 1.0}], []])
    assert {GRAFANA[unit] for unit in units} <= {scale_of(1.0, drawn["numbers"][0]["unit"])}
    assert drawn["numbers"][0]["unit"] == kpi.unit
    assert GRAFANA[panels_module.UNITS[kpi.unit]] == scale_of(1.0, kpi.unit)


def test_an_unknown_form_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A KPI of a form that this code does not know yet."""
    kpi = CATALOGUE["transfers_done"]

    class Novelty:
        pass

    strange = structs.replace(kpi, value=Novelty())
    monkeypatch.setitem(CATALOGUE, "transfers_done", strange)
    panel = Panel(title="New", kind="stat", numbers=(Number(kpi="transfers_done"),))
    other = Panel(title="Old", kind="stat", numbers=(Number(kpi="transfers_failed"),))
    made = build(structs.replace(SAMPLE, rows=(Row(title="A row", panels=(panel, other)),)), "elasticsearch")
    assert [one["title"] for one in panels_of(made.document)] == ["Old"]
    assert any("sample: New: transfers_done" in text for text in made.left_out)


def test_lucene_quotes_what_it_must() -> None:
    where = (
        Condition("activity", "=", 'a "b" \\ c'),
        Condition("src_site", "in", ("A:1", "B OR C")),
        Condition("ok", "=", False),
        Condition("scope", "unknown"),
        Condition("error", "known"),
    )
    assert ElasticsearchBuilder().lucene("transfers", where, {"error_template": "x"}) == (
        r'dataset:"transfers" AND activity:"a \"b\" \\ c" AND src_site:("A:1" OR "B OR C") AND ok:"false"'
        r" AND (*:* NOT _exists_:scope) AND _exists_:error.keyword"
        r" AND (error_template.keyword:(${x:lucene})"
        r" OR (_exists_:(${x:lucene}) NOT _exists_:error_template.keyword))"
    )


@pytest.mark.parametrize(
    ("text", "chosen", "expected"),
    [
        ("${source:lucene}", {}, "* OR *:*"),
        ("${source:lucene}", {"source": ["A-B", 'c"']}, r'("A\-B" OR "c\"")'),
        ("/^${source:regex}$/", {"source": ["a.b"]}, r"/^a\.b$/"),
        ("/^${source:regex}$/", {"source": ["a", "b/c"]}, r"/^(a|b\/c)$/"),
        ("$__interval_ms $unknown", {}, "3600000 $unknown"),
    ],
)
def test_the_emulation_of_variables(text: str, chosen: dict[str, Any], expected: str) -> None:
    """As Grafana's documentation, "Variable syntax", says."""
    view = View(since=START, until=END, interval_s=3600, chosen=chosen)
    assert interpolate(text, build(SAMPLE, "opensearch").document, view) == expected
