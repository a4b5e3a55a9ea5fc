"""Dashboards into a Grafana, by its HTTP API: only what differs is sent, so that a repeat does nothing.

Grafana's HTTP API reference: "Dashboard API" (GET /api/dashboards/uid/:uid, POST /api/dashboards/db) and "Folder API"
(GET and POST /api/folders). The token is of a service account that may edit the folder.
"""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, Self

import httpx
from msgspec import Struct
from pydantic import SecretStr
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from lakescope.core.http import http_client
from lakescope.core.options import Tls
from lakescope.dashboards.grafana import DashboardDocument
from lakescope.dashboards.grafana.extension import Json

ATTEMPTS = 5
FOLDER_UID = "lakescope"
FOLDER_TITLE = "Lakescope"
_GRAFANAS_OWN = ("id", "version")
"""What Grafana adds to a dashboard that it keeps."""


class GrafanaError(RuntimeError):
    """Grafana refused, or gave no answer; the text says what and, where known, the remedy."""


class _BusyError(GrafanaError):
    """To be tried again: too many requests, a fault of the server, or no connection."""


class PushResult(Struct, frozen=True):
    """What became of one dashboard."""

    uid: str
    change: Literal["created", "changed", "unchanged"]
    difference: str
    """From what Grafana has to what it gets, as a unified diff; empty where nothing changed."""


class Grafana:
    """One organisation of a Grafana; a context manager."""

    def __init__(
        self,
        url: str,
        token: SecretStr,
        *,
        tls: Tls | None = None,
        timeout_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`sleep` waits between attempts."""
        self.url = url.rstrip("/")
        self._client = http_client(
            self.url, tls=tls, timeout_s=timeout_s, token=token, headers={"accept": "application/json"}
        )
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def push(
        self,
        documents: Iterable[DashboardDocument],
        *,
        folder: str = FOLDER_UID,
        title: str = FOLDER_TITLE,
        dry_run: bool = False,
    ) -> Iterator[PushResult]:
        """Makes the folder (its uid and, if it is new, its title) and the dashboards what they should be.

        `dry_run` only tells. Raises `GrafanaError`.
        """
        self._folder(folder, title, dry_run)
        for one in documents:
            yield self._dashboard(one.document, folder, dry_run)

    def _folder(self, uid: str, title: str, dry_run: bool) -> None:
        if self._ask("GET", f"/api/folders/{uid}", missing=True) is None and not dry_run:
            self._ask("POST", "/api/folders", {"uid": uid, "title": title})

    def _dashboard(self, document: Json, folder: str, dry_run: bool) -> PushResult:
        uid = document["uid"]
        existing_document = self._ask("GET", f"/api/dashboards/uid/{uid}", missing=True)
        kept_names: list[str] = []
        if existing_document is not None:
            meta = existing_document["meta"]
            if meta.get("provisioned"):
                raise GrafanaError(
                    f"{self.url}: {uid} is provisioned from a file and cannot be pushed: "
                    "take it out of Grafana's provisioning, or change the file"
                )
            kept_names = _lines(existing_document["dashboard"], meta.get("folderUid", ""))
        new_lines = _lines(document, folder)
        difference = "".join(difflib.unified_diff(kept_names, new_lines, f"{self.url}/d/{uid}", uid))
        if not difference:
            return PushResult(uid, "unchanged", "")
        if not dry_run:
            body = {"dashboard": document | {"id": None}, "folderUid": folder, "overwrite": True}
            self._ask("POST", "/api/dashboards/db", body | {"message": "lakescope dashboards push"})
        return PushResult(uid, "created" if existing_document is None else "changed", difference)

    def _ask(self, method: str, path: str, body: Json | None = None, *, missing: bool = False) -> Any:
        """The answer; null where there is none (404) and that is no fault. Tries again what may pass."""
        attempts = Retrying(
            retry=retry_if_exception_type(_BusyError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(max=30),
            reraise=True,
            sleep=self._sleep,
        )
        return attempts(self._once, method, path, body, missing)

    def _once(self, method: str, path: str, body: Json | None, missing: bool) -> Any:
        try:
            response = self._client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise _BusyError(f"{self.url}: {type(error).__name__}: {error}") from error
        status = response.status_code
        if status == 404 and missing:
            return None
        if status < 300:
            return self._json(response)
        text = f"{self.url} answered {status} to {method} {path}: {response.text[:300].strip()}"
        if status == 429 or status >= 500:
            raise _BusyError(text)
        if status in (401, 403):
            raise GrafanaError(f"{text}; give the token of a service account that may edit dashboards")
        raise GrafanaError(text)

    def _json(self, response: httpx.Response) -> Any:
        """A redirect to a login page, or a proxy's own page, is no answer."""
        try:
            return response.json()
        except ValueError as error:
            raise GrafanaError(
                f"{self.url}: expected JSON, found {response.text[:80]!r}; is this Grafana's address?"
            ) from error


def _lines(document: Json, folder: str) -> list[str]:
    """A dashboard and its folder as text that can be compared."""
    own_fields = {key: value for key, value in document.items() if key not in _GRAFANAS_OWN}
    text = json.dumps({"folder": folder, **own_fields}, indent=2, sort_keys=True, ensure_ascii=False)
    return [f"{line}\n" for line in text.splitlines()]
