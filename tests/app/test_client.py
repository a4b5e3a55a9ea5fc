"""Whom commands ask: a running instance and the stores themselves answer alike."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from lakescope.app.client import (
    LETTERS_AT_ONCE,
    Client,
    Instance,
    KpiText,
    LetterFilter,
    SelectionText,
    SpanText,
    Stores,
    client_of,
    instance_of,
)
from lakescope.app.instance import announcement
from lakescope.app.lock import lock
from lakescope.app.reports import ReportText
from lakescope.core.events import Transfer
from lakescope.core.messages import Message, Reject
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.reports.writing import as_json
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
JUNK = LETTERS_AT_ONCE + 5
"""More dead letters than one request carries."""
REASON = "schema"
NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
FILE = next(
    f"{event.scope}:{event.name}"
    for event in events_of("hermes", hermes(60)).values()
    if isinstance(event, Transfer) and event.request_id == REQUEST
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
        "report": as_json(
            structs.replace(client.report(ReportText("weekly", "2026-W46"), None, NOW), computed="")
        ),
        "transfer": client.transfer(REQUEST, SpanText()),
        "explanations": [
            client.explain("did", FILE, span)
            for span in (SpanText(), SpanText("2026-01-01", "2026-11-23"), SpanText(until="2026-01-01"))
        ],
        "letters": [
            list(client.letters(client.letter_ids(LetterFilter(**chosen)), with_bodies=with_bodies))
            for chosen in ({}, {"reason": REASON}, {"sink": "store"}, {"ids": ["0", "z"]}, {"ids": []})
            for with_bodies in (True, False)
        ],
    }


def test_an_instance_and_its_stores_answer_alike(tmp_path: Path) -> None:
    with Running(tmp_path, CONFIGURATION) as lakescope:
        headers = {"content-type": "application/x-ndjson", "authorization": "Bearer a-long-token"}
        junk = [b'{"junk": %d}' % number for number in range(JUNK)]
        for format_, bodies in (("hermes", [*hermes(60), *junk]), ("push", scripts(30))):
            url = f"{lakescope.url}/push/{format_}"
            httpx.post(url, content=ndjson(bodies), headers=headers, trust_env=False).raise_for_status()
        until(lambda: lakescope.acknowledged(90 + JUNK), 20, lakescope.status.balance)
        configuration = lakescope.configuration
        instance = Instance(lakescope.url, configuration.settings)
        letters = lakescope.engine.dead_letters.ids()
        replayed = list(instance.replay(letters))
        asked = answers(instance)
        assert [collector["name"] for collector in instance.status()["collectors"]] == ["push"]
        assert lakescope.stop()
    assert [(letter["id"], letter["stored"]) for letter in replayed] == [(id_, False) for id_ in letters]
    assert len(asked["letters"][0]) == len(letters) == JUNK
    assert {letter.body for letter in asked["letters"][0]} == set(junk)
    assert {letter.body for letter in asked["letters"][1]} == {b""}
    assert [len(found) for found in asked["letters"][2::2]] == [JUNK, 0, sum(i[0] == "0" for i in letters), 0]
    done, efficiency, deletions, checks = (rows for rows, _ in asked["kpis"])
    assert done[0]["value"] and efficiency and deletions and checks
    assert asked["transfer"]
    assert [known["counts"]["files"] > 0 for known in asked["explanations"]] == [True, True, False]
    stores = Stores(configuration)
    assert answers(stores) == asked
    assert list(stores.replay(letters)) == replayed
    assert not list(stores.replay([]))
    assert stores.drop(letters[:3]) == 3 and stores.drop(letters[:4]) == 1
    assert stores.letter_ids(LetterFilter()) == letters[4:]


def test_an_instance_forgets_what_it_is_told_to(tmp_path: Path) -> None:
    with Running(tmp_path, CONFIGURATION) as lakescope:
        dead, collected = (
            lakescope.engine.dead_letters,
            [Message(b"%d" % number, "hermes", {}, 1.0) for number in range(JUNK)],
        )
        dead.add("push", None, [(message, [Reject("not_json", "$")]) for message in collected])
        instance = Instance(lakescope.url, lakescope.configuration.settings)
        ids = instance.letter_ids(LetterFilter())
        assert instance.drop([*ids[1:], "0" * 16]) == JUNK - 1
        assert dead.ids() == ids[:1] == instance.letter_ids(LetterFilter())
        assert instance.drop([]) == 0


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
        with lock(data_dir), announcement(data_dir, lakescope.url):
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
