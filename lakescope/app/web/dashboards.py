"""The one front end: the status page, the dashboards' pages, ``/dashboards/...``, and their data, ``/api/dashboards/...``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response

from lakescope.app.query import answer_dashboard, ask_many, can_answer
from lakescope.app.view import View
from lakescope.app.web.incidents import notes_of, places_of, span_of
from lakescope.app.web.pages import FOR_EVER, cached_response, http_errors
from lakescope.app.web.viewing import Viewed
from lakescope.app.words import parse_selection
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.model import Dashboard, Panel, Variable
from lakescope.dashboards.pages import page
from lakescope.dashboards.pages.incident import marked, noted
from lakescope.dashboards.pages.pictures import Answer, Picture, is_empty, layout
from lakescope.dashboards.questions import Selection
from lakescope.dashboards.theme import THEMES
from lakescope.kpis import CATALOGUE, Kpi, UnsupportedError
from lakescope.kpis import Query as KpiQuery
from lakescope.kpis.model import UNKNOWN, EventsQuery, Part

VALUES_MAX = 2000  # of a variable, in its menu

Text = Annotated[str | None, Query()]


def router() -> APIRouter:
    """Pages and data over a running assembly's stores."""
    router = APIRouter()
    router.include_router(_shared_assets())
    router.include_router(_pages())
    router.include_router(_api())
    return router


def _shared_assets() -> APIRouter:
    """The status page, and the look of all pages, the login's too."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def status(request: Request) -> Response:
        return cached_response(request, page.file("status.html"), "text/html")

    @router.get("/look.css")
    @router.get("/status.css")
    def style(request: Request) -> Response:
        return cached_response(request, page.file(request.url.path.rpartition("/")[2]), "text/css")

    @router.get("/look.js")
    @router.get("/status.js")
    def script(request: Request) -> Response:
        return cached_response(request, page.file(request.url.path.rpartition("/")[2]), "text/javascript")

    return router


def _pages() -> APIRouter:
    router = APIRouter(prefix="/dashboards", include_in_schema=False)

    @router.get("/")
    def index(request: Request) -> Response:
        return cached_response(request, page.html("index"), "text/html")

    @router.get("/page.js")
    @router.get("/acts.js")
    @router.get("/incidents.js")
    @router.get("/alerts.js")
    @router.get("/syncs.js")
    @router.get("/accounts.js")
    def script(request: Request) -> Response:
        return cached_response(request, page.file(request.url.path.rpartition("/")[2]), "text/javascript")

    @router.get("/page.css")
    def style(request: Request) -> Response:
        return cached_response(request, page.file("page.css"), "text/css")

    @router.get("/vega.js")
    def charts(request: Request, v: str = "") -> Response:
        current = page.VEGA.endswith(f"v={v}")
        return cached_response(request, page.vega(), "text/javascript", FOR_EVER if current else "no-cache")

    @router.get("/transfer/{request_id}")
    def story(request: Request, request_id: str) -> Response:
        return cached_response(request, page.html("story", "../"), "text/html")

    @router.get("/explain/{kind}")
    def explanation(request: Request, kind: str) -> Response:
        return cached_response(request, page.html("explanation", "../"), "text/html")

    @router.get("/{name}")
    def dashboard(request: Request, name: str) -> Response:
        status = 200 if name in DASHBOARDS else 404
        return cached_response(request, page.html("dashboard"), "text/html", status=status)

    return router


def _api() -> APIRouter:
    router = APIRouter(prefix="/api/dashboards", tags=["dashboards"])

    def find(view: View, name: str) -> Dashboard:
        if name not in view.dashboards:
            raise HTTPException(404, f"no dashboard {name!r}; there are {', '.join(view.dashboards)}")
        return view.dashboards[name]

    @router.get("")
    def dashboards(view: Viewed) -> list[dict[str, Any]]:
        """All dashboards: name, title, the question that each answers, variables."""
        return [
            {key: value for key, value in layout(one).items() if key != "rows"}
            for one in view.dashboards.values()
        ]

    @router.get("/{name}")
    def dashboard(view: Viewed, name: str) -> dict[str, Any]:
        """A dashboard's rows and panels, without data."""
        return layout(find(view, name))

    @router.get("/{name}/data")
    def data(
        request: Request,
        view: Viewed,
        name: str,
        since: Text = None,
        until: str = "0s",
        bin: Text = None,
        noise: bool | None = None,
        store: Text = None,
        group: Text = None,
        theme: Literal["css", "light", "dark"] = "css",
    ) -> Response:
        """All panels with their values, and a Vega-Lite spec where a panel is a chart; `refused` says why not.

        Times: ISO 8601 in UTC, or so long ago (7d, 12h, 30min). ``var.<variable>=<value>``, repeatable, narrows, as does
        ``filter=<dimension>=<value>`` (or ``!=``); ``ignored`` of a panel names what does not narrow it. `group`: the
        dimension by which its series are grouped. `lacks` of a panel: the right without which events are left out of it.
        """
        one = find(view, name)
        try:
            selection = _selection(one, request, since, until, bin, noise, group)
            sink_name, sink = view.store(store)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        with http_errors(sink_name):
            answer = answer_dashboard(one, selection, sink, sink_name)
        book, begin = view.incidents, selection.since.timestamp()
        spans = [span_of(record) for record in book.incidents(begin)] if book else []
        notes = notes_of(view, selection, places_of(one, selection))
        pictures = [
            _limited(noted(marked(picture, spans), notes), panel, view)
            for picture, panel in zip(answer.pictures, one.panels, strict=True)
        ]
        panels = [picture | page.chart(picture, THEMES[theme]) for picture in pictures]
        document = answer.document() | {"panels": panels, "stores": _queryable_sinks(view.types)}
        return Response(msgspec.json.encode(document), media_type="application/json")

    @router.get("/{name}/values")
    def values(
        request: Request,
        view: Viewed,
        name: str,
        since: Text = None,
        until: str = "0s",
        store: Text = None,
        of: Text = None,
    ) -> dict[str, list[str]]:
        """What can be chosen for each variable, or for the dimension `of`: the values that occur in the range, sorted;
        empty: none."""
        one = find(view, name)
        try:
            selection = _selection(one, request, since, until)
            sink_name, sink = view.store(store)
            variables = one.variables if of is None else (_of_dimension(one, of),)
            questions: list[KpiQuery | EventsQuery] = [
                KpiQuery(
                    kpi=_count_kpi(variable),
                    since=selection.since,
                    until=selection.until,
                    by=(variable.dimension,),
                )
                for variable in variables
            ]
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        with http_errors(sink_name):
            answers = ask_many(questions, sink)
        return {v.name: _distinct_values(v, answer) for v, answer in zip(variables, answers, strict=True)}

    return router


def _limited(picture: Picture, panel: Panel, view: View) -> Picture:
    """A panel that says which right its viewer lacks for all that it counts."""
    datasets = [CATALOGUE[number.kpi].dataset for number in panel.numbers]
    if panel.listing:
        datasets.append(panel.listing.dataset)
    rights = {view.missing_right(name) for name in datasets} - {None}
    if not rights:
        return picture
    if "shared" not in rights:
        return picture | {"lacks": "all_vos"}
    remarks = [] if "refused" in picture or is_empty(picture) else ["Left out: what needs the right `shared`"]
    return picture | {"lacks": "shared", "remarks": [*picture["remarks"], *remarks]}


def _selection(
    dashboard: Dashboard,
    request: Request,
    since: str | None,
    until: str,
    bin_: str | None = None,
    noise: bool | None = None,
    group: str | None = None,
) -> Selection:
    """What was chosen. Raises `ValueError` saying what was expected."""
    variables = [
        f"{key.removeprefix('var.')}={value}"
        for key, value in request.query_params.multi_items()
        if key.startswith("var.")
    ]
    return parse_selection(
        dashboard,
        since=since,
        until=until,
        bin=bin_,
        noise=noise,
        variables=variables,
        group=group,
        filters=request.query_params.getlist("filter"),
    )


def _queryable_sinks(types: Mapping[str, str]) -> list[str]:
    """The stores that one can ask."""
    return [name for name, kind in types.items() if can_answer(kind)]


def _of_dimension(dashboard: Dashboard, name: str) -> Variable:
    """A dimension of one of the dashboard's numbers. Raises `ValueError`."""
    for panel in dashboard.panels:
        for number in panel.numbers:
            kpi = CATALOGUE[number.kpi]
            if name in kpi.dimensions:
                return Variable(name=name, label=name, dimension=name, dataset=kpi.dataset)
    raise ValueError(f"{dashboard.name} has no number with a dimension {name[:60]!r}")


def _count_kpi(variable: Variable) -> Kpi:
    """The cheapest KPI whose groups are the variable's values."""
    candidates = [
        kpi
        for kpi in CATALOGUE.values()
        if kpi.dataset == variable.dataset and variable.dimension in kpi.dimensions
    ]
    return min(candidates, key=lambda kpi: not (isinstance(kpi.value, Part) and kpi.value.kind == "count"))


def _distinct_values(variable: Variable, answer: Answer) -> list[str]:
    if isinstance(answer, UnsupportedError):
        return []
    values = (row[variable.dimension] for row in answer)
    return sorted({UNKNOWN if value is None else str(value) for value in values})[:VALUES_MAX]
