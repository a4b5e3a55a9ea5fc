"""The configuration: each fault with file, line, place and remedy; variables; secrets that never show."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import tomli_w

from lakescope.app.config import ConfigurationError, load_file, parse
from lakescope.core.options import Tls, descriptions
from lakescope.core.plugins import available, load

SECRET = "hunter2-is-secret"
REST = '[collectors.a]\ntype = "http"\n[sinks.b]\ntype = "duckdb"\n'
SINK = '[sinks.b]\ntype = "duckdb"\n'
ES = '[collectors.a]\ntype = "http"\n[sinks.b]\ntype = "elasticsearch"\n'
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
        6,
        "sinks.b.url",
        "use `username` and `password`",
        "url = ",
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
    "misspelt table": Fault(
        f'[collector.a]\ntype = "http"\n{SINK}', 1, "collector", "no option `collector`", "write `collectors`"
    ),
    "misspelt table of sinks": Fault(
        '[collectors.a]\ntype = "http"\n[sink.b]\ntype = "duckdb"\n',
        3,
        "sink",
        "no option `sink`",
        "write `sinks`",
    ),
    "name with a slash": Fault(
        f'[collectors."a/b"]\ntype = "http"\n{SINK}', 1, "collectors.a/b", "found 'a/b'", "[collectors.a-b]"
    ),
    "name that climbs": Fault(
        f'[collectors."../b"]\ntype = "http"\n{SINK}',
        1,
        "collectors.../b",
        "expected a name",
        "[collectors.b]",
    ),
    "empty name": Fault(
        f'[collectors.""]\ntype = "http"\n{SINK}', 1, "collectors.", "found ''", "[collectors.mine]"
    ),
    "name with a newline": Fault(
        f'[collectors."a\\nb"]\ntype = "http"\n{SINK}',
        1,
        "collectors.a\nb",
        "expected a name",
        "[collectors.a-b]",
    ),
    "infinite age": Fault(
        f"{REST}[pipeline]\nbatch_age_s = inf\n", 6, "pipeline.batch_age_s", "finite", "= 0.5"
    ),
    "no number": Fault(f"{REST}[pipeline]\ndrain_s = nan\n", 6, "pipeline.drain_s", "finite", "drain_s = 20"),
    "longer than a clock": Fault(
        f"{REST}[pipeline]\nbatch_age_s = 1e300\n", 6, "pipeline.batch_age_s", "seconds at most", "= 0.5"
    ),
    "truth for a number": Fault(
        f"{REST}[http]\nport = true\n", 6, "http.port", "expected a number", "port = 8137"
    ),
    "part of a message": Fault(
        f"{REST}[pipeline]\nbatch_messages = 1.5\n", 6, "pipeline.batch_messages", "valid integer", "= 1000"
    ),
    "no message": Fault(
        f"{REST}[pipeline]\nbatch_messages = 0\n", 6, "pipeline.batch_messages", "found 0", "= 1000"
    ),
    "small queue": Fault(
        f"{REST}[pipeline]\nqueue_bytes = 5\n", 6, "pipeline.queue_bytes", "found 5", "= 67108864"
    ),
    "options for a table": Fault(f"pipeline = 5\n{REST}", 1, "pipeline", "expected a table", "[pipeline]"),
    "text for a list": Fault(
        f'{REST}[functional_tests]\nscopes = "x"\n', 6, "functional_tests.scopes", "valid tuple", "scopes = ["
    ),
    "twice": Fault(f"{REST}[http]\nport = 1\nport = 2\n", 7, "", "not TOML", "once each"),
    "table twice": Fault(f"{REST}[sinks.b]\n", 5, "", "not TOML", "once each"),
    "text without quotes": Fault(f"data_dir = /srv\n{REST}", 1, "", "not TOML", 'name = "value"'),
    "text that does not close": Fault(f'data_dir = "x\n{REST}', 1, "", "not TOML", ""),
    "too many threads": Fault(
        f"{REST}threads = 100000\n", 5, "sinks.b.threads", "found 100000", "threads = 2"
    ),
    "short salt": Fault(
        f'{REST}[privacy]\nuser_salt = "x"\n',
        6,
        "privacy.user_salt",
        "expected at least 8 characters",
        "SALT",
    ),
    "variable that does not close": Fault(
        f'{REST}path = "${{LAKE"\n', 5, "sinks.b.path", "another text behind `${`", "close it with `}`"
    ),
    "variable with a dash": Fault(
        f'{REST}path = "${{MY-LAKE}}"\n', 5, "sinks.b.path", "expected ${VARIABLE}", "digits"
    ),
    "root as a path": Fault(
        f'[collectors.a]\ntype = "http"\npath = "/"\n{SINK}', 3, "collectors.a.path", "'/'", "/push"
    ),
    "path that ends in a slash": Fault(
        f'[collectors.a]\ntype = "http"\npath = "/p/"\n{SINK}', 3, "collectors.a.path", "'/p/'", "/push"
    ),
    "Lakescope's own path": Fault(
        f'[collectors.a]\ntype = "http"\npath = "/api/x"\n{SINK}',
        3,
        "collectors.a.path",
        "Lakescope's own",
        "/push",
    ),
    "short token": Fault(
        f'[collectors.a]\ntype = "http"\ntoken = "{SECRET[:3]}"\n{SINK}',
        3,
        "collectors.a.token",
        "at least 8",
        "PUSH",
    ),
    "no brokers": Fault(
        f"{STOMP}brokers = []\n{SINK}", 5, "collectors.a.brokers", "at least 1", "brokers = ["
    ),
    "empty broker": Fault(
        f'{STOMP}brokers = [""]\n{SINK}', 5, "collectors.a.brokers", "stomp", "brokers = ["
    ),
    "broker's port": Fault(
        f'{STOMP}brokers = ["stomp://mq:99999"]\n{SINK}',
        5,
        "collectors.a.brokers",
        "stomp://mq:99999",
        "brokers = [",
    ),
    "broker by HTTP": Fault(
        f'{STOMP}brokers = ["http://mq:61613"]\n{SINK}',
        5,
        "collectors.a.brokers",
        "found 'http://mq:61613'",
        "stomp",
    ),
    "user without password": Fault(
        f'{STOMP}brokers = ["stomp://mq"]\nusername = "me"\n{SINK}',
        1,
        "collectors.a",
        "without `password`",
        "stomp",
    ),
    "password without user": Fault(
        f'{STOMP}brokers = ["stomp://mq"]\npassword = "{SECRET}"\n{SINK}',
        1,
        "collectors.a",
        "without `user",
        "stomp",
    ),
    "no prefetch": Fault(
        f'{STOMP}brokers = ["stomp://mq"]\nprefetch = 0\n{SINK}',
        6,
        "collectors.a.prefetch",
        "found 0",
        "= 5000",
    ),
    "negative heartbeat": Fault(
        f'{STOMP}brokers = ["stomp://mq"]\nheartbeat_s = -1\n{SINK}',
        6,
        "collectors.a.heartbeat_s",
        "found -1",
        "= 15",
    ),
    "target without scheme": Fault(
        f'[collectors.a]\ntype = "poll"\nurls = ["se01:9100"]\n{SINK}',
        3,
        "collectors.a.urls",
        "http://",
        "urls = [",
    ),
    "no interval": Fault(
        f'[collectors.a]\ntype = "poll"\nurls = ["http://h"]\ninterval_s = 0\n{SINK}',
        4,
        "collectors.a.interval_s",
        "found 0",
        "= 60",
    ),
    "unknown framing": Fault(
        f'[collectors.a]\ntype = "files"\nformat = "fts"\npaths = ["x"]\nframing = "line"\n{SINK}',
        5,
        "collectors.a.framing",
        "'json'",
        "framing = ",
    ),
    "near a format": Fault(
        f'[collectors.a]\ntype = "files"\npaths = ["x"]\nformat = "Hermes"\n{SINK}',
        4,
        "collectors.a.format",
        "did you mean 'hermes'?",
        "format = ",
    ),
    "node without scheme": Fault(
        f'{ES}urls = ["es:9200"]\n', 5, "sinks.b.urls", "expected a URL such as", "https://"
    ),
    "no nodes": Fault(f"{ES}urls = []\n", 5, "sinks.b.urls", "at least 1", "urls = ["),
    "prefix in capitals": Fault(
        f'{ES}urls = ["http://e:1"]\nprefix = "Lake"\n', 6, "sinks.b.prefix", "'Lake'", "lakescope"
    ),
    "flavour": Fault(
        f'{ES}urls = ["http://e:1"]\nflavour = "solr"\n', 6, "sinks.b.flavour", "'solr'", "elasticsearch"
    ),
    "key and user": Fault(
        f'{ES}urls = ["http://e:1"]\nusername = "u"\npassword = "p"\napi_key = "k"\n',
        3,
        "sinks.b",
        "remove one",
        "",
    ),
    "InfluxDB without scheme": Fault(
        '[collectors.a]\ntype = "http"\n[sinks.b]\ntype = "influxdb"\ndatabase = "l"\nurl = "i:8086"\n',
        6,
        "sinks.b.url",
        "expected a URL such as",
        "http://influxdb",
    ),
    "memory": Fault(f'{REST}memory_limit = "lots"\n', 5, "sinks.b.memory_limit", "'lots'", "512MB"),
    "key without certificate": Fault(
        f'{STOMP}brokers = ["stomp://mq"]\ntls.key_file = "k"\n{SINK}',
        6,
        "collectors.a.tls",
        "`key_file` without `cert_file`",
        "",
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


def test_a_variable_that_is_not_set_is_one_fault() -> None:
    with pytest.raises(ConfigurationError) as error:
        parse(f'[collectors.a]\ntype = "http"\ntoken = "${{LAKESCOPE_NOT_SET}}"\n{SINK}')
    (problem,) = error.value.problems
    assert (problem.line, problem.remedy) == (3, "export LAKESCOPE_NOT_SET=...")


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
    with pytest.raises(ConfigurationError, match=r"Is a directory"):
        load_file(tmp_path)
    for content, line, remedy in (
        (REST.encode("utf-16"), 1, "iconv -f UTF-16"),
        (f"{REST}# Zürich".encode("latin-1"), 5, "iconv -f LATIN1"),
    ):
        (tmp_path / "lakescope.toml").write_bytes(content)
        with pytest.raises(ConfigurationError, match=rf"toml:{line}: expected UTF-8.*\n.*{remedy}"):
            load_file(tmp_path / "lakescope.toml")
    (tmp_path / "lakescope.toml").write_bytes(REST.encode("utf-8-sig"))
    assert load_file(tmp_path / "lakescope.toml").sinks


def test_relative_paths_begin_beside_the_file(tmp_path: Path) -> None:
    text = (
        '[topology]\nrses = "rses.json"\n[collectors.a]\ntype = "files"\nformat = "fts"\n'
        'paths = ["in/*.json", "/abs/*", "-"]\n[sinks.b]\ntype = "jsonl"\ndirectory = "out"\n'
        '[sinks.c]\ntype = "duckdb"\npath = "../lake.duckdb"\n'
        '[sinks.d]\ntype = "monit"\nproducer = "p"\nurl = "http://m"\ntls.ca_file = "ca.pem"\n'
    )
    home = tmp_path / "[etc]"
    home.mkdir()
    (home / "lakescope.toml").write_text(text)
    chosen = load_file(home / "lakescope.toml")
    assert chosen.settings.data_dir == home / "lakescope-data"
    assert chosen.settings.topology.rses == home / "rses.json"
    assert chosen.sinks["b"].options.directory == home / "out"
    assert chosen.sinks["c"].options.path == home / "../lake.duckdb"
    assert chosen.sinks["d"].options.tls.ca_file == home / "ca.pem"
    assert chosen.collectors["a"].options.paths == [f"{tmp_path}/[[]etc]/in/*.json", "/abs/*", "-"]
    assert (
        parse(text).collectors["a"].options.paths[0] == "in/*.json"
    )  # as before, where the text has no file


def test_variables_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_TOKEN", SECRET)
    monkeypatch.setenv("LAKE_HOST", "mq.example.org")
    monkeypatch.delenv("LAKE_PORT", raising=False)
    found = parse(
        '[http]\nport = "${LAKE_PORT:-8200}"\n'
        f'{STOMP}brokers = ["stomp://${{LAKE_HOST}}:${{LAKE_PORT:-61613}}"]\nusername = "me"\npassword = "${{LAKE_TOKEN}}"\n'
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
api_key = "{SECRET}"
[sinks.other]
type = "elasticsearch"
urls = ["https://other:9200"]
username = "me"
password = "{SECRET}"
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
        assert descriptions(model).get(option), f"{name}.{option} has no docstring"
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
