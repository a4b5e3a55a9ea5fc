"""Install the real servers that the tests use: `python -m tests.servers.install [NAME ...]`, all by default.

Idempotent: what is there is left alone, and a run with nothing to do takes a fraction of a second. Debian
packages come by apt-get (root needed), the rest by Maven and from PyPI into `.servers/` of the checkout. Exit code 0: all
there, or not to be had on this machine, which is said; 1: something could not be installed; 2: usage.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from . import (
    activemq,
    alertmanager,
    chromium,
    collectd,
    elasticsearch,
    faketime,
    influxdb,
    kafka,
    node,
    node_exporter,
    opensearch,
    postgresql,
    prometheus,
    rabbitmq,
    rucio,
    xrootd,
)
from ._install import BUILT, Install, InstallError, run_logged

SERVERS = {
    install.name: install
    for install in (
        activemq.INSTALL,
        alertmanager.INSTALL,
        chromium.INSTALL,
        collectd.INSTALL,
        elasticsearch.INSTALL,
        faketime.INSTALL,
        influxdb.INSTALL,
        kafka.INSTALL,
        node.INSTALL,
        node_exporter.INSTALL,
        opensearch.INSTALL,
        postgresql.INSTALL,
        prometheus.INSTALL,
        rabbitmq.INSTALL,
        rucio.INSTALL,
        xrootd.INSTALL,
    )
}
"""Every server by name. A new one is a file with an INSTALL, and a line here."""

_APT_GET = (
    "apt-get",
    "-qq",
    "--yes",
    "-o",
    "DPkg::Lock::Timeout=300",
    "-o",
    "Dpkg::Options::=--force-confold",
)
_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_TEXT = (
    "#!/bin/sh\n# Temporary, by tests/servers/install.py: packages may not start daemons now.\nexit 101\n"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Install the servers named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.servers.install",
        description="Install the real servers that the tests use.",
        epilog="example: python -m tests.servers.install elasticsearch activemq",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SERVERS)}; default: all")
    names = parser.parse_args(arguments).names or list(SERVERS)
    if unknown := sorted(set(names) - set(SERVERS)):
        parser.error(f"no such server: {', '.join(unknown)}; there are: {', '.join(SERVERS)}")
    lacking = {name: reason for name in names if (reason := SERVERS[name].lacking())}
    possible = [name for name in names if name not in lacking]
    try:
        install([SERVERS[name] for name in possible])
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"installed: {', '.join(possible)}")
    for name, reason in lacking.items():
        print(f"left out: {name}: {reason}")
    return 0


def install(servers: Sequence[Install]) -> None:
    """Install what is missing of these servers; raises InstallError."""
    if all(server.is_installed() for server in servers):
        return
    with _one_at_a_time():
        packages = sorted({package for server in servers for package in server.missing_packages()})
        if packages:
            _install_packages(packages)
        for server in servers:
            if server.build is not None and not server.is_built():
                print(f"building {server.name}", flush=True)
                server.build()
        if broken := [server.name for server in servers if not server.is_installed()]:
            raise InstallError(f"still not installed although every step succeeded: {', '.join(broken)}")


def _install_packages(packages: Sequence[str]) -> None:
    command = ["install", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None:
        raise InstallError(f"no apt-get here; install these by your own means: {' '.join(packages)}")
    if os.geteuid() != 0:
        raise InstallError(
            "Debian packages are missing and only root can install them. Run:\n"
            f"  sudo apt-get update && sudo apt-get {' '.join(command)}"
        )
    log = BUILT / "apt-get.log"
    print(f"installing {', '.join(packages)} (log: {log})", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    with _no_daemons_started():
        # A mirror that is stale or half reachable is no reason to give up: the installation may well succeed.
        with suppress(InstallError):
            run_logged([*_APT_GET, "update"], log, environment=environment)
        run_logged([*_APT_GET, *command], log, environment=environment)


@contextmanager
def _no_daemons_started() -> Iterator[None]:
    """Debian starts a daemon right after its installation unless policy-rc.d forbids it; one of the machine's
    own (container images have it) is left as it is."""
    ours = not _POLICY.exists() or _POLICY.read_text(errors="replace") == _POLICY_TEXT
    if not ours:
        yield
        return
    _POLICY.write_text(_POLICY_TEXT)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two test runs that install at once must not meet in the same folder."""
    BUILT.mkdir(exist_ok=True)
    with (BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
