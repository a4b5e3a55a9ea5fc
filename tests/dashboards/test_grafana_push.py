"""Pushing to a Grafana, against the stand-in of tests/dashboards/_grafana_api.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.grafana import DashboardDocument, build
from lakescope.dashboards.grafana.push import ATTEMPTS, Grafana, GrafanaError, PushResult
from tests.dashboards._grafana_api import TOKEN, GrafanaApi, grafana_api

LAKE = build(DASHBOARDS["lake"], "opensearch")
FTS = build(DASHBOARDS["fts"], "opensearch")


@pytest.fixture
def api() -> Iterator[GrafanaApi]:
    with grafana_api() as server:
        yield server


def _push(
    api: GrafanaApi,
    *built: DashboardDocument,
    token: str = TOKEN,
    dry_run: bool = False,
    waits: list[float] | None = None,
) -> list[PushResult]:
    waited: list[float] = [] if waits is None else waits
    with Grafana(api.url, SecretStr(token), sleep=waited.append) as grafana:
        return list(grafana.push(built, dry_run=dry_run))


def test_makes_folder_and_dashboards(api: GrafanaApi) -> None:
    pushed = _push(api, LAKE, FTS)
    assert [(one.uid, one.change) for one in pushed] == [
        ("lakescope-lake", "created"),
        ("lakescope-fts", "created"),
    ]
    assert api.folders == {"lakescope": "Lakescope"}
    kept = api.dashboards["lakescope-lake"]
    assert kept["meta"]["folderUid"] == "lakescope"
    assert {
        key: value for key, value in kept["dashboard"].items() if key not in ("id", "version")
    } == LAKE.document


def test_a_repeat_sends_nothing(api: GrafanaApi) -> None:
    _push(api, LAKE, FTS)
    before = len(api.requests)
    assert {one.change for one in _push(api, LAKE, FTS)} == {"unchanged"}
    assert all(request.startswith("GET") for request in api.requests[before:])
    assert api.dashboards["lakescope-lake"]["dashboard"]["version"] == 1


def test_sends_what_differs(api: GrafanaApi) -> None:
    _push(api, LAKE, FTS)
    api.dashboards["lakescope-lake"]["dashboard"]["title"] = "by hand"
    lake, fts = _push(api, LAKE, FTS)
    assert (lake.change, fts.change) == ("changed", "unchanged")
    assert '-  "title": "by hand"' in lake.difference
    assert f'+  "title": "{LAKE.document["title"]}"' in lake.difference
    assert api.dashboards["lakescope-lake"]["dashboard"]["title"] == LAKE.document["title"]


def test_a_dashboard_in_another_folder_is_moved(api: GrafanaApi) -> None:
    _push(api, LAKE)
    api.dashboards["lakescope-lake"]["meta"]["folderUid"] = "elsewhere"
    (lake,) = _push(api, LAKE)
    assert lake.change == "changed"
    assert '-  "folder": "elsewhere"' in lake.difference
    assert api.dashboards["lakescope-lake"]["meta"]["folderUid"] == "lakescope"


def test_a_dry_run_tells_and_changes_nothing(api: GrafanaApi) -> None:
    (lake,) = _push(api, LAKE, dry_run=True)
    assert lake.change == "created"
    assert lake.difference.count("\n+") > 100
    assert not api.folders
    assert not api.dashboards


@pytest.mark.parametrize("status", [429, 500, 503])
def test_tries_again_what_may_pass(api: GrafanaApi, status: int) -> None:
    api.failures = [(status, "busy")] * (ATTEMPTS - 1)
    waits: list[float] = []
    (lake,) = _push(api, LAKE, waits=waits)
    assert lake.change == "created"
    assert len(waits) == ATTEMPTS - 1
    assert waits == sorted(waits)


def test_gives_up_in_the_end(api: GrafanaApi) -> None:
    api.failures = [(503, "down for maintenance")] * ATTEMPTS
    with pytest.raises(GrafanaError, match="503 to GET /api/folders/lakescope: down for maintenance"):
        _push(api, LAKE)


def test_no_connection(api: GrafanaApi) -> None:
    api.server_close()
    waits: list[float] = []
    with pytest.raises(GrafanaError, match="ConnectError"):
        _push(api, LAKE, waits=waits)
    assert len(waits) == ATTEMPTS - 1


def test_a_wrong_token_is_told_and_not_shown(api: GrafanaApi) -> None:
    with pytest.raises(GrafanaError, match=r"401.*a service account that may edit") as caught:
        _push(api, LAKE, token="glsa_wrong")
    assert "glsa_wrong" not in str(caught.value)
    assert len(api.requests) == 1


def test_a_provisioned_dashboard_is_left_alone(api: GrafanaApi) -> None:
    api.provisioned.add("lakescope-lake")
    _push(api, LAKE)
    with pytest.raises(GrafanaError, match="lakescope-lake is provisioned from a file"):
        _push(api, LAKE)


def test_another_page_is_no_answer(api: GrafanaApi) -> None:
    api.failures = [(200, "<!doctype html><title>Sign in</title>")]
    with pytest.raises(GrafanaError, match="is this Grafana's address"):
        _push(api, LAKE)


def test_a_refusal_is_told(api: GrafanaApi) -> None:
    api.failures = [(404, "{}"), (400, '{"message": "bad folder"}')]
    with pytest.raises(GrafanaError, match=r'400 to POST /api/folders: ."message": "bad folder".'):
        _push(api, LAKE)
