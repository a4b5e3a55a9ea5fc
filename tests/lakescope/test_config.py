"""The configuration: each fault with file, line, place and remedy; variables; secrets that never show."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import tomli_w

from lakescope.config import ConfigurationError, load_file, parse
from lakescope.options import Tls
from lakescope.plugins import available, load

SECRET = "hunter2-is-secret"
REST = '[collectors.a]\ntype = "http"\n[sinks.b]\ntype = "duckdb"\n'
SINK = '[sinks.b]\ntype = "duckdb"\n'
STOMP = '[collectors.a]\ntype = "stomp"\nformat = "hermes"\ndestination = "/queue/x"\n'


class Fault(NamedTuple):
    """A configuration with one fault, and what must be said of it."""

    text: str
    line: int | None
    place: str
    says: str
    remedy: str


FAULTS = {
    "empty": Fault(
        "", None, "collectors", "there are no collectors", "[collectors.NAME] with type = one of files"
    ),
    "no sinks": Fault(
        '[collectors.a]\ntype = "http"\n', None, "sinks", "there are no sinks", "one of duckdb"
    ),
    "not TOML": Fault("\n[http\nport = 1\n", 2, "", "not TOML", 'name = "value"'),
    "misspelt section": Fault(f"{REST}[htp]\nport = 1\n", 5, "htp", "no option `htp`", "write `http`"),
    "misspelt option": Fault(f"{REST}[http]\nprot = 1\n", 6, "http.prot", "no option `prot`", "write `port`"),
    "option like no other": Fault(
        f'{REST}[http]\nzzz = "{SECRET}"\n', 6, "http.zzz", "no option `zzz`", "there are host, port"
    ),
    "wrong type": Fault(f'{REST}[http]\nport = "x"\n', 6, "http.port", "valid integer", "port = 8137"),
    "out of bounds": Fault(f"{REST}[http]\nport = 65536\n", 6, "http.port", "found 65536", "port = 8137"),
    "no type": Fault(f"[collectors.a]\n{SINK}", 1, "collectors.a", "`type` is missing", "one of files, http"),
    "unknown type": Fault(
        f'[collectors.a]\ntype = "htpp"\n{SINK}',
        2,
        "collectors.a.type",
        "no collector 'htpp'",
        'type = "http"',
    ),
    "name of Lakescope's own": Fault(
        f'[collectors.lakescope]\ntype = "http"\n{SINK}',
        1,
        "collectors.lakescope",
        "Lakescope's reports on itself",
        "another name",
    ),
    "time that goes back": Fault(
        f"{REST}[pipeline]\nhealth_s = -1\n", 6, "pipeline.health_s", "found -1", "health_s = 60"
    ),
    "no tables": Fault("collectors = 5\n", 1, "collectors", "expected tables", "[collectors.mine]"),
    "no table": Fault(f"[collectors]\na = 5\n{SINK}", 2, "collectors.a", "`type` is missing", "add type"),
    "missing option": Fault(
        f'[collectors.a]\ntype = "files"\nformat = "fts"\n{SINK}',
        1,
        "collectors.a.paths",
        "`paths` is missing",
        'add paths = ["/var/log/rucio/events/*.jsonl.gz"]',
    ),
    "unknown format": Fault(
        f'[collectors.a]\ntype = "files"\npaths = ["x"]\nformat = "hermez"\n{SINK}',
        4,
        "collectors.a.format",
        "no format 'hermez'; there are collectd",
        'format = "hermes"',
    ),
    "unknown dataset": Fault(
        f'{REST}datasets = ["transfer"]\n',
        5,
        "sinks.b.datasets",
        "no dataset 'transfer'; there are",
        '"transfers"',
    ),
    "no broker": Fault(
        f'{STOMP}brokers = ["mq:61613"]\n{SINK}',
        5,
        "collectors.a.brokers",
        "stomp+ssl://host:port",
        "stomp+ssl://mq",
    ),
    "password in a broker's URL": Fault(
        f'{STOMP}brokers = ["stomp://me:{SECRET}@mq:1"]\n{SINK}',
        5,
        "collectors.a.brokers",
        "use `username` and `password`",
        "brokers = [",
    ),
    "password in a target's URL": Fault(
        f'[collectors.a]\ntype = "poll"\nurls = ["http://me:{SECRET}@se01:9100"]\n{SINK}',
        3,
        "collectors.a.urls",
        "use `headers`",
        "urls = [",
    ),
    "durable queue": Fault(
        f'{STOMP}brokers = ["stomp://mq"]\ndurable = "me"\n{SINK}',
        1,
        "collectors.a",
        "`durable` is for topics; a queue keeps its messages anyhow: remove `durable`",
        "",
    ),
    "nested": Fault(
        f'{STOMP}brokers = ["stomp://mq"]\n[collectors.a.tls]\nca_fil = "x"\n{SINK}',
        7,
        "collectors.a.tls.ca_fil",
        "no option `ca_fil`",
        "write `ca_file`",
    ),
    "inline table": Fault(
        f'{STOMP}brokers = ["stomp://mq"]\ntls = {{ verify = "perhaps" }}\n{SINK}',
        6,
        "collectors.a.tls.verify",
        "valid boolean",
        "verify = true",
    ),
    "dotted key": Fault(f"http.port = -1\n{REST}", 1, "http.port", "found -1", "port = 8137"),
    "quoted name": Fault(
        f'[collectors."my host"]\ntype = "files"\npaths = []\nformat = "fts"\n{SINK}',
        3,
        "collectors.my host.paths",
        "at least 1 item",
        "paths = [",
    ),
    "neither InfluxDB": Fault(
        '[collectors.a]\ntype = "http"\n[sinks.b]\ntype = "influxdb"\nurl = "http://i:8086"\n',
        3,
        "sinks.b",
        "give either `database` (InfluxDB 1.x) or `bucket`",
        "",
    ),
    "half an InfluxDB 2": Fault(
        '[collectors.a]\ntype = "http"\n[sinks.b]\ntype = "influxdb"\nurl = "http://i:8086"\nbucket = "x"\n',
        3,
        "sinks.b",
        "needs `org` and `token`",
        "",
    ),
    "password in a store's URL": Fault(
        f'[collectors.a]\ntype = "http"\n[sinks.b]\ntype = "monit"\nproducer = "p"\nurl = "https://me:{SECRET}@m"\n',
        3,
        "sinks.b",
        "use `username` and `password`",
        "",
    ),
    "a node without port": Fault(
        '[collectors.a]\ntype = "http"\n[sinks.b]\ntype = "elasticsearch"\nurls = ["https://es"]\n',
        5,
        "sinks.b.urls",
        "ports belong to their URLs",
        "https://es.example.org:9200",
    ),
    "unset variable": Fault(
        f'{REST}path = "${{LAKESCOPE_NOT_SET}}"\n',
        5,
        "sinks.b.path",
        "environment variable LAKESCOPE_NOT_SET is not set",
        "export LAKESCOPE_NOT_SET=",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_told_with_file_line_place_and_remedy(what: str) -> None:
    fault = FAULTS[what]
    with pytest.raises(ConfigurationError) as error:
        parse(fault.text, "here.toml")
    problem = error.value.problems[0]
    assert (problem.file, problem.line, problem.place) == ("here.toml", fault.line, fault.place)
    assert fault.says in problem.text
    assert fault.remedy in problem.remedy and problem.remedy
    where = f"here.toml:{fault.line}:" if fault.line else "here.toml:"
    assert str(error.value).startswith(where) and "\n    remedy: " in str(error.value)
    assert SECRET not in str(error.value)


def test_all_faults_are_told_at_once() -> None:
    text = f'[http]\nport = -1\nprot = 2\n[collectors.a]\ntype = "stomp"\nformat = "x"\n{SINK}threads = 0\n'
    with pytest.raises(ConfigurationError) as error:
        parse(text)
    assert [problem.place for problem in error.value.problems] == [
        "http.port",
        "http.prot",
        "collectors.a.format",
        "collectors.a.brokers",
        "collectors.a.destination",
        "sinks.b.threads",
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"No such file.*\n.*lakescope config sample"):
        load_file(tmp_path / "lakescope.toml")
    (tmp_path / "lakescope.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read: 'utf-8'"):
        load_file(tmp_path / "lakescope.toml")


def test_variables_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_TOKEN", SECRET)
    monkeypatch.setenv("LAKE_HOST", "mq.example.org")
    monkeypatch.delenv("LAKE_PORT", raising=False)
    found = parse(
        '[http]\nport = "${LAKE_PORT:-8200}"\n'
        f'{STOMP}brokers = ["stomp://${{LAKE_HOST}}:${{LAKE_PORT:-61613}}"]\npassword = "${{LAKE_TOKEN}}"\n'
        f'vo = "${{LAKE_PORT:-}}"\n{SINK}'
    )
    options = found.collectors["a"].options
    assert found.settings.http.port == 8200
    assert options.brokers == ["stomp://mq.example.org:61613"]
    assert options.password.get_secret_value() == SECRET
    assert options.vo == ""


ALL_SECRETS = f"""
[privacy]
user_salt = "{SECRET}"
[collectors.stomp]
type = "stomp"
format = "hermes"
destination = "/queue/x"
brokers = ["stomp://mq"]
username = "me"
password = "{SECRET}"
[collectors.http]
type = "http"
token = "{SECRET}"
[collectors.poll]
type = "poll"
urls = ["http://se01:9100/metrics"]
headers = {{ authorization = "Bearer {SECRET}" }}
[sinks.es]
type = "elasticsearch"
urls = ["https://es:9200"]
password = "{SECRET}"
api_key = "{SECRET}"
[sinks.influx]
type = "influxdb"
url = "https://influx:8086"
org = "escape"
bucket = "lake"
token = "{SECRET}"
[sinks.monit]
type = "monit"
url = "https://monit:10013/x"
producer = "escape"
username = "me"
password = "{SECRET}"
"""


def test_the_effective_configuration_masks_every_secret() -> None:
    shown = tomli_w.dumps(parse(ALL_SECRETS).document())
    assert SECRET not in shown
    assert shown.count('"**********"') == ALL_SECRETS.count(SECRET)
    assert "port = 8137" in shown and 'username = "me"' in shown  # defaults are filled in, no secret is shown
    assert SECRET not in repr(parse(ALL_SECRETS))


def test_the_effective_configuration_is_one() -> None:
    """Without its secrets it can be read again, and means the same."""
    text = f'{STOMP}brokers = ["stomp://mq"]\n[collectors.a.tls]\nverify = false\n{SINK}'
    once = parse(text).document()
    assert parse(tomli_w.dumps(once)).document() == once


@pytest.mark.parametrize(
    ("room", "name"), [(room, name) for room in ("collectors", "sinks") for name in available(room)]
)
def test_every_option_of_every_plugin_is_documented(room: str, name: str) -> None:
    """With a description, and an example where there is no default."""
    model = load(room, name).Options  # type: ignore[arg-type]
    for option, field in model.model_fields.items():
        assert field.description, f"{name}.{option} has no docstring"
        assert not field.is_required() or field.examples, f"{name}.{option} has no example"


# --- no secret is shown, and a remedy can be written --------------------------------------------------------

LEAKS = {
    "a salt that is too short": (f'{REST}[privacy]\nuser_salt = "{SECRET[:7]}"\n', SECRET[:7]),
    "headers as one text": (
        f'[collectors.a]\ntype = "poll"\nurls = ["http://h"]\nheaders = "{SECRET}"\n{SINK}',
        SECRET,
    ),
    "a header that is a number": (
        f'[collectors.a]\ntype = "poll"\nurls = ["http://h"]\nheaders = {{ authorization = 4711 }}\n{SINK}',
        "4711",
    ),
    "a URL where a list is due": (f'{STOMP}brokers = "stomp://me:{SECRET}@mq"\n{SINK}', SECRET),
    "a variable in the wrong place": (f'{REST}memory_limit = "${{LAKE_TOKEN}}"\n', SECRET),
}


@pytest.mark.parametrize("what", LEAKS)
def test_no_error_shows_a_secret(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, secret = LEAKS[what]
    monkeypatch.setenv("LAKE_TOKEN", SECRET)
    with pytest.raises(ConfigurationError) as error:
        parse(text)
    assert secret not in str(error.value)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (f"{STOMP}brokers = [5]\n{SINK}", 'brokers = ["stomp+ssl://mq.example.org:61614"]'),
        (FAULTS["neither InfluxDB"].text, "lakescope plugins influxdb"),
        (LEAKS["a header that is a number"][0], 'headers = { authorization = "Bearer ${TOKEN}" }'),
    ],
)
def test_the_remedy_can_be_written(text: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse(text)
    assert remedy in error.value.problems[0].remedy


def test_a_type_that_is_no_text() -> None:
    with pytest.raises(ConfigurationError):
        parse(f'[collectors.a]\ntype = ["http"]\n{SINK}')


@pytest.mark.parametrize("option", ["ca_file", "cert_file"])
def test_a_certificate_that_is_not_there_is_named(tmp_path: Path, option: str) -> None:
    tls = Tls.model_validate({option: tmp_path / "missing.pem"})
    with pytest.raises(OSError, match=r"missing\.pem"):
        tls.context()
