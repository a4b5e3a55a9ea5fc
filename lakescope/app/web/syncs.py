"""Synchronisations: the pages ``/syncs`` and ``/syncs/{name}`` with the last plan, and what people have done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, HTTPException, Response

from lakescope.app.sync import LatestPlan
from lakescope.app.sync_desk import BusyError, SyncDesk, Work
from lakescope.app.view import View
from lakescope.app.web.acts import answer
from lakescope.app.web.markup import html_of, icon, minute
from lakescope.app.web.pages import SECURITY
from lakescope.app.web.viewing import Viewed, damaged
from lakescope.core.events import SyncRun
from lakescope.core.printable import rfc3339
from lakescope.core.state_files import DamagedStateError
from lakescope.dashboards.pages import page
from lakescope.sync.plan import Change, summary, value_text

LINES_MAX = 500
"""Lines that a page shows; the API has all."""
_TITLES = {"accounts": "Accounts from INDIGO IAM", "rses": "RSEs from CRIC"}
_LEVELS = {"remove": "critical", "change": "warning", "invalid": "warning"}
_NONE = (
    "<p>No synchronisation is configured: <code>[sync.rucio]</code> names the Rucio, <code>[sync.accounts]</code> INDIGO IAM,"
    " <code>rses</code> of <code>[topology]</code> CRIC.</p>"
)


def router() -> APIRouter:
    """Pages and API."""
    router = APIRouter()
    router.include_router(_pages())
    router.include_router(_api())
    return router


def _pages() -> APIRouter:
    router = APIRouter(prefix="/syncs", include_in_schema=False)

    @router.get("")
    def index(view: Viewed) -> Response:
        desk = view.syncs
        items = "".join(_item(view, desk, name) for name in desk.names)
        content = f'<ul class="syncs">{items}</ul>' if items else _NONE
        return _response("dashboards/", content)

    @router.get("/{name}")
    def plan(view: Viewed, name: str) -> Response:
        desk = _desk(view, name)
        back = '<p><a href="../syncs">\N{LEFTWARDS ARROW} All synchronisations</a></p>'
        return _response("../dashboards/", back + _plan(name, desk.latest(name)))

    return router


def _api() -> APIRouter:
    router = APIRouter(prefix="/api/syncs", tags=["syncs"])

    @router.get("/{name}")
    def sync(view: Viewed, name: str) -> Response:
        """The last plan with all its lines, and what is being done about it, or was last."""
        desk = _desk(view, name)
        latest = desk.latest(name)
        document = (
            None
            if latest is None
            else latest.plan.document() | {"at": rfc3339(latest.at), "digest": latest.digest}
        )
        return answer({"plan": document, "work": _work(view, desk.work(name))})

    @router.post("/{name}/plan")
    def make_plan(view: Viewed, name: str) -> Response:
        """Begins to make the plan anew; nothing is changed in Rucio."""
        desk = _desk(view, name)
        return _start(view, lambda: desk.plan(name, view.viewer.name))

    @router.post("/{name}/apply")
    def apply(
        view: Viewed,
        name: str,
        digest: Annotated[str, Body()],
        max_changes: Annotated[int | None, Body(ge=0)] = None,
    ) -> Response:
        """Begins to apply the plan that was shown. `max_changes`: so many existing objects may be changed or removed."""
        desk = _desk(view, name)
        return _start(view, lambda: desk.apply(name, view.viewer.name or "the page", digest, max_changes))

    @router.post("/{name}/runs")
    def report_run(view: Viewed, name: str, run: Annotated[dict[str, Any], Body()]) -> Response:
        """Stores what became of a run that the command made: an event of the dataset `syncs`."""
        desk = _desk(view, name)
        try:
            event = msgspec.convert(run, SyncRun)
        except msgspec.ValidationError as error:
            raise HTTPException(422, str(error)) from error
        if event.sync != name:
            raise HTTPException(422, f"sync: expected {name!r}, found {event.sync!r}")
        desk.report([event])
        return answer({"id": event.id})

    return router


def _start(view: View, begin: Any) -> Response:
    try:
        return answer({"work": _work(view, begin())})
    except BusyError as error:
        raise HTTPException(409, str(error)) from error


def _desk(view: View, name: str) -> SyncDesk:
    """Raises `HTTPException` for a name that is none, `ForbiddenError` where people are shown."""
    if name not in view.syncs.names:
        raise HTTPException(404, f"no synchronisation {name[:40]!r} is configured")
    if name == "accounts":
        view.need_people("the plan of the accounts")
    return view.syncs


def _work(view: View, work: Work | None) -> dict[str, Any] | None:
    if work is None:
        return None
    fields: dict[str, Any] = msgspec.to_builtins(work)
    end = None if work.end is None else rfc3339(work.end)
    return fields | {"begin": rfc3339(work.begin), "end": end, "result": view.brief(work.result)}


# --- HTML ---------------------------------------------------------------------------------------------------------


def _response(to_dashboards: str, content: str) -> Response:
    html = page.html("sync", to_dashboards, f'<div class="report story">{content}</div>')
    return Response(html, 200, SECURITY | {"cache-control": "no-cache"}, media_type="text/html")


def _item(view: View, desk: SyncDesk, name: str) -> str:
    try:
        latest = desk.latest(name)
    except DamagedStateError as error:
        text = html_of(damaged(view, error))
        return f'<li>{_TITLES[name]} <span data-level="warning">{icon("warning")} {text}</span></li>'
    state = (
        "not planned yet" if latest is None else f"{_counts(latest.plan.counts())}, {_time(latest.at)} UTC"
    )
    return f'<li><a href="syncs/{name}">{_TITLES[name]}</a> <span class="muted">{html_of(state)}</span></li>'


def _plan(name: str, latest: LatestPlan | None) -> str:
    title = f"<h1>{_TITLES[name]}</h1>"
    digest = "" if latest is None or not latest.plan.actions() else latest.digest
    acts = (
        f'<section class="panel" id="acts" data-sync="{name}" data-digest="{digest}" aria-label="What to do">'
        f'<p id="work" role="status" class="small"></p></section>'
    )
    if latest is None:
        return f"{title}<p>No plan has been made yet.</p>{acts}"
    plan = latest.plan
    level = "warning" if plan.drift() else "good"
    verdict = (
        f'<p class="verdict" data-level="{level}">{icon(level)}<span>{html_of(summary(plan))}</span></p>'
    )
    facts = {"Planned": f"{_time(latest.at)} UTC", "Lines": _counts(plan.counts())}
    items = "".join(f"<dt>{key}</dt><dd>{html_of(value)}</dd>" for key, value in facts.items())
    return f'{title}{verdict}<section class="panel" aria-label="The plan"><dl>{items}</dl></section>{acts}{_lines(plan.changes)}'


def _lines(changes: Sequence[Change]) -> str:
    if not changes:
        return ""
    heads = ("what", "type", "object", "part", "in Rucio", "by the source", "note")
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(_row(one) for one in changes[:LINES_MAX])
    left = len(changes) - LINES_MAX
    more = (
        f'<p class="muted">{left} more are not listed here; the API and <code>--json</code> have all.</p>'
        if left > 0
        else ""
    )
    return (
        f'<section class="panel" aria-labelledby="h-lines"><h2 id="h-lines">Lines of the plan</h2>{more}'
        '<div class="scroll free" tabindex="0" role="region" aria-labelledby="h-lines">'
        f'<table class="events"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )


def _row(change: Change) -> str:
    level = _LEVELS.get(change.kind)
    mark = f' data-level="{level}"' if level else ""
    texts = (change.type, change.object, change.part, value_text(change.before), value_text(change.after))
    cells = "".join(f"<td>{html_of(text)}</td>" for text in texts)
    return (
        f'<tr><td class="state"{mark}>{icon(level)} {change.kind}</td>{cells}'
        f'<td class="wrap">{html_of(change.note)}</td></tr>'
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "no difference"


def _time(at: float) -> str:
    return minute(rfc3339(at))
