"""Certificates of clients that change while Lakescope runs."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakescope.app.config import parse
from lakescope.core.http import http_client
from lakescope.core.options import Tls, renew_certificates
from tests.contract._running import Running
from tests.servers._tls import Authority, Pair


class Asker:
    """A web server that demands a certificate of each client, and remembers its name."""

    def __init__(self, pair: Pair, authority: Authority) -> None:
        self.names: list[str] = []
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_cert_chain(pair.certificate, pair.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                secured = self._context.wrap_socket(connection, server_side=True)
            except OSError:  # a client that does not trust it
                connection.close()
                continue
            with secured:
                certificate: Any = secured.getpeercert()
                secured.recv(65_536)
                self.names.append(dict(one[0] for one in certificate["subject"])["commonName"])
                secured.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def server(authority: Authority) -> Iterator[Asker]:
    asker = Asker(authority.issue("server"), authority)
    yield asker
    asker.close()


def show(pair: Pair, folder: Path) -> Tls:
    """As a renewal does it: the files are replaced."""
    for source, name in ((pair.certificate, "cert.pem"), (pair.key, "key.pem")):
        shutil.copy(source, folder / f"{name}.new")
        (folder / f"{name}.new").replace(folder / name)
    return Tls(ca_file=folder / "ca.pem", cert_file=folder / "cert.pem", key_file=folder / "key.pem")


def test_a_client_shows_a_renewed_certificate(tmp_path: Path, authority: Authority, server: Asker) -> None:
    shutil.copy(authority.certificate, tmp_path / "ca.pem")
    with http_client(server.url, tls=show(authority.issue("first"), tmp_path)) as client:
        client.get("/")
        renew_certificates()
        client.get("/")
        show(authority.issue("second"), tmp_path)
        client.get("/")
        assert renew_certificates() >= 3
        client.get("/")
        # a broken one: what was read before holds, and is said
        (tmp_path / "cert.pem").write_text("no certificate")
        with pytest.raises(OSError, match="expected a certificate"):
            renew_certificates()
        client.get("/")
        show(authority.issue("third"), tmp_path)
        renew_certificates()
        client.get("/")
    assert server.names == ["first", "first", "first", "second", "second", "third"]


def test_an_authority_that_is_added_is_trusted(tmp_path: Path, authority: Authority, server: Asker) -> None:
    stranger = Authority(tmp_path / "stranger")
    shutil.copy(stranger.certificate, tmp_path / "ca.pem")
    with http_client(server.url, tls=show(authority.issue("first"), tmp_path)) as client:
        with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
            client.get("/")
        both = stranger.certificate.read_text() + authority.certificate.read_text()
        (tmp_path / "ca.pem").write_text(both)
        renew_certificates()
        assert client.get("/").status_code == 200


def test_an_instance_looks_at_them(tmp_path: Path, authority: Authority) -> None:
    shutil.copy(authority.certificate, tmp_path / "ca.pem")
    show(authority.issue("first"), tmp_path)
    files = '{ ca_file = "%s/ca.pem", cert_file = "%s/cert.pem", key_file = "%s/key.pem" }' % (
        (tmp_path,) * 3
    )
    sink = f'[sinks.m]\ntype = "monit"\nurl = "https://localhost:9"\nproducer = "p"\ntls = {files}\n'
    configuration = f'[collectors.push]\ntype = "http"\n{sink}'
    assert parse(configuration).sinks
    with Running(tmp_path, configuration) as running:
        (task,) = [task for task in running.assembly.tasks if task.name == "certificates"]
        assert task.interval_s == 30
