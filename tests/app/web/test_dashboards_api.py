"""/api/dashboards and the pages' files, from a running instance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.pages.page import VEGA
from lakescope.dashboards.questions import as_chosen
from lakescope.kpis import CATALOGUE
from lakescope.kpis.comparisons import columns
from tests.app.web._lake import HOSTILE, RANGE, RETRIED, running_lake
from tests.contract._running import Running


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_lake(tmp_path_factory.mktemp("lake")) as running:
        yield running


def data(lake: Running, name: str, query: str = "") -> dict[str, Any]:
    answer = lake.get(f"/api/dashboards/{name}/data?{RANGE}&{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def panel(document: dict[str, Any], title: str, kind: str) -> dict[str, Any]:
    (found,) = [one for one in document["panels"] if (one["title"], one["kind"]) == (title, kind)]
    picture: dict[str, Any] = found
    return picture


def test_all_dashboards_are_listed_with_their_question(lake: Running) -> None:
    listed = lake.get("/api/dashboards").json()
    assert [one["name"] for one in listed] == list(DASHBOARDS)
    assert all(one["question"].endswith("?") for one in listed)
    assert {"name": "source", "label": "Source"} in listed[1]["variables"]
    layout = lake.get("/api/dashboards/lake").json()
    assert layout["rows"][0]["panels"][0] | {"description": ""} == {
        "id": "panel0", "title": "Transfer efficiency", "kind": "stat", "width": 4, "height": 4, "description": "",
        "form": "tiles", "has_levels": False, "is_summed": False,
    }  # fmt: skip


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_dashboard_is_answered_whole(lake: Running, name: str) -> None:
    document = data(lake, name)
    assert len(document["panels"]) == len(DASHBOARDS[name].panels)
    refused = {one["title"]: one["refused"] for one in document["panels"] if one.get("refused")}
    assert all("a whole window of 6 h" in why for why in refused.values()), "which three hours do not have"
    assert refused.keys() <= {"Completeness, each six hours"}
    compared = {
        as_chosen(DASHBOARDS[name], panel).title
        for panel in DASHBOARDS[name].panels
        for one in panel.numbers
        if columns(CATALOGUE[one.kpi])
    }
    assert {one["title"] for one in document["panels"] if one.get("notes")} <= compared
    assert document["stores"] == ["duck", "hosts"] and document["store"] == "duck"
    assert document["since"] == "2026-01-05T09:00:00Z" and document["until"] == "2026-01-05T12:00:00Z"
    for one in document["panels"]:
        drawn = one["kind"] in ("lines", "stacked", "states") and one.get("series")
        assert bool(drawn) == ("spec" in one), one["title"]


def test_a_panel_shows_what_the_kpi_s_own_address_says(lake: Running) -> None:
    (row,) = lake.get(f"/api/kpis/transfer_efficiency?{RANGE}").json()["rows"]
    tile = panel(data(lake, "lake"), "Transfer efficiency", "stat")["tiles"][0]
    assert tile["value"] == row["value"] and 0.5 < row["value"] < 1
    rows = lake.get(f"/api/kpis/transfers_failed?{RANGE}&by=src_site&where=dst_site=PIC").json()["rows"]
    bars = panel(data(lake, "failures", "var.destination=PIC"), "Failures of each source", "bars")
    shown = {group["names"][0]: group["cells"][0]["value"] for group in bars["groups"]}
    assert shown == {row["src_site"] or "unknown": row["value"] for row in rows}
    assert shown[HOSTILE] == 1


def test_variables_bins_and_noise_narrow(lake: Running) -> None:
    whole = panel(data(lake, "transfers"), "Arrived", "stat")["tiles"][0]["value"]
    cern = panel(data(lake, "transfers", "var.source=CERN-PROD"), "Arrived", "stat")["tiles"][0]["value"]
    two = panel(data(lake, "transfers", "var.source=CERN-PROD&var.source=PIC"), "Arrived", "stat")["tiles"][
        0
    ]["value"]
    quiet = panel(data(lake, "transfers", "noise=false"), "Arrived", "stat")["tiles"][0]["value"]
    assert 0 < cern < two < whole and 0 < quiet < whole
    assert data(lake, "transfers", "bin=1h")["bin_s"] == 3600
    assert panel(data(lake, "transfers", "var.nonsense=x"), "Arrived", "stat")["tiles"][0]["value"] == whole


def test_the_values_of_variables_are_those_that_occur(lake: Running) -> None:
    values = lake.get(f"/api/dashboards/transfers/values?{RANGE}").json()
    assert set(values) == {variable.name for variable in DASHBOARDS["transfers"].variables}
    assert values["source"] == sorted(values["source"]) and HOSTILE in values["source"]
    assert "PIC" in values["destination"]
    empty = lake.get("/api/dashboards/transfers/values?since=2001-01-01&until=2001-01-02").json()
    assert empty["source"] == []


def test_events_lead_to_their_story(lake: Running) -> None:
    narrow = data(lake, "failures", "var.destination=PIC")
    listed = panel(narrow, "Latest failed transfers", "events")["events"]
    assert RETRIED in [event["story"] for event in listed]
    assert [event["time"] for event in listed] == sorted((event["time"] for event in listed), reverse=True)


def test_what_a_store_cannot_answer_is_refused_with_the_reason(lake: Running) -> None:
    tile = data(lake, "lake", "store=hosts")["panels"][0]
    assert "of which this store is given none" in tile["refused"] and "tiles" not in tile


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/api/dashboards/nope", 404, "there are lake, transfers"),
        ("/api/dashboards/nope/data", 404, "there are lake, transfers"),
        ("/api/dashboards/nope/values", 404, "there are lake, transfers"),
        ("/api/dashboards/lake/data?since=soon", 422, "'soon' is no time: expected 2026-01-05"),
        ("/api/dashboards/lake/data?since=1h&until=2h", 422, "the range is empty"),
        ("/api/dashboards/lake/data?bin=0s", 422, "at least one second"),
        ("/api/dashboards/lake/data?bin=weekly", 422, "'weekly' is no duration"),
        ("/api/dashboards/lake/data?store=nope", 422, "no sink 'nope'; there are duck"),
        ("/api/dashboards/lake/data?store=lines", 422, "a store of type jsonl cannot answer"),
        ("/api/dashboards/transfers/values?since=soon", 422, "'soon' is no time"),
    ],
)
def test_errors_say_what_was_expected(lake: Running, path: str, code: int, words: str) -> None:
    answer = lake.get(path)
    assert answer.status_code == code
    assert words in answer.json()["detail"]


def test_a_store_that_fails_is_named(lake: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    from lakescope.core.contracts import TransientError

    def fail(*_: object) -> None:
        raise TransientError("disk on fire")

    monkeypatch.setattr(lake.assembly.sinks["duck"], "answer", fail)
    answer = lake.get(f"/api/dashboards/lake/data?{RANGE}")
    assert (answer.status_code, answer.json()["detail"]) == (503, "duck: disk on fire")


def test_a_slow_store_holds_up_nobody_else(lake: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    asked, go_on = Event(), Event()

    sink: Any = lake.assembly.sinks["duck"]
    answer = sink.answer

    def wait(queries: Any) -> Any:
        asked.set()
        go_on.wait(10)
        return answer(queries)

    monkeypatch.setattr(sink, "answer", wait)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lake.get, f"/api/dashboards/lake/data?{RANGE}")
        try:
            assert asked.wait(10)
            assert lake.get("/livez").text == "ok\n"
            assert not waiting.done()
        finally:
            go_on.set()
        assert waiting.result().status_code == 200


def test_pages_allow_nothing_from_elsewhere_and_no_eval(lake: Running) -> None:
    for path in ("/dashboards/", "/dashboards/lake", f"/dashboards/transfer/{RETRIED}"):
        answer = lake.get(path)
        assert answer.status_code == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
        policy = dict(part.split(maxsplit=1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        for reference in re.findall(r'(?:src|href)="([^"#]+)"', answer.text):
            assert not re.match(r"[a-z]+:|/", reference) or reference == "data:,", reference
            if reference != "data:,":
                assert lake.get(str(httpx.URL(path).join(reference))).status_code == 200, reference
    assert lake.get("/dashboards/nope").status_code == 404


def test_files_are_sent_once(lake: Running) -> None:
    for path, caching in (
        ("page.js", "no-cache"),
        ("page.css", "no-cache"),
        (VEGA, "immutable"),
        ("vega.js?v=old", "no-cache"),
    ):
        first = lake.get(f"/dashboards/{path}")
        assert caching in first.headers["cache-control"]
        tag = {"if-none-match": first.headers["etag"]}
        again = httpx.get(f"{lake.url}/dashboards/{path}", headers=tag, trust_env=False)
        assert (again.status_code, again.content) == (304, b"")
