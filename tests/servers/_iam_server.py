"""No INDIGO IAM: a SCIM server from PyPI (scim2-server) with IAM's extension, its paths and a token endpoint, for one client.

`python _iam_server.py PORT` serves on loopback: `/token` (grant client_credentials), `/.well-known/openid-configuration`,
`/scim/Users` with pages of 100 users at most, and PUT `/test`, which makes it faulty: {"fault": NAME, "raw": {id: JSON text}}.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from scim2_models import ResourceType, Schema, ScimProvider, UnauthorizedException
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.memory import InMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.service import ScimService
from scim2_server.utils import load_default_service_provider_config, load_json_resource

CLIENT, SECRET = "lakescope", "iam-secret"
ADMIN_TOKEN = "admin-of-the-test"
INDIGO = "urn:indigo-dc:scim:schemas:IndigoUser"
Answer = tuple[str, str, bytes]
HTML = b"<!DOCTYPE html><html><body>Sign in with your account</body></html>"


def attribute(
    name: str, type_: str = "string", *, many: bool = False, parts: Iterable[str] = ()
) -> dict[str, Any]:
    """An attribute's definition (RFC 7643, section 7)."""
    definition = {
        "name": name,
        "type": "complex" if parts else type_,
        "multiValued": many,
        "required": False,
        "mutability": "readWrite",
        "returned": "default",
        "caseExact": True,
        "uniqueness": "none",
    }
    return definition | ({"subAttributes": [attribute(part) for part in parts]} if parts else {})


def provider() -> ScimProvider:
    """RFC 7643's schemas with IAM's extension of users, whose groups can be set as well."""
    schemas = load_json_resource("default-schemas.json")
    user = next(one for one in schemas if one["id"].endswith("core:2.0:User"))
    groups = next(one for one in user["attributes"] if one["name"] == "groups")
    for one in (groups, *groups["subAttributes"]):
        one["mutability"] = "readWrite"
    extension = {
        "id": INDIGO,
        "name": "IndigoUser",
        "description": "IAM's extension (indigo-iam/iam, ScimIndigoUser)",
        "attributes": [
            attribute("oidcIds", many=True, parts=("issuer", "subject")),
            attribute("certificates", many=True, parts=("subjectDn", "issuerDn", "display")),
            attribute("sshKeys", many=True, parts=("display", "value")),
            attribute("samlIds", many=True, parts=("idpId", "userId")),
            attribute("endTime", "dateTime"),
        ],
    }
    types = load_json_resource("default-resource-types.json")
    types[0]["schemaExtensions"] = [{"schema": INDIGO, "required": False}]
    return ScimProvider.from_discovery(
        [Schema.model_validate(one) for one in (*schemas, extension)],
        [ResourceType.model_validate(one) for one in types],
        config=load_default_service_provider_config(),
    )


class Scim(WSGIApplication):
    """Users, for those who have a token."""

    tokens: set[str]

    def check_auth(self, request: ScimRequest) -> None:
        """Bearer tokens (RFC 6750)."""
        if (request.header("Authorization") or "").removeprefix("Bearer ") not in self.tokens:
            raise UnauthorizedException


class Server:
    """All of it, as a WSGI application."""

    def __init__(self, port: int) -> None:
        described = provider()
        self.issuer = f"http://127.0.0.1:{port}/"
        self.scim = Scim(InMemoryStorage(), described, ScimService(described, secret="x" * 32))
        self.scim.tokens = {ADMIN_TOKEN}
        self.fault = ""
        self.raw: dict[str, str] = {}
        self.requests = 0
        self.issued = 0

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        status, kind, body = self.answer(environ)
        start(status, [("content-type", kind), ("content-length", str(len(body)))])
        return [body]

    def answer(self, environ: dict[str, Any]) -> Answer:
        path = environ["PATH_INFO"]
        match path:
            case "/test":
                wanted = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
                self.fault, self.raw = wanted["fault"], wanted["raw"]
                if self.fault == "tokens expire":
                    self.scim.tokens = {ADMIN_TOKEN}
                return to_json({})
            case "/.well-known/openid-configuration":
                return to_json({"issuer": self.issuer, "token_endpoint": f"{self.issuer}token"})
            case "/token":
                return self.token(environ)
        is_admin = environ.get("HTTP_AUTHORIZATION") == f"Bearer {ADMIN_TOKEN}"
        if not is_admin and self.fault == "html":
            return "200 OK", "text/html; charset=utf-8", HTML
        if not is_admin and self.fault == "html as json":
            return "200 OK", "application/scim+json", HTML
        if not is_admin and self.fault.isdigit():
            return f"{self.fault} Refused", "application/json", b'{"error":"insufficient_scope"}'
        if self.fault == "repeat" and not is_admin:
            environ["QUERY_STRING"] = "startIndex=1&count=2"
        answer = self.ask_scim(environ, path)
        return (
            answer if is_admin or answer[0] != "200 OK" else self.spoil(path, environ["QUERY_STRING"], answer)
        )

    def token(self, environ: dict[str, Any]) -> Answer:
        login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        form = parse_qs(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
        if environ.get("HTTP_AUTHORIZATION") != f"Basic {login}":
            return "401 Unauthorized", "application/json", b'{"error":"invalid_client"}'
        if (
            form.get("grant_type") != ["client_credentials"]
            or "scim:read" not in form.get("scope", [""])[0].split()
        ):
            return "400 Bad Request", "application/json", b'{"error":"invalid_scope"}'
        self.issued += 1
        token = f"token-{self.issued}"
        self.scim.tokens.add(token)
        return to_json({"access_token": token, "token_type": "Bearer", "expires_in": 3599})

    def ask_scim(self, environ: dict[str, Any], path: str) -> Answer:
        status, headers = "", dict[str, str]()

        def start(line: str, pairs: list[tuple[str, str]], _: Any = None, /) -> Any:
            nonlocal status
            status = line
            headers.update({name.lower(): value for name, value in pairs})

        if "count=" in environ["QUERY_STRING"]:
            query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
            limit = 100 if self.fault != "short pages" else 2
            query["count"] = str(min(int(query["count"]), limit))
            environ["QUERY_STRING"] = "&".join(f"{name}={value}" for name, value in query.items())
        body = b"".join(self.scim({**environ, "PATH_INFO": path.removeprefix("/scim")}, start))
        return status, headers.get("content-type", "application/scim+json"), body

    def spoil(self, path: str, query: str, answer: Answer) -> Answer:
        """What a user of the interface gets."""
        status, kind, body = answer
        page = json.loads(body)
        if "totalResults" not in page:
            return answer
        resources = page.get("Resources", [])
        total = page["totalResults"]
        match self.fault:
            case "itemsPerPage 0":
                page["itemsPerPage"] = 0
            case "no itemsPerPage":
                page.pop("itemsPerPage", None)
            case "total too large":
                page["totalResults"] = total + 5
            case "total too small":
                page["totalResults"] = 1
            case "growing":
                self.requests += 1
                page["totalResults"] = total + self.requests
            case "half":
                page["totalResults"] = total // 2
                first = int(parse_qs(query)["startIndex"][0])
                resources = resources[: max(0, total // 2 - first + 1)]
            case "half a JSON":
                return status, kind, body[: len(body) // 2]
        texts = [self.raw.get(one.get("id", ""), json.dumps(one)) for one in resources]
        page["Resources"] = "@"
        text = json.dumps(page).replace('"@"', f"[{', '.join(texts)}]")
        return status, kind, text.encode()


def to_json(document: Any) -> Answer:
    """An answer."""
    return "200 OK", "application/json", json.dumps(document).encode()


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """A thread a request."""

    daemon_threads = True
    request_queue_size = 64


class Quiet(WSGIRequestHandler):
    """Keeps no log of requests."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


if __name__ == "__main__":
    port = int(sys.argv[1])
    with make_server(
        "127.0.0.1", port, Server(port), server_class=ThreadingServer, handler_class=Quiet
    ) as server:
        server.serve_forever()
