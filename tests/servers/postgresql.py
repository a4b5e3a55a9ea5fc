"""PostgreSQL of Debian: the database of Rucio."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

from ._install import Install
from ._process import HOST, Server, ServerError, free_port

_VERSIONS = Path("/usr/lib/postgresql")


def _program(name: str) -> Path:
    """A program of the newest PostgreSQL there is; Debian 12's where there is none."""
    installed = sorted(_VERSIONS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return installed[-1] if installed else _VERSIONS / "15/bin" / name


INSTALL = Install("postgresql", lambda: {"postgresql": _program("postgres")})

# The tests are root's folders, and PostgreSQL refuses to be root: it is `postgres`, with the one right to enter them.
_AS_POSTGRES = [
    "setpriv",
    "--reuid=postgres",
    "--regid=postgres",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
]

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "60",
    # Data outlives SIGKILL all the same, only not a power cut.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "timezone": "UTC",
}


class PostgreSQL(Server):
    """A cluster on a free loopback port, which it keeps over restarts, as it does its data; superuser `postgres`
    without a password."""

    name: ClassVar[str] = "postgresql"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # the fast one: SIGTERM waits for every client

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.host = HOST
        self.port = free_port()
        self._data = directory / "data"

    def url(self, database: str = "postgres") -> str:
        """The DSN of a database, as libpq and its clients take it."""
        return f"postgresql://postgres@{HOST}:{self.port}/{database}"

    def command(self) -> list[str]:
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        return [
            *_as_other(),
            str(_program("postgres")),
            "-D",
            str(self._data),
            "-p",
            str(self.port),
            *settings,
        ]

    def is_ready(self) -> bool:
        command = [_program("pg_isready"), "--quiet", f"--host={HOST}", f"--port={self.port}"]
        return subprocess.run(command, check=False).returncode == 0

    def execute(self, statement: str, database: str = "postgres") -> str:
        """What psql prints of a statement: a row a line, columns parted by `|`. Raises ServerError."""
        command = [
            _program("psql"),
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            self.url(database),
            "-c",
            statement,
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise ServerError(f"{statement}\n{ended.stderr}")
        return ended.stdout

    def _initialise(self) -> None:
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self._data, "postgres", "postgres")
        initdb = [*_as_other(), _program("initdb"), "--no-sync", "--auth=trust", "--username=postgres"]
        ended = subprocess.run(
            [*initdb, "--encoding=UTF8", "--locale=C.UTF-8", "-D", self._data],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            raise ServerError(f"initdb failed ({ended.returncode})\n{ended.stdout}{ended.stderr}")


def _as_other() -> list[str]:
    return _AS_POSTGRES if os.geteuid() == 0 else []
