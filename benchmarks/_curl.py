"""The same questions to a Rucio by `curl`: what is Rucio's own time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.servers.rucio import Rucio


def curl_s(rucio: Rucio, paths: Sequence[str], folder: Path, at_once: int = 8) -> float:
    """Seconds that `curl` takes for all paths, `at_once` at a time."""
    login = {
        "x-rucio-account": rucio.account,
        "x-rucio-username": rucio.user,
        "x-rucio-password": rucio.password,
    }
    answer = httpx.get(f"{rucio.url}/auth/userpass", headers=login, trust_env=False).raise_for_status()
    lines = [f'url = "{rucio.url}{path}"\noutput = "/dev/null"' for path in paths]
    lines.append(f'header = "x-rucio-auth-token: {answer.headers["x-rucio-auth-token"]}"')
    (folder / "curl").write_text("\n".join(lines))
    begin = time.monotonic()
    command = [
        "curl",
        "--silent",
        "--fail",
        "--parallel",
        "--parallel-max",
        str(at_once),
        "--config",
        str(folder / "curl"),
    ]
    subprocess.run(command, check=True)
    return time.monotonic() - begin
