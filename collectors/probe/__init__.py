"""Probes: asks services at an interval whether they answer, and reads their certificates.

A target is a URL, and its scheme selects the protocol (`lakescope.collectors.probe.targets`). Targets are listed, or are
the protocols of the RSEs in CRIC's document. Each has a rhythm of its own that begins at a random moment of its first
interval; at most `at_once` are asked at a time, each for `timeout_s` at most, so that none delays another for longer.

What is found is one message a check, read by the format ``probes``. A service that fails is a measurement and no fault of
the collector; it says ``error`` where nothing answers at all.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from lakescope.collectors._common import CollectorOptions
from lakescope.collectors.probe.checks import Checks, Settings
from lakescope.collectors.probe.targets import Target, check_target, read_rses
from lakescope.collectors.probe.threads import in_thread
from lakescope.core.certificates import trusts
from lakescope.core.contracts import EXAMINE_S, Finding, Health, Installation
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message, quote
from lakescope.core.options import Tls

FORMAT = "probes"
_LOOK_S = 30.0
"""From one look whether CRIC's document has changed to the next."""
_SPREAD_S = 60.0
"""First checks begin within so many seconds, or within the interval."""
_TRIED = 20
"""Targets that an examination asks."""
_STOP_S = 0.1
"""How soon a stop is noticed."""


class ProbeOptions(CollectorOptions):
    """Options of the probe collector."""

    urls: list[str] = Field(examples=[["davs://se01.example.org:8443/", "root://se01.example.org"]])
    """What to ask; empty where `rses` says all. Schemes: http, https, dav, davs; root, roots; oidc (an issuer: its
    configuration and its token endpoint); tls, stomp+ssl, amqps (handshake and certificate); tcp, stomp, amqp, srm, gsiftp
    (connection)."""
    rses: Path | None = Field(default=None, examples=["/etc/lakescope/rses.json"])
    """CRIC's answer of ``api/doma/rse/query/?json&preset=doma``, as in `[topology]`: every protocol of every RSE is asked, too.
    It is read again when it changes."""
    interval_s: float = Field(default=300.0, gt=0)
    """From one check of a target to the next (seconds)."""
    timeout_s: float = Field(default=10.0, gt=0)
    """Longest time of one check (seconds)."""
    at_once: int = Field(default=10, ge=1, le=1000)
    """So many targets are asked at a time, at most."""
    every_address: bool = False
    """Whether each address behind a name is asked, as those of an alias of several servers; else the first that answers."""
    method: Literal["HEAD", "GET", "OPTIONS"] | None = None
    """HTTP method; without it OPTIONS for dav and davs, GET for http and https."""
    statuses: list[int] = Field(default=[], examples=[[401, 403]])
    """HTTP statuses that count as healthy beside 200 to 299. 401 and 403 say that a service lives and asks who is there."""
    contains: str | None = Field(default=None, examples=["version"])
    """Text that the first 64 KiB of an HTTP answer must have."""
    headers: dict[str, SecretStr] = Field(default={}, examples=[{"authorization": "Bearer ${TOKEN}"}])
    """Request headers; they are not sent to another host that a redirect names."""
    client_id: str | None = Field(default=None, examples=["lakescope-probe"])
    """OAuth client that asks issuers for a token (client credentials). Without it their token endpoints must refuse."""
    client_secret: SecretStr | None = Field(default=None, examples=["${CLIENT_SECRET}"])
    """Its secret."""
    tls: Tls = Tls()
    """TLS towards the targets."""

    @field_validator("urls")
    @classmethod
    def _are_urls(cls, urls: Sequence[str]) -> Sequence[str]:
        for url in urls:
            check_target(url)
        return urls

    @field_validator("statuses")
    @classmethod
    def _are_statuses(cls, statuses: Sequence[int]) -> Sequence[int]:
        for status in statuses:
            if not 200 <= status <= 599:
                raise ValueError(f"expected HTTP statuses from 200 to 599, found {status}")
        return statuses

    @model_validator(mode="after")
    def _belong_together(self) -> ProbeOptions:
        if not self.urls and self.rses is None:
            raise ValueError("there is nothing to ask: add URLs to `urls`, or `rses`")
        if (self.client_id is None) != (self.client_secret is None):
            raise ValueError("`client_id` and `client_secret` belong together: add the other, or remove both")
        return self


class ProbeCollector:
    """Asks its targets, each in its own rhythm."""

    Options = ProbeOptions

    def __init__(self, name: str, options: ProbeOptions, data_dir: Path) -> None:
        self.options = options
        self.formats = [FORMAT]
        self.health = Health()
        self._settings = Settings(
            timeout_s=options.timeout_s,
            method=options.method,
            statuses=frozenset(options.statuses),
            contains=options.contains,
            headers={key.lower(): value.get_secret_value() for key, value in options.headers.items()},
            client=(options.client_id or "", options.client_secret.get_secret_value())
            if options.client_secret
            else None,
            tls=options.tls,
        )
        self._trusts = trusts(options.tls)
        self._faults: dict[Target, str | None] = {}
        """What the last check of each target said; null: it is healthy."""
        self._late_s = 0.0
        self._unread: str | None = None
        """Why CRIC's document cannot be read."""

    @staticmethod
    def examine(options: ProbeOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`: some targets are asked. That one fails is a measurement; that none answers is a fault here."""
        from lakescope.core.examination import examine_certificates

        yield from examine_certificates((), options.tls)
        targets = [Target(url) for url in options.urls]
        if options.rses is not None:
            try:
                targets += read_rses(options.rses)
            except RuntimeError as error:
                yield Finding("error", str(error), "fetch it again from CRIC, or correct `rses`")
                return
        quick_options = options.model_copy(update={"timeout_s": min(options.timeout_s, EXAMINE_S)})
        collector = ProbeCollector(installation.name, quick_options, installation.data_dir)
        targets = list(dict.fromkeys(targets))
        faults = asyncio.run(collector._try(targets[:_TRIED]))
        if faults and len(faults) == len(targets[:_TRIED]):
            remedy = "see whether this machine reaches the network of the targets"
            yield Finding("error", f"none of {len(faults)} targets answers; {faults[0]}", remedy)
        else:
            tried = len(targets[:_TRIED])
            yield Finding("ok", f"{tried - len(faults)} of {tried} targets answer; there are {len(targets)}")

    async def _try(self, targets: Sequence[Target]) -> list[str]:
        """Those that fail, and why."""
        checks = Checks(self._settings, self._trusts)
        results = await asyncio.gather(*(checks.check(one) for one in targets))
        return [
            f"{target.url}: {result.message}"
            for target, result in zip(targets, results, strict=True)
            if result.failure
        ]

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Until `stop` is set. Raises `RuntimeError` if there is nothing to ask."""
        asyncio.run(self._watch(inbox, stop))

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Nothing to tell: no answer comes twice."""

    def close(self) -> None:
        """Nothing stays open after `run`."""

    async def _watch(self, inbox: Inbox, stop: threading.Event) -> None:
        """A task a target, until `stop` is set; new tasks when the topology has changed."""
        slots = asyncio.Semaphore(self.options.at_once)
        checks = Checks(self._settings, self._trusts)
        running: dict[Target, asyncio.Task[None]] = {}
        last_version, look_at = None, 0.0
        try:
            while not stop.is_set():
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + _LOOK_S
                    version = self._version()
                    if last_version is None or version != last_version:
                        last_version = version
                        self._replace(running, lambda one: self._repeat(one, checks, slots, inbox))
                for task in running.values():
                    if task.done():
                        task.result()  # raises what ended it: a bug, which /readyz shows
                await asyncio.sleep(_STOP_S)
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)

    def _version(self) -> tuple[int, int] | str:
        if self.options.rses is None:
            return ""
        try:
            status = self.options.rses.stat()
        except OSError as error:
            return str(error)
        return status.st_mtime_ns, status.st_size

    def _replace(
        self, running: dict[Target, asyncio.Task[None]], begin: Callable[[Target], Coroutine[Any, Any, None]]
    ) -> None:
        """Ends the tasks of targets that are no more, and begins those of new ones."""
        targets = [Target(url) for url in self.options.urls]
        if self.options.rses is not None:
            try:
                targets += read_rses(self.options.rses)
                self._unread = None
            except RuntimeError as error:
                self._unread = str(error)
                targets += [one for one in running if one.rse is not None]  # go on with those that were known
        unique_targets = dict.fromkeys(targets)
        for old_target in [one for one in running if one not in unique_targets]:
            running.pop(old_target).cancel()
            self._faults.pop(old_target, None)
        for target in unique_targets:
            if target not in running:
                running[target] = asyncio.create_task(begin(target))
        if not running:
            self.health.set("error", self._unread or f"{self.options.rses}: no RSE has a protocol to ask")

    async def _repeat(self, target: Target, checks: Checks, slots: asyncio.Semaphore, inbox: Inbox) -> None:
        """Checks one target for ever."""
        interval_s = self.options.interval_s
        due = time.monotonic() + random.uniform(0, min(interval_s, _SPREAD_S))
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            messages: list[Message] = []
            faults: list[str] = []
            for address in await checks.addresses(target) if self.options.every_address else [None]:
                async with slots:
                    self._late_s = max(0.9 * self._late_s, time.monotonic() - due)
                    start = time.time()
                    result = await checks.check(target, address)
                headers = {"interval_s": f"{interval_s:g}"}
                messages.append(Message(result.encoded(target, start), FORMAT, headers, start))
                if result.failure:
                    faults.append(f"{address}: {result.message}" if address else result.message)
            self._note(target, "; ".join(faults) or None)
            if not await in_thread(inbox.put, messages):
                return
            due = max(due + interval_s, time.monotonic())  # after a stall: no burst

    def _note(self, target: Target, fault: str | None) -> None:
        self._faults[target] = fault
        faults = [f"{one.url}: {text}" for one, text in self._faults.items() if text]
        count = len(self._faults)
        texts = [f"{count - len(faults)} of {count} targets are healthy", *map(quote, faults[:3])]
        if self._late_s > self.options.interval_s / 2:
            texts.append(f"checks begin {self._late_s:.0f} s late: raise at_once or interval_s")
        if self._unread:
            texts.append(self._unread)
        all_fail = len(faults) == count
        self.health.set("error" if all_fail or self._unread else "ok", "; ".join(texts))
