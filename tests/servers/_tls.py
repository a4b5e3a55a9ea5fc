"""Throw-away certificates by the `openssl` command: a CA and what it signs, valid for two days."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ._java import Java

# Elliptic keys: made in milliseconds, where RSA takes a second.
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority of its own in `directory`; made on construction.

    Two authorities do not trust each other: a second one is the stranger of tests.
    """

    def __init__(self, directory: Path, name: str = "Lakescope test CA") -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._pair = Pair(directory / "ca.crt", directory / "ca.key")
        constraints = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign"]
        output = ["-keyout", self._pair.key, "-out", self.certificate]
        _openssl("req", "-x509", *_NEW_KEY, "-days", "2", "-subj", f"/CN={name}", *constraints, *output)

    @property
    def certificate(self) -> Path:
        """The CA's certificate, PEM: what clients and servers trust."""
        return self._pair.certificate

    def issue(self, name: str, *, names: str = "DNS:localhost,IP:127.0.0.1", days: int = 2) -> Pair:
        """A certificate for `name`, of use to clients and to servers by those `names`; with -1 days it has expired."""
        pair = Pair(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        _openssl("req", *_NEW_KEY, "-subj", f"/CN={name}", "-keyout", pair.key, "-out", request)
        signer = ["-CA", self.certificate, "-CAkey", self._pair.key, "-CAcreateserial"]
        options = ["-days", days, "-extfile", extensions]
        _openssl("x509", "-req", "-in", request, *signer, *options, "-out", pair.certificate)
        return pair


def hashed(authority: Authority, directory: Path) -> Path:
    """A folder of CAs as IGTF's packages make one: the authority's certificate, named by its hash."""
    directory.mkdir()
    (directory / "ca.pem").write_bytes(authority.certificate.read_bytes())
    _openssl("rehash", directory)
    return directory


def server_context(pair: Pair) -> ssl.SSLContext:
    """For a server that shows `pair`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


def write_pkcs12(pair: Pair, target: Path, password: str) -> None:
    """A certificate and its key as the key store that Java servers read."""
    source = ["-in", pair.certificate, "-inkey", pair.key]
    _openssl("pkcs12", "-export", *source, "-out", target, "-passout", f"pass:{password}")


def write_truststore(authority: Authority, target: Path, password: str, java: Java) -> None:
    """The authority as the store of what a Java server trusts."""
    # By keytool: Java trusts no certificate in a store written by openssl older than 3.2.
    store = ["-keystore", target, "-storetype", "PKCS12", "-storepass", password]
    certificate = ["-alias", "ca", "-file", authority.certificate]
    _run(java.home / "bin/keytool", "-importcert", "-noprompt", *certificate, *store)


def _openssl(*arguments: object) -> None:
    _run("openssl", *arguments)


def _run(*arguments: object) -> None:
    command = [str(argument) for argument in arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{ended.stdout}{ended.stderr}")
