"""`lakescope sync accounts` for 5,000 users: the plan of an empty Rucio, and of one that agrees but for 50 of them.

Rucio is the real one, four processes of gunicorn on this machine: most of the time is its own.
IAM answers from memory, at once, what a SCIM server would say. The plan is made in a process of its own, whose memory and CPU
seconds are shown.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks._curl import curl_s
from lakescope.core.rucio import RucioServer
from lakescope.sync.accounts.mapping import Mapped, map_users
from lakescope.sync.accounts.options import AccountsOptions
from lakescope.sync.accounts.planning import make_plan
from lakescope.sync.accounts.scim import Iam
from lakescope.sync.accounts.target import AccountsTarget
from lakescope.sync.apply import apply
from lakescope.sync.journal import Journal
from lakescope.sync.rucio import Rucio
from tests.servers.rucio import Rucio as RucioOfTheShelf

USERS = 5_000
LIMIT_S, LIMIT_MB = 20, 300
_LOGIN = {"url": "", "account": "root", "username": "ddmlab", "password": "secret"}


def user(number: int) -> dict[str, Any]:
    """One of IAM's users: two certificates, three groups, an account at another identity provider."""
    name = f"user{number:05}"
    return {
        "id": f"{number:08x}-90ab-4cde-8f01-234567890abc",
        "userName": name,
        "name": {"formatted": f"Jane Number {number}", "familyName": "Number", "givenName": "Jane"},
        "active": True,
        "emails": [{"type": "work", "value": f"{name}@example.org", "primary": True}],
        "groups": [
            {"display": f"escape/{one}", "value": one} for one in ("all", f"g{number % 40}", f"h{number % 7}")
        ],
        "urn:indigo-dc:scim:schemas:IndigoUser": {
            "oidcIds": [{"issuer": "https://idp.example.org", "subject": f"subject-{number}"}],
            "certificates": [
                {
                    "subjectDn": f"CN=Jane Number {number} {one},OU=People,O=Example\\, Inc,DC=org",
                    "issuerDn": "CN=CA",
                }
                for one in ("a", "b")
            ],
            "aupSignatureTime": "2026-01-01T00:00:00.000+01:00",
        },
    }


@contextmanager
def iam() -> Iterator[str]:
    """IAM's address."""
    users = [json.dumps(user(number)) for number in range(USERS)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self._answer('{"access_token": "t", "expires_in": 3600}')

        def do_GET(self) -> None:
            query = {name: int(values[0]) for name, values in parse_qs(urlsplit(self.path).query).items()}
            if not query:
                self._answer(json.dumps({"issuer": f"http://{self.headers['host']}/"}))
                return
            page = users[query["startIndex"] - 1 :][: query["count"]]
            self._answer(f'{{"totalResults": {USERS}, "Resources": [{", ".join(page)}]}}')

        def _answer(self, text: str) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/scim+json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def options(url: str) -> AccountsOptions:
    return AccountsOptions.model_validate({"url": url, "client_id": "x", "client_secret": "y"})


def fill(rucio: RucioOfTheShelf, mapped: Mapped) -> None:
    """What an applied plan leaves, by SQL; 50 users have lost a certificate since."""

    def insert(table: str, columns: str, rows: list[tuple[str, ...]]) -> None:
        for start in range(0, len(rows), 500):  # as much as a command line takes
            values = ", ".join(
                f"({', '.join(map(repr, row))}, now(), now())" for row in rows[start : start + 500]
            )
            rucio.query(f"insert into {table} ({columns}, created_at, updated_at) values {values}")

    profiles = mapped.profiles.values()
    identities = [(one, kind, p.name, p.email) for p in profiles for one, kind in p.identities.items()]
    insert(
        "accounts",
        "account, account_type, status, email",
        [(p.name, "USER", "ACTIVE", p.email) for p in profiles],
    )
    insert(
        "account_attr_map",
        "account, key, value",
        [(p.name, *pair) for p in profiles for pair in p.attributes.items()],
    )
    insert(
        "identities",
        "identity, identity_type, email, deleted",
        [(*one[:2], one[3], "f") for one in identities],
    )
    insert(
        "account_map", "identity, identity_type, account, is_default", [(*one[:3], "f") for one in identities]
    )
    rucio.query(
        "delete from account_map where identity_type = 'X509' and account < 'user00050' and identity like '% b'"
    )


def plan_apart(login: dict[str, str], url: str) -> tuple[float, float, float]:
    """Seconds, CPU seconds and MB of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.accounts", json.dumps(login), url]
    started = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    cpu_s, memory, lines, actions = ended.stdout.split()
    print(f"    {lines} lines, {actions} changes")
    return seconds, float(cpu_s), float(memory)


def main() -> None:
    """Prints seconds and memory."""
    with iam() as url:
        started = time.perf_counter()
        with Iam(options(url)) as session:
            users = session.read()
        read = time.perf_counter()
        mapped = map_users(users, options(url), datetime.now(UTC))
        print(f"IAM read in {read - started:.2f} s, mapped in {time.perf_counter() - read:.2f} s")
        with (
            tempfile.TemporaryDirectory() as folder,
            RucioOfTheShelf(Path(folder) / "rucio", workers=4) as rucio,
        ):
            login = _LOGIN | {"url": rucio.url}
            for name in ("empty Rucio", "Rucio that agrees but for 50"):
                print(name)
                seconds, cpu_s, memory = plan_apart(login, url)
                print(
                    f"    {seconds / LIMIT_S:.2f} of the limit: {seconds:.1f} s of {LIMIT_S} s,"
                    f" {cpu_s:.1f} CPU-s of its own,"
                    f" {memory:.0f} MB of {LIMIT_MB} MB"
                )
                if name == "empty Rucio":
                    fill(rucio, mapped)
                    paths = [f"/accounts/{name}/identities" for name in list(mapped.profiles)[:1000]]
                    print(f"1,000 accounts' identities by curl: {curl_s(rucio, paths, Path(folder)):.1f} s")
            target = Rucio(RucioServer.model_validate(login))
            plan = make_plan(options(url), target, [], time.time())
            started = time.perf_counter()
            outcome = apply(
                plan,
                AccountsTarget(target),
                Journal(Path(folder)),
                by="benchmark",
                clock=time.time,
                max_changes=USERS,
                concurrency=target.concurrency,
            )
            seconds = time.perf_counter() - started
            target.close()
            print(
                f"applied {outcome.applied} changes, {outcome.applied / seconds:.0f} a second, each synced in the journal"
            )


if __name__ == "__main__":
    rucio = Rucio(RucioServer.model_validate_json(sys.argv[1]))
    plan = make_plan(options(sys.argv[2]), rucio, [], time.time())
    rucio.close()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, len(plan.changes), len(plan.actions()))
