"""Secrets come from the environment or from files, and appear nowhere else: each secret option has a value of its own here."""

from __future__ import annotations

import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import tomli_w
from pydantic import BaseModel, SecretStr

from lakescope.app.config import Settings, load_file, parse
from lakescope.app.doctor import examine
from lakescope.app.secrets import exposures, secrets_of
from lakescope.core.places import ConfigurationError
from lakescope.core.plugins import available, load
from tests.contract._http import Answer, HttpServer, Request
from tests.e2e._lakescope import Lakescope, until

NOBODY = "127.0.0.1:9"
Table = dict[str, Any]


def tables(url: str) -> dict[str, list[Table]]:
    """Room and type -> tables that have every secret option of the type, each as the text ``SECRET``; those that exclude each
    other in tables of their own."""
    login = {"username": "u", "password": "SECRET"}
    oidc = {"token_url": f"{url}/token", "client_id": "c", "client_secret": "SECRET"}
    rucio = {"url": url, "account": "a", "interval_s": 1.0}
    mail = {
        "host": "127.0.0.1",
        "port": 9,
        "security": "none",
        "sender": "a@example.org",
        "to": ["b@example.org"],
    }
    headers = {"authorization": "Bearer SECRET"}
    return {
        "collectors.http": [{"token": "SECRET"}],
        "collectors.poll": [
            {"urls": [f"{url}/m"], "headers": headers, "interval_s": 1.0},
            {"urls": [f"{url}/n"], "oidc": oidc, "interval_s": 1.0},
        ],
        "collectors.probe": [
            {
                "urls": [f"{url}/p"],
                "headers": headers,
                "client_id": "c",
                "client_secret": "SECRET",
                "interval_s": 1.0,
            }
        ],
        "collectors.rucio": [rucio | login, rucio | {"oidc": oidc}],
        "collectors.stomp": [
            {"brokers": [f"stomp://{NOBODY}"], "destination": "/queue/q", "format": "fts"} | who
            for who in (login, {"oidc": oidc})
        ],
        "collectors.kafka": [
            {"brokers": [f"kafka://{NOBODY}"], "topics": ["t"], "format": "events"} | who
            for who in (login, {"oidc": oidc})
        ],
        "sinks.elasticsearch": [
            {"urls": [url]} | login,
            {"urls": [url], "api_key": "SECRET"},
            {"urls": [url], "oidc": oidc},
        ],
        "sinks.influxdb": [
            {"url": url, "database": "d"} | login,
            {"url": url, "bucket": "b", "org": "o", "token": "SECRET"} | login,
        ],
        "sinks.monit": [{"url": url, "producer": "p"} | login],
        "sinks.kafka": [
            {"brokers": [f"kafka://{NOBODY}"], "topic": "t"} | who for who in (login, {"oidc": oidc})
        ],
        "receivers.alertmanager": [{"urls": [url], "token": "SECRET"} | login],
        "receivers.mail": [mail | login],
        "receivers.slack": [{"url": f"{url}/SECRET"}],
        "receivers.mattermost": [{"url": f"{url}/SECRET"}],
        "receivers.pagerduty": [{"url": url, "routing_key": "SECRET"}],
        "receivers.webhook": [
            {"url": f"{url}/SECRET", "token": "SECRET"},
            {"url": f"{url}/SECRET", "oidc": oidc},
        ],
    }


def secret_places(model: type[BaseModel], place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every secret option of a model, its inner tables included."""
    for name, field in model.model_fields.items():
        for kind in _kinds(field.annotation):
            if kind is SecretStr:
                yield (*place, name)
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from secret_places(kind, (*place, name))


def _kinds(annotation: Any) -> set[Any]:
    inner = typing.get_args(annotation)
    return {annotation} if not inner else set().union(*map(_kinds, inner))


class Markers:
    """A value for each place where a secret goes, and which places there were."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def fill(self, value: Any, place: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: self.fill(inner, (*place, key)) for key, inner in value.items()}
        if isinstance(value, str) and "SECRET" in value:
            marker = f"marker{len(self.values):03}x{hash(place) & 0xFFFFFF:06x}"
            self.values[".".join(place)] = marker
            return value.replace("SECRET", marker)
        return value


def configuration(url: str, *, by_oidc: bool = False) -> tuple[dict[str, Any], Markers]:
    """Every plugin with a secret, every secret with a value of its own; [sync] by password, or by OpenID Connect."""
    markers = Markers()
    oidc = {"token_url": f"{url}/token", "client_id": "c", "client_secret": "SECRET"}
    login = {"oidc": oidc} if by_oidc else {"username": "u", "password": "SECRET"}
    document: dict[str, Any] = markers.fill(
        {
            "http": {"token": "SECRET", "port": 0},
            "pipeline": {"drain_s": 0.0},
            "privacy": {"user_salt": "SECRET"},
            "sync": {
                "rucio": {"url": url, "account": "a"} | login,
                "accounts": {"url": url, "client_id": "c", "client_secret": "SECRET"},
            },
            "access": {
                "oidc": {
                    "issuer": url,
                    "client_id": "c",
                    "client_secret": "SECRET",
                    "redirect_uri": "https://lakescope.example.org/login/callback",
                },
                "groups": {"/lake": {"all_vos": True}},
            },
            "alerts": {"heartbeat": {"url": f"{url}/SECRET"}, "receivers": {}},
        },
        (),
    )
    for room_type, variants in tables(url).items():
        room, kind = room_type.split(".")
        place = document["alerts"] if room == "receivers" else document
        for number, table in enumerate(variants):
            name = f"{kind}{number}"
            filled = markers.fill(table, (room, kind, str(number)))
            place.setdefault(room, {})[name] = {"type": kind} | filled
            if room == "collectors" and kind == "rucio":
                filled["format"] = "rucio_api"
    return document, markers


def test_every_secret_option_has_a_value_here() -> None:
    expected = {f"settings.{'.'.join(place)}" for place in secret_places(Settings)}
    for room in ("collectors", "sinks", "receivers"):
        for kind in available(room):  # type: ignore[arg-type]
            model = load(room, kind).Options  # type: ignore[arg-type]
            expected |= {f"{room}.{kind}.{'.'.join(place)}" for place in secret_places(model)}
    document, markers = configuration("http://127.0.0.1:9")
    _, others = configuration("http://127.0.0.1:9", by_oidc=True)
    rooms = ("collectors", "sinks", "receivers")
    filled = set()
    for name in {*markers.values, *others.values}:
        first, *rest = name.split(".")
        if first in rooms:
            kind, _, *option = rest
            option = option[:-1] if option[0] == "headers" else option
            filled.add(f"{first}.{kind}.{'.'.join(option)}")
        else:
            filled.add(f"settings.{name}")
    assert expected - filled == set(), "give it a value in `tables`"
    assert set(secrets_of(parse(tomli_w.dumps(document)))) >= {
        value for name, value in markers.values.items() if "headers" not in name and ".url" not in name
    }


def test_no_secret_is_in_logs_errors_pages_metrics_commands_or_the_list_of_processes(tmp_path: Path) -> None:
    def refuse(request: Request) -> Answer:
        return Answer(401, b"who are you?")

    with HttpServer(refuse) as server:
        document, markers = configuration(server.url)
        document["sinks"] = document["sinks"] | {"store": {"type": "duckdb"}}
        texts: dict[str, str] = {}
        with Lakescope(tmp_path, "") as running:
            document["data_dir"] = str(running.data_dir)
            running.config.write_text(tomli_w.dumps(document))
            texts["config show"] = _command("config", "show", running.config)
            texts["plugins"] = repr(load_file(running.config)) + str(load_file(running.config).document())
            program = (
                "import logging, sys; logging.basicConfig(level=logging.DEBUG)\n"
                "from lakescope.cli import main; sys.argv = ['lakescope', *sys.argv[1:]]; main()"
            )
            with running.log.open("wb") as log:
                running.process = subprocess.Popen(
                    [sys.executable, "-c", program, "run", "-c", str(running.config)], stdout=log, stderr=log
                )
            until(lambda: running.url is not None, 60, running.tail)
            assert running.url is not None
            token = {"authorization": f"Bearer {document['http']['token']}"}
            with httpx.Client(base_url=running.url, headers=token, trust_env=False, timeout=30) as client:
                until(lambda: b"sinks" in client.get("/api/status").content, 30, lambda: "status")
                # something for the sinks to fail at
                push = document["collectors"]["http0"]["token"]
                body = {"producer": "p", "type": "t", "value": 1}
                client.post(
                    "/push/push", json=body, headers={"authorization": f"Bearer {push}"}
                ).raise_for_status()
                until(lambda: "401" in client.get("/readyz").text, 30, lambda: client.get("/readyz").text)
                for page in ("/", "/metrics", "/api/status", "/readyz", "/api/alerts", "/livez"):
                    texts[page] = client.get(page).text
            texts["processes"] = b"\n".join(
                path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()
            ).decode(errors="replace")
            texts["doctor"] = "\n".join(
                f"{finding.text} {finding.remedy}" for _, finding in examine(load_file(running.config), 8)
            )
            running.stop()
            texts["log"] = running.log.read_text(errors="replace")
    assert "DEBUG" in texts["log"] and "401" in texts["doctor"] and "401" in texts["/readyz"]
    for where, text in texts.items():
        assert [name for name, value in markers.values.items() if value in text] == [], where


def _command(*arguments: Any) -> str:
    command = [sys.executable, "-m", "lakescope", *arguments[:-1], "-c", str(arguments[-1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("by_oidc", [False, True])
def test_an_error_about_a_secret_or_a_url_does_not_quote_it(by_oidc: bool) -> None:
    """Of a value of another type, and of a password in a URL."""
    document, markers = configuration("http://127.0.0.1:9", by_oidc=by_oidc)
    text = tomli_w.dumps(document)
    for name, marker in markers.values.items():
        for wrong in (f'["{marker}"]', f'{{ a = "{marker}" }}'):
            spoilt = text.replace(f'"{marker}"', wrong)
            if spoilt == text:
                continue  # a part of a value, such as a URL's
            with pytest.raises(ConfigurationError) as error:
                parse(spoilt)
            assert marker not in str(error.value), name
    for scheme, table in (
        ("http", '[sinks.s]\ntype = "influxdb"\ndatabase = "d"\nurl = "{}"'),
        ("https", '[sinks.s]\ntype = "elasticsearch"\nurls = ["{}"]'),
        (
            "stomp",
            '[collectors.s]\ntype = "stomp"\nformat = "fts"\ndestination = "/queue/q"\nbrokers = ["{}"]',
        ),
        ("kafka", '[sinks.s]\ntype = "kafka"\ntopic = "t"\nbrokers = ["{}"]'),
        ("http", '[collectors.s]\ntype = "poll"\nurls = ["{}"]'),
        ("https", '[collectors.s]\ntype = "rucio"\naccount = "a"\nurl = "{}"'),
        ("https", '[alerts.receivers.s]\ntype = "slack"\nurl = "{}"'),
        ("http", '[alerts.receivers.s]\ntype = "pagerduty"\nrouting_key = "k1234567"\nproxy = "{}"'),
    ):
        with pytest.raises(ConfigurationError) as error:
            parse(table.format(f"{scheme}://user:passw0rd-in-url@host.example.org:1234"))
        assert "passw0rd-in-url" not in str(error.value)


# --- files ------------------------------------------------------------------------------------------------------

PLAIN = '[collectors.push]\ntype = "http"\ntoken = "{}"\n[sinks.a]\ntype = "jsonl"\ndirectory = "archive"\n'


def test_a_secret_comes_from_a_file_or_a_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, secret = tmp_path / "lakescope.toml", tmp_path / "token"
    config.write_text(PLAIN.format("${file:token}"))
    secret.write_text("from-a-file\n")
    secret.chmod(0o600)
    loaded = load_file(config)
    assert secrets_of(loaded) == ["from-a-file"] and exposures(loaded) == []
    config.write_text(PLAIN.format(f"${{file:{secret}}}-${{UNSET:-and more}}"))
    assert secrets_of(load_file(config)) == ["from-a-file-and more"]
    config.write_text(PLAIN.format("${credential:token}"))
    with pytest.raises(ConfigurationError, match=r"LoadCredential=token:/etc/lakescope/token"):
        load_file(config)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    secret.chmod(0o444)  # its folder guards it
    loaded = load_file(config)
    assert secrets_of(loaded) == ["from-a-file"] and exposures(loaded) == []


@pytest.mark.parametrize(("mode", "who"), [(0o640, "its group"), (0o604, "everybody"), (0o644, "everybody")])
def test_a_file_that_others_may_read_is_a_warning(tmp_path: Path, mode: int, who: str) -> None:
    config, secret = tmp_path / "lakescope.toml", tmp_path / "token"
    config.write_text(PLAIN.format("${file:token}"))
    secret.write_text("from-a-file")
    secret.chmod(mode)
    (sentence,) = exposures(load_file(config))
    assert sentence == f"{secret} holds a secret, and {who} may read it (mode {mode:04o}): chmod 600 {secret}"
    assert f"warning: {sentence}" in _command("validate", config)
    (finding,) = [one.finding for one in examine(load_file(config), 20) if one.finding.level == "warning"]
    assert finding.remedy == f"chmod 600 {secret}"


def test_a_configuration_with_a_secret_in_it_and_a_key(tmp_path: Path) -> None:
    config = tmp_path / "lakescope.toml"
    config.write_text(PLAIN.format("in-plain-text"))
    config.chmod(0o644)
    (sentence,) = exposures(load_file(config))
    assert "holds a secret in plain text, and everybody may read it" in sentence
    config.chmod(0o600)
    assert exposures(load_file(config)) == []
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o644)
    tls = '[sinks.m]\ntype = "monit"\nurl = "https://m"\nproducer = "p"\ntls = { cert_file = "cert.pem", key_file = "key.pem" }\n'
    config.write_text(PLAIN.format("in-plain-text") + tls)
    (sentence,) = exposures(load_file(config))
    assert sentence.startswith(f"{tmp_path}/key.pem holds a key or a token")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "expected one line, found 0"),
        (b"one\ntwo-is-secret\n", "expected one line, found 2"),
        (b"\xff\xfe\x00", "expected text in UTF-8"),
        (b"x" * 70_000, "expected one line, found 1 and 65537 bytes"),
    ],
)
def test_a_file_that_holds_no_secret(tmp_path: Path, content: bytes | None, expected: str) -> None:
    config = tmp_path / "lakescope.toml"
    config.write_text(PLAIN.format("${file:token}"))
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigurationError) as error:
        load_file(config)
    assert expected in str(error.value) and "[collectors.push.token]" in str(error.value)
    assert "two-is-secret" not in str(error.value)
