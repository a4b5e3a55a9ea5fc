"""Whom commands ask: a running instance and the stores themselves answer alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.app.client import Client, Instance, KpiText, SelectionText, Stores, client_of, instance_of
from lakescope.app.instance import announced
from lakescope.app.lock import locked
from lakescope.core.events import Transfer
from lakescope.dashboards.definitions import DASHBOARDS
from tests.contract._bodies import events_of, hermes, ndjson, scripts
from tests.contract._running import QUICK, Running
from tests.e2e._lakescope import until

CONFIGURATION = (
    f'{QUICK}health_s = 0\n[http]\ntoken = "a-long-token"\n'
    '[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "duckdb"\n'
)
QUESTIONS = [
    KpiText("transfers_done", since="2026-01-01", until="2026-12-31"),
    KpiText(
        "submissions", ["dst_rse"], "2026-01-01", "2026-12-31", where=["dst_rse=LAKE-C-DISK"], noise=True
    ),
    KpiText("deletions_done", since="2026-11-01", until="2026-12-01", bin="1d"),
    KpiText("probe_checks", ["rse"], since="2026-09-21", until="2026-09-23", bin="1h"),
]
REQUEST = next(
    event.request_id
    for event in events_of("hermes", hermes(60)).values()
    if isinstance(event, Transfer) and event.request_id
)
SHOWN = ("title", "kind", "value", "rows", "refused", "notes")


def answers(client: Client) -> dict[str, Any]:
    """What it says to a question of each kind."""
    rows = [client.kpi(question, None) for question in QUESTIONS]
    dashboards = [DASHBOARDS["transfers"], DASHBOARDS["storage"]]
    pages = client.dashboards(dashboards, SelectionText("2026-11-20", "2026-11-24"), "store")
    return {
        "kpis": [(list(one), one.bin_s) for one in rows],
        "dashboards": [[{key: p.get(key) for key in SHOWN} for p in page.pictures] for page in pages],
        "transfer": client.transfer(REQUEST),
    }


def test_an_instance_and_its_stores_answer_alike(tmp_path: Path) -> None:
    with Running(tmp_path, CONFIGURATION) as lakescope:
        headers = {"content-type": "application/x-ndjson", "authorization": "Bearer a-long-token"}
        for format_, bodies in (("hermes", [*hermes(60), b"no JSON"]), ("push", scripts(30))):
            url = f"{lakescope.url}/push/{format_}"
            httpx.post(url, content=ndjson(bodies), headers=headers, trust_env=False).raise_for_status()
        until(lambda: lakescope.acknowledged(91), 20, lakescope.status.balance)
        configuration = lakescope.configuration
        instance = Instance(lakescope.url, configuration.settings)
        asked = answers(instance)
        letters = lakescope.engine.dead_letters.ids()
        replayed = list(instance.replay(letters))
        assert [collector["name"] for collector in instance.status()["collectors"]] == ["push"]
        assert lakescope.stop()
    (letter,) = replayed
    assert (letter["id"], letter["stored"]) == (letters[0], False)
    done, efficiency, deletions, checks = (rows for rows, _ in asked["kpis"])
    assert done[0]["value"] and efficiency and deletions and checks
    assert asked["transfer"]
    stores = Stores(configuration)
    assert answers(stores) == asked
    assert list(stores.replay(letters)) == replayed
    assert not list(stores.replay([]))


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (KpiText("transfers_dona"), "transfers_done"),
        (KpiText("transfers_done", ["colour"]), "colour"),
        (KpiText("transfers_done", since="yesterday"), "yesterday"),
        (KpiText("transfers_done", where=["dst_rse"]), "dst_rse"),
    ],
)
def test_both_say_what_was_expected_of_a_question(tmp_path: Path, question: KpiText, says: str) -> None:
    with Running(tmp_path, CONFIGURATION) as lakescope:
        configuration = lakescope.configuration
        with pytest.raises(RuntimeError, match=says):
            Instance(lakescope.url, configuration.settings).kpi(question, None)
    with pytest.raises(RuntimeError, match=says):
        Stores(configuration).kpi(question, None)


def test_whoever_runs_is_asked(tmp_path: Path) -> None:
    with Running(tmp_path, CONFIGURATION) as lakescope:
        configuration = lakescope.configuration
        data_dir = configuration.settings.data_dir
        with locked(data_dir), announced(data_dir, lakescope.url):
            assert isinstance(client_of(configuration), Instance)
            assert instance_of(configuration.settings).url == lakescope.url
    assert isinstance(client_of(configuration), Stores)
    with pytest.raises(RuntimeError, match="start one with `lakescope run`"):
        instance_of(configuration.settings)


def test_without_the_token_an_instance_tells_nothing(tmp_path: Path) -> None:
    with Running(tmp_path, CONFIGURATION) as lakescope:
        settings = lakescope.configuration.settings
        stranger = Instance(
            lakescope.url,
            settings.model_copy(update={"http": settings.http.model_copy(update={"token": None})}),
        )
        for ask in (stranger.status, lambda: next(stranger.tap([])), lambda: list(stranger.replay(["x"]))):
            with pytest.raises(RuntimeError, match="answered 401"):
                ask()
