"""The script of docs/how-to/rucio.md, as it stands there, between a stand-in of Rucio's REST API and of Lakescope."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract._http import Answer, HttpServer, Request

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "rucio.md"
RULE = b'{"id": "a", "state": "STUCK"}\n'
RSES = b'{"rse": "SE-1", "id": "1"}\n{"rse":"SE-2", "id": "2"}\n'


def answer(request: Request) -> Answer:
    """One stuck rule, none replicating, a fault for the suspended ones; two storage elements."""
    if request.path == "/auth/userpass":
        return Answer(200, b"", (("X-Rucio-Auth-Token", "token-of-an-hour"),))
    if request.headers.get("x-rucio-auth-token") != "token-of-an-hour" and request.method == "GET":
        return Answer(401)
    if request.path == "/rules/":
        return {"S": Answer(200, RULE), "R": Answer(200), "U": Answer(500)}[request.query["state"]]
    return Answer(200, RSES if request.path == "/rses/" else request.path.encode())


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_the_script_pushes_complete_answers_and_empty_ones(tmp_path: Path) -> None:
    script = re.search(r"```sh\n(#!/bin/bash.*?)```", PAGE.read_text(), re.DOTALL)
    assert script
    with HttpServer(answer) as server:
        text = re.sub(r"https://(rucio|rucio-auth|lakescope)\.example\.org", server.url, script[1])
        file = tmp_path / "ask-rucio"
        file.write_text(text)
        names = ("RUCIO_ACCOUNT", "RUCIO_USER", "RUCIO_PASSWORD", "PUSH_TOKEN")
        environment = {"PATH": os.environ["PATH"], "no_proxy": "*"} | dict.fromkeys(names, "x")
        subprocess.run(["bash", str(file)], env=environment, check=True, capture_output=True, timeout=60)
        pushed = {
            request.headers["scope"].removeprefix(f"{server.url}/"): request.body
            for request in server.requests
            if request.path == "/push/rucio_api"
        }
    assert pushed == {
        "rules/?state=S": RULE,
        "rules/?state=R": b"",
        "rses/SE-1/usage": b"/rses/SE-1/usage",
        "rses/SE-1/accounts/usage": b"/rses/SE-1/accounts/usage",
        "rses/SE-2/usage": b"/rses/SE-2/usage",
        "rses/SE-2/accounts/usage": b"/rses/SE-2/accounts/usage",
    }
