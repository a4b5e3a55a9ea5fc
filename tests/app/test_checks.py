"""Mistakes that only show on the machine: each is one line with file, line, option and remedy; exit code 2."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from lakescope.app.checks import check
from lakescope.app.config import ConfigurationError, load_file
from tests.e2e import _commands

HTTP = '[collectors.a]\ntype = "http"\n'
DUCK = '[sinks.b]\ntype = "duckdb"\n'
REST = HTTP + DUCK
MONIT = f'{HTTP}[sinks.b]\ntype = "monit"\nproducer = "p"\nurl = "https://m:1"\n'
ES = 'type = "elasticsearch"\nurls = ["http://e:9200"]\n'

FAULTS: dict[str, tuple[str, int | None, str, str, str]] = {
    # text, line, place, what is said, remedy
    "missing topology": (
        f'{REST}[topology]\nrses = "no.json"\n',
        6,
        "topology.rses",
        "no.json: expected CRIC's JSON: No such file",
        "CRIC",
    ),
    "topology that is a directory": (
        f'{REST}[topology]\nsites = "."\n',
        6,
        "topology.sites",
        "Is a directory",
        "CRIC",
    ),
    "topology that is a list": (
        f'{REST}[topology]\nservices = "list.json"\n',
        6,
        "topology.services",
        "expected a JSON object",
        "CRIC",
    ),
    "topology that is no JSON": (
        f'{REST}[topology]\nrses = "text"\n',
        6,
        "topology.rses",
        "malformed",
        "CRIC",
    ),
    "missing CA": (
        f'{MONIT}tls.ca_file = "no.pem"\n',
        7,
        "sinks.b.tls.ca_file",
        "no.pem: No such file",
        "PEM",
    ),
    "CA that is no certificate": (
        f'{MONIT}[sinks.b.tls]\nca_file = "text"\n',
        8,
        "sinks.b.tls.ca_file",
        "text: expected CA certificates (PEM",
        "PEM",
    ),
    "CA that is a directory": (
        f'{MONIT}tls = {{ ca_file = "." }}\n',
        7,
        "sinks.b.tls.ca_file",
        "Is a directory",
        "PEM",
    ),
    "client certificate that is none": (
        f'{MONIT}tls.cert_file = "text"\n',
        7,
        "sinks.b.tls.cert_file",
        "expected a certificate (PEM) and its key",
        "PEM",
    ),
    "CA of a broker": (
        '[collectors.a]\ntype = "stomp"\nformat = "fts"\ndestination = "/queue/x"\nbrokers = ["stomp+ssl://m"]\n'
        f'tls.ca_file = "text"\n{DUCK}',
        6,
        "collectors.a.tls.ca_file",
        "expected CA",
        "PEM",
    ),
    "key with a passphrase": (
        f'{MONIT}tls.cert_file = "cert.pem"\ntls.key_file = "locked.pem"\n',
        8,
        "sinks.b.tls.key_file",
        "expected a key without a passphrase",
        "PEM",
    ),
    "two on one path": (
        f'{HTTP}[collectors.c]\ntype = "http"\n{DUCK}',
        3,
        "collectors.c.path",
        "both listen on /push",
        'path = "/push-c"',
    ),
    "two sinks alike": (
        f"{HTTP}[sinks.b]\n{ES}[sinks.c]\n{ES}",
        6,
        "sinks.c",
        "found that of [sinks.b]",
        "remove one",
    ),
    "one database twice": (
        f'{REST}[sinks.c]\ntype = "duckdb"\npath = "./lakescope-data/lake.duckdb"\nthreads = 1\n',
        5,
        "sinks.c",
        "found that of [sinks.b]",
        "remove one",
    ),
    "data directory that is a file": (
        f'data_dir = "text"\n{REST}',
        1,
        "data_dir",
        "expected a directory, found a file",
        "name a directory",
    ),
    "archive below a file": (
        f'{HTTP}[sinks.b]\ntype = "jsonl"\ndirectory = "text/x"\n',
        5,
        "sinks.b.directory",
        "expected a directory",
        "name a directory",
    ),
    "store that is a directory": (
        f'{REST}path = "."\n',
        5,
        "sinks.b.path",
        "expected a database: Is a directory",
        "mv",
    ),
    "store that is none": (
        f'{REST}path = "text"\n',
        5,
        "sinks.b.path",
        "expected a database of DuckDB",
        "backup",
    ),
    "dead letters that are none": (
        f'data_dir = "bad"\n{REST}',
        1,
        "data_dir",
        "dead-letters.sqlite: expected a database of SQLite",
        "backup",
    ),
    "spool that is none": (
        f'data_dir = "bad"\n{REST}',
        2,
        "collectors.a",
        "a.spool: expected a database of SQLite",
        "mv",
    ),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Files that a configuration may name by mistake."""
    (tmp_path / "text").write_text("this is a text of some length\n")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "bad").mkdir()
    for name in ("dead-letters.sqlite", "a.spool"):
        (tmp_path / "bad" / name).write_bytes(b"damaged " * 64)
    command = (
        "openssl req -x509 -newkey rsa:2048 -keyout locked.pem -out cert.pem -subj /CN=x -passout pass:secret"
    )
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def lakescope(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a command; it asks nobody anything, and shows no traceback."""
    ended = _commands.lakescope(*words, cwd=home)
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended


def test_each_mistake_is_explained(home: Path) -> None:
    for what, (text, line, place, says, remedy) in FAULTS.items():
        (home / "lakescope.toml").write_text(text)
        with pytest.raises(ConfigurationError) as error:
            check(load_file(home / "lakescope.toml"))
        problem = next((one for one in error.value.problems if one.place == place), None)
        assert problem is not None, (what, str(error.value))
        assert (problem.line, says in problem.text, remedy in problem.remedy) == (line, True, True), (
            what,
            problem,
        )


@pytest.mark.parametrize("command", ["validate", "run", "setup"])
def test_commands_agree_on_what_is_valid(home: Path, command: str) -> None:
    (home / "lakescope.toml").write_text(FAULTS["CA that is no certificate"][0])
    ended = lakescope(home, command)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: lakescope.toml:8: [sinks.b.tls.ca_file] text: expected CA")


def _damage_duckdb(path: Path) -> None:
    duckdb.connect(path).execute("create table x as select range from range(100000)").close()
    content = bytearray(path.read_bytes())
    content[4096:12288] = b"\xa5" * 8192  # its two headers, behind the one that names the format
    path.write_bytes(content)


def _damage_sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("create table other (x)")
    connection.close()
    content = bytearray(path.read_bytes())
    content[100:] = b"\xa5" * (len(content) - 100)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage"),
    [("lake.duckdb", _damage_duckdb), ("dead-letters.sqlite", _damage_sqlite), ("a.spool", _damage_sqlite)],
)
def test_a_damaged_database_is_one_line(home: Path, name: str, damage: Callable[[Path], None]) -> None:
    (home / "lakescope.toml").write_text(f'data_dir = "data"\n[http]\nport = 0\n{REST}')
    (home / "data").mkdir()
    damage(home / "data" / name)
    ended = lakescope(home, "run")
    assert ended.returncode == 2
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert name in line or "[collectors.a]" in line
    assert "backup" in line and "mv " in line
