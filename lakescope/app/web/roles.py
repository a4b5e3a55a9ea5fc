"""Which role a request needs: the one place that says so.

Whoever may look may send every request that changes nothing. One that changes something, and is not in `CHANGES`, is
refused to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fastapi import HTTPException, Request

from lakescope.app.viewer import Role, Viewer

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods of requests that change nothing (RFC 9110, 9.2.1)."""
CHANGES: Mapping[str, Role] = MappingProxyType(
    {
        "POST /api/alerts/{id}/acknowledge": Role.OPERATOR,
        "POST /api/alerts/{id}/silence": Role.OPERATOR,
        "POST /api/alerts/{id}/silence/end": Role.OPERATOR,
        "POST /api/incidents/{id}/acknowledge": Role.OPERATOR,
        "POST /api/incidents/{id}/silence": Role.OPERATOR,
        "POST /api/incidents/{id}/silence/end": Role.OPERATOR,
        "POST /api/annotations": Role.OPERATOR,
        "POST /api/annotations/{id}/correct": Role.OPERATOR,
        "POST /api/annotations/{id}/remove": Role.OPERATOR,
        "POST /api/dead-letters/ids": Role.READER,  # a question: ids may be more than an address can hold
        "POST /api/dead-letters/drop": Role.OPERATOR,
        "POST /api/dead-letters/replay": Role.OPERATOR,
        "POST /api/dead-letters/restore": Role.ADMIN,
        "POST /api/backup": Role.ADMIN,
        "POST /api/syncs/{name}/plan": Role.OPERATOR,
        "POST /api/syncs/{name}/apply": Role.ADMIN,
        "POST /api/syncs/{name}/runs": Role.ADMIN,
    }
)
"""Method and path of each route with another method than `SAFE`, but for push routes: these have `PUSH`."""
PUSH = Role.ADMIN
"""Of a push route without a token that its collector knows: senders have tokens of their own."""


async def check_role(request: Request) -> None:
    """A dependency of every route. Raises `HTTPException` (403) where the viewer's role is not enough."""
    if request.method in SAFE or request.state.is_push:
        return
    place = f"{request.method} {request.scope['route'].path}"
    if place not in CHANGES:
        raise HTTPException(403, f"{place}: no role may do that")
    demand_role(request.state.viewer, CHANGES[place])


def demand_role(viewer: Viewer | None, role: Role) -> None:
    """Raises `HTTPException` (403) where a viewer's role is not enough."""
    if viewer is None or viewer.role < role:
        role_name = "nobody" if viewer is None else viewer.role.name.lower()
        raise HTTPException(403, f"expected the role {role.name.lower()}, found {role_name}")
