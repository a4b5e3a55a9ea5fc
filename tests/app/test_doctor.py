"""`lakescope doctor` on real servers: a sound installation, and broken ones, each named rightly."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.app.assembly import open_sinks
from lakescope.app.config import load_file
from lakescope.app.doctor import examine
from tests.contract._http import Answer, HttpServer, Request, proxy_to
from tests.contract._issuer import TestIssuer
from tests.e2e import _commands
from tests.e2e._lakescope import Lakescope
from tests.servers import faketime
from tests.servers._disk import small_disk
from tests.servers._process import free_port
from tests.servers._tls import Authority, hashed, server_context
from tests.servers.influxdb import InfluxDB
from tests.servers.kafka import Kafka
from tests.servers.mail import MailServer

PUSH = '[collectors.push]\ntype = "http"\n'
STORE = '[sinks.store]\ntype = "jsonl"\ndirectory = "archive"\n'
SECRET = "s3cret-that-nobody-may-see"

Diagnose = Callable[..., list[str]]


@pytest.fixture
def diagnose(tmp_path: Path) -> Diagnose:
    """The lines of a configuration that are not ok, as ``level part: text; remedy``."""

    def lines(configuration: str, *, head: str = "", ok: bool = False, timeout_s: float = 25) -> list[str]:
        whole = f"{head}\n{configuration}"
        whole += PUSH if "[collectors" not in whole else ""
        whole += STORE if "[sinks" not in whole else ""
        whole += "[http]\nport = 0\n" if "[http]" not in whole else ""
        path = tmp_path / "lakescope.toml"
        path.write_text(whole)
        path.chmod(0o600)
        found = [
            f"{finding.level} {part}: {finding.text}; {finding.remedy}"
            for part, finding in examine(load_file(path), timeout_s)
        ]
        assert SECRET not in "\n".join(found)
        return found if ok else [line for line in found if not line.startswith("ok ")]

    return lines


# --- sound ------------------------------------------------------------------------------------------------------


def test_a_sound_installation_has_no_errors_and_nothing_is_left_behind(
    diagnose: Diagnose,
    tmp_path: Path,
    unique_name: str,
    activemq: Any,
    rabbitmq: Any,
    kafka: Kafka,
    node_exporter: Any,
    elasticsearch: Any,
    index_prefix: str,
    influxdb: InfluxDB,
    influx_database: str,
) -> None:
    kafka.create_topic(unique_name, 2)
    kafka.send(unique_name, [b"1", b"2", b"3"])
    rabbitmq.send(f"/queue/{unique_name}", [b"kept"])
    (tmp_path / "in.jsonl").write_text("{}\n")
    authority = Authority(tmp_path / "ca")
    context = server_context(authority.issue("mail", days=60))
    with MailServer(tls=context, login=("u", SECRET)) as mail, HttpServer(lambda _: Answer(200)) as hook:
        login = f'username = "{rabbitmq.user}"\npassword = "{rabbitmq.password}"\nvhost = "/"\n'
        configuration = f"""
[http]
port = {free_port()}
[collectors.fts]
type = "stomp"
brokers = ["{activemq.stomp_url}"]
destination = "/queue/{unique_name}"
format = "fts"
[collectors.hermes]
type = "stomp"
brokers = ["{rabbitmq.stomp_url}"]
destination = "/queue/{unique_name}"
format = "hermes"
{login}
[collectors.topics]
type = "kafka"
brokers = ["{kafka.url}"]
topics = ["{unique_name}"]
group = "{unique_name}"
format = "events"
[collectors.hosts]
type = "poll"
urls = ["{node_exporter.url}/metrics"]
[collectors.archive]
type = "files"
paths = ["in.jsonl"]
format = "events"
[collectors.monitor]
type = "statsd"
port = {free_port()}
[collectors.services]
type = "probe"
urls = ["{node_exporter.url}/"]
{PUSH}
[sinks.search]
type = "elasticsearch"
urls = ["{elasticsearch.url}"]
prefix = "{index_prefix}"
replicas = 0
[sinks.series]
type = "influxdb"
url = "{influxdb.url}"
database = "{influx_database}"
[sinks.embedded]
type = "duckdb"
[sinks.topic]
type = "kafka"
brokers = ["{kafka.url}"]
topic = "{unique_name}"
{STORE}
[alerts.receivers.operators]
type = "mail"
host = "localhost"
port = {mail.port}
username = "u"
password = "{SECRET}"
sender = "lakescope@example.org"
to = ["you@example.org"]
tls.ca_file = "{authority.certificate}"
[alerts.receivers.hook]
type = "webhook"
url = "{hook.url}/{SECRET}"
"""
        assert "error sinks.search: no index template" in "\n".join(diagnose(configuration))
        for sink in open_sinks(load_file(tmp_path / "lakescope.toml")).values():
            list(sink.setup())
            sink.close()
        before = _contents(elasticsearch.url, index_prefix, influxdb.url, influx_database)
        lines = diagnose(configuration, ok=True)
        assert [line for line in lines if not line.startswith("ok ")] == []
        assert not mail.mails and not hook.requests
    text = "\n".join(lines)
    for part in (
        f"collectors.fts: 127.0.0.1:{activemq.port}: logged in, may read /queue/{unique_name}",
        f"collectors.hermes: 127.0.0.1:{rabbitmq.port}: logged in",
        f"collectors.topics: group {unique_name}: 0 members, 3 messages not stored yet",
        "collectors.hosts: 1 of 1 targets answer",
        "collectors.archive: 1 files can be read",
        "collectors.services: 1 of 1 targets answer",
        f"sinks.search: read {index_prefix}-*: 0 events",
        "sinks.search: wrote one event and removed it",
        "sinks.series: wrote one event and removed it",
        "sinks.series: clock agrees",
        "sinks.embedded: read",
        f"sinks.topic: topic {unique_name}: 2 partitions, may be write",
        "alerts.receivers.operators: certificate of localhost is valid for",
    ):
        assert part in text, f"{part}\n{text}"
    assert _contents(elasticsearch.url, index_prefix, influxdb.url, influx_database) == before
    assert len(kafka.read(unique_name)) == 3
    assert kafka.held(unique_name, unique_name) == 3
    assert rabbitmq.queue_size(unique_name) == 1
    assert not [*tmp_path.rglob(".lakescope-doctor-*")]


def _contents(elasticsearch: str, prefix: str, influxdb: str, database: str) -> Any:
    """Indices, documents and measurements."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        client.post(f"{elasticsearch}/{prefix}-*/_refresh")
        indices = client.get(f"{elasticsearch}/{prefix}*?filter_path=*.mappings").json()
        count = client.get(f"{elasticsearch}/{prefix}-*/_count").json()["count"]
        question = {"db": database, "q": "SHOW MEASUREMENTS"}
        return indices, count, client.get(f"{influxdb}/query", params=question).json()


def test_beside_a_running_instance_it_asks_for_what_that_one_holds(tmp_path: Path) -> None:
    port = free_port()
    configuration = f"""{PUSH}
[collectors.monitor]
type = "statsd"
port = {port}
[sinks.store]
type = "duckdb"
"""
    with Lakescope(tmp_path, configuration) as running:
        running.start()
        assert running.url is not None
        running.config.write_text(
            running.config.read_text().replace("port = 0", f"port = {running.url.rpartition(':')[2]}")
        )
        done = _commands.lakescope("doctor", "-c", running.config)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "instance: http://127.0.0.1" in done.stdout and "is ready" in done.stdout
        assert f"udp://127.0.0.1:{port} is held by the running instance" in done.stdout
        assert "lake.duckdb is held by the running instance" in done.stdout
        assert "0 errors" in done.stdout
        assert httpx.get(f"{running.url}/readyz", trust_env=False).status_code == 200


# --- broken ------------------------------------------------------------------------------------------------------


def test_an_empty_store_takes_a_document_and_keeps_no_index(
    diagnose: Diagnose, elasticsearch: Any, index_prefix: str
) -> None:
    options = f'urls = ["{elasticsearch.url}"]\nprefix = "{index_prefix}"\n'
    lines = diagnose(f'[sinks.s]\ntype = "elasticsearch"\n{options}', ok=True)
    assert "ok sinks.s: wrote one event and removed it; " in lines
    assert httpx.get(f"{elasticsearch.url}/{index_prefix}*", trust_env=False).json() == {}


def test_an_index_that_the_disks_watermark_made_read_only(
    diagnose: Diagnose, elasticsearch: Any, index_prefix: str
) -> None:
    index = f"{elasticsearch.url}/{index_prefix}-transfers-2026.11"
    blocks = {"settings": {"index.blocks.read_only_allow_delete": True}}
    httpx.put(index, json=blocks, trust_env=False, timeout=30).raise_for_status()
    options = f'urls = ["{elasticsearch.url}"]\nprefix = "{index_prefix}"\n'
    (line,) = [
        line for line in diagnose(f'[sinks.s]\ntype = "elasticsearch"\n{options}') if "read-only" in line
    ]
    assert line.startswith(
        f"error sinks.s: index {index_prefix}-transfers-2026.11 is read-only (read_only_allow_delete): a disk"
    )
    assert '"index.blocks.read_only_allow_delete": null' in line


def test_a_user_who_may_not_write_to_elasticsearch(
    diagnose: Diagnose, elasticsearch: Any, index_prefix: str
) -> None:
    """The node of the tests has no security; its answer is that of Elasticsearch 8 to a user with `read` only."""
    pass_on = proxy_to(elasticsearch.url)
    refusal = b'{"error":{"type":"security_exception","reason":"action [indices:data/write/bulk] is unauthorized"},"status":403}'
    kind = (("content-type", "application/json"), ("x-elastic-product", "Elasticsearch"))

    def answer(request: Request) -> Answer:
        return Answer(403, refusal, kind) if request.path == "/_bulk" else pass_on(request)

    with HttpServer(answer) as server:
        options = f'urls = ["{server.url}"]\nprefix = "{index_prefix}"\n'
        lines = diagnose(f'[sinks.s]\ntype = "elasticsearch"\n{options}')
    (line,) = [line for line in lines if "written" in line]
    assert "answered 403" in line and "`create_index`, `index` and `delete`" in line


@pytest.fixture(scope="module")
def guarded_influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    """An InfluxDB that asks for a login: an administrator, and a user who may only read."""
    with InfluxDB(tmp_path_factory.mktemp("influxdb"), http_settings={"auth-enabled": True}) as server:
        admin = {"u": "admin", "p": "p"}
        for statement in (
            "CREATE USER admin WITH PASSWORD 'p' WITH ALL PRIVILEGES",
            "CREATE DATABASE lake",
            f"CREATE USER reader WITH PASSWORD '{SECRET}'",
            "GRANT READ ON lake TO reader",
        ):
            answer = httpx.post(f"{server.url}/query", params=admin, data={"q": statement}, trust_env=False)
            answer.raise_for_status()
        yield server


@pytest.mark.server("influxdb")
@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("reader", "wrong", "authorization failed"),
        ("reader", SECRET, 'GRANT ALL ON "lake" TO reader'),
    ],
)
def test_a_login_that_influxdb_refuses_and_a_user_who_may_only_read(
    diagnose: Diagnose, guarded_influxdb: InfluxDB, user: str, password: str, expected: str
) -> None:
    options = (
        f'url = "{guarded_influxdb.url}"\ndatabase = "lake"\nusername = "{user}"\npassword = "{password}"\n'
    )
    lines = diagnose(f'[sinks.s]\ntype = "influxdb"\n{options}')
    assert any(line.startswith("error sinks.s: ") and expected in line for line in lines), lines
    assert any("cannot be written" in line for line in lines)
    assert not any("cannot be read" in line for line in lines) or password == "wrong"


def test_a_database_that_is_not_there(diagnose: Diagnose, influxdb: InfluxDB, unique_name: str) -> None:
    lines = diagnose(f'[sinks.s]\ntype = "influxdb"\nurl = "{influxdb.url}"\ndatabase = "{unique_name}"\n')
    assert any("run `lakescope setup`, or correct `database`" in line for line in lines), lines


def _kafka(url: str, topic: str, more: str = "") -> str:
    return f'[sinks.s]\ntype = "kafka"\nbrokers = ["{url}"]\ntopic = "{topic}"\n{more}'


def test_a_topic_that_is_not_there(diagnose: Diagnose, kafka: Kafka, unique_name: str) -> None:
    (line,) = diagnose(_kafka(kafka.url, unique_name))
    assert line.startswith(f"error sinks.s: no topic '{unique_name}'")


def test_a_login_that_kafka_refuses(diagnose: Diagnose, kafka: Kafka, unique_name: str) -> None:
    lines = diagnose(_kafka(kafka.login_url, unique_name, f'username = "alice"\npassword = "{SECRET}"\n'))
    assert any("refused the login of 'alice'" in line for line in lines), lines


def test_access_rules_that_lack_a_right(diagnose: Diagnose, kafka: Kafka, unique_name: str) -> None:
    kafka.create_topic(unique_name, 1)
    login = f'username = "{kafka.user}"\npassword = "{kafka.password}"\n'
    with kafka.reserved("topic", unique_name):
        lines = diagnose(_kafka(kafka.login_url, unique_name, login))
    assert any("its access rules (ACL) lack" in line for line in lines), lines
    group = f'topics = ["{unique_name}"]\ngroup = "{unique_name}"\nformat = "events"\n'
    collector = f'[collectors.c]\ntype = "kafka"\nbrokers = ["{kafka.login_url}"]\n{login}{group}'
    with kafka.reserved("group", unique_name):
        lines = diagnose(collector)
    assert any(f"may not use group {unique_name}" in line for line in lines), lines


def test_a_certificate_of_a_strange_authority(
    diagnose: Diagnose, kafka: Kafka, unique_name: str, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger")
    tls = f'[sinks.s.tls]\nca_file = "{stranger.certificate}"\n'
    lines = diagnose(_kafka(kafka.tls_url, unique_name, tls))
    expected = "option tls.ca_file"
    assert any("is not trusted" in line and expected in line for line in lines), lines


@pytest.mark.parametrize(
    ("days", "expected"), [(-1, "the certificate has expired on"), (2, "expires in 2 days")]
)
def test_a_certificate_that_has_expired_or_will(
    diagnose: Diagnose, tmp_path: Path, days: int, expected: str
) -> None:
    authority = Authority(tmp_path / "ca")
    folder = hashed(authority, tmp_path / "hashed")
    pair = authority.issue("server", days=days)
    with HttpServer(lambda _: Answer(200, b"up 1\n"), tls=server_context(pair)) as server:
        tls = f'[collectors.c.tls]\nca_dir = "{folder}"\n'
        lines = diagnose(f'[collectors.c]\ntype = "poll"\nurls = ["{server.url}/metrics"]\n{tls}')
    level = "error" if days < 0 else "warning"
    assert any(line.startswith(f"{level} collectors.c") and expected in line for line in lines), lines


def test_a_queue_that_rabbitmq_does_not_have_is_not_made(
    diagnose: Diagnose, rabbitmq: Any, unique_name: str
) -> None:
    login = f'username = "{rabbitmq.user}"\npassword = "{rabbitmq.password}"\nvhost = "/"\n'
    where = f'brokers = ["{rabbitmq.stomp_url}"]\ndestination = "/queue/{unique_name}"\n'
    collector = f'[collectors.c]\ntype = "stomp"\nformat = "fts"\n{where}'
    for _ in range(2):
        lines = diagnose(collector + login)
        assert any("create it, correct `destination`" in line for line in lines), lines
    lines = diagnose(collector + login.replace(rabbitmq.password, SECRET))
    assert any("correct `username`, `password`" in line for line in lines), lines


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nowhere.invalid:8086"])
def test_a_host_that_cannot_be_reached(diagnose: Diagnose, address: str) -> None:
    (line,) = diagnose(f'[sinks.s]\ntype = "influxdb"\nurl = "http://{address}"\ndatabase = "lake"\n')
    assert line.startswith(f"error sinks.s: {address.partition(':')[0]}: ConnectError")


def test_a_server_that_never_answers_ends_with_the_time(diagnose: Diagnose) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        sink = f'[sinks.s]\ntype = "influxdb"\nurl = "{url}"\ndatabase = "lake"\n'
        (line,) = diagnose(sink, timeout_s=1)
    assert line.startswith("error sinks.s: no end within 1 s")


def test_a_full_disk(diagnose: Diagnose, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 2) as is_mounted:
        if not is_mounted:
            pytest.skip("a small disk needs root, and the right to mount")
        (tmp_path / "small/filling").write_bytes(b"0" * 2**21)
        lines = diagnose("", head=f'data_dir = "{tmp_path}/small"')
    assert any("error data_dir:" in line and "the disk is full" in line for line in lines), lines


@pytest.mark.server("faketime")
@pytest.mark.parametrize(("offset", "expected"), [("+3h", "3 h ahead of"), ("-73h", "3 days behind")])
def test_a_clock_that_is_wrong(
    diagnose: Diagnose, influxdb: InfluxDB, influx_database: str, tmp_path: Path, offset: str, expected: str
) -> None:
    diagnose(f'[sinks.s]\ntype = "influxdb"\nurl = "{influxdb.url}"\ndatabase = "{influx_database}"\n')
    environment = os.environ | {"LD_PRELOAD": str(faketime.LIBRARY), "FAKETIME": offset}
    done = subprocess.run(
        [sys.executable, "-m", "lakescope", "doctor", "-c", str(tmp_path / "lakescope.toml")],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"error    sinks.s: clock of this machine is {expected} that of 127.0.0.1" in done.stdout


def test_a_port_that_is_taken(diagnose: Diagnose) -> None:
    with ExitStack() as stack:
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        (line,) = diagnose(f"[http]\nport = {taken}\n")
        assert line.startswith(f"error http: cannot listen on 127.0.0.1:{taken}: Address already in use")
        (line,) = diagnose(f"[push]\nport = {taken}\n")
        assert line.startswith(f"error push: cannot listen on 127.0.0.1:{taken}")
        datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
        port = datagrams.getsockname()[1]
        (line,) = diagnose(f'[collectors.c]\ntype = "statsd"\nport = {port}\n')
        assert line.startswith(f"error collectors.c: cannot listen on udp://127.0.0.1:{port}")


def test_files_that_cannot_be_read(diagnose: Diagnose, tmp_path: Path) -> None:
    collector = '[collectors.c]\ntype = "files"\nformat = "events"\npaths = ["in.jsonl"]\n'
    (line,) = diagnose(collector)
    assert line.startswith("error collectors.c: no file matches") and "correct `paths`" in line
    with socket.socket(socket.AF_UNIX) as unreadable:
        unreadable.bind(str(tmp_path / "in.jsonl"))
        (line,) = diagnose(collector)
    assert f"{tmp_path}/in.jsonl: cannot be read" in line
    lines = diagnose('[topology]\nrses = "rses.json"\n')
    assert any(f"error configuration: {tmp_path}/rses.json: cannot be read" in line for line in lines), lines


def test_a_damaged_spool_and_a_database_that_another_process_holds(
    diagnose: Diagnose, tmp_path: Path
) -> None:
    (tmp_path / "lakescope-data").mkdir()
    (tmp_path / "lakescope-data/push.spool").write_bytes(b"no database" * 100)
    lines = diagnose("")
    assert any(line.startswith("error collectors.push:") and "move it away" in line for line in lines), lines
    holder = f"import duckdb; c = duckdb.connect('{tmp_path}/lake.duckdb'); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        lines = diagnose('[sinks.s]\ntype = "duckdb"\npath = "lake.duckdb"\n')
        other.kill()
    assert any("is another lakescope running on it?" in line for line in lines), lines


def test_a_mail_server_that_refuses(diagnose: Diagnose, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    context = server_context(authority.issue("mail", days=60))
    with MailServer(tls=context, login=("u", "right")) as mail:
        receiver = f"""
[alerts.receivers.r]
type = "mail"
host = "localhost"
port = {mail.port}
tls.ca_file = "{authority.certificate}"
username = "u"
password = "{SECRET}"
sender = "lakescope@example.org"
to = ["you@example.org"]
"""
        (line,) = diagnose(receiver)
        assert "login refused" in line
        mail.login = ("u", SECRET)
        mail.refusals["you@example.org"] = "550 who is that"
        (line,) = diagnose(receiver)
    assert line.startswith("error alerts.receivers.r: you@example.org is refused")


def test_the_versions_are_those_of_the_tests_servers() -> None:
    from lakescope.core.versions import TESTED
    from tests.servers import kafka as kafka_server
    from tests.servers import opensearch as opensearch_server
    from tests.servers._elasticsearch_build import _RELEASES
    from tests.servers.rucio import _PACKAGES

    assert TESTED["Kafka"] == (kafka_server.VERSION,)
    assert TESTED["OpenSearch"] == (opensearch_server.VERSION,)
    assert sorted(TESTED["Elasticsearch"]) == sorted(release.version for release in _RELEASES)
    assert sorted(TESTED["Rucio"]) == sorted(path.stem for path in _PACKAGES.glob("*.txt"))
    for product, package in (
        ("ActiveMQ", "activemq"),
        ("InfluxDB", "influxdb"),
        ("RabbitMQ", "rabbitmq-server"),
        ("Alertmanager", "prometheus-alertmanager"),
    ):
        asked = ["dpkg-query", "--showformat=${Version}", "--show", package]
        installed = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        if installed:
            assert installed.startswith(TESTED[product]), product


def test_an_issuer_is_asked_once_for_each_client(diagnose: Diagnose) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        if request.path == "/token":
            asked.append(request.headers["authorization"])
            return Answer(200, b'{"access_token": "t", "expires_in": 600}')
        return Answer(200 if request.headers.get("authorization") == "Bearer t" else 401, b"{}")

    with HttpServer(answer) as server:
        oidc = f'{{ token_url = "{server.url}/token", client_id = "%s", client_secret = "{SECRET}" }}\n'
        poll = f'[collectors.%s]\ntype = "poll"\nformat = "push"\nurls = ["{server.url}/1", "{server.url}/2"]\noidc = '
        store = f'[sinks.%s]\ntype = "elasticsearch"\nurls = ["{server.url}"]\noidc = '
        text = "".join(part % name + oidc % "ours" for part, name in ((poll, "a"), (poll, "b"), (store, "c")))
        for count, whole in ((1, text), (2, text + poll % "other" + oidc % "theirs")):
            asked.clear()
            diagnose(whole)
            assert len(asked) == len(set(asked)) == count


def test_an_issuer_is_asked_for_its_keys(diagnose: Diagnose) -> None:
    with TestIssuer() as issuer:
        oidc = (
            f'[access.oidc]\nissuer = "{issuer.url}"\nclient_id = "c"\n'
            'redirect_uri = "http://localhost/login/callback"\n[access.groups.ops]\nall_vos = true\n'
        )
        push = (
            f'[collectors.own]\ntype = "http"\n[collectors.own.oidc]\nissuer = "{issuer.url}"\naudience = ["us"]\n'
            "[collectors.own.oidc.groups.ops]\n"
        )
        lines = diagnose(f"{oidc}{push}", ok=True)
        assert f"ok access.oidc: {issuer.url} publishes 2 keys; " in lines
        assert f"ok collectors.own: {issuer.url} publishes 2 keys; " in lines
        (line,) = [
            one for one in diagnose(oidc.replace(issuer.url, f"{issuer.url}/")) if "access.oidc" in one
        ]
        assert line.startswith("error") and "is of the issuer" in line and "the slash at its end" in line
        issuer.published = []
        (line,) = [one for one in diagnose(oidc) if "access.oidc" in one]
        assert "publishes no key" in line
