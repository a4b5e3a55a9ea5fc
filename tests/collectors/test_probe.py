"""Probing: real servers that are well, ill in every way that has a name, or silent; and none delays another."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from lakescope.collectors.probe.checks import Checks, Result, Settings
from lakescope.collectors.probe.targets import Target, read_rses
from lakescope.core.certificates import trusts
from lakescope.core.options import Tls
from lakescope.simulator import make_lake
from lakescope.simulator.cric import rse_query
from tests.contract._http import Answer, HttpServer, Request
from tests.contract._running import Archiving
from tests.e2e._lakescope import until
from tests.servers._process import free_port
from tests.servers._tls import Authority, hashed, server_context
from tests.servers.fixtures import StartServer
from tests.servers.xrootd import Xrootd

Talk = Callable[[socket.socket], None]


@contextmanager
def talking(talk: Talk) -> Iterator[int]:
    """A server that does `talk` with each connection; its port."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while not ended.is_set():
                with suppress(OSError):
                    connection, _ = listening.accept()
                    threading.Thread(target=_talked, args=(connection, talk), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)


def _talked(connection: socket.socket, talk: Talk) -> None:
    with connection, suppress(OSError):
        talk(connection)


def silent(connection: socket.socket) -> None:
    """Takes whatever comes and never says a word."""
    while connection.recv(1000):
        pass


def dripping(connection: socket.socket) -> None:
    """An answer that never ends, a byte at a time."""
    connection.recv(1000)
    for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1000:
        connection.send(bytes([byte]))
        time.sleep(0.05)


def ask(url: str, *, tls: Tls | None = None, **settings: Any) -> Result:
    """One check."""
    given: dict[str, Any] = {
        "timeout_s": 5.0,
        "method": None,
        "statuses": frozenset(),
        "contains": None,
        "headers": {},
        "client": None,
        "tls": tls or Tls(),
    }
    checks = Checks(Settings(**given | settings), trusts(tls or Tls()))
    return asyncio.run(checks.check(Target(url)))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def tls(authority: Authority) -> Tls:
    """Who trusts it."""
    return Tls(ca_file=authority.certificate)


@contextmanager
def secure(
    authority: Authority, answer: Callable[[Request], Answer] | None = None, **issued: Any
) -> Iterator[HttpServer]:
    """An HTTPS server with a certificate of the authority."""
    pair = authority.issue(
        f"server{'-'.join(str(one) for one in issued.values()).replace(':', '-')}", **issued
    )
    with HttpServer(answer or (lambda _: Answer(200, b"pong")), tls=server_context(pair)) as server:
        yield server


# --- TLS ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["tls", "https", "davs", "stomp+ssl"])
def test_a_certificate_is_read(scheme: str, authority: Authority, tls: Tls) -> None:
    with secure(authority) as server:
        result = ask(f"{scheme}://localhost:{server.port}", tls=tls)
    assert result.failure is None, result.message
    certificate = result.certificate
    assert certificate is not None and certificate.not_after is not None
    assert 1.9 * 86_400 < certificate.not_after.timestamp() - time.time() < 2.1 * 86_400
    assert certificate.issuer == "CN=Lakescope test CA"
    assert (certificate.chain_ok, certificate.name_ok) == (True, True)
    assert result.duration_s is not None and 0 < result.duration_s < 5


def test_the_folder_of_cas_of_a_grid_is_trusted(authority: Authority, tmp_path: Path) -> None:
    with secure(authority) as server:
        url = f"tls://localhost:{server.port}"
        assert ask(url, tls=Tls(ca_dir=hashed(authority, tmp_path / "mine"))).failure is None
        stranger = Tls(ca_dir=hashed(Authority(tmp_path / "ca", "Stranger"), tmp_path / "others"))
        assert ask(url, tls=stranger).failure == "certificate_untrusted"
    (tmp_path / "empty").mkdir()
    with pytest.raises(OSError, match="named by their hash"):
        Tls(ca_dir=tmp_path / "empty").context()


def test_a_stranger_is_not_trusted_and_its_certificate_is_told(authority: Authority) -> None:
    with secure(authority) as server:
        result = ask(f"https://localhost:{server.port}")
    assert result.failure == "certificate_untrusted"
    assert "checked against the CAs of the system (options tls.ca_file, tls.ca_dir)" in result.message
    assert result.certificate is not None and result.certificate.not_after is not None
    assert (result.certificate.chain_ok, result.certificate.name_ok) == (False, None)


def test_an_expired_certificate_says_since_when(authority: Authority, tls: Tls) -> None:
    with secure(authority, days=-1) as server:
        result = ask(f"davs://localhost:{server.port}", tls=tls)
    assert result.failure == "certificate_expired"
    assert result.certificate is not None and result.certificate.not_after is not None
    assert f"expired on {result.certificate.not_after:%Y-%m-%d}" in result.message
    assert result.certificate.not_after.timestamp() < time.time()
    assert result.certificate.chain_ok is False


def test_a_certificate_of_another_name_is_told_with_its_chain(authority: Authority, tls: Tls) -> None:
    with secure(authority, names="DNS:se99.example.org") as server:
        result = ask(f"https://localhost:{server.port}", tls=tls)
    assert result.failure == "certificate_name"
    assert "not issued for localhost" in result.message
    assert result.certificate is not None
    assert (result.certificate.chain_ok, result.certificate.name_ok) == (True, False)


def test_without_verification_only_the_dates_are_read(authority: Authority) -> None:
    with secure(authority, names="DNS:se99.example.org") as server:
        result = ask(f"https://localhost:{server.port}", tls=Tls(verify=False))
    assert result.failure is None
    assert result.certificate is not None and result.certificate.not_after is not None
    assert (result.certificate.chain_ok, result.certificate.name_ok) == (None, None)


# --- connections ---------------------------------------------------------------------------------------------


def test_a_closed_port_a_name_that_is_none_and_an_open_port() -> None:
    assert ask(f"tcp://localhost:{free_port()}").failure == "refused"
    result = ask("https://no-such-host.invalid/")
    assert result.failure in ("dns", "prober")  # prober: this machine has no name service
    assert "no-such-host.invalid: no address" in result.message
    assert ask(f"tcp://{'x' * 64}.example:1").failure == "dns"
    with talking(silent) as port:
        assert ask(f"tcp://localhost:{port}").failure is None


@pytest.mark.parametrize(
    ("scheme", "awaited"),
    [
        ("https", "the TLS handshake with localhost:{port}"),
        ("http", "the answer to GET"),
        ("dav", "the answer to OPTIONS"),
        ("root", "the answer to the XRootD handshake"),
    ],
)
def test_a_half_open_service_is_late_and_says_for_what(scheme: str, awaited: str) -> None:
    with talking(silent) as port:
        result = ask(f"{scheme}://localhost:{port}/", timeout_s=0.3)
    assert result.failure == "timeout"
    assert result.message == f"no answer within 0.3 s, waiting for {awaited.format(port=port)}"


def test_an_answer_that_drips_is_late_all_the_same() -> None:
    begun = time.monotonic()
    with talking(dripping) as port:
        assert ask(f"http://localhost:{port}/", timeout_s=0.5).failure == "timeout"
    assert time.monotonic() - begun < 4  # of the 50 s that it would drip


def test_a_connection_that_is_closed_at_once() -> None:
    with talking(lambda connection: None) as port:
        for scheme in ("http", "https", "root"):
            result = ask(f"{scheme}://localhost:{port}/")
            assert result.failure == "closed", (scheme, result.message)
            assert "closed the connection" in result.message


def test_what_speaks_another_protocol() -> None:
    def banner(connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + b"x" * 200)
        silent(connection)

    with talking(banner) as port:
        assert ask(f"http://localhost:{port}/").failure == "protocol"
        assert ask(f"https://localhost:{port}/").failure == "tls"
        result = ask(f"root://localhost:{port}/")
        assert result.failure == "protocol" and "expected an XRootD server's answer" in result.message


# --- HTTP ----------------------------------------------------------------------------------------------------


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[Request], Answer]:
    return lambda _: Answer(status, body, tuple(headers.items()))


def test_statuses_and_methods() -> None:
    with HttpServer(answering(401)) as server:
        url = f"http://localhost:{server.port}/ping?a=b"
        result = ask(url)
        assert (result.failure, result.http_status) == ("status", 401)
        assert "`statuses`" in result.message
        assert ask(url, statuses=frozenset({401, 403})).failure is None
        server.answer = answering(503)
        assert ask(url, statuses=frozenset({401, 403}), method="HEAD").message == "answered 503"
        server.answer = answering(200)
        assert ask(f"dav://localhost:{server.port}/data").operation == "options"
    methods = [(one.method, one.target) for one in server.requests]
    assert methods == [("GET", "/ping?a=b")] * 2 + [("HEAD", "/ping?a=b"), ("OPTIONS", "/data")]


def test_a_redirect_is_followed_and_a_loop_is_none() -> None:
    with (
        HttpServer(answering(200)) as end,
        HttpServer(answering(302, location=f"{end.url}/x?token=s3")) as first,
    ):
        secret = {"authorization": "Bearer s3cret"}
        assert ask(f"http://localhost:{first.port}/", headers=secret).failure is None
        assert first.requests[0].headers["authorization"] == "Bearer s3cret"
        assert "authorization" not in end.requests[0].headers  # another host
        end.answer = answering(500)
        result = ask(f"http://localhost:{first.port}/")
        assert result.message == f"answered 500 at {end.url}/x"  # without its query
        first.answer = answering(307, location="/again")
        result = ask(f"http://localhost:{first.port}/")
        assert result.failure == "redirects" and "more than 5 redirects" in result.message
        first.answer = answering(301, location="ftp://elsewhere.example/")
        assert ask(f"http://localhost:{first.port}/").failure == "redirects"


def test_a_login_page_is_no_answer_where_a_text_is_wanted() -> None:
    page = b"<!DOCTYPE html><title>Sign in</title>"
    with HttpServer(answering(200, page)) as server:
        result = ask(f"http://localhost:{server.port}/ping", contains='"version"')
        assert result.failure == "content" and "a login page or a proxy is in between" in result.message
        server.answer = answering(200, b'{"version": "41.0.0"}')
        assert ask(f"http://localhost:{server.port}/ping", contains='"version"').failure is None


def test_an_issuer_and_its_token_endpoint(authority: Authority, tls: Tls) -> None:
    said: dict[str, Any] = {}

    def issuer(request: Request) -> Answer:
        if request.path.endswith("/.well-known/openid-configuration"):
            return Answer(200, json.dumps(said["configuration"]).encode())
        known = request.headers.get("authorization") == "Basic cHJvYmU6czNjcmV0"
        wrong = Answer(401, b'{"error": "invalid_client"}')
        return Answer(200, b'{"access_token": "t0ken", "token_type": "Bearer"}') if known else wrong

    with secure(authority, issuer) as server:
        url = f"oidc://localhost:{server.port}/realms/lake/"
        said["configuration"] = {"token_endpoint": f"{server.url}/token"}
        result = ask(url, tls=tls)
        assert result.failure is None, result.message
        assert "invalid_client" in result.message and result.certificate is not None
        assert server.requests[0].path == "/realms/lake/.well-known/openid-configuration"
        assert ask(url, tls=tls, client=("probe", "s3cret")).message == "the token endpoint gave a token"
        result = ask(url, tls=tls, client=("probe", "wrong"))
        assert (result.failure, result.http_status) == ("status", 401)
        assert "t0ken" not in result.message and "wrong" not in result.message
        said["configuration"] = {"issuer": "https://me"}
        assert ask(url, tls=tls).failure == "content"
        server.answer = answering(200, b"<html>Sign in</html>")
        assert "a login page" in ask(url, tls=tls).message
        server.answer = answering(200, b'{"token_endpoint": ')
        assert ask(url, tls=tls).failure == "content"


# --- XRootD --------------------------------------------------------------------------------------------------


@pytest.mark.server("xrootd")
def test_a_real_xrootd(start_server: StartServer, authority: Authority, tls: Tls) -> None:
    server = start_server(Xrootd, pair=authority.issue("xrootd"), authority=authority)
    result = ask(f"root://localhost:{server.port}//data")
    assert result.failure is None and result.message.startswith("XRootD protocol 5.")
    assert result.message.endswith(", data server") and result.certificate is None
    result = ask(f"roots://localhost:{server.port}//data", tls=tls)
    assert result.failure is None, result.message
    assert result.certificate is not None and result.certificate.chain_ok
    result = ask(f"roots://localhost:{server.port}//data")
    assert result.failure == "certificate_untrusted"
    assert result.certificate is not None and result.certificate.not_after is not None


@pytest.mark.server("xrootd")
def test_a_real_xrootd_without_tls(start_server: StartServer) -> None:
    server = start_server(Xrootd)
    assert ask(f"root://localhost:{server.port}/").failure is None
    result = ask(f"roots://localhost:{server.port}/")
    assert result.failure == "tls" and "offers no TLS" in result.message


# --- the collector -------------------------------------------------------------------------------------------


def collector(urls: list[str], **options: object) -> str:
    """A probe collector as configuration; options as they stand in TOML."""
    lines = "\n".join(f"{key} = {value}" for key, value in ({"interval_s": 0.3} | options).items())
    return f'[collectors.probe]\ntype = "probe"\nurls = {json.dumps(urls)}\n{lines}\n'


def probes(lakescope: Archiving) -> list[dict[str, Any]]:
    """What is stored, in order of time."""
    found = [event for events in lakescope.stored().values() for event in events]
    return sorted(found, key=lambda event: event["time"])


def test_checks_become_probes_and_silent_services_delay_nobody(tmp_path: Path) -> None:
    """Four services that never answer, and as many slots and one: the fifth is asked in its own rhythm."""
    with talking(silent) as port, HttpServer(answering(200)) as server:
        stuck = [f"http://127.0.0.1:{port}/{number}" for number in range(4)]
        good = f"http://127.0.0.1:{server.port}/ping"
        with Archiving(tmp_path, collector([*stuck, good], timeout_s=2, at_once=5)) as lakescope:
            until(lambda: sum(one["ok"] for one in probes(lakescope)) >= 6, 15, lambda: lakescope.told)
            until(lambda: not all(one["ok"] for one in probes(lakescope)), 15, lambda: lakescope.told)
            assert lakescope.told.startswith("ok: "), lakescope.told
            begun = time.monotonic()
            assert lakescope.stop()
            assert time.monotonic() - begun < 5
        found = probes(lakescope)
    failed = next(one for one in found if not one["ok"])
    assert failed["failure"] == "timeout" and failed["status"] == "critical" and failed["probe"] == "http"
    assert failed["source"] == "probe" and failed["protocol"] == "http" and failed["target"] in stuck
    passed = next(one for one in found if one["ok"])
    assert (
        passed["address"] == "127.0.0.1" and passed["http_status"] == 200 and passed["collector"] == "probe"
    )


def test_never_more_at_once_than_allowed(tmp_path: Path) -> None:
    open_now, most, lock = 0, 0, threading.Lock()

    def slow(request: Request) -> Answer:
        nonlocal open_now, most
        with lock:
            open_now += 1
            most = max(most, open_now)
        time.sleep(0.05)
        with lock:
            open_now -= 1
        return Answer(200)

    with HttpServer(slow) as server:
        urls = [f"{server.url}/{number}" for number in range(12)]
        with Archiving(tmp_path, collector(urls, at_once=3, interval_s=0.1)) as lakescope:
            asked = lambda: {one["target"] for one in probes(lakescope)}  # noqa: E731
            until(lambda: asked() == set(urls), 20, lambda: lakescope.told)
            assert most == 3


def test_a_dead_server_behind_an_alias_is_seen_if_every_address_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the system's name service: one that has two addresses for a name. Only on the first is there a server."""
    real = socket.getaddrinfo

    def two(host: str, port: int, *rest: Any) -> Any:
        if host != "alias.example":
            return real(host, port, *rest)
        return [found for one in ("127.0.0.1", "127.0.0.2") for found in real(one, port, *rest)]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with talking(silent) as port:
        url = f"tcp://alias.example:{port}"
        with Archiving(tmp_path / "first", collector([url])) as lakescope:
            until(lambda: len(probes(lakescope)) >= 2, 10, lambda: lakescope.told)
            assert {(one["address"], one["ok"]) for one in probes(lakescope)} == {("127.0.0.1", True)}
        with Archiving(tmp_path / "each", collector([url], every_address="true")) as lakescope:
            until(lambda: len(probes(lakescope)) >= 4, 10, lambda: lakescope.told)
            found = {(one["address"], one["ok"]) for one in probes(lakescope)}
            assert found == {("127.0.0.1", True), ("127.0.0.2", False)}
            assert f"{url}: 127.0.0.2: the port is closed" in lakescope.told


def test_health_says_what_fails_and_is_an_error_where_nothing_answers(tmp_path: Path) -> None:
    with (
        HttpServer(answering(503)) as server,
        Archiving(tmp_path, collector([f"{server.url}/a"])) as lakescope,
    ):
        until(lambda: "answered 503" in lakescope.told, 10, lambda: lakescope.told)
        assert lakescope.told.startswith("error: 0 of 1 targets are healthy; ")
        server.answer = answering(200)
        until(lambda: lakescope.told == "ok: 1 of 1 targets are healthy", 10, lambda: lakescope.told)


def test_the_protocols_of_the_topology_are_asked_and_it_is_read_again(tmp_path: Path) -> None:
    def written(hosts: dict[str, int]) -> None:
        rses = {
            name: {
                "site": f"{name}-SITE",
                "protocols": [{"scheme": "davs", "hostname": "localhost", "port": port}],
            }
            for name, port in hosts.items()
        }
        (tmp_path / "new.json").write_text(json.dumps({"rses": rses}))
        (tmp_path / "new.json").rename(tmp_path / "rses.json")

    written({"ONE": free_port()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakescope.collectors.probe._LOOK_S", 0.2)
        with Archiving(tmp_path, collector([], rses=f'"{tmp_path}/rses.json"')) as lakescope:
            until(lambda: probes(lakescope), 15, lambda: lakescope.told)
            first = probes(lakescope)[0]
            assert (first["rse"], first["site"], first["failure"]) == ("ONE", "ONE-SITE", "refused")
            written({"TWO": free_port()})
            until(lambda: any(one["rse"] == "TWO" for one in probes(lakescope)), 15, lambda: lakescope.told)
            (tmp_path / "rses.json").write_text('{"rses": ')
            until(lambda: "expected CRIC's JSON" in lakescope.told, 15, lambda: lakescope.told)
            count = len(probes(lakescope))
            until(
                lambda: len(probes(lakescope)) > count, 15, lambda: lakescope.told
            )  # goes on with what it knew


def test_every_protocol_of_the_simulated_lake_is_a_target(tmp_path: Path) -> None:
    path = tmp_path / "rses.json"
    path.write_text(json.dumps(rse_query(make_lake())))
    targets = read_rses(path)
    schemes = {target.url.partition("://")[0] for target in targets}
    assert schemes == {"davs", "root", "https"}
    wanted = sum(len(rse.protocols) for rse in make_lake().rses)
    assert len(targets) == wanted and all(target.rse and target.site for target in targets)
