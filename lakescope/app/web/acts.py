"""What people do with an incident or an alert over HTTP: acknowledge it, silence it, end a silence."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from fastapi import APIRouter, Body, HTTPException, Request, Response

from lakescope.alerts.model import Acknowledgement, Silence
from lakescope.app.access import HTTP_TOKEN
from lakescope.app.view import View
from lakescope.app.viewer import Viewer
from lakescope.app.web.viewing import Viewed
from lakescope.kpis.model import DAY

NAME_MAX, TEXT_MAX = 100, 1000
"""Characters of a name; of a note or a reason."""
SILENCE_MAX_S = 30 * DAY

Text = Annotated[str, Body()]
T_co = TypeVar("T_co", covariant=True)


class Acts(Protocol[T_co]):
    """Whoever keeps what people do. Both raise `KeyError` for an unknown id."""

    def acknowledge(self, id: str, acknowledgement: Acknowledgement, /) -> T_co: ...

    def silence(self, id: str, silence: Silence | None, /) -> T_co:
        """Null ends it."""


def add_acts(
    router: APIRouter,
    acts: Callable[[View], Acts[T_co]],
    document: Callable[[T_co, float], dict[str, Any]],
    unknown: Callable[[str], HTTPException],
) -> None:
    """Routes below ``/{id}``; they answer with the `document` of what was changed, as of a time (POSIX seconds)."""

    def changed(view: View, id: str, change: Callable[[Acts[T_co]], T_co]) -> Response:
        try:
            return answer(document(change(acts(view)), time.time()))
        except KeyError as error:
            raise unknown(id) from error

    @router.post("/{id}/acknowledge")
    def acknowledge(
        view: Viewed,
        request: Request,
        id: str,
        by: Text = "",
        note: Text = "",
        false_alarm: Annotated[bool, Body()] = False,
    ) -> Response:
        """Somebody works on it: who, and what they know; or it is a false alarm. It is not escalated any more.

        `by` counts only where nobody needs to log in, and with the token of `[http]`.
        """
        one = Acknowledgement(
            by=_name(request, by),
            at=time.time(),
            note=_text("note", note, empty=True),
            false_alarm=false_alarm,
        )
        return changed(view, id, lambda acts: acts.acknowledge(id, one))

    @router.post("/{id}/silence")
    def silence(
        view: Viewed, request: Request, id: str, by: Text = "", reason: Text = "", until: Text = ""
    ) -> Response:
        """Nobody is notified of it until a time (ISO 8601, UTC unless it says otherwise), for a reason."""
        one = Silence(by=_name(request, by), reason=_text("reason", reason), until=_until(until, time.time()))
        return changed(view, id, lambda acts: acts.silence(id, one))

    @router.post("/{id}/silence/end")
    def end_silence(view: Viewed, id: str) -> Response:
        """Notifies of it again."""
        return changed(view, id, lambda acts: acts.silence(id, None))


def asks_name(viewer: Viewer) -> bool:
    """Whether nobody knows who somebody is: no login is needed, or it was the one token of `[http]`."""
    return viewer.name in ("", HTTP_TOKEN)


def answer(content: Sequence[Any] | Mapping[str, Any]) -> Response:
    """Plain data as JSON."""
    return Response(msgspec.json.encode(content), media_type="application/json")


def _name(request: Request, by: str) -> str:
    """Who has logged in; where nobody needs to, or by a token that several have, who they say they are."""
    viewer: Viewer = request.state.viewer
    return _text("by", by, NAME_MAX) if asks_name(viewer) else viewer.name


def _text(name: str, value: str, limit: int = TEXT_MAX, *, empty: bool = False) -> str:
    """The text without its edges. Raises `HTTPException` for one that is missing, too long or not printable."""
    text = value.strip()
    if not text and not empty:
        raise HTTPException(422, f"{name} is missing: expected 1 to {limit} characters")
    if len(text) > limit:
        raise HTTPException(422, f"{name} has {len(text)} characters: expected {limit} at most")
    if not all(one.isprintable() or one in "\n\t" for one in text):
        raise HTTPException(422, f"{name} has a control character: expected printable text")
    return text


def _until(text: str, now: float) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HTTPException(
            422, f"until is {text[:40]!r}: expected a time such as 2026-01-05T12:00Z"
        ) from None
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not now < at <= now + SILENCE_MAX_S:
        days = SILENCE_MAX_S // DAY
        raise HTTPException(422, f"until is {text[:40]}: expected a time within the next {days} days")
    return at
