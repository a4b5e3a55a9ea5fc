"""Every command as a process of its own: what it prints where, and its exit code (0 done, 1 faults, 2 usage)."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import typer
import typer.main
import zstandard

from lakescope.app.assembly import read_topology
from lakescope.app.config import load_file, parse
from lakescope.cli import app, prepare
from lakescope.core.messages import traits
from lakescope.core.plugins import available, formats
from tests.contract._bodies import events_of, hermes, ndjson
from tests.e2e import _commands
from tests.e2e._lakescope import Lakescope, until

CASES = Path(__file__).parents[1] / "cases"
TOKEN = "hunter2-is-secret"


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


def lakescope(*arguments: str, stdin: bytes = b"", cwd: Path | None = None, timeout: float = 60) -> Ended:
    """Runs a command; whatever it does, it shows no traceback."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LAKESCOPE_")}
    environment |= {"COLUMNS": "120"}
    done = _commands.lakescope(*arguments, input=stdin, timeout=timeout, cwd=cwd, env=environment)
    ended = Ended(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in ended.err, ended.err
    return ended


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration file with a data directory of its own."""
    path = tmp_path / "lakescope.toml"
    path.write_text(
        f'data_dir = "{tmp_path / "data"}"\n[http]\nport = 0\n'
        f'[collectors.push]\ntype = "http"\ntoken = "{TOKEN}"\n[sinks.duck]\ntype = "duckdb"\n'
    )
    path.chmod(0o600)  # it has a secret
    return str(path)


# --- usage -----------------------------------------------------------------------------------------------


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(name, command) of every command."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_command_says_what_it_does_with_an_example_of_its_own() -> None:
    found = dict(commands(typer.main.get_command(app)))
    assert {
        ("run",),
        ("demo",),
        ("normalise",),
        ("tap",),
        ("dead-letters", "replay"),
        ("config", "show"),
    } <= set(found)
    for name, command in found.items():
        assert f"\n    Example: lakescope {' '.join(name)}" in f"\n    {command.help}".replace(
            "\nExample", "\n    Example"
        ), name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--help"], 0, "Commands:"),
        ([], 2, "Commands:"),
        (["nope"], 2, "No such command 'nope'"),
        (["run", "-c", "missing.toml"], 2, "missing.toml: expected a configuration file"),
        (["normalise"], 2, "Missing option '--format'"),
        (["normalise", "-f", "hermez", "x"], 2, "no format 'hermez'; there are collectd"),
        (["normalise", "-f", "hermes", "/no/such*"], 2, "no file matches /no/such*"),
        (["config", "sample", "--sink", "nope"], 2, "no sink 'nope'; there are duckdb"),
        (["test", "/no/such/directory"], 2, "expected folders <format>/<case>/"),
    ],
)
def test_exit_codes_of_usage(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    ended = lakescope(*arguments, cwd=tmp_path)
    assert ended.code == code, ended
    assert says in (ended.out if code == 0 else ended.err)
    assert not (ended.err if code == 0 else ended.out)


def test_what_needs_a_running_instance_says_so(config: str) -> None:
    ended = lakescope("tap", "-c", config)
    assert ended.code == 2
    assert "no lakescope runs on " in ended.err and "start one with `lakescope run`" in ended.err


def test_a_data_directory_that_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "lakescope.toml"
    path.write_text('data_dir = "/dev/null/x"\n[collectors.p]\ntype = "http"\n[sinks.d]\ntype = "duckdb"\n')
    ended = lakescope("run", "-c", str(path))
    assert ended.code == 2 and "[data_dir] /dev/null: expected a directory, found a file" in ended.err


# --- before the first run --------------------------------------------------------------------------------


def test_validate_and_config_show(config: str, tmp_path: Path) -> None:
    assert lakescope("validate", "-c", config) == (0, f"{config}: valid; collectors: 1, sinks: 1\n", "")
    shown = lakescope("config", "show", "-c", config)
    assert shown.code == 0 and TOKEN not in shown.out + shown.err
    assert parse(shown.out).collectors["push"].options.token.get_secret_value() == "**********"
    bad = tmp_path / "bad.toml"
    bad.write_text(Path(config).read_text().replace("port = 0", "port = -1\nprot = 2"))
    ended = lakescope("validate", "-c", str(bad))
    assert ended.code == 2 and not ended.out
    assert (
        f"error: {bad}:3: [http.port] " in ended.err and f"{bad}:4: [http.prot] no option `prot`" in ended.err
    )
    assert ended.err.count("\n    remedy: ") == 2


def test_the_topology_is_part_of_a_valid_configuration(config: str, tmp_path: Path) -> None:
    rses = tmp_path / "rses.json"
    Path(config).write_text(Path(config).read_text() + f'[topology]\nrses = "{rses}"\n')
    ended = lakescope("validate", "-c", config)
    assert ended.code == 2 and f"[topology.rses] {rses}: expected CRIC's JSON: No such" in ended.err
    rses.write_text("[]")
    with pytest.raises(RuntimeError, match="expected a JSON object as CRIC answers, found list"):
        read_topology(load_file(Path(config)))


@pytest.mark.parametrize("sink", available("sinks"))
@pytest.mark.parametrize("collector", available("collectors"))
def test_a_sample_is_a_configuration(collector: str, sink: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each required option has a value that passes; every other one stands there as a comment."""
    prepare.sample(collector, sink)
    text = capsys.readouterr().out
    if sink == "influxdb":  # either of two generations: the operator chooses
        text = text.replace("# database =", "database =")
    if collector == "kafka":  # by name or by a pattern
        text = text.replace("# topics =", "topics =")
    if collector == "rucio":  # one of several ways to log in
        text = text.replace("# token_file =", "token_file =")
    found = parse(text)
    assert (found.collectors["mine"].type, found.sinks["store"].type) == (collector, sink)
    for plugin in (*found.collectors.values(), *found.sinks.values()):
        for option in type(plugin.options).model_fields:
            assert f"{option} = " in text or option in ("tls", "oidc")


def test_plugins_lists_all_and_each_ones_options() -> None:
    listed = lakescope("plugins")
    assert listed.code == 0
    for room in ("collectors", "formats", "sinks"):
        for name in available(room):
            assert f" {name} " in listed.out
    shown = lakescope("plugins", "stomp")
    assert shown.code == 0 and lakescope("plugins", "nope").code == 2
    for option in ("brokers", "tls.ca_file", "prefetch"):
        assert f" {option} " in shown.out


def test_plugins_marks_experimental_formats() -> None:
    listed = lakescope("plugins").out.splitlines()
    for name, decode in formats().items():
        (line,) = (line for line in listed if re.search(rf"^\W+{name} ", line))
        assert ("(experimental)" in line) == (traits(decode).maturity == "experimental")


def test_setup_tells_each_store_and_fails_if_one_does(config: str) -> None:
    done = lakescope("setup", "-c", config)
    assert done.code == 0 and done.out.startswith("done      duck: ") and " tables" in done.out
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with Path(config).open("a") as file:
        file.write(f'[sinks.influx]\ntype = "influxdb"\nurl = "http://127.0.0.1:{port}"\ndatabase = "d"\n')
    done = lakescope("setup", "-c", config)
    assert done.code == 1
    assert "done      duck: " in done.out and "error     influx: 127.0.0.1: ConnectError" in done.out


# --- what a start imports --------------------------------------------------------------------------------

_HEAVY = ("duckdb", "elastic_transport", "elasticsearch", "fastapi", "grafanalib", "httpx", "jinja2", "jwt", "kafka", "numpy",
          "opensearchpy", "pyarrow", "pydantic", "stomp", "typst", "uvicorn", "vl_convert")  # fmt: skip
_SHOW = f"""
import atexit, runpy, sys
atexit.register(lambda: print("heavy:", *(name for name in {_HEAVY} if name in sys.modules), file=sys.stderr))
sys.argv[0] = "lakescope"
runpy.run_module("lakescope", run_name="__main__")
"""


_FILES, _PUSH = 'type = "files"\nformat = "hermes"\npaths = ["none.jsonl"]\nfollow = true', 'type = "http"'


@pytest.mark.parametrize(
    ("arguments", "collector", "expected"),
    [
        (["--help"], _FILES, ""),
        (["normalise", "-f", "hermes"], _FILES, "pydantic"),  # by typer
        (["dead-letters", "list"], _FILES, "duckdb pydantic"),
        # until the first event, the first request and the first round of alerts or reports
        (["run"], _FILES, "duckdb pydantic uvicorn"),
        (["run"], _PUSH, "duckdb fastapi pydantic uvicorn"),
    ],
)
def test_a_start_imports_only_what_it_needs(
    arguments: list[str], collector: str, expected: str, tmp_path: Path
) -> None:
    """Half a second of a processor at each start, which every command and every restart would pay."""
    config = tmp_path / "lakescope.toml"
    config.write_text(
        f'data_dir = "{tmp_path / "data"}"\n[http]\nport = 0\n[alerts]\nevaluate = false\n'
        f'[collectors.source]\n{collector}\n[sinks.duck]\ntype = "duckdb"\n'
    )
    environment = os.environ | {"LAKESCOPE_CONFIG": str(config)}
    command = [sys.executable, "-c", _SHOW, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        if arguments == ["run"]:
            process.stdout.readline()
            process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert errors.decode().splitlines()[-1] == f"heavy: {expected}".strip()


# --- normalise -------------------------------------------------------------------------------------------


def test_normalise_reads_stdin_and_files_of_every_kind(tmp_path: Path) -> None:
    bodies = hermes(40)
    wanted = list(events_of("hermes", bodies))
    (tmp_path / "a.jsonl").write_bytes(ndjson(bodies[:10]))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(ndjson(bodies[10:20])))
    (tmp_path / "c.jsonl.zst").write_bytes(
        zstandard.compress(ndjson(bodies[20:25])) + zstandard.compress(ndjson(bodies[25:30]))
    )
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "e").write_bytes(b"".join(bodies[30:]))

    def ids(ended: Ended) -> list[str]:
        assert (ended.code, ended.err) == (0, "")
        return [json.loads(line)["id"] for line in ended.out.splitlines()]

    assert ids(lakescope("normalise", "-f", "hermes", stdin=ndjson(bodies))) == wanted
    assert ids(lakescope("normalise", "-f", "hermes", "-", stdin=b"".join(bodies))) == wanted
    assert ids(lakescope("normalise", "-f", "hermes", f"{tmp_path}/*.*", f"{tmp_path}/d")) == wanted


def test_normalise_says_what_it_rejects_and_where(tmp_path: Path) -> None:
    good = hermes(3)
    path = tmp_path / "in.jsonl"
    path.write_bytes(ndjson([good[0], b'{"event_type": 5}', good[1], b"junk", good[2]]))
    ended = lakescope("normalise", "-f", "hermes", str(path))
    assert ended.code == 1
    assert [json.loads(line)["id"] for line in ended.out.splitlines()] == list(events_of("hermes", good))
    first, second = map(json.loads, ended.err.splitlines())
    assert (first["file"], first["body"], first["reason"], first["path"]) == (
        str(path),
        1,
        "schema",
        "$.event_type",
    )
    assert (second["body"], second["reason"]) == (3, "not_json")


def test_normalise_takes_what_the_bodies_lack_as_headers() -> None:
    arguments = ["normalise", "-f", "node_exporter"]
    without = lakescope(*arguments, stdin=b"node_load1 0.5\n")
    assert without.code == 1 and json.loads(without.err)["path"] == "$.headers.instance"
    ended = lakescope(
        *arguments, "--header", "instance=se01:9100", "-c", "/no/such.toml", stdin=b"node_load1 0.5\n"
    )
    assert ended.code == 2 and "/no/such.toml" in ended.err


def test_bodies_without_a_time_take_that_of_their_reception() -> None:
    arguments = ["normalise", "-f", "node_exporter", "--header", "instance=se01:9100"]
    times = [
        json.loads(lakescope(*arguments, *received, stdin=b"node_load1 0.5\n").out)["time"]
        for received in ([], ["--received", "2026-01-05T12:00:00+01:00"])
    ]
    assert abs(datetime.fromisoformat(times[0]) - datetime.now(UTC)) < timedelta(hours=1)
    assert times[1] == "2026-01-05T11:00:00Z"
    ended = lakescope(*arguments, "--received", "noon", stdin=b"node_load1 0.5\n")
    assert ended.code == 2 and "--received: 'noon' is no time" in ended.err


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    """`lakescope normalise ... | head -1`."""
    (tmp_path / "in.jsonl").write_bytes(ndjson(hermes(5000)))
    process = subprocess.Popen(
        [sys.executable, "-m", "lakescope", "normalise", "-f", "hermes", str(tmp_path / "in.jsonl")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline().startswith(b'{"dataset":')
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(20) in (0, 1)


# --- cases as files --------------------------------------------------------------------------------------


def test_cases_pass_or_show_the_difference(tmp_path: Path) -> None:
    assert lakescope("test", str(CASES)).code == 0
    case = tmp_path / "push/mine"
    case.mkdir(parents=True)
    (case / "input.json").write_bytes(
        b'[{"producer": "p", "type": "t", "timestamp": 1790000000, "a": 1}, {}]'
    )
    failed = lakescope("test", str(tmp_path))
    assert failed.code == 1
    assert "FAILED push/mine" in failed.out and "0 passed, 1 failed" in failed.out
    assert '+{"data":{"a":1},"dataset":"push"' in failed.out and '+{"expected":"text: add' in failed.out
    assert lakescope("test", "--accept", str(tmp_path)).out == "1 cases written\n"
    assert (case / "expected.jsonl").exists() and (case / "rejected.jsonl").exists()
    assert lakescope("test", str(tmp_path)).out == "1 passed, 0 failed\n"


# --- dead letters, without a running instance ------------------------------------------------------------


def test_letters_that_are_not_there(config: str) -> None:
    assert lakescope("dead-letters", "list", "-c", config).out.endswith("0 of 0 letters\n")
    for command in ("show", "replay", "drop"):
        ended = lakescope("dead-letters", command, "3f2a", "-c", config)
        assert ended.code == 1 and "no such letter" in ended.err, command
    ended = lakescope("dead-letters", "drop", "-c", config)
    assert ended.code == 2 and "say which" in ended.err


# --- with a running instance -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lakescope]:
    """A real instance that has one transfer's story and one dead letter."""
    configuration = (
        "[pipeline]\nbatch_age_s = 0.05\n"
        '[collectors.push]\ntype = "http"\n[sinks.duck]\ntype = "duckdb"\nmemory_limit = "256MB"\n'
    )
    with Lakescope(tmp_path_factory.mktemp("running"), configuration) as lakescope:
        lakescope.start()
        push(lakescope, [*hermes(56), b"junk"])
        until(lambda: lakescope.drained(57), 20, lakescope.brief)
        yield lakescope
        assert lakescope.stop() == 0


def push(lakescope: Lakescope, bodies: Sequence[bytes]) -> None:
    """Pushes Hermes' bodies."""
    headers = {"content-type": "application/x-ndjson"}
    answer = httpx.post(
        f"{lakescope.url}/push/hermes", content=ndjson(bodies), headers=headers, trust_env=False
    )
    assert answer.status_code == 200


def test_top_shows_collectors_sinks_and_datasets(running: Lakescope) -> None:
    shown = running.command("top", "--once")
    assert ": ready" in shown
    for word in ("push", "duck", "transfers", "deletions", "56", "57"):
        assert f" {word} " in shown, shown


def test_trace_tells_a_transfers_story(running: Lakescope) -> None:
    # hermes() counts on: the body of each kind has a request of its own
    (event,) = [
        e for e in events_of("hermes", hermes(30)).values() if getattr(e, "event", "") == "submitted"
    ][:1]
    request = event.request_id  # type: ignore[attr-defined]
    told = running.command("trace", request)
    assert "submitted" in told and request[:8] in told
    as_json = [json.loads(line) for line in running.command("trace", request, "--json").splitlines()]
    assert [found["id"] for found in as_json] == [event.id]
    with_hyphens = f"{request[:8]}-{request[8:12]}-{request[12:16]}-{request[16:20]}-{request[20:]}".upper()
    assert running.command("trace", with_hyphens) == told
    running.command("trace", "f" * 32, code=1)
    running.command("trace", request, "--until", "2026-01-01", code=1)
    file = f"{event.scope}:{event.name}"  # type: ignore[attr-defined]
    explained = running.command("trace", "--did", file)
    assert "Whose turn it is" in explained and "What has not arrived" in explained
    assert json.loads(running.command("trace", "--did", file, "--json"))["counts"]["files"] >= 1
    running.command("trace", "--rule", "f" * 32, code=1)
    for arguments in ((), (request, "--rule", "f" * 32), ("--did", "no-scope"), ("--rule", "x")):
        running.command("trace", *arguments, code=2)


def test_tap_shows_events_as_they_pass(running: Lakescope) -> None:
    """Until so many, only the datasets asked for; a slow start of the command misses nothing that it waits for."""
    arguments = [sys.executable, "-m", "lakescope", "tap", "deletions", "-n", "3", "-c", str(running.config)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tap:
        number = itertools.count(1000, 28)
        while tap.poll() is None:
            push(running, hermes(28, start=next(number)))
        assert tap.stdout is not None and tap.stderr is not None
        lines = tap.stdout.read().splitlines()
        assert tap.stderr.read() == b""
    assert tap.returncode == 0
    assert [json.loads(line)["dataset"] for line in lines] == ["deletions"] * 3


def test_dead_letters_of_a_running_instance(running: Lakescope) -> None:
    listed = running.command("dead-letters", "list")
    assert "1 of 1 letters" in listed and "not_json" in listed and "(none could decode it)" in listed
    (id_,) = (line.split()[0] for line in listed.splitlines() if "not_json" in line)
    assert running.command("dead-letters", "show", id_[:6]) == "junk\n"
    running.command("dead-letters", "replay", id_, code=1)


def test_a_second_instance_is_refused(running: Lakescope, tmp_path: Path) -> None:
    ended = lakescope("run", "-c", str(running.config))
    assert ended.code == 2
    assert f"error: {running.data_dir}: expected to be the only one" in ended.err
    port = str(running.url).rpartition(":")[2]
    other = tmp_path / "other.toml"
    text = running.config.read_text().replace(str(running.data_dir), str(tmp_path / "data"))
    other.write_text(text.replace("port = 0", f"port = {port}"))
    ended = lakescope("run", "-c", str(other))
    assert ended.code == 2
    assert f"error: cannot listen on 127.0.0.1:{port}: Address already in use" in ended.err
    other.write_text(
        text.replace('type = "duckdb"\n', f'type = "duckdb"\npath = "{running.data_dir}/lake.duckdb"\n')
    )
    ended = lakescope("setup", "-c", str(other))
    assert ended.code == 2 and "is another lakescope running on it?" in ended.err


# --- the demo --------------------------------------------------------------------------------------------


def test_the_demo_shows_a_lake_and_ends(tmp_path: Path) -> None:
    ended = lakescope("demo", "--seconds", "5", "--port", "0", "--data-dir", "demo", cwd=tmp_path, timeout=60)
    assert ended.code == 0, ended
    assert "lakescope is running: http://127.0.0.1:" in ended.out
    line = "  in another terminal: LAKESCOPE_CONFIG=demo/lakescope.toml lakescope top\n"
    assert line in ended.out, "one line, for copying"
    (row,) = (line.split() for line in ended.out.splitlines() if line.split()[:2] == ["lake", "store"])
    received, stored, dead, filtered, in_flight = (int(number.replace(",", "")) for number in row[2:])
    assert received == stored + dead + filtered > 100
    assert (dead, in_flight) == (0, 0)
    assert lakescope("config", "show", "-c", "demo/lakescope.toml", cwd=tmp_path).code == 0


def test_the_simulated_lake_ends_with_a_demo_that_is_killed(tmp_path: Path) -> None:
    """Else it would go on, and the next demo on this port would hear two lakes."""
    command = [sys.executable, "-m", "lakescope", "demo", "--port", "0", "--data-dir", "demo"]
    demo = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert demo.stdout is not None
    while b"reached" not in demo.stdout.readline():
        assert demo.poll() is None
    demo.kill()
    demo.communicate(timeout=60)  # until the lake, too, has closed its output
