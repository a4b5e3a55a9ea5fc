"""How a route gets what it may answer with: a `View` of the instance, bound to whoever asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response

from lakescope.app.view import View
from lakescope.app.viewer import NOBODY
from lakescope.app.web.refusals import refuse
from lakescope.app.web.server import RARELY


def view_of(request: Request) -> View:
    """Of the viewer that the gate has let in; of what is open to all, of one who sees nothing."""
    view: View = request.app.state.view_for(request.state.viewer or NOBODY)
    return view


Viewed = Annotated[View, Depends(view_of)]


def damaged(view: View, error: Exception) -> str:
    """A sentence about a file of state that cannot be read; the log has where it is."""
    RARELY.warn("state_damaged", f"error={error}")
    return f"{view.brief(str(error))} (names of files: in the data directory, which the log names)"


def forbidden(request: Request, error: Exception) -> Response:
    """A `ForbiddenError` as an answer."""
    remedy = "An administrator of Lakescope can give you the right: docs/how-to/access.md."
    return refuse(request, 403, str(error), remedy=remedy)
