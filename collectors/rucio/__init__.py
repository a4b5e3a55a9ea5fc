"""Rucio's REST API: asks in rounds what Rucio knows about itself, and hands each answer on as it came.

By the shared HTTP client and not by rucio-clients, which would bring nine packages, read rucio.cfg and the environment,
keep tokens in files under /tmp, and give Python objects in the place of the answers that the format reads.

One request at a time, at most `requests_per_s`. A round ends with `round_s`; what it did not reach is asked first in the
next one. A call that the account has no right for costs that call alone, and the health names the right.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import httpx
from pydantic import Field

from lakescope.collectors._common import OneFormat
from lakescope.collectors.rucio import _questions as questions
from lakescope.collectors.rucio._answers import Answer, BadAnswerError
from lakescope.collectors.rucio._qos import QosFile
from lakescope.collectors.rucio._questions import RIGHTS, USUAL, Lake, Name, Question, Topic
from lakescope.core.contracts import EXAMINE_S, Finding, Health, Installation
from lakescope.core.http import http_client
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message, quote
from lakescope.core.oidc import RefusedLoginError
from lakescope.core.rucio import RucioServer, Tokens

_LOGIN_AGAIN_S = 60.0
_ATTRIBUTES_S = 3600.0  # an RSE's attributes hardly ever change
_SILENT_MAX = 3  # requests in a row that nobody answered: then the round is over
_ACCEPT = "application/x-json-stream, application/json;q=0.9, */*;q=0.1"  # a login has no body, of a type of its own


class RucioOptions(RucioServer, OneFormat):
    """Options of the rucio collector."""

    format: str = Field(default="rucio_api", examples=["rucio_api"])
    """Name of the format that reads the answers."""
    ask: list[Name] = Field(default=list(USUAL), min_length=1)
    """What to ask. Beyond the usual: global_usage (a call for each account), datasets (usage by scope)."""
    rule_states: list[Literal["S", "R", "U", "W", "I", "O"]] = Field(
        default=["S", "R", "U", "W", "I"], min_length=1
    )
    """Which rules: stuck, replicating, suspended, waiting for approval, to be injected, satisfied (many)."""
    qos_attribute: str | None = Field(default=None, min_length=1, examples=["qos"])
    """RSE attribute that names the QoS class of an RSE, for events of every collector; where the topology has a class, that
    one holds. It is asked once an hour, a call for each RSE."""
    days: int = Field(default=30, ge=1, le=3650)
    """Since how many days replicas were declared bad or suspicious."""
    interval_s: float = Field(default=600.0, gt=0)
    """From one round to the next (seconds)."""
    round_s: float = Field(default=300.0, gt=0)
    """Longest time of a round (seconds)."""
    requests_per_s: float = Field(default=5.0, gt=0, le=1000)
    """Requests a second at most."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Longest wait for an answer to begin or to go on (seconds)."""
    max_body_bytes: int = Field(default=64 * 2**20, ge=1)
    """Largest answer (bytes)."""

    def qos_file(self, name: str, data_dir: Path) -> QosFile | None:
        """Where a collector of that name keeps the QoS classes that it has read; null for one that reads none."""
        return QosFile(data_dir / f"{name}.qos.json", self.qos_attribute) if self.qos_attribute else None


class RucioCollector:
    """Asks Rucio in rounds."""

    Options = RucioOptions

    def __init__(self, name: str, options: RucioOptions, data_dir: Path) -> None:
        self.options = options
        self.formats = [options.format]
        self.health = Health()
        plain = {"accept": _ACCEPT, "accept-encoding": "identity"}
        self._client = http_client(tls=options.tls, timeout_s=options.timeout_s, headers=plain)
        self._tokens = Tokens(self._client, options)
        self._qos_file = options.qos_file(name, data_dir)
        self._lake = Lake(qos=self._qos_file.load() if self._qos_file else {})
        self._last_times: dict[str, float] = {}
        """Path -> when it was last asked."""

    @staticmethod
    def examine(options: RucioOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`: logs in, and asks its version and the first question."""
        from lakescope.collectors.rucio._examination import examine

        quick_options = options.model_copy(
            update={"timeout_s": min(options.timeout_s, EXAMINE_S), "qos_attribute": None}
        )
        collector = RucioCollector(installation.name, quick_options, installation.data_dir)
        try:
            yield from examine(collector._client, collector._tokens, quick_options)
        finally:
            collector.close()

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """One round an interval, on a clock that does not drift."""
        due = time.monotonic()
        while not stop.is_set():
            round_ = _Round(self, inbox, stop)
            state, detail = round_.run()
            if stop.is_set() or inbox.is_closed:
                return
            self.health.set(state, detail)
            due += (
                self.options.interval_s
                if round_.is_logged_in
                else min(_LOGIN_AGAIN_S, self.options.interval_s)
            )
            stop.wait(max(0.0, due - time.monotonic()))
            due = max(due, time.monotonic() - self.options.interval_s)  # after a stall: no burst

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Nothing to tell: Rucio cannot give an old answer again."""

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


class _Round:
    """One time through all questions."""

    def __init__(self, collector: RucioCollector, inbox: Inbox, stop: threading.Event) -> None:
        self._collector, self._inbox, self._stop = collector, inbox, stop
        self._options, self._tokens, self._client = collector.options, collector._tokens, collector._client
        self._deadline = time.monotonic() + self._options.round_s
        self._next = 0.0
        self._answered, self._silent = 0, 0
        self._unasked = 0
        self._denied: dict[Topic, str] = {}
        self._faults: dict[Topic, str] = {}
        self.is_logged_in = True

    def run(self) -> tuple[Literal["ok", "error"], str]:
        """Asks all; how it went, for the health."""
        try:
            self._ask_all()
        except RefusedLoginError as error:
            self.is_logged_in = False
            return "error", f"not logged in: {error}"
        summary = f"{self._answered} questions answered"
        if self._unasked:
            summary += f", {self._unasked} left for the next round (round_s, requests_per_s)"
        lacks = [
            f"{name}: the account {self._options.account} may not ask this ({words}): {RIGHTS[name]}; give it the right, or"
            f" take {name} out of `ask`"
            for name, words in self._denied.items()
        ]
        faults = [f"{name}: {fault}" for name, fault in self._faults.items()]
        return "error" if faults else "ok", "; ".join([summary, *faults, *lacks])

    def _ask_all(self) -> None:
        options, lake = self._options, self._collector._lake
        ask: list[Name] = list(options.ask)
        if "rses" not in ask and (
            options.qos_attribute or {"usage", "limits", "accounts", "datasets"} & set(ask)
        ):
            ask.insert(0, "rses")
        if "requests" not in ask and "open_requests" in ask:
            ask.insert(0, "requests")
        self._ask_each(questions.first(ask, options.rule_states, options.days, time.time()))
        if "global_usage" in ask:
            self._learn_accounts()
        last_times = self._collector._last_times
        if options.qos_attribute:
            now = time.monotonic()
            self._ask_each(
                one
                for one in questions.of_attributes(lake)
                if one.path not in last_times or now - last_times[one.path] >= _ATTRIBUTES_S
            )
            self._keep_qos()
        further = sorted(questions.further(ask, lake), key=lambda one: last_times.get(one.path, 0.0))
        self._ask_each(further)

    def _keep_qos(self) -> None:
        """For the topology, which looks at the file. Of an RSE that is gone nothing is kept."""
        lake, file = self._collector._lake, self._collector._qos_file
        lake.qos = {rse: lake.qos[rse] for rse in sorted(lake.qos) if rse in set(lake.rses)}
        try:
            if file is not None:
                file.save(lake.qos)
        except OSError as error:
            self._faults["qos_attribute"] = f"{error.filename}: {error.strerror}"

    def _ask_each(self, round_questions: Iterable[Question]) -> None:
        for question in round_questions:
            if self._stop.is_set() or self._inbox.is_closed:
                return
            if question.name in self._denied:
                continue
            if self._is_over():
                self._unasked += 1
                continue
            self._wait()
            self._collector._last_times[question.path] = time.monotonic()
            self._try(question)

    def _is_over(self) -> bool:
        return time.monotonic() > self._deadline or self._silent >= _SILENT_MAX

    def _wait(self) -> None:
        """Until the next request is allowed."""
        self._stop.wait(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + 1 / self._options.requests_per_s

    def _try(self, question: Question) -> None:
        """Asks, and again with a new token where the server takes the old one no more."""
        for last in (False, True):
            try:
                if self._ask(question, is_last=last):
                    self._silent = 0
                    return
            except httpx.HTTPError as error:
                self._silent += 1
                text = f"{self._options.url}: {type(error).__name__}: {quote(str(error))}"
                self._faults[question.name] = self._tokens.mask(self._options.tls.explain(text))
                return
            except BadAnswerError as error:
                self._silent = 0
                self._faults[question.name] = self._tokens.mask(f"/{question.scope} {error}")
                return
            self._tokens.forget()

    def _ask(self, question: Question, *, is_last: bool) -> bool:
        """False if it should be asked again with a new token."""
        headers, received = self._tokens.headers(), time.time()
        with self._client.stream("GET", f"{self._options.url}/{question.path}", headers=headers) as response:
            if not response.is_success:
                return self._refused(question, response, is_last=is_last)
            answer = Answer(response, limit=self._options.max_body_bytes, deadline=self._deadline)
            read = answer.cut if question.cut else answer.whole
            for message in read(self._options.format, self._about(question), received):
                if question.name != "qos_attribute" and not self._inbox.put([message]):
                    return True
        self._answered += 1
        self._learn(question, bytes(answer.body))
        return True

    def _about(self, question: Question) -> dict[str, str]:
        return {
            "scope": f"{self._options.url}/{question.scope}",
            "interval_s": f"{self._options.interval_s:g}",
        }

    def _refused(self, question: Question, response: httpx.Response, *, is_last: bool) -> bool:
        """A right that is missing, a token that is over (false), or any other fault.

        Rucio 41 refuses a right by 401, as it does a token, or by 500 (/heartbeats, /requests/metrics); its header
        ExceptionClass tells them apart.
        """
        status, kind = response.status_code, response.headers.get("exceptionclass", "")
        words = self._tokens.mask(_words(response))
        if status == 403 or kind == "AccessDenied":
            self._denied[question.name] = f"{status}: {words}"
            return True
        if status == 401 and not is_last:
            return False
        if 300 <= status < 400:
            words = f"a redirect to {quote(response.headers.get('location', ''))}: give that address (url)"
        if status in (429, 503):
            self._silent = _SILENT_MAX  # it asks for rest
        else:
            self._silent = 0
        self._faults[question.name] = f"/{question.scope} answered {status}: {words}"
        return True

    def _learn(self, question: Question, body: bytes) -> None:
        """What there is to ask about next."""
        lake = self._collector._lake
        if question.name == "rses":
            lake.rses = questions.rses_in(body)
        elif question.name == "requests":
            lake.links = questions.links_in(body)
        elif question.name == "qos_attribute":
            self._learn_qos(question, body)

    def _learn_qos(self, question: Question, body: bytes) -> None:
        lake, rse = self._collector._lake, unquote(question.path.split("/")[1])
        try:
            value = questions.attribute_in(body, self._options.qos_attribute or "")
        except ValueError as error:
            self._faults[question.name] = f"/{question.scope} {error}"
            return
        lake.qos.pop(rse, None)
        if value is not None:
            lake.qos[rse] = value

    def _learn_accounts(self) -> None:
        self._wait()
        url = f"{self._options.url}/accounts/"
        try:
            response = self._client.get(url, headers=self._tokens.headers())
        except httpx.HTTPError as error:
            self._faults["global_usage"] = f"{url}: {type(error).__name__}: {quote(str(error))}"
            return
        if response.is_success:
            self._collector._lake.accounts = questions.accounts_in(response.content)
        else:
            self._faults["global_usage"] = f"{url} answered {response.status_code}"


def _words(response: httpx.Response) -> str:
    """What a server says in place of an answer."""
    if message := response.headers.get("exceptionmessage"):
        return quote(message)
    words = b"".join(_start(response)).decode(errors="replace")
    return quote(" ".join(words.split()) or response.reason_phrase)


def _start(response: httpx.Response) -> Iterator[bytes]:
    """Its first bytes."""
    for part in response.iter_raw(200):
        yield part
        return
