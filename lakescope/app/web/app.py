"""What a running Lakescope answers by HTTP: status page, dashboards, health, metrics, API, push routes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException as StarletteHTTPException

from lakescope.app.assembly import Assembly
from lakescope.app.client import SpanText
from lakescope.app.explain import explain
from lakescope.app.listeners import Listener
from lakescope.app.pseudonyms import Pseudonyms
from lakescope.app.query import ask, describe
from lakescope.app.subject import Subject
from lakescope.app.trace import NOT_SEARCHABLE, story
from lakescope.app.view import TAPS_MAX, ForbiddenError, View
from lakescope.app.viewer import Viewer
from lakescope.app.web import (
    accounts,
    alerts,
    archive,
    dashboards,
    incidents,
    interventions,
    reports,
    runbooks,
    syncs,
    topology,
)
from lakescope.app.web.access import Gate
from lakescope.app.web.acts import asks_name
from lakescope.app.web.refusals import answer_refused, refuse
from lakescope.app.web.roles import check_role
from lakescope.app.web.viewing import Viewed, damaged, forbidden, view_of
from lakescope.app.words import parse
from lakescope.core.contracts import RefusedError, SearchableSink, TransientError
from lakescope.core.state_files import DamagedStateError
from lakescope.kpis import CATALOGUE
from lakescope.pipeline.dead_letters import Letter
from lakescope.sync.plan import SyncError

Part = Literal["http", "push", "metrics"]
"""Tables of the configuration that have an address."""
TAP_QUEUE = 100  # batches; a slow reader misses some rather than holding back the lake
LETTERS_MAX = 1000
LETTERS_BYTES = 64 * 2**20  # of bodies in one answer


def create_app(assembly: Assembly, local_secret: str = "", part: Part = "http") -> FastAPI:
    """The application over a running assembly, of the address of `part`; `local_secret` is the token of commands on this machine.

    That of ``http`` answers all that has no address of its own.
    """
    settings = assembly.configuration.settings
    listeners: dict[Part, Listener | None] = {
        "http": settings.http,
        "push": settings.push,
        "metrics": settings.metrics,
    }
    listener = listeners[part]
    assert listener is not None
    parts = {name for name, own in listeners.items() if name == part or (part == "http" and own is None)}
    app = FastAPI(
        title="Lakescope",
        version=version("lakescope"),
        description="Monitoring and telemetry pipeline for Rucio data lakes",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        dependencies=[Depends(check_role)],
    )
    pseudonyms = Pseudonyms(settings.data_dir, settings.privacy.service_accounts)
    app.state.view_for = partial(View, assembly, pseudonyms)
    routers = [_health()]
    if "metrics" in parts:
        routers.append(_metrics())
    if "http" in parts:
        rooms = (
            dashboards,
            incidents,
            alerts,
            interventions,
            reports,
            archive,
            runbooks,
            syncs,
            accounts,
            topology,
        )
        routers += [_api(), *(room.router() for room in rooms)]
    pushes: dict[str, bool] = {}
    if "push" in parts:
        for collector in assembly.collectors.values():
            router = getattr(collector, "router", None)
            if router is not None:
                routers.append(routes := router())
                pushes[routes.prefix] = getattr(collector.options, "asks_for_token", False)  # type: ignore[attr-defined]
    for routes in routers:
        app.include_router(routes)
    app.add_exception_handler(sqlite3.Error, _unusable_request)
    app.add_exception_handler(ForbiddenError, forbidden)
    app.add_exception_handler(StarletteHTTPException, answer_refused)
    app.add_exception_handler(DamagedStateError, _damaged_state)
    app.add_exception_handler(SyncError, _damaged_state)  # of the journal
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(UnicodeEncodeError, _unencodable_request)
    app.add_middleware(Gate, settings=settings, listener=listener, pushes=pushes, local_secret=local_secret)
    return app


def _invalid_request(request: Request, error: Exception) -> Response:
    """What was expected where, without what was found: that may be a secret, or be no JSON (1e999 is infinity)."""
    assert isinstance(error, RequestValidationError)
    problems = [{key: one[key] for key in ("type", "loc", "msg")} for one in error.errors()]
    return refuse(request, 422, problems)


def _unencodable_request(request: Request, error: Exception) -> Response:
    """JSON can write half of a character (``\\ud800``), which no store, file or answer can hold."""
    return refuse(request, 422, "a text has half of a character, a lone surrogate: expected whole ones")


def _damaged_state(request: Request, error: Exception) -> Response:
    return refuse(request, 503, damaged(view_of(request), error))


def _unusable_request(request: Request, error: Exception) -> Response:
    return refuse(request, 503, f"the dead letters cannot be used now: {error}")


def _health() -> APIRouter:
    router = APIRouter(tags=["health"])

    # health is answered on the event loop: threads may all be waiting for a store
    @router.get("/livez")
    async def livez() -> PlainTextResponse:
        """200 while the process answers."""
        return PlainTextResponse("ok\n")

    @router.get("/readyz", response_model=None)
    async def readyz(request: Request, view: Viewed) -> Response:
        """200 if every collector and sink works, else 503 with the reasons; one word for who shows no token."""
        reasons = view.reasons()
        if request.state.viewer is None:
            return PlainTextResponse("degraded\n" if reasons else "ready\n", 503 if reasons else 200)
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    return router


def _metrics() -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/metrics")
    def metrics(view: Viewed) -> Response:
        """Lakescope's own counters for Prometheus."""
        return Response(view.metrics(), media_type=CONTENT_TYPE_LATEST)

    return router


def _api() -> APIRouter:
    router = APIRouter(prefix="/api", tags=["api"])

    @router.get("/me")
    def me(request: Request) -> dict[str, Any]:
        """Who asks, and their rights. `name`: empty where nobody needs to log in; `vos`: null for all; `asks_name`: whether
        who acknowledges something must say who they are."""
        viewer: Viewer = request.state.viewer
        vos = None if viewer.vos is None else sorted(viewer.vos)
        rights = {"role": viewer.role.name.lower(), "vos": vos, "asks_name": asks_name(viewer)}
        return viewer._asdict() | rights

    @router.get("/status")
    def status(view: Viewed) -> Response:
        """Everything about collectors, sinks, background tasks, rates, lag, accounting and dead letters."""
        return Response(msgspec.json.encode(view.status()), media_type="application/json")

    @contextmanager
    def searched(view: View) -> Iterator[SearchableSink]:
        """The first store that can be searched; what it or the question lacks as an `HTTPException`."""
        store = view.searchable()
        if store is None:
            raise HTTPException(501, NOT_SEARCHABLE)
        try:
            yield store
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        except (RefusedError, TransientError) as error:
            raise HTTPException(503, str(error)) from error

    @router.get("/transfers/{request_id}")
    def transfer(
        view: Viewed, request_id: str, since: str | None = None, until: str | None = None
    ) -> list[dict[str, Any]]:
        """One transfer's events over all sources, in order of time. Times as of KPIs; without them all that is stored."""
        with searched(view) as store:
            return story(store, request_id, SpanText(since, until).parse())

    @router.get("/explain/{kind}")
    def explanation(
        view: Viewed, kind: str, id: str, since: str | None = None, until: str | None = None
    ) -> dict[str, Any]:
        """Why a rule is stuck, where a file is: what moved, what fails where, whose turn it is.

        `kind`: rule, did (SCOPE:NAME) or fts_job. Times as of KPIs; without them all that is stored.
        """
        with searched(view) as store:
            return explain(store, Subject.parse(kind, id), SpanText(since, until).parse())

    @router.get("/kpis")
    def kpis() -> list[dict[str, Any]]:
        """The catalogue: every number's meaning, unit, dimensions and bounds."""
        return [describe(kpi) for kpi in CATALOGUE.values()]

    @router.get("/kpis/{name}")
    def kpi(
        view: Viewed,
        name: str,
        by: list[str] = Query(default=[]),  # noqa: B008 - FastAPI's form
        where: list[str] = Query(default=[]),  # noqa: B008
        since: str = "7d",
        until: str = "0s",
        bin: str | None = None,
        noise: bool | None = None,
        store: str | None = None,
    ) -> dict[str, Any]:
        """A KPI's values. `where`: dimension=value or dimension!=value; times ISO 8601 or so long ago (7d, 12h, 30min)."""
        try:
            query = parse(name, by=by, since=since, until=until, bin=bin, filters=where, noise=noise)
            sink_name, sink = view.store(store)
            rows = ask(query, sink)
        except ValueError as error:
            raise HTTPException(404 if name not in CATALOGUE else 422, str(error)) from error
        except (RefusedError, TransientError) as error:
            raise HTTPException(503, str(error)) from error
        return {
            "kpi": describe(query.kpi),
            "store": sink_name,
            "bin_s": getattr(rows, "bin_s", query.bin_s),
            "notes": [*getattr(rows, "notes", ()), *_left_out(view, query.kpi.dataset)],
            "rows": rows,
        }

    @router.get("/tap")
    def tap(view: Viewed, datasets: list[str] = Query(default=[])) -> StreamingResponse:  # noqa: B008 - FastAPI's form
        """Events as they pass, as JSON lines without end; a reader that is too slow misses some."""
        if not view.has_free_tap:
            raise HTTPException(503, f"{TAPS_MAX} readers watch already: expected fewer at once")
        return StreamingResponse(_stream_events(view, frozenset(datasets)), media_type="application/jsonl")

    @router.get("/dead-letters")
    def dead_letters(
        view: Viewed,
        ids: list[str] | None = Query(default=None),  # noqa: B008 - FastAPI's form
        reason: str | None = None,
        collector: str | None = None,
        sink: str | None = None,
        limit: Annotated[int, Query(ge=1, le=LETTERS_MAX)] = 100,
        with_bodies: bool = True,
    ) -> Response:
        """Dead letters, oldest first; `ids`: or their first characters. Bodies are base64, and empty without the right
        `people`."""
        selection: list[Letter] = []
        size = 0
        for letter in view.dead_letters.letters(
            ids=ids,
            reason=reason,
            collector=collector,
            sink=sink,
            limit=limit,
            with_bodies=with_bodies and view.sees_bodies,
        ):
            size += len(letter.body)
            if selection and size > LETTERS_BYTES:
                text = f"{limit} letters exceed {LETTERS_BYTES} bytes: expected a limit of {len(selection)} at most"
                raise HTTPException(422, text)
            selection.append(letter)
        return Response(msgspec.json.encode(selection), media_type="application/json")

    @router.post("/dead-letters/ids")
    def letter_ids(
        view: Viewed,
        ids: Annotated[list[str] | None, Body()] = None,
        reason: Annotated[str | None, Body()] = None,
        collector: Annotated[str | None, Body()] = None,
        sink: Annotated[str | None, Body()] = None,
    ) -> list[str]:
        """The ids of the dead letters that match, oldest first; `ids`: or their first characters."""
        return view.dead_letters.ids(ids=ids, reason=reason, collector=collector, sink=sink)

    @router.post("/dead-letters/drop")
    def drop_letters(view: Viewed, ids: list[str]) -> int:
        """Forgets dead letters by their whole ids; how many there were."""
        return view.dead_letters.drop(ids)

    @router.post("/backup")
    def backup(view: Viewed, name: Annotated[str, Body(embed=True)]) -> str:
        """Copies what is kept on this disk into `backups/` of the data directory; the folder of the copy."""
        try:
            return view.back_up(name, datetime.now(UTC))
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        except (OSError, TransientError, RefusedError) as error:
            raise HTTPException(503, f"the backup could not be made: {error}") from error

    @router.post("/dead-letters/restore")
    def restore_letters(view: Viewed, name: Annotated[str, Body(embed=True)]) -> list[str]:
        """Takes back the dead letters of a file that they have moved to, and removes it; their ids."""
        try:
            return view.dead_letters.restore(name)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error

    @router.post("/dead-letters/replay")
    def replay_letters(view: Viewed, ids: list[str]) -> Response:
        """Tries dead letters again; a line of JSON each."""
        return Response(msgspec.json.encode(view.replay(ids)), media_type="application/json")

    return router


def _left_out(view: View, dataset: str) -> list[str]:
    right = view.missing_right(dataset)
    return [] if right is None else [f"of your VOs only: for all events you lack the right `{right}`"]


async def _stream_events(view: View, datasets: frozenset[str]) -> AsyncIterator[bytes]:
    """Ends, and is forgotten by the engine, when its reader has gone: the server then cancels the wait."""
    loop = asyncio.get_running_loop()
    batches: asyncio.Queue[list[bytes]] = asyncio.Queue(TAP_QUEUE)

    def put(documents: list[bytes]) -> None:
        if not batches.full():
            batches.put_nowait(documents)

    def take(documents: list[bytes]) -> None:
        with suppress(RuntimeError):  # the server has stopped
            loop.call_soon_threadsafe(put, documents)

    heads = tuple(f'{{"dataset":"{name}"'.encode() for name in datasets)
    with view.tap(take):
        while True:
            documents = await batches.get()
            matches = [document for document in documents if not heads or document.startswith(heads)]
            if matches:
                yield b"\n".join([*matches, b""])
