"""What `lakescope doctor` does: tries every part of a configuration on this machine, all at once, in bounded time.

Each plugin examines itself (`ExaminablePlugin`); here is what surrounds them: the data directory, the address to listen on, and
an instance that runs meanwhile, which is asked for what it holds.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from lakescope.app.checks import check
from lakescope.app.config import Configuration, Plugin
from lakescope.app.instance import find, local_arguments
from lakescope.app.listeners import Listener
from lakescope.app.lock import holder
from lakescope.app.secrets import SHORTEST, exposures, secrets_of
from lakescope.core.contracts import EXAMINE_S, ExaminablePlugin, Finding, Installation
from lakescope.core.examination import examine_certificates, examine_directory, examine_readable
from lakescope.core.http import mask_passwords
from lakescope.core.issuer import examine_issuer
from lakescope.core.oidc import shared_tokens
from lakescope.core.options import Tls
from lakescope.core.places import ConfigurationError
from lakescope.core.plugins import Room, load


class Line(NamedTuple):
    """One finding, and of what."""

    part: str
    """``sinks.store``, ``data_dir``, ..."""
    finding: Finding


Examination = Callable[[], Iterable[Finding]]


def examine(configuration: Configuration, timeout_s: float) -> Iterator[Line]:
    """A line each, parts in the order of the configuration, as soon as a part is done.

    A part without an end after `timeout_s` is an error, and left to itself.
    """
    running = holder(configuration.settings.data_dir) is not None
    url = find(configuration.settings.data_dir) if running else None
    parts: dict[str, Examination] = {
        "configuration": partial(_files, configuration),
        "data_dir": partial(_data_dir, configuration, running),
        **{
            place: partial(_address, listener, place, url)
            for place, listener in (
                ("http", configuration.settings.http),
                ("push", configuration.settings.push),
                ("metrics", configuration.settings.metrics),
            )
            if listener is not None
        },
        "instance": partial(_instance, configuration, url, running),
    }
    if (oidc := configuration.settings.access.oidc) is not None:
        parts["access.oidc"] = partial(examine_issuer, oidc)
    rooms: tuple[tuple[Room, str, Iterable[Plugin]], ...] = (
        ("collectors", "collectors", configuration.collectors.values()),
        ("sinks", "sinks", configuration.sinks.values()),
        ("receivers", "alerts.receivers", configuration.receivers.values()),
    )
    for room, place, plugins in rooms:
        for plugin in plugins:
            installation = Installation(plugin.name, configuration.settings.data_dir, running)
            parts[f"{place}.{plugin.name}"] = partial(_plugin, room, plugin, installation)
    secrets = [one for one in secrets_of(configuration) if len(one) >= SHORTEST]
    deadline = time.monotonic() + timeout_s
    with shared_tokens():  # an issuer is asked once for each client, and not by each part
        for name, findings in [(name, _Running(name, examination)) for name, examination in parts.items()]:
            for finding in findings.until(deadline, timeout_s):
                yield Line(name, _without(secrets, finding))


class _Running:
    """An examination in a thread of its own, which an end of the process does not wait for."""

    def __init__(self, name: str, examination: Examination) -> None:
        self._findings: queue.SimpleQueue[Finding | None] = queue.SimpleQueue()
        self._examination = examination
        threading.Thread(target=self._run, name=f"examine {name}", daemon=True).start()

    def until(self, deadline: float, timeout_s: float) -> Iterator[Finding]:
        """What it finds; an error where it has no end before `deadline` (monotonic)."""
        while True:
            try:
                finding = self._findings.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                remedy = "see whether the server is overloaded, or give it longer: --timeout"
                yield Finding("error", f"no end within {timeout_s:g} s", remedy)
                return
            if finding is None:
                return
            yield finding

    def _run(self) -> None:
        try:
            for finding in self._examination():
                self._findings.put(finding)
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises is what is wrong with it
            self._findings.put(Finding("error", str(error) or type(error).__name__, _remedy(error)))
        self._findings.put(None)


def _remedy(error: Exception) -> str:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return ""  # the certificate's own line has it
    if ";" in text and not text.endswith(";"):
        return ""
    return "correct its address in the configuration, or see that server's log"


def _plugin(room: Room, plugin: Plugin, installation: Installation) -> Iterable[Finding]:
    kind = load(room, plugin.type)
    if isinstance(kind, ExaminablePlugin):
        return kind.examine(plugin.options, installation)
    return [Finding("ok", f"type {plugin.type} cannot be tried without a start; its options are valid")]


def _files(configuration: Configuration) -> Iterator[Finding]:
    """What `lakescope validate` looks at."""
    topology = configuration.settings.topology
    sources = (topology.rses, topology.services, topology.sites)
    paths = [source for source in sources if isinstance(source, Path)]
    yield from examine_readable(paths)
    for sentence in exposures(configuration):
        text, _, remedy = sentence.rpartition(": ")
        yield Finding("warning", text, remedy)
    try:
        check(configuration)
    except ConfigurationError as error:
        for problem in error.problems:
            yield Finding("error", f"{problem.place}: {problem.text}", problem.remedy)
    else:
        yield Finding("ok", "its files and places are valid")


def _data_dir(configuration: Configuration, running: bool) -> Iterator[Finding]:
    yield from examine_directory("directory", configuration.settings.data_dir)


def _address(listener: Listener, place: str, url: str | None) -> Iterator[Finding]:
    """Whether the port is free, or the instance's own; days left of the certificate that is shown there."""
    where = f"{listener.host}:{listener.port}"
    yield from examine_certificates((), Tls(cert_file=listener.cert_file, key_file=listener.key_file))
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listener.host, listener.port))
        except OSError as error:
            if url is not None and (place != "http" or urlsplit(url).port == listener.port):
                yield Finding("ok", f"{where} is held by the running instance")
                return
            remedy = f"`ss -tlnp 'sport = :{listener.port}'` names who has it; or choose another `port` below [{place}]"
            yield Finding("error", f"cannot listen on {where}: {error.strerror}", remedy)
            return
    yield Finding("ok", f"{where} is free")


def _instance(configuration: Configuration, url: str | None, running: bool) -> Iterator[Finding]:
    """What the running instance says of itself: it holds the embedded store."""
    if not running:
        yield Finding("ok", "no instance runs on this data directory")
        return
    if url is None:
        text = "a process holds the data directory and does not answer"
        yield Finding("error", text, "see its log; it may be starting, stopping or stuck")
        return
    import httpx

    arguments = local_arguments(configuration.settings.data_dir, configuration.settings.http.token)
    response = httpx.get(f"{url}/readyz", timeout=EXAMINE_S, trust_env=False, **arguments)
    if response.status_code == 200:
        yield Finding("ok", f"{url} runs and is ready")
        return
    try:
        reasons: list[str] = response.json()["reasons"]
    except (ValueError, KeyError, TypeError):
        reasons = [f"answered {response.status_code}: {response.text[:200]}"]
    for reason in reasons:
        yield Finding("error", f"{url}: {reason}", "the line of that part says more")


def _without(secrets: Iterable[str], finding: Finding) -> Finding:
    """Without any secret of the configuration, should a server have repeated it."""
    texts = [mask_passwords(finding.text), mask_passwords(finding.remedy)]
    for secret in secrets:
        texts = [text.replace(secret, "***") for text in texts]
    return Finding(finding.level, *texts)
