"""The addresses that Lakescope listens on: apart from each other, over TLS, and not open to others unless that is said."""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from lakescope.app.config import ConfigurationError, parse
from lakescope.app.viewer import Role
from lakescope.app.web import certificate as certificate_module
from lakescope.app.web.app import create_app
from lakescope.app.web.certificate import ServerCertificate
from lakescope.app.web.server import Server
from tests.app.test_roles import STORE, TOKENS, bearer, digest, tokens
from tests.contract._bodies import hermes
from tests.contract._running import QUICK, Running
from tests.e2e._lakescope import Lakescope, until
from tests.servers._tls import Authority, Pair

OWN = f'[collectors.own]\ntype = "http"\npath = "/own"\n[collectors.own.tokens.sender]\nsha256 = "{digest("sender")}"\n'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Of the certificates here."""
    return Authority(tmp_path_factory.mktemp("authority"))


# --- TLS ---------------------------------------------------------------------------------------------------


class Files:
    """Where a server's certificate lies; what is put there replaces it as certbot does, file by file."""

    def __init__(self, directory: Path, pair: Pair) -> None:
        self.certificate, self.key = directory / "server.pem", directory / "server.key"
        self.put(pair)

    def put(self, pair: Pair, *, key: bool = True) -> None:
        """Another pair, or its certificate alone."""
        for source, target in ((pair.certificate, self.certificate), (pair.key, self.key)):
            if key or target == self.certificate:
                draft = target.with_suffix(".new")
                shutil.copy(source, draft)
                draft.replace(target)


def serial(port: int, authority: Authority) -> str:
    """Of the certificate that a client is shown, which trusts the authority alone."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        certificate = secure.getpeercert()
        assert certificate is not None and secure.version() in ("TLSv1.2", "TLSv1.3")
        return str(certificate["serialNumber"])


@pytest.fixture
def files(tmp_path: Path, authority: Authority) -> Files:
    """With a first certificate."""
    return Files(tmp_path, authority.issue("first"))


@pytest.fixture
def server(files: Files, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """One that looks at its files all the time."""
    monkeypatch.setattr(certificate_module, "LOOK_S", 0.02)
    app = FastAPI()
    app.get("/")(lambda: "here")
    one = Server(app, "127.0.0.1", 0, ServerCertificate(files.certificate, files.key))
    one.start()
    yield one
    one.stop()


def test_a_renewed_certificate_is_shown_without_a_restart(
    server: Server, files: Files, authority: Authority
) -> None:
    assert server.url.startswith("https://")
    first = serial(server.port, authority)
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with httpx.Client(verify=context, trust_env=False) as client:
        address = f"https://localhost:{server.port}/"
        assert client.get(address).json() == "here"
        files.put(authority.issue("second"))
        until(lambda: serial(server.port, authority) != first, 10)
        assert client.get(address).json() == "here", "the connections of before go on"


def test_half_a_renewal_changes_nothing(
    server: Server, files: Files, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    first = serial(server.port, authority)
    second = authority.issue("half")
    files.put(second, key=False)
    until(lambda: "certificate_not_renewed" in caplog.text, 10)
    assert serial(server.port, authority) == first
    files.put(second)
    until(lambda: serial(server.port, authority) != first, 10)
    files.certificate.unlink()
    before = caplog.text.count("certificate_not_renewed")
    until(lambda: caplog.text.count("certificate_not_renewed") > before, 10)
    assert serial(server.port, authority) != first


def test_a_client_that_speaks_no_tls_or_not_in_time_is_let_go(
    server: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert not plain.recv(1000).startswith(b"HTTP")
    serial(server.port, authority)


@pytest.mark.parametrize("lacking", ["certificate", "key", "both"])
def test_files_that_are_none_are_named(files: Files, lacking: str) -> None:
    if lacking != "key":
        files.certificate.write_text("no certificate")
    if lacking != "certificate":
        files.key.write_text("no key")
    with pytest.raises(OSError, match=r"expected a certificate \(PEM\) and its key"):
        ServerCertificate(files.certificate, files.key)


def test_commands_ask_over_tls_and_trust_the_instances_own_certificate(
    tmp_path: Path, authority: Authority
) -> None:
    pair = authority.issue("lake", names="DNS:lake.example.org")
    tls = f'cert_file = "{pair.certificate}"\nkey_file = "{pair.key}"\n'
    with Lakescope(tmp_path, f"{tls}{tokens()}{STORE}") as lakescope:
        lakescope.start()
        assert lakescope.url is not None and lakescope.url.startswith("https://")
        assert "ready" in lakescope.command("top", "--once")
        lakescope.config.write_text(lakescope.config.read_text().replace("key_file", "# key_file"))
        assert lakescope.stop() == 0
        lakescope.command("run", code=2)


# --- addresses apart ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """The URLs of people, pushes and metrics."""
    text = f"{QUICK}[push]\n[metrics]\ninsecure = true\n{tokens()}{STORE}{OWN}"
    with Running(tmp_path_factory.mktemp("apart"), text) as running:
        servers = [
            Server(create_app(running.assembly, "", part), "127.0.0.1", 0) for part in ("push", "metrics")
        ]
        for one in servers:
            one.start()
        yield running.url, servers[0].url, servers[1].url
        for one in servers:
            one.stop()


def test_each_address_has_its_own_routes(apart: tuple[str, str, str]) -> None:
    admin = bearer(TOKENS[Role.ADMIN])
    with httpx.Client(trust_env=False, headers=admin) as client:
        for path, expected in {
            "/api/status": (200, 404, 404),
            "/dashboards/": (200, 404, 404),
            "/metrics": (404, 404, 200),
            "/livez": (200, 200, 200),
        }.items():
            assert tuple(client.get(f"{url}{path}").status_code for url in apart) == expected, path
        statuses = tuple(client.post(f"{url}/push/hermes", content=hermes(1)[0]).status_code for url in apart)
        assert statuses == (404, 200, 404)


def test_each_address_asks_who_it_is(apart: tuple[str, str, str]) -> None:
    _, push, metrics = apart
    body = hermes(1)[0]
    with httpx.Client(trust_env=False) as client:
        assert client.get(f"{metrics}/metrics").status_code == 200, "insecure"
        assert client.post(f"{push}/push/hermes", content=body).status_code == 401
        assert client.post(f"{push}/own/hermes", content=body).status_code == 401
        assert client.post(f"{push}/own/hermes", content=body, headers=bearer("sender")).status_code == 200
        for url in (push, metrics):
            assert client.get(f"{url}/", headers={"accept": "text/html"}).status_code in (401, 404)
            assert client.post(f"{url}/login", data={"token": TOKENS[Role.ADMIN]}).status_code in (401, 404)
            assert client.get(f"{url}/livez", headers={"host": "evil.example"}).status_code == 200
            assert client.get(f"{url}/metrics", headers={"host": "evil.example"}).status_code == 421


# --- what others can reach ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[http]\nhost = "0.0.0.0"', "http.host"),
        ('[push]\nhost = "::"', "push.host"),
        ('[metrics]\nhost = "192.0.2.1"', "metrics.host"),
        ('[http]\nhost = "0.0.0.0"\ninsecure = true', None),
        ('[push]\nhost = "::"\ninsecure = true', None),
        ('[metrics]\nhost = "192.0.2.1"\ninsecure = true', None),
        ('[push]\n[metrics]\nhost = "localhost"', None),
        (
            '[http]\nhost = "0.0.0.0"\ntoken = "${TOKEN_OF_TEST:-long-enough-for-it}"\n[push]\nhost = "::"',
            None,
        ),
    ],
)
def test_an_open_address_that_others_can_reach_must_be_meant(text: str, place: str | None) -> None:
    if place is None:
        parse(f"{text}\n{STORE}")
        return
    with pytest.raises(ConfigurationError) as raised:
        parse(f"{text}\n{STORE}")
    (problem,) = raised.value.problems
    assert problem.place == place and "insecure = true leaves it open" in problem.remedy


def test_push_routes_with_tokens_of_their_own_may_be_reached() -> None:
    parse(f'[push]\nhost = "::"\n{OWN}[sinks.duck]\ntype = "duckdb"\n')


def test_a_hash_is_enough_to_be_protected() -> None:
    assert parse(f'[http]\nhost = "0.0.0.0"\n{tokens()}{STORE}').settings.is_protected
