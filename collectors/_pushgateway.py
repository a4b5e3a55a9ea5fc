"""The Pushgateway's API: what its clients call, so that Rucio's probes need no other gateway.

    PUT    .../metrics/job/<job>/<label>/<value>...    replaces all metrics of that group
    POST   the same                                    replaces those of the same names
    DELETE the same                                    ends the group

A label's name may end in ``@base64``: its value is then base64 in the alphabet for URLs, with or without padding, and ``=`` is
the empty one (prometheus/pushgateway README, "API"). A client that can show no token by a header may have it in the path:
``.../token/<token>/metrics/job/...``.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable

import msgspec
from fastapi import APIRouter, HTTPException, Request, Response

from lakescope.core.messages import quote
from lakescope.core.tokens import in_path

FORMAT = "rucio_metrics"
GROUPS_MAX = 10_000
"""Groups that are alive at once. A label with a value of its own for each push would make them without end."""
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_PROTOBUF = "application/vnd.google.protobuf"

Take = Callable[[Request, dict[str, str], str | None], Awaitable[int]]
"""(request, headers for the format, token of the path) -> bytes that are safe on disk. Raises `HTTPException`."""


def add_routes(router: APIRouter, take: Take) -> None:
    """Adds the API's routes to an http collector's."""
    groups: set[str] = set()

    async def push(request: Request, rest: str, token: str | None = None) -> Response:
        """Takes a push of the Pushgateway's API; the path names its group."""
        if request.headers.get("content-type", "").startswith(_PROTOBUF):
            raise HTTPException(415, f"content-type {_PROTOBUF}: expected text (format 0.0.4 or OpenMetrics)")
        try:
            group = parse_group(rest)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        key = msgspec.json.encode(group, order="sorted").decode()
        if key not in groups and len(groups) >= GROUPS_MAX and request.method != "DELETE":
            text = "expected labels with few values, and a DELETE once a job is over"
            raise HTTPException(
                429, f"more than {GROUPS_MAX} groups are alive: {text}", {"retry-after": "300"}
            )
        size = await take(request, {"group": key, "push": request.method}, token)
        if request.method == "DELETE":
            groups.discard(key)
            return Response(status_code=202)
        groups.add(key)
        return Response(f"accepted {size} bytes\n", media_type="text/plain")

    for method in ("PUT", "POST", "DELETE"):
        for place, path in (("", "/metrics/{rest:path}"), ("_by_token", in_path("/metrics/{rest:path}"))):
            name = f"pushgateway_{method.lower()}{place}"
            router.add_api_route(path, push, methods=[method], operation_id=name)


def parse_group(path: str) -> dict[str, str]:
    """Label -> value, ``job`` first, of ``job/<job>/<label>/<value>...``. Raises `ValueError`."""
    parts = path.strip("/").split("/")
    names, values = parts[::2], parts[1::2]
    if len(names) != len(values) or names[0].removesuffix("@base64") != "job":
        raise ValueError(f"expected /metrics/job/<job>/<label>/<value>..., found /metrics/{quote(path)}")
    group: dict[str, str] = {}
    for name, value in zip(names, values, strict=True):
        label = name.removesuffix("@base64")
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{quote(name)}: expected a label of letters, digits and _")
        if label in group:
            raise ValueError(f"the label {label} is there twice")
        group[label] = value if name == label else _decoded(label, value)
    if not group["job"]:
        raise ValueError("the job is empty: expected a name")
    return group


def _decoded(label: str, value: str) -> str:
    try:
        return urlsafe_b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)).decode()
    except (binascii.Error, UnicodeError):
        raise ValueError(f"{label}@base64: expected base64 of UTF-8, found {quote(value)}") from None
