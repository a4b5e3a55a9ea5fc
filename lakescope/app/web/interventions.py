"""Interventions over HTTP: written down, listed, corrected, removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Depends, HTTPException, Request, Response

from lakescope.app.interventions import Words
from lakescope.app.web.acts import answer, asks_name
from lakescope.app.web.viewing import Viewed
from lakescope.app.words import moment
from lakescope.core.contracts import RefusedError, TransientError

Text = Annotated[str | None, Body()]


def described(
    request: Request,
    text: Text = None,
    at: Text = None,
    until: Text = None,
    site: Text = None,
    rse: Text = None,
    vo: Text = None,
    by: Text = None,
) -> Words:
    """An intervention as a body has it."""
    return Words(text, at, until, site, rse, vo, _name(request, by))


Described = Annotated[Words, Depends(described)]


def router() -> APIRouter:
    """Below ``/api/annotations``; `by` counts only where nobody needs to log in, and with the token of `[http]`."""
    router = APIRouter(prefix="/api/annotations", tags=["annotations"])

    @router.get("")
    def annotations(view: Viewed, since: str = "7d", until: str = "0s") -> Response:
        """Those that begin or last in a range, the newest first. Times: ISO 8601, or so long ago (7d, 12h)."""
        return _answered(lambda: view.annotations(moment(since), moment(until)))

    @router.post("")
    def annotate(view: Viewed, words: Described) -> Response:
        """Writes down an intervention: what was changed, when, and where."""
        return _answered(lambda: view.annotate(words, datetime.now(UTC)))

    @router.post("/{id}/correct")
    def correct(view: Viewed, id: str, words: Described) -> Response:
        """Replaces what is given; the rest stays."""
        return _answered(lambda: view.correct_annotation(id, words, datetime.now(UTC)))

    @router.post("/{id}/remove")
    def remove(
        view: Viewed, request: Request, id: str, by: Annotated[str | None, Body(embed=True)] = None
    ) -> Response:
        """Shows it no more."""
        return _answered(lambda: view.remove_annotation(id, _name(request, by), datetime.now(UTC)))

    return router


def _answered(act: Callable[[], object]) -> Response:
    """What it gives, as JSON; its errors as `HTTPException`."""
    try:
        return answer(act())  # type: ignore[arg-type]  # an event or a list of documents: msgspec encodes both
    except KeyError as error:
        raise HTTPException(404, f"no annotation {str(error.args[0])[:40]!r}, or it was removed") from error
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    except (TransientError, RefusedError) as error:
        raise HTTPException(503, str(error)) from error


def _name(request: Request, by: str | None) -> str | None:
    viewer = request.state.viewer
    return by if asks_name(viewer) else viewer.name
