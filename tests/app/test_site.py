"""A site's own KPIs, dashboards, rules and plugins: found without a fork, refused with place, expected, found and remedy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.model import Threshold
from lakescope.app import site
from lakescope.app.config import parse
from lakescope.app.rules import rules_of
from lakescope.app.words import parse as question
from lakescope.core import plugins
from lakescope.core.options import Options
from lakescope.core.places import ConfigurationError
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.kpis import CATALOGUE
from lakescope.sinks.jsonl import JsonlSink

GOOD = """from lakescope.plugin import AlertRule, Condition, Dashboard, Kpi, Number, Panel, Part, Row, Threshold

KPIS = (
    Kpi(
        name="probes_critical",
        meaning="Probes that found their service down.",
        unit="count",
        good="down",
        dataset="probes",
        value=Part(kind="count", where=(Condition("status", "=", "critical"),)),
        dimensions=("site",),
        null="never null",
    ),
)
DASHBOARDS = (
    Dashboard(
        name="night",
        title="Night shift",
        question="What is down?",
        variables=(),
        rows=(
            Row(
                title="Services",
                panels=(Panel(title="Down", kind="stat", numbers=(Number(kpi="probes_critical"),)),),
            ),
        ),
    ),
)
RULES = (
    AlertRule(
        name="probes_down",
        title="Services are down",
        kpi="probes_critical",
        condition=Threshold(above=3),
        window_s=900,
        by=("site",),
        summary="{site}: {value} probes found their service down in {window}",
        description="Ask the site.",
        runbook_url="https://wiki.example.org/probes",
    ),
)
"""
PLUGINS = '[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "jsonl"\ndirectory = "archive"\n'
CONFIGURATION = f'[site]\nfolder = "site"\n{PLUGINS}'


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    site.load()
    assert "probes_critical" not in CATALOGUE and "night" not in DASHBOARDS and "probes_down" not in RULES


def written(directory: Path, text: str) -> Path:
    """`text` as a site's file."""
    (directory / "site").mkdir()
    file = directory / "site" / "ours.py"
    file.write_text(text)
    return file


def test_a_folders_definitions_stand_beside_lakescopes(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    text = f"[alerts.rules.probes_down]\nthreshold = 5\n{CONFIGURATION}"
    rule = rules_of(parse(text, directory=tmp_path).settings)["probes_down"]
    assert (rule.kpi, rule.condition) == ("probes_critical", Threshold(above=5))
    assert question("probes_critical", by=["site"]).kpi.unit == "count"
    assert DASHBOARDS["night"].title == "Night shift"
    assert list(DASHBOARDS)[-1] == "night", "a site's own come behind"
    parse(CONFIGURATION, directory=tmp_path)
    parse(PLUGINS, directory=tmp_path)
    assert "probes_critical" not in CATALOGUE, "another configuration has none"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("probes_critical", "probe_checks"), ":3: [probe_checks] expected a name of its own, found that of another Kpi of"),
        (('("site",)', '("sites",)'), ":3: [probes_critical] dimensions: expected a field of probes, found 'sites'"),
        (('"status"', '"state"'), "value: expected a field of probes, found 'state'"),
        (('dataset="probes"', 'dataset="probe"'), "dataset: expected one of transfers, "),
        (('unit="count"', 'unit="counts"'), "unit: expected one of ratio, "),
        (('good="down"', 'good="low"'), "good: expected up, down or neutral, found 'low'"),
        (('null="never null"', 'nul=""'), "ours.py:4: cannot be read: TypeError: "),
        (("KPIS = (", "KPIS = ("), ""),
        (("KPIS = (", "KPIS = (1,"), ":3: expected a Kpi, found int '1'"),
        (("DASHBOARDS = (", "DASHBOARDS = ("), ""),
        (('name="night"', 'name="lake"'), "[lake] expected a name of its own, found that of another Dashboard of Lakescope"),
        (('kind="stat"', 'kind="bars"'), "[night] panel 'Down': expected 1 to 1 dimensions in a panel of kind bars"),
        (('Number(kpi="probes_critical")', 'Number(kpi="probes")'), "[night] panel 'Down': there is no KPI 'probes'"),
        (('name="probes_down"', 'name="incident"'), ":29: [incident] name: expected another name, found 'incident'"),
        (('kpi="probes_critical",', 'kpi="probes_crit",'), "[probes_down] kpi: there is no KPI 'probes_crit'"),
        (("by=(", "late_s=-1, by=("), "[probes_down] late_s: expected seconds, found -1"),
        (("runbook_url=\"https://wiki.example.org/probes\",", ""), "[probes_down] runbook_url: expected the address of a page"),
        (("RULES = (", "RULES = (1,"), ":29: expected an AlertRule, found int '1'"),
        (("KPIS = (", "KPIS = )("), "ours.py:3: cannot be read: SyntaxError"),
        (("from lakescope.plugin", "from lakescop.plugin"), "ours.py:1: cannot be read: ModuleNotFoundError"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_place(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    written(tmp_path, GOOD.replace(*change, 1))
    if not told:
        parse(CONFIGURATION, directory=tmp_path)
        return
    with pytest.raises(ConfigurationError) as refused:
        parse(CONFIGURATION, directory=tmp_path)
    assert told in str(refused.value)
    assert "remedy: " in str(refused.value)


def test_files_that_define_nothing_and_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"site: \[site.folder\] expected a folder, found none"):
        parse(CONFIGURATION, directory=tmp_path)
    written(tmp_path, "KPI = ()\n")
    with pytest.raises(ConfigurationError, match=r"ours.py: expected KPIS, DASHBOARDS or RULES, found none"):
        parse(CONFIGURATION, directory=tmp_path)


class _Foreign(JsonlSink):
    class Options(Options):  # type: ignore[assignment]
        """Not derived from SinkOptions."""


class _Bare(JsonlSink):
    Options = None  # type: ignore[assignment]


class _Halted:
    """Lacks what the contract demands."""

    Options = JsonlSink.Options
    encode = write = JsonlSink.write


OPTIONS = "to be derived from lakescope.plugin.SinkOptions, found "


@pytest.mark.parametrize(
    ("plugin", "text"),
    [
        (_Foreign, OPTIONS + "Options"),
        (_Bare, OPTIONS + "NoneType"),
        (_Halted, "_Halted to have setup, close, as lakescope.plugin.Sink describes"),
        (len, "expected a class, found builtin_function_or_method"),
    ],
)
def test_what_is_no_plugin_by_the_public_contract(
    monkeypatch: pytest.MonkeyPatch, plugin: Any, text: str
) -> None:
    load = plugins.load
    monkeypatch.setattr(
        "lakescope.app.config.load", lambda room, name: plugin if room == "sinks" else load(room, name)
    )
    with pytest.raises(ConfigurationError) as refused:
        parse(PLUGINS)
    assert "[sinks.store.type]" in str(refused.value)
    assert text in str(refused.value)
