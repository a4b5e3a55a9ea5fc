"""What Rucio's Hermes daemon says: events of transfers, deletions, data identifiers, rules and locks, over STOMP.

Forms as Rucio 41 writes them (`core/request.py`, `daemons/reaper`, `core/did.py`, `core/rule.py`): Python's
`json.dumps`, naive UTC times, null where Rucio doesn't know. Transfer events are put together by hand: they are
the simulator's most frequent messages, and an encoder would take three times as long.
"""

from json import dumps
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from lakescope.simulator.agenda import Later
from lakescope.simulator.clock import DAY, HOUR, MINUTE, SECOND, http_text, naive_text, posix, seconds_text
from lakescope.simulator.lake import Vo
from lakescope.simulator.options import Options
from lakescope.simulator.transfers import RETRIES, Deletion, Rule, Transfer
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/topic/escape.rucio.events"

_CYCLE = 10.0
"""Seconds between two rounds of Hermes: an event waits for the next."""


class Hermes(Dialect):
    """Dates each event when its database row is made and sends it in Hermes's next round."""

    source = "rucio"
    format = "hermes"

    def __init__(self, seed: int, later: Later, begin: int, options: Options) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._skewed = options.skewed
        self._is_sparse = options.is_sparse
        self._headers: dict[str, dict[str, str]] = {}

    def _note(self, us: int, write: Any, about: Any) -> None:
        """Plan an event: its row is made a few milliseconds after what it is about."""
        created_us = us + int(self.chance.between(0.002, 0.012) * SECOND)
        self.send(created_us + int(self.chance.between(0.05, _CYCLE) * SECOND), write, (about, created_us))

    def _wire(self, us: int, event: str, payload: str, created_us: int) -> Wire:
        body = f'{{"event_type": "{event}", "payload": {payload}, "created_at": "{naive_text(created_us)}"}}'
        headers = self._headers.get(event)
        if headers is None:
            headers = self._headers[event] = {"persistent": "true", "event_type": event}
        return Wire(posix(us), self.source, self.format, DESTINATION, headers, body.encode())

    # Transfers

    def queued(self, us: int, transfer: Transfer) -> None:
        if not self._is_sparse(us):
            self._note(us, self._write_queued, transfer)

    def preparing(self, us: int, transfer: Transfer) -> None:
        if not self._is_sparse(us):
            self._note(us, self._write_preparing, transfer)

    def submitted(self, us: int, transfer: Transfer) -> None:
        if not transfer.foreign:
            self._note(us, self._write_submitted, transfer)

    def submission_failed(self, us: int, transfer: Transfer) -> None:
        self._note(us, self._write_submission_failed, transfer)

    def reported(self, us: int, transfer: Transfer) -> None:
        shift = self.chance.integer(1, 5) * SECOND if self.chance.random() < self._skewed else 0
        self._note(us, self._write_ended, (transfer, shift))
        if (
            transfer.error
            and transfer.error.code == 2
            and transfer.retry == RETRIES
            and transfer.rule.dataset
        ):
            self._note(us + 20 * MINUTE, self._write_lost_file, transfer)

    def lost(self, us: int, transfer: Transfer) -> None:
        self._note(us, self._write_lost, transfer)

    def _write_queued(self, us: int, note: tuple[Transfer, int]) -> Wire:
        return self._write_waiting(us, note, "queued")

    def _write_preparing(self, us: int, note: tuple[Transfer, int]) -> Wire:
        return self._write_waiting(us, note, "preparing")

    def _write_waiting(self, us: int, note: tuple[Transfer, int], state: str) -> Wire:
        t, created_us = note
        rule, kind = t.rule, _kind(t)
        payload = (
            f'{{"request-id": "{t.request_id}", "request-type": "{kind}", "scope": "{rule.scope}", '
            f'"name": "{t.name}", "dst-rse-id": "{rule.dst.id}", "dst-rse": "{rule.dst.name}", '
            f'"state": "{state}", "retry-count": {t.retry or "null"}, "rule-id": "{rule.id}", '
            f'"activity": "{rule.activity}", "file-size": {t.size}, "bytes": {t.size}, '
            f'"checksum-md5": {_text(t.md5)}, "checksum-adler": "{t.adler32}", '
            f'"queued_at": "{naive_text(t.created)}"}}'
        )
        return self._wire(us, f"{kind}-{state}", payload, created_us)

    def _write_submitted(self, us: int, note: tuple[Transfer, int]) -> Wire:
        return self._write_handed_over(us, note, "submitted", f'"{note[0].job_id}"')

    def _write_submission_failed(self, us: int, note: tuple[Transfer, int]) -> Wire:
        return self._write_handed_over(us, note, "submission_failed", "null")

    def _write_handed_over(self, us: int, note: tuple[Transfer, int], state: str, job: str) -> Wire:
        t, created_us = note
        rule, src, dst, kind = t.rule, t.route.src, t.route.dst, _kind(t)
        payload = (
            f'{{"request-id": "{t.request_id}", "request-type": "{kind.upper()}", "scope": "{rule.scope}", '
            f'"name": "{t.name}", {_dataset(rule)}, "src-rse-id": "{src.id}", "src-rse": "{src.name}", '
            f'"dst-rse-id": "{dst.id}", "dst-rse": "{dst.name}", "state": "{state.upper()}", '
            f'"activity": "{rule.activity}", "file-size": {t.size}, "bytes": {t.size}, '
            f'"checksum-md5": {_text(t.md5)}, "checksum-adler": "{t.adler32}", "external-id": {job}, '
            f'"external-host": "{t.fts.url}", "queued_at": "{naive_text(t.submitted)}", '
            f'"datatype": {_text(rule.datatype)}{_vo(rule.vo)}}}'
        )
        return self._wire(us, f"{kind}-{state}", payload, created_us)

    def _write_ended(self, us: int, note: tuple[tuple[Transfer, int], int]) -> Wire:
        (t, shift), created_us = note
        started_at, ended_at = _moments(t, shift)
        # Rucio takes timedelta.seconds: it wraps at a day, and a negative difference becomes almost one
        duration = (ended_at - started_at) // SECOND % (DAY // SECOND)
        text = seconds_text if t.polled else naive_text
        job_url = f"{t.fts.url.replace('8446', '8449')}/fts3/ftsmon/#/job/{t.job_id}"
        payload = self._final(
            t,
            duration,
            f'"{t.route.src.kind}"',
            f'"{t.src_url}"',
            f'"{t.route.dst.kind}"',
            _reason(t),
            f'"{text(started_at)}"',
            f'"{text(ended_at)}"',
            f', "transfer_link": "{job_url}"',
        )
        state = "failed" if t.error else "done"
        return self._wire(us, f"{_kind(t)}-{state}", payload, created_us)

    def _write_lost(self, us: int, note: tuple[Transfer, int]) -> Wire:
        t, created_us = note
        payload = self._final(t, -1, "null", "null", "null", '"The FTS job lost"', "null", "null", "")
        return self._wire(us, f"{_kind(t)}-lost", payload, created_us)

    def _final(
        self,
        t: Transfer,
        duration: int,
        src_kind: str,
        src_url: str,
        dst_kind: str,
        reason: str,
        started_at: str,
        ended_at: str,
        link: str,
    ) -> str:
        rule, route = t.rule, t.route
        return (
            f'{{"activity": "{rule.activity}", "request-id": "{t.request_id}", "duration": {duration}, '
            f'"checksum-adler": "{t.adler32}", "checksum-md5": {_text(t.md5)}, "file-size": {t.size}, '
            f'"bytes": {t.size}, "guid": null, "previous-request-id": {_text(t.previous)}, '
            f'"protocol": "{route.dst_door.scheme}", "scope": "{rule.scope}", "name": "{t.name}", '
            f'{_dataset(rule)}, "src-type": {src_kind}, "src-rse": "{route.src.name}", "src-url": {src_url}, '
            f'"dst-type": {dst_kind}, "dst-rse": "{route.dst.name}", "dst-url": "{t.dst_url}", '
            f'"reason": {reason}, "transfer-endpoint": "{t.fts.url}", "transfer-id": "{t.job_id}", '
            f'"transfer-link": null, "created_at": "{naive_text(t.created)}", '
            f'"submitted_at": "{naive_text(t.submitted)}", "started_at": {started_at}, '
            f'"transferred_at": {ended_at}, "tool-id": "rucio-conveyor", "account": "{rule.account}", '
            f'"datatype": {_text(rule.datatype)}{link}{_vo(rule.vo)}}}'
        )

    # Deletions

    def deleted(self, us: int, deletion: Deletion) -> None:
        self._note(us, self._write_deletion, deletion)

    def _write_deletion(self, us: int, note: tuple[Deletion, int]) -> Wire:
        d, created_us = note
        payload: dict[str, Any] = {"scope": d.scope, "name": d.name, "rse": d.rse.name}
        if d.dark:
            payload["rse_id"] = d.rse.id
        payload |= {"file-size": d.size, "bytes": d.size, "url": d.url}
        scheme = d.url.partition(":")[0]
        if d.dark:
            # the dark reaper says how long it took only when it succeeded, and why not only when it didn't
            payload |= {"reason": d.reason} if d.reason else {"duration": d.seconds}
            payload["protocol"] = scheme
        elif d.unreachable:
            payload |= {"reason": d.reason, "protocol": scheme}
        else:
            payload |= {"protocol": scheme, "datatype": d.datatype}
            payload |= {"reason": d.reason} if d.reason else {}
            payload["duration"] = d.seconds
        if d.vo.rucio != "def":
            payload["vo"] = d.vo.rucio
        event = "not-found" if d.missing else "failed" if d.reason else "done"
        return self._wire(us, f"deletion-{event}", dumps(payload), created_us)

    # Rules and data identifiers

    def rule_made(self, us: int, rule: Rule) -> None:
        if self._is_sparse(us):
            return
        if self.chance.random() < 0.1:
            container = f"{rule.scope.lower()}.container.{self.chance.hex(6)}"
            self._did(us, rule, "create_cnt", self._creation(us, rule, container))
            child = {"childscope": rule.scope, "childname": rule.dataset, "childtype": "DATASET"}
            parent = {"account": rule.account, "scope": rule.scope, "name": container}
            self._did(us + SECOND, rule, "register_cnt", parent | child)
            self._later_did(rule, us, 0.3, "erase_cnt", {"scope": rule.scope, "name": container} | child)
        self._did(us, rule, "create_dts", self._creation(us, rule, rule.dataset))

    def rule_advanced(self, us: int, rule: Rule) -> None:
        before, now = (rule.done - 1) * 10 // rule.files, rule.done * 10 // rule.files
        identifier = {"scope": rule.scope, "name": rule.dataset}
        if rule.notify == "P" and before < now < 10:
            self._did(us, rule, "rule_progress", identifier | {"rule_id": rule.id, "progress": now * 10})
        if rule.done == rule.files:
            self._add_completion(us, rule, identifier)

    def _add_completion(self, us: int, rule: Rule, identifier: dict[str, Any]) -> None:
        if rule.notify != "N":
            self._did(us, rule, "rule_ok", identifier | {"rule_id": rule.id})
            lock = {"rse": rule.dst.name, "rse_id": rule.dst.id, "rule_id": rule.id}
            self._did(us, rule, "datasetlock_ok", identifier | lock)
        if self._is_sparse(us):
            return
        content = {"bytes": float(rule.bytes), "length": rule.files, "events": float(rule.files * 2_500)}
        self._later_did(rule, us, 0.5, "close", identifier | content)
        self._later_did(rule, us, 0.03, "open", identifier)
        self._later_did(rule, us, 0.02, "incomplete", identifier | {"did_type": "DATASET"})
        child = {
            "child_scope": rule.scope,
            "child_name": f"{rule.dataset}_0000",
            "child_type": "DIDType.FILE",
        }
        self._later_did(rule, us, 0.04, "detach", identifier | {"did_type": "DIDType.DATASET"} | child)
        self._later_did(rule, us, 0.08, "erase", {"account": rule.account} | identifier)

    def _creation(self, us: int, rule: Rule, name: str | None) -> dict[str, Any]:
        lifetime = self.chance.integer(7, 365) * DAY if self.chance.random() < 0.25 else None
        expiry = http_text(us + lifetime) if lifetime else None
        return {"account": rule.account, "scope": rule.scope, "name": name, "expired_at": expiry}

    def _later_did(self, rule: Rule, us: int, share: float, event: str, payload: dict[str, Any]) -> None:
        if self.chance.random() < share:
            self._did(us + int(self.chance.exponential(0.3) * HOUR), rule, event, payload)

    def _did(self, us: int, rule: Rule, event: str, payload: dict[str, Any]) -> None:
        vo = {} if rule.vo.rucio == "def" else {"vo": rule.vo.rucio}
        self._note(us, self._write_did, (event, payload | vo))

    def _write_did(self, us: int, note: tuple[tuple[str, dict[str, Any]], int]) -> Wire:
        (event, payload), created_us = note
        return self._wire(us, event, dumps(payload), created_us)

    def _write_lost_file(self, us: int, note: tuple[Transfer, int]) -> Wire:
        t, created_us = note
        identifier = {"scope": t.rule.scope, "name": t.name}
        payload = identifier | {"dataset_name": t.rule.dataset, "dataset_scope": t.rule.scope}
        if t.rule.vo.rucio != "def":
            payload["vo"] = t.rule.vo.rucio
        return self._wire(us, "lost", dumps(payload), created_us)


def _kind(transfer: Transfer) -> str:
    return "stagein" if transfer.rule.stagein else "transfer"


def _text(value: str | None) -> str:
    """JSON of a text that needs no escapes."""
    return "null" if value is None else f'"{value}"'


def _dataset(rule: Rule) -> str:
    if rule.dataset is None:
        return '"dataset": null, "datasetScope": null'
    return f'"dataset": "{rule.dataset}", "datasetScope": "{rule.scope}"'


def _vo(vo: Vo) -> str:
    """Rucio names a virtual organisation only if it isn't the default one."""
    return "" if vo.rucio == "def" else f', "vo": "{vo.rucio}"'


def _reason(t: Transfer) -> str:
    """Null or the poller's `SCOPE [errno] text`; the receiver passes on FTS's bare text, empty on success."""
    if t.polled:
        return quoted(t.error.reason) if t.error else "null"
    return quoted(t.error.text) if t.error else '""'


def _moments(t: Transfer, shift: int) -> tuple[int, int]:
    """Start and end as Rucio got them: 1970 where FTS had none; `shift` is a clock that runs ahead at the start."""
    started_us = t.started
    ended_us = t.archived or t.ended
    if shift and started_us:
        started_us = ended_us + shift
    step = SECOND if t.polled else 1_000
    return started_us // step * step, ended_us // step * step
