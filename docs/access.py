"""Who gets what of a running Lakescope: every route of an instance is asked as everybody, and the answers make the table.

tests/app/test_matrix.py asks the same routes as the same people over stored events of several VOs.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import httpx
from fastapi import FastAPI

from lakescope.app.assembly import Assembly
from lakescope.app.config import parse
from lakescope.app.web.app import create_app
from lakescope.app.web.server import Server
from lakescope.app.web.viewing import view_of
from lakescope.dashboards.pages import page

VO = "escape"
"""Whose readers ask."""


class Asker(NamedTuple):
    """Somebody with a token, or without one."""

    title: str
    rights: Mapping[str, Any] | None
    """As `[access.tokens.NAME]` has them; null: no token."""

    @property
    def token(self) -> str:
        """Only ever used on the loopback of one process."""
        return f"the token of {self.title}"

    @property
    def headers(self) -> dict[str, str]:
        """What a script sends."""
        return {} if self.rights is None else {"authorization": f"Bearer {self.token}"}

    @property
    def is_bound(self) -> bool:
        """Whether they see some VOs only."""
        return self.rights is not None and "vos" in self.rights


ASKERS = (
    Asker("nobody", None),
    Asker("reader of a VO", {"vos": [VO]}),
    Asker("with `shared`", {"vos": [VO], "shared": True}),
    Asker("operator of a VO", {"role": "operator", "vos": [VO], "shared": True}),
    Asker("reader of all VOs", {"all_vos": True}),
    Asker("operator", {"role": "operator", "all_vos": True}),
    Asker("admin", {"role": "admin", "all_vos": True, "people": True}),
)

BODIES: dict[str, Any] = {
    "/api/dead-letters/ids": {},
    "/api/dead-letters/drop": [],
    "/api/dead-letters/replay": [],
    "/api/dead-letters/restore": {"name": "none"},
    "/api/backup": {"name": "../none"},
    "/api/annotations": {},
    "/api/syncs/{name}/plan": {},
    "/api/syncs/{name}/apply": {"digest": "none"},
    "/api/syncs/{name}/runs": {},
    "/push/{format}": {},
}
"""Of routes that take one; acknowledgements and silences take any."""
PARAMETERS = {"kind": "rule", "vo": "all", "period": "2026-W01", "revision": "1", "name": "report.json"}
"""Names in paths -> values that are no names of anything else."""


def configuration(more: str = "") -> str:
    """With a token for each of `ASKERS`, a push route and a store."""
    tokens = [
        f"[access.tokens.asker{number}]\n"
        f'sha256 = "{hashlib.sha256(asker.token.encode()).hexdigest()}"\n'
        + "".join(f"{name} = {json.dumps(value)}\n" for name, value in asker.rights.items())
        for number, asker in enumerate(ASKERS)
        if asker.rights is not None
    ]
    return "".join([*tokens, '[collectors.push]\ntype = "http"\n[sinks.duck]\ntype = "duckdb"\n', more])


class Place(NamedTuple):
    """A method on a route."""

    method: str
    path: str
    has_view: bool
    """Whether it answers from what its viewer sees; else it is the same for everybody."""


def places(app: FastAPI) -> list[Place]:
    """All of an application, in the order of their paths."""
    found = [
        Place(method, route.path, _has_view(route))
        for route in _flat(app.routes)
        for method in getattr(route, "methods", None) or ()
        if method != "HEAD"
    ]
    return sorted(found, key=lambda one: (one.path, one.method))


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    """Those of included routers, too, which FastAPI keeps apart."""
    for route in routes:
        if (router := getattr(route, "original_router", None)) is not None:
            yield from _flat(router.routes)
        else:
            yield route


def _has_view(route: Any) -> bool:
    dependant = getattr(route, "dependant", None)
    return dependant is not None and any(one.call is view_of for one in dependant.dependencies)


def status(
    client: httpx.Client, asker: Asker, place: Place, values: Mapping[str, str] = PARAMETERS, query: str = ""
) -> int:
    """Of the answer, which may have no end."""
    path = re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], "none"), place.path)
    body = None if place.method == "GET" else json.dumps(BODIES.get(place.path, {"by": "somebody"}))
    headers = asker.headers | {"content-type": "application/json"}
    with client.stream(place.method, f"{path}?{query}", headers=headers, content=body) as answer:
        return answer.status_code


_QUICK = "week=none&day=none"
"""No report can be made of that."""


def table() -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows: what each may ask of an instance."""
    rows = []
    with _instance() as (app, client):
        for place in places(app):
            cells = [_cell(asker, place, status(client, asker, place, query=_QUICK)) for asker in ASKERS]
            rows.append((f"`{place.method} {place.path}`", *cells))
    return ("route", *(asker.title for asker in ASKERS)), rows


def _cell(asker: Asker, place: Place, code: int) -> str:
    if code in (401, 403):
        return ""
    return "own VOs" if asker.is_bound and place.has_view else "yes"


@contextmanager
def _instance() -> Iterator[tuple[FastAPI, httpx.Client]]:
    """An empty one, which takes nothing in."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        text = f'data_dir = "{Path(folder)}"\n[alerts]\nevaluate = false\n{configuration()}'
        assembly = Assembly(parse(text))
        stack.enter_context(patch.object(page, "vega", str))  # which takes seconds to make
        app = create_app(assembly)
        server = Server(app, "127.0.0.1", 0)
        server.start()
        try:
            with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
                yield app, client
        finally:
            server.stop()
            for sink in assembly.sinks.values():
                sink.close()
            assembly.engine.dead_letters.close()
