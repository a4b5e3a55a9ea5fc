"""Users of an INDIGO IAM: no IAM, but a real SCIM server (scim2-server, from PyPI) with IAM's extension, and a token endpoint."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

import httpx

from ._process import HOST, Server, free_port, http_status

_PROGRAM = Path(__file__).with_name("_iam_server.py")
_INDIGO = "urn:indigo-dc:scim:schemas:IndigoUser"
_ADMIN_TOKEN = "admin-of-the-test"


class Iam(Server):
    """`url` is its address; `client_id` and `client_secret` get a token for the scope scim:read. Its users stay in memory."""

    name: ClassVar[str] = "iam"
    client_id: ClassVar[str] = "lakescope"
    client_secret: ClassVar[str] = "iam-secret"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.issuer = f"{self.url}/"

    def add(
        self, user_name: str, *, email: str | None = None, groups: tuple[str, ...] = (), **indigo: Any
    ) -> str:
        """A new user; returns the id. `indigo`: attributes of IAM's extension, e.g. certificates=["CN=Jane"]."""
        answer = self._ask("POST", "", _user(user_name, email or f"{user_name}@example.org", groups, indigo))
        return str(answer["id"])

    def change(self, id_: str, **values: Any) -> None:
        """Other values of a user's attributes; those of IAM's extension in `indigo`."""
        user = self.get(id_)
        if "groups" in values:
            values["groups"] = _groups(values["groups"])
        if "indigo" in values:
            user[_INDIGO] = user.get(_INDIGO, {}) | _indigo(values.pop("indigo"))
            user["schemas"] = sorted({*user["schemas"], _INDIGO})
        self._ask("PUT", f"/{id_}", user | values)

    def get(self, id_: str) -> dict[str, Any]:
        """A user, as JSON."""
        answer: dict[str, Any] = self._ask("GET", f"/{id_}")
        return answer

    def users(self) -> list[str]:
        """Ids of all users."""
        return [str(one["id"]) for one in self._ask("GET", "?count=100")["Resources"]]

    def clear(self) -> None:
        """No user and no fault is left."""
        self.spoil()
        for user in self.users():
            self.remove(user)

    def remove(self, id_: str) -> None:
        """A user leaves."""
        self._ask("DELETE", f"/{id_}")

    def spoil(self, fault: str = "", raw: dict[str, str] | None = None) -> None:
        """Makes answers faulty, as `_iam_server.py` names it, or users: id -> the text instead of theirs."""
        answer = httpx.put(f"{self.url}/test", json={"fault": fault, "raw": raw or {}}, trust_env=False)
        answer.raise_for_status()

    def command(self) -> list[str]:
        return [sys.executable, "-P", str(_PROGRAM), str(self.port)]

    def is_ready(self) -> bool:
        return http_status(self.port, "/.well-known/openid-configuration") == 200

    def _ask(self, method: str, path: str, document: Any = None) -> Any:
        answer = httpx.request(
            method,
            f"{self.url}/scim/Users{path}",
            json=document,
            headers={"authorization": f"Bearer {_ADMIN_TOKEN}", "content-type": "application/scim+json"},
            trust_env=False,
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


def _user(user_name: str, email: str, groups: tuple[str, ...], indigo: dict[str, Any]) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", _INDIGO],
        "userName": user_name,
        "active": True,
        "emails": [{"value": email, "primary": True}],
        "groups": _groups(groups),
        _INDIGO: _indigo(indigo),
    }


def _groups(paths: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"display": path, "value": path} for path in paths]


def _indigo(values: dict[str, Any]) -> dict[str, Any]:
    if "certificates" in values:
        values = values | {"certificates": [{"subjectDn": subject} for subject in values["certificates"]]}
    return values
