"""Runs in Rucio's own environment: its daemons, one round when asked, and its client, in one process that has loaded both.

`python _rucio_daemons.py bootstrap` makes the tables, the root account and, in multi-VO mode, the VOs named behind it.
`python _rucio_daemons.py serve PORT` answers POST on loopback, one request after the other, a JSON object each:

- `/daemon`: {"module": "conveyor.submitter", "arguments": {...}, "configuration": {section: {option: value}}}: its `run`,
  once, on one thread. The configuration lasts for that round.
- `/client`: {"method": "add_rse", "arguments": [...], "keywords": {...}, "account"?, "vo"?}: the method of `rucio.client.Client`.

200 has the result as JSON, 500 the traceback as text.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

_DAEMONS = (
    "conveyor.submitter",
    "conveyor.poller",
    "conveyor.finisher",
    "hermes.hermes",
    "judge.cleaner",
    "judge.evaluator",
    "judge.repairer",
    "reaper.reaper",
    "undertaker.undertaker",
    "abacus.account",
    "abacus.rse",
)


def bootstrap(vos: list[str]) -> None:
    """An empty database becomes Rucio's."""
    database = importlib.import_module("rucio.db.sqla.util")
    database.build_database()
    database.create_base_vo()
    database.create_root_account()
    for vo in vos:
        importlib.import_module("rucio.gateway.vo").add_vo(vo, "super_root", vo, "root@example.org", "def")


def run_daemon(module: str, arguments: dict[str, Any], configuration: dict[str, dict[str, str]]) -> None:
    """One round of a daemon."""
    daemon = load_daemon(module)
    with configured(configuration):
        daemon.run(once=True, **arguments)


@functools.cache
def load_daemon(module: str) -> Any:
    """A daemon that begins at once: the others wait up to 10 s so that daemons of their kind share out the work, and here
    there are none."""
    daemon = importlib.import_module(f"rucio.daemons.{module}")
    stop = getattr(daemon, "graceful_stop", None) or daemon.GRACEFUL_STOP
    stop.wait = lambda timeout=None: False
    return daemon


@contextmanager
def configured(options: dict[str, dict[str, str]]) -> Iterator[None]:
    """Rucio's configuration with other values, until the end of the block."""
    parser = importlib.import_module("rucio.common.config").get_config()
    before = {section: dict(parser[section]) for section in options if parser.has_section(section)}
    parser.read_dict(options)
    try:
        yield
    finally:
        for section in options:
            parser.remove_section(section)
        parser.read_dict(before)


@functools.cache
def client(account: str, vo: str | None) -> Any:
    """A client that is logged in."""
    return importlib.import_module("rucio.client").Client(account=account, vo=vo)


def call(
    method: str, arguments: list[Any], keywords: dict[str, Any], account: str = "root", vo: str | None = None
) -> Any:
    """What the client answered, an iterator as a list."""
    answer = getattr(client(account, vo), method)(*arguments, **keywords)
    return list(answer) if hasattr(answer, "__next__") else answer


class Handler(BaseHTTPRequestHandler):
    """One request at a time: daemons of one process share their configuration."""

    def do_POST(self) -> None:
        """Runs what is asked for."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            answer = {"/daemon": run_daemon, "/client": call}[self.path](**body)
            status, text = 200, json.dumps(answer, default=str)
        except BaseException:  # noqa: BLE001 - whatever it is, the test must see it
            status, text = 500, traceback.format_exc()
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


def serve(port: int) -> None:
    """Until the process is ended."""
    for module in _DAEMONS:  # once, here: a round then takes no second to begin
        load_daemon(module)
    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "bootstrap":
        bootstrap(sys.argv[2:])
    else:
        serve(int(sys.argv[2]))
