"""Rucio from PyPI on a PostgreSQL of its own: the REST server under gunicorn, and its daemons, which run when asked.

The server answers at `url`, its Prometheus metrics at `metrics_url`. The daemons share one process: `run` has one of them make
one round, so that a test goes step by step and waits for nothing; that process serves the daemons' own metrics at
`daemons.metrics_url`. Its transfers need an FTS (tests/servers/fts.py), its messages a broker (`hermes`).
"""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import httpx

from ._install import BUILT, Install, run_logged
from ._process import HOST, Server, ServerError, free_port, http_status
from .activemq import ActiveMQ
from .postgresql import INSTALL as POSTGRESQL
from .postgresql import PostgreSQL

CURRENT = "41.5.1"
"""The newest release."""
LONG_TERM = "38.6.4"
"""The last release of the long-term line before it; Rucio keeps every third major release so: 32, 35, 38."""

_PACKAGES = Path(__file__).parent / "rucio_packages"
"""<version>.txt, pinned: what `uv pip compile --no-header --no-annotate` makes of rucio[postgresql]==<version>,
rucio-clients==<version> and gunicorn."""
_UV = Path(__file__).resolve().parents[2] / ".uv/bin/uv"
_DAEMONS = Path(__file__).parent / "_rucio_daemons.py"
"""Run with -P: beside it lies a module named rucio."""


def _environment(version: str) -> Path:
    return BUILT / f"rucio-{version}"


def _ready(version: str) -> Path:
    """The list of packages that the environment was made from; absent until it is whole."""
    return _environment(version) / "packages.txt"


def _is_built() -> bool:
    return all(
        _ready(version).exists()
        and _ready(version).read_bytes() == (_PACKAGES / f"{version}.txt").read_bytes()
        for version in (CURRENT, LONG_TERM)
    )


def _build() -> None:
    for version in (CURRENT, LONG_TERM):
        folder, packages = _environment(version), _PACKAGES / f"{version}.txt"
        shutil.rmtree(folder, ignore_errors=True)
        log = BUILT / "rucio.log"
        run_logged([_UV, "venv", "--quiet", "--python", sys.executable, folder], log)
        run_logged(
            # Compiled now: each start would do it again where nothing may be written (PYTHONDONTWRITEBYTECODE).
            [_UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder, "-r", packages],
            log,
        )
        shutil.copyfile(packages, _ready(version))


def _lacking() -> str | None:
    if sys.version_info < (3, 14):
        return None
    return f"the pinned packages of Rucio {LONG_TERM} are not published for Python 3.14 and newer"


INSTALL = Install("rucio", POSTGRESQL.packages, _is_built, _build, _lacking)

_ALEMBIC = """\
[alembic]
script_location = rucio:db/sqla/migrate_repo
sqlalchemy.url = {url}
[loggers]
keys = root
[handlers]
keys =
[formatters]
keys =
[logger_root]
handlers =
"""


class RucioDaemons(Server):
    """The process in which Rucio's daemons make their rounds, and its client asks the server."""

    name: ClassVar[str] = "rucio-daemons"

    def __init__(self, directory: Path, python: Path, configuration: Path, metrics_port: int) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.metrics_url = f"http://{HOST}:{metrics_port}/metrics"
        self._python = python
        self._configuration = configuration

    def command(self) -> list[str]:
        return [str(self._python), "-P", str(_DAEMONS), "serve", str(self.port)]

    def environment(self) -> dict[str, str]:
        # The client keeps its tokens below the folder for temporary files: those of another Rucio would be refused.
        return {**rucio_environment(self._configuration), "TMPDIR": str(self.directory)}

    def is_ready(self) -> bool:
        return http_status(self.port, "/") is not None

    def ask(self, path: str, question: Mapping[str, Any]) -> Any:
        """The answer to a POST; raises ServerError with Rucio's traceback."""
        answer = httpx.post(f"http://{HOST}:{self.port}{path}", json=question, timeout=120, trust_env=False)
        if answer.status_code != 200:
            raise ServerError(f"{question}\n{answer.text}")
        return answer.json()


class Rucio(Server):
    """Rucio's server with its database and its daemons.

    `url` is the REST interface (of accounts and of authentication); `user` and `password` open the account `account` by
    userpass. `database_url` is the DSN. With `vos` it runs in multi-VO mode: these VOs (three letters each) beside
    "def", whose account is then `super_root`; each VO has an account root, opened by the same user and password.
    `workers`: processes of the server; in production it has many.
    """

    name: ClassVar[str] = "rucio"
    start_timeout_s: ClassVar[float] = 120.0
    user: ClassVar[str] = "ddmlab"
    password: ClassVar[str] = "secret"

    def __init__(
        self, directory: Path, *, version: str = CURRENT, vos: Iterable[str] = (), workers: int = 1
    ) -> None:
        super().__init__(directory)
        self.version = version
        self._workers = workers
        self.vos = tuple(vos)
        self.account = "super_root" if self.vos else "root"
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.metrics_url = f"{self.url}/metrics/"
        self.database = PostgreSQL(directory / "postgresql")
        self.database_url = self.database.url("rucio")
        self._daemons_metrics_port = free_port()
        self._bin = _environment(version) / "bin"
        self.daemons = RucioDaemons(
            directory / "daemons",
            self._bin / "python",
            directory / "daemons.cfg",
            self._daemons_metrics_port,
        )

    def start(self) -> None:
        with ExitStack() as running:
            running.enter_context(self.database)
            self._bootstrap()
            super().start()
            running.callback(super().kill)
            self.daemons.start()
            running.pop_all()

    def stop(self) -> None:
        with ExitStack() as ending:
            for server in (self.database, self.daemons):
                ending.callback(server.stop)
            super().stop()

    def kill(self) -> None:
        for end in (self.daemons.kill, super().kill, self.database.kill):
            end()

    def run(
        self,
        daemon: str,
        *,
        configuration: Mapping[str, Mapping[str, str]] | None = None,
        **arguments: Any,
    ) -> None:
        """One round of a daemon, e.g. `run("conveyor.poller", older_than=0)`: the arguments are those of `run` in
        rucio.daemons.<daemon>. It works on all of Rucio, not only on what the test made."""
        self.daemons.ask(
            "/daemon", {"module": daemon, "arguments": arguments, "configuration": dict(configuration or {})}
        )

    def hermes(self, broker: ActiveMQ, destination: str) -> None:
        """Every message that waits goes to `destination` of the broker."""
        options = {"brokers": broker.host, "nonssl_port": str(broker.port), "destination": destination}
        messaging = {**self._messaging(), **options}
        self.run("hermes.hermes", configuration={"messaging-hermes": messaging})

    def client(
        self, method: str, *arguments: Any, as_account: str = "root", vo: str | None = None, **keywords: Any
    ) -> Any:
        """What a method of `rucio.client.Client` answers an account that `user` may use; of several VOs it is the first
        that is asked, unless `vo` names another. Raises ServerError with the client's traceback."""
        question = {
            "method": method,
            "arguments": arguments,
            "keywords": keywords,
            "account": as_account,
            "vo": vo or next(iter(self.vos), None),
        }
        return self.daemons.ask("/client", question)

    def add_vo(self, vo: str) -> None:
        """One more VO, of a Rucio with `vos`; the client has no method for it."""
        headers = {"x-rucio-account": self.account, "x-rucio-vo": "def"}
        login = headers | {"x-rucio-username": self.user, "x-rucio-password": self.password}
        with httpx.Client(base_url=self.url, headers=headers, trust_env=False) as client:
            answer = client.get("/auth/userpass", headers=login).raise_for_status()
            token = {"x-rucio-auth-token": answer.headers["x-rucio-auth-token"]}
            body = {"description": vo, "email": "root@example.org"}
            answer = client.post(f"/vos/{vo}", json=body, headers=token)
            if answer.status_code != 201:
                raise ServerError(answer.text)

    def query(self, statement: str) -> list[list[str]]:
        """The rows of a statement in Rucio's database, as text; "" is null."""
        return [line.split("|") for line in self.database.execute(statement, "rucio").splitlines()]

    def command(self) -> list[str]:
        return [
            str(self._bin / "gunicorn"),
            f"--bind={HOST}:{self.port}",
            f"--workers={self._workers}",
            "--threads=4",
            "--no-control-socket",
            "rucio.web.rest.main:application",
        ]

    def environment(self) -> dict[str, str]:
        metrics = self.directory / "metrics"
        return {
            **rucio_environment(self.directory / "server.cfg"),
            # Where rucio.core.monitor keeps the metrics of the server's processes, for its page /metrics.
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        }

    def is_ready(self) -> bool:
        return http_status(self.port, "/ping") == 200

    def _bootstrap(self) -> None:
        if (self.directory / "server.cfg").exists():
            return
        self.database.execute("create database rucio")
        (self.directory / "alembic.ini").write_text(_ALEMBIC.format(url=self._sqlalchemy_url))
        _write(self.directory / "server.cfg", self.configuration())
        daemons = self.configuration()
        daemons["monitor"] = {"enable_metrics": "true", "metrics_port": str(self._daemons_metrics_port)}
        _write(self.directory / "daemons.cfg", daemons)
        ended = subprocess.run(
            [self._bin / "python", "-P", _DAEMONS, "bootstrap", *self.vos],
            env=rucio_environment(self.directory / "server.cfg"),
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            raise ServerError(f"Rucio's database could not be made\n{ended.stdout}{ended.stderr}")

    def configuration(self) -> dict[str, dict[str, str]]:
        """rucio.cfg, by section."""
        return {
            "common": {
                "logdir": str(self.directory),
                "loglevel": "INFO",
                "mailtemplatedir": str(_environment(self.version) / "rucio/etc/mail_templates"),
                # Left out otherwise: the bootstrap takes any text for true.
                **({"multi_vo": "true"} if self.vos else {}),
            },
            "client": {
                "rucio_host": self.url,
                "auth_host": self.url,
                "auth_type": "userpass",
                "username": self.user,
                "password": self.password,
                "account": self.account,
                "request_retries": "1",
            },
            "database": {
                "default": self._sqlalchemy_url,
                "pool_size": "5",
                "max_overflow": "5",
            },
            "alembic": {"cfg": str(self.directory / "alembic.ini")},
            "bootstrap": {"userpass_identity": self.user, "userpass_pwd": self.password},
            "cache": {"url": f"{HOST}:1"},  # no memcached: what a test changes holds at once
            "api": {"endpoints_add": "metrics, vos" if self.vos else "metrics"},
            "policy": {"permission": "generic", "schema": "generic"},
            "conveyor": {"scheme": "davs,http", "transfertool": "fts3"},
            "hermes": {"services_list": "activemq"},
            "messaging-hermes": self._messaging(),
        }

    @property
    def _sqlalchemy_url(self) -> str:
        return self.database_url.replace("postgresql:", "postgresql+psycopg:")

    @staticmethod
    def _messaging() -> dict[str, str]:
        return {
            "use_ssl": "false",
            "port": "0",
            "nonssl_port": "0",
            "username": "",
            "password": "",
            "brokers": HOST,
            "destination": "/topic/rucio.events",
            "email_from": "rucio@example.org",
            "email_test": "rucio@example.org",
        }


class RucioReceiver(Server):
    """Rucio's conveyor-receiver: it hears of a transfer's end from FTS's messages, as the poller does from FTS's REST
    interface. `queue` is that of the complete messages; those before its start are not for it."""

    name: ClassVar[str] = "rucio-receiver"

    def __init__(self, rucio: Rucio, broker: ActiveMQ, queue: str) -> None:
        super().__init__(rucio.directory / "receiver")
        self._rucio = rucio
        self._broker = broker
        self._queue = queue

    def command(self) -> list[str]:
        options = self._rucio.configuration()
        options["messaging-fts3"] = {
            "brokers": self._broker.host,
            "port": str(self._broker.port),
            "nonssl_port": str(self._broker.port),  # its name in older releases
            "use_ssl": "false",
            "username": "",
            "password": "",
            "destination": f"/queue/{self._queue}",
            "voname": "escape",
        }
        _write(self.directory / "receiver.cfg", options)
        folder = _environment(self._rucio.version) / "bin"
        return [str(folder / "python"), str(folder / "rucio-conveyor-receiver")]

    def environment(self) -> dict[str, str]:
        # Older releases compare a message's VO with the policy's name instead of `voname`.
        return {**rucio_environment(self.directory / "receiver.cfg"), "POLICY": "escape"}

    def is_ready(self) -> bool:
        return self._queue in self._broker.statistics(self._queue)


def rucio_environment(configuration: Path) -> dict[str, str]:
    """The environment of a process of Rucio's."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("RUCIO_")},
        "RUCIO_CONFIG": str(configuration),
        "X509_USER_PROXY": os.devnull,  # WebDAV's driver demands one, even for plain http
    }


def _write(path: Path, options: dict[str, dict[str, str]]) -> None:
    parser = configparser.RawConfigParser()
    parser.read_dict(options)
    with path.open("w") as file:
        parser.write(file)
