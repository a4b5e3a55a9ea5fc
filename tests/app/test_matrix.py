"""Every route as everybody, over a lake of two VOs: no answer has a text of a VO that is not the viewer's.

The routes are those of the application, the people those of docs/reference/access.md. Texts are planted (`_planted`), and
whoever may see all must get each of them, so that a route that answers nothing proves nothing.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from unittest.mock import patch
from urllib.parse import parse_qsl, quote

import httpx
import pytest

from docs.access import ASKERS, BODIES, Asker, Place, places
from lakescope.app.web import viewing
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.pages import page
from lakescope.kpis import CATALOGUE
from tests.app._planted import LAKE, OTHER, OWN, REQUESTS, RULES, UNKNOWN, Planted
from tests.e2e._lakescope import until

HIDDEN: dict[str, tuple[str, ...]] = {
    "nobody": (OWN, OTHER, UNKNOWN, LAKE),
    "reader of a VO": (OTHER, UNKNOWN, LAKE),
    "with `shared`": (OTHER, UNKNOWN),
    "operator of a VO": (OTHER, UNKNOWN),
    "reader of all VOs": (),
    "operator": (),
    "admin": (),
}
"""What nobody else's answers may hold."""
THOROUGH = ("reader of a VO", "with `shared`")
"""Who asks for every KPI and dashboard; the others for some."""
SHOWN: dict[str, tuple[str, ...]] = {
    "GET /api/kpis/{name}": (OWN, OTHER, UNKNOWN, LAKE),
    "GET /api/dashboards/{name}/data": (OWN, OTHER, UNKNOWN, LAKE),
    "GET /api/dashboards/{name}/values": (OWN, OTHER, UNKNOWN, LAKE),
    "GET /api/transfers/{request_id}": (OWN, OTHER, UNKNOWN),
    "GET /api/explain/{kind}": (OWN, OTHER, UNKNOWN),
    "GET /api/tap": (OWN, OTHER, UNKNOWN, LAKE),
    "GET /api/dead-letters": (OTHER,),
    "GET /api/status": (OWN, OTHER, UNKNOWN),
    "GET /api/incidents": (OWN, OTHER, UNKNOWN),
    "GET /api/incidents/{id}": (OWN, OTHER, UNKNOWN),
    "GET /api/alerts": (OWN, OTHER),
    "GET /api/alerts/{name}": (OWN, OTHER),
    "GET /api/reports/weekly": (OWN, OTHER, UNKNOWN),
    "GET /reports/{kind}/{vo}/{period}/{revision}/{name}": (OWN, OTHER, UNKNOWN),
    "GET /accounts": (OWN, OTHER, UNKNOWN),
    "GET /metrics": (OTHER,),
    "GET /readyz": (OTHER,),
}
"""Where an admin must find which texts: else what is tested elsewhere would be nothing."""
OWN_SHOWN = {
    "GET /api/kpis/{name}",
    "GET /api/dashboards/{name}/data",
    "GET /api/dashboards/{name}/values",
    "GET /api/transfers/{request_id}",
    "GET /api/explain/{kind}",
    "GET /api/tap",
    "GET /api/incidents",
    "GET /api/incidents/{id}",
    "GET /api/alerts",
    "GET /api/alerts/{name}",
    "GET /api/reports/weekly",
}
"""Where a reader of a VO must find theirs."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    no_charts = patch.object(page, "vega", str)  # whose library takes seconds to make
    with Planted(tmp_path_factory.mktemp("planted")) as running, no_charts:
        running.plant()
        yield running


@pytest.fixture(scope="module")
def answers(lake: Planted) -> dict[tuple[str, str], list[tuple[int, str, str]]]:
    """Who and which route -> status, address and text of each answer."""
    found: dict[tuple[str, str], list[tuple[int, str, str]]] = defaultdict(list)
    with httpx.Client(base_url=lake.url, trust_env=False, timeout=60) as client:
        for asker in ASKERS:
            for place in places(lake._app):
                for address in _addresses(lake, place, thorough=asker.title in THOROUGH):
                    found[asker.title, f"{place.method} {place.path}"].append(
                        _ask(lake, client, asker, place, address)
                    )
    return dict(found)


def test_the_matrix_is_of_everybody_in_the_documentation() -> None:
    assert [asker.title for asker in ASKERS] == list(HIDDEN)


def test_no_answer_has_what_is_not_the_viewers(
    answers: dict[tuple[str, str], list[tuple[int, str, str]]],
) -> None:
    leaks = [
        f"{who}: {place}: {mark} in {text[max(0, text.index(mark) - 60) : text.index(mark) + 60]!r} ({address})"
        for (who, place), of_route in answers.items()
        for _, address, text in of_route
        for mark in HIDDEN[who]
        if mark in text
    ]
    assert not leaks, "\n".join(leaks[:20])


def test_nobody_without_the_right_learns_who_it_was(
    answers: dict[tuple[str, str], list[tuple[int, str, str]]],
) -> None:
    named, pseudonymous = set(), set()
    for (who, place), of_route in answers.items():
        for _, address, text in of_route:
            if any(f"{mark}-{field}" in text for mark in REQUESTS for field in ("account", "user")):
                named.add(who)
                assert who == "admin", (who, place, address)
            if "person-" in text:
                pseudonymous.add(who)
    assert named == {"admin"}
    assert pseudonymous == {asker.title for asker in ASKERS} - {"nobody", "admin"}


def test_who_may_see_them_gets_them(answers: dict[tuple[str, str], list[tuple[int, str, str]]]) -> None:
    for place, marks in SHOWN.items():
        text = "".join(one for _, _, one in answers["admin", place])
        assert [mark for mark in marks if mark in text] == list(marks), place
    for place in OWN_SHOWN:
        assert any(OWN in text for _, _, text in answers["reader of a VO", place]), place
        assert place != "GET /api/kpis/{name}" or any(
            LAKE in text for _, _, text in answers["with `shared`", place]
        )


def test_nothing_fails(answers: dict[tuple[str, str], list[tuple[int, str, str]]]) -> None:
    """An answer that is an error shows nothing, and would prove nothing."""
    failed = [
        (who, place, code, text[:200])
        for (who, place), of_route in answers.items()
        for code, _, text in of_route
        if code >= 500 and place != "GET /readyz"
    ]
    assert not failed, failed[:5]


def test_every_route_that_answers_from_the_instance_does_so_by_the_view(lake: Planted) -> None:
    """The others are files, the catalogue, what describes the API, and the routes of collectors, which take."""
    plain = {place.path for place in places(lake._app) if not place.has_view}
    kinds = r"/(livez|look\.(css|js)|status\.(css|js)|alerts(/\{key\})?|incidents(/\{id\})?|runbooks|dashboards/.*)?"
    assert {path for path in plain if not re.fullmatch(kinds, path) and not path.startswith("/push/")} == {
        "/api/kpis",
        "/api/me",
        "/api/openapi.json",
    }
    assert viewing.view_of.__module__ == "lakescope.app.web.viewing"


def _addresses(lake: Planted, place: Place, *, thorough: bool) -> list[str]:
    """Path and query of what is asked of a route."""
    values = _values(lake, place.path)
    names = re.findall(r"\{(\w+)(?::path)?\}", place.path)
    missing = [name for name in names if name not in values]
    assert not missing, f"{place.path}: add values of {missing} to `_values`"
    addresses = []
    for chosen in product(*(values[name] for name in names)):
        filled = dict(zip(names, chosen, strict=True))
        path = re.sub(
            r"\{(\w+)(?::path)?\}", lambda match, filled=filled: quote(filled[match[1]], safe=""), place.path
        )  # type: ignore[misc]
        addresses += [f"{path}?{query}" for query in _queries(place.path, filled)]
    if not thorough and place.path.startswith("/api/reports"):  # which take the most time
        return addresses[:1]
    return addresses if thorough or len(addresses) < 10 else addresses[:: len(addresses) // 5]


def _values(lake: Planted, path: str) -> dict[str, list[str]]:
    """Name in a path -> what is put there."""
    assert lake.assembly.incidents is not None and lake.assembly.rounds is not None
    incidents = [one.id for one in lake.assembly.incidents.incidents(0)]
    alerts = [one.key for one in lake.assembly.rounds.alerts()]
    names: list[str]
    if path.startswith("/api/kpis"):
        names = list(CATALOGUE)
    elif "dashboards" in path:
        names = list(DASHBOARDS)
    elif path.startswith("/reports"):
        names = ["report.json", "report.html"]
    elif "/syncs" in path:
        names = ["accounts", "rses"]
    else:
        names = ["failing", "transfer_efficiency_lake"]
    entries = [one.name for one in sorted((lake.data_dir / "reports/weekly/all").iterdir())]
    return {
        "name": names,
        "id": alerts if "/alerts" in path else incidents,
        "key": alerts,
        "request_id": list(REQUESTS.values()),
        "kind": ["weekly"] if path.startswith("/reports") else ["rule", "did", "fts_job"],
        "vo": [one.name for one in sorted((lake.data_dir / "reports/weekly").iterdir())],
        "period": entries,
        "revision": ["1"],
        "format": ["script"],
        "rest": ["job/none"],
        "token": ["none"],
    }


def _queries(path: str, filled: dict[str, str]) -> list[str]:
    span = "since=9d"
    if path == "/api/kpis/{name}":
        dimensions = CATALOGUE[filled["name"]].dimensions
        return [f"{span}&{'&'.join(f'by={name}' for name in dimensions)}"]
    if path == "/api/dashboards/{name}/data":
        return [span, *([f"{span}&filter=vo%3D{OTHER}.example"] if filled["name"] == "transfers" else [])]
    if path == "/api/dashboards/{name}/values":
        return [span, *([f"{span}&of=vo", f"{span}&of=account"] if filled["name"] == "transfers" else [])]
    if path == "/api/explain/{kind}":
        values = {"rule": RULES.values(), "did": [f"{mark}-scope:{mark}-name" for mark in REQUESTS]}
        return [f"id={quote(value)}" for value in values.get(filled["kind"], ["the-job-of-all"])]
    if path == "/api/reports/site":
        return [f"site={mark}-dst_site" for mark in REQUESTS]
    if path in ("/api/reports/weekly", "/api/reports/daily"):
        return ["", f"vo={OTHER}.example"]
    return [""]


def _ask(
    lake: Planted, client: httpx.Client, asker: Asker, place: Place, address: str
) -> tuple[int, str, str]:
    if place.path == "/api/tap" and asker.rights is not None:
        return _tap(lake, client, asker, address)
    lake.fail()
    body = None
    if place.method != "GET":
        assert place.path in BODIES or re.search(r"\{id\}|/push/", place.path), (
            f"add a body of {place.path} to BODIES"
        )
        body = json.dumps(
            BODIES.get(place.path, {"by": "me", "reason": "test", "until": "2020-01-01T00:00Z"})
        )
    headers = asker.headers | {"content-type": "application/json"}
    answer = client.request(place.method, address, headers=headers, content=body)
    return answer.status_code, address, f"{_without(answer.text, address)} {dict(answer.headers)}"


def _without(text: str, address: str) -> str:
    """What the address itself says is nothing that is learnt."""
    for _, value in parse_qsl(address.partition("?")[2]):
        text = text.replace(value.rpartition("=")[2], "what was asked for")
    return text


def _tap(lake: Planted, client: httpx.Client, asker: Asker, address: str) -> tuple[int, str, str]:
    """All planted events pass while somebody watches, and one that everybody sees is the last."""
    lines = []
    until(lambda: not lake.engine.taps, 10)
    with client.stream("GET", address, headers=asker.headers) as answer:
        until(lambda: lake.engine.taps, 10)
        for tap in list(lake.engine.taps):
            tap([*lake.documents, b'{"dataset":"transfers","id":"end","vo":"escape"}'])
        for line in answer.iter_lines():
            lines.append(line)
            if '"end"' in line:
                break
        assert len(lines) > 1
    return 200, address, "\n".join(lines)
