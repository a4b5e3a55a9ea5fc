"""This is not Grafana: a stand-in for four routes of its HTTP API, by the reference's words ("Dashboard API", "Folder
API"). It keeps what it is sent, checks the token, gives each dashboard an id and counts its version up.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lakescope.dashboards.grafana.extension import Json

TOKEN = "glsa_a-token-that-must-not-be-shown"


class GrafanaApi(ThreadingHTTPServer):
    """The server and what it keeps."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, Json] = {}
        self.provisioned: set[str] = set()
        self.requests: list[str] = []
        self.failures: list[tuple[int, str]] = []
        """Statuses and bodies of the next answers."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def grafana_api() -> Iterator[GrafanaApi]:
    """A running server with nothing in it."""
    server = GrafanaApi()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: GrafanaApi

    def do_GET(self) -> None:
        if not self._admitted():
            return
        kind, _, uid = self.path.rpartition("/")
        if kind == "/api/folders" and uid in self.server.folders:
            self._answer(200, {"uid": uid, "title": self.server.folders[uid]})
        elif kind == "/api/dashboards/uid" and uid in self.server.dashboards:
            self._answer(200, self.server.dashboards[uid])
        else:
            self._answer(404, {"message": "not found"})

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body: Json = json.loads(self.rfile.read(length))
        if not self._admitted():
            return
        if self.path == "/api/folders":
            self.server.folders[body["uid"]] = body["title"]
            self._answer(200, body)
        elif self.path == "/api/dashboards/db":
            self._keep(body)
        else:
            self._answer(404, {"message": "not found"})

    def _keep(self, body: Json) -> None:
        document = body["dashboard"]
        uid = document["uid"]
        if body["folderUid"] not in self.server.folders:
            self._answer(400, {"message": "folder not found", "status": "not-found"})
            return
        found = self.server.dashboards.get(uid)
        if found is not None and not body.get("overwrite"):
            self._answer(412, {"message": "The dashboard has been changed", "status": "version-mismatch"})
            return
        version = found["dashboard"]["version"] + 1 if found else 1
        number = len(self.server.dashboards) + 1 if found is None else found["dashboard"]["id"]
        self.server.dashboards[uid] = {
            "dashboard": document | {"id": number, "version": version},
            "meta": {"folderUid": body["folderUid"], "provisioned": uid in self.server.provisioned},
        }
        self._answer(200, {"uid": uid, "id": number, "version": version, "status": "success"})

    def _admitted(self) -> bool:
        self.server.requests.append(f"{self.command} {self.path}")
        if self.server.failures:
            status, text = self.server.failures.pop(0)
            self._answer(status, text)
            return False
        if self.headers["authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {"message": "Invalid API key"})
            return False
        return True

    def _answer(self, status: int, body: Any) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""
