"""A stand-in for FTS: it is no FTS, moves no byte and schedules nothing. It speaks what Rucio and Lakescope hear of one.

That is the REST interface as rucio.transfertool.fts3 uses it (fts-rest-flask: jobs, their files, /whoami), and the
monitoring messages of FTS 3.14 (start, complete, state) on a broker. A job goes on only when the test says so: `start`
has every waiting file begin, `finish` has every active one end, well or as `fail` has ordered. Multihop and
multi-source jobs go file by file, as in FTS; a file is staged before it leaves a tape, and archived after it came to
one, if the client asks for it. Times are the real ones.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import stomp

from ._answering import Answering
from ._process import HOST
from .activemq import ActiveMQ

_SAMPLES = Path(__file__).parents[1] / "samples"
_COMPLETE = json.loads((_SAMPLES / "fts_3.14.4_complete_ok.txt").read_text())
_START = json.loads((_SAMPLES / "fts_3.14.4_start.txt").read_text())
_FINAL = ("FINISHED", "FAILED", "CANCELED")
_CATEGORIES = {
    2: "NO_SUCH_FILE_OR_DIRECTORY",
    5: "INPUT_OUTPUT_ERROR",
    70: "COMMUNICATION_ERROR_ON_SEND",
    110: "CONNECTION_TIMED_OUT",
}


@dataclass(frozen=True)
class Fault:
    """How a transfer fails: FTS's scope, errno and text. With `attempts` only so many times, then it works; with
    `recoverable` FTS itself tries once more before it gives up."""

    scope: Literal["SOURCE", "DESTINATION", "TRANSFER"]
    code: int
    text: str
    attempts: int | None = None
    recoverable: bool = False

    @property
    def reason(self) -> str:
        """As the REST interface and the state message give it."""
        return f"{self.scope} [{self.code}] {self.text}"


@dataclass
class TransferFile:
    """One file of a job; times in ms, 0 for not yet."""

    id: int
    source: str
    destination: str
    size: int
    metadata: dict[str, Any]
    state: str
    reason: str = ""
    retry: int = 0
    started: int = 0
    ended: int = 0
    staging: tuple[int, int] = (0, 0)
    archiving: tuple[int, int] = (0, 0)


@dataclass
class Job:
    """What a client submitted: files one beside the other, as hops ("H") or as choices of a source ("R")."""

    id: str
    kind: Literal["N", "H", "R"]
    params: dict[str, Any]
    files: list[TransferFile]
    submitted: int = field(default_factory=lambda: _now())

    @property
    def state(self) -> str:
        """FTS's state of a job, from those of its files."""
        states = {file.state for file in self.files}
        if not states <= {*_FINAL, "NOT_USED"} or (states == {"NOT_USED"}):
            return next(
                (state for state in ("ACTIVE", "ARCHIVING", "STAGING") if state in states), "SUBMITTED"
            )
        if self._is_chain and self._next_file():
            return "ACTIVE"
        if self.kind == "R":
            return "FINISHED" if "FINISHED" in states else "FAILED"
        if self.kind == "H":
            return "FINISHED" if states == {"FINISHED"} else "FAILED"
        return states.pop() if len(states) == 1 else "FINISHEDDIRTY"

    @property
    def _is_chain(self) -> bool:
        return self.kind != "N"

    def _next_file(self) -> TransferFile | None:
        """The file of a chain that is to follow the last one that ended."""
        ended = [file for file in self.files if file.state in _FINAL]
        goes_on = {"H": "FINISHED", "R": "FAILED"}.get(self.kind)
        if ended and len(ended) < len(self.files) and ended[-1].state == goes_on:
            return self.files[len(ended)]
        return None

    def is_archived(self, file: TransferFile) -> bool:
        """Whether the job has not ended before the file is on tape."""
        return "archive_timeout" in self.params and (self.kind != "H" or file is self.files[-1])

    def go_on(self) -> TransferFile | None:
        """Submits the next file of a chain, and returns it."""
        if file := self._next_file():
            file.state = "SUBMITTED"
        return file


class Fts:
    """A context manager. `url` is what an RSE's attribute `fts` names; messages go to `topic`_start, _complete, _state
    of the broker, if there is one."""

    def __init__(self, broker: ActiveMQ | None = None, topic: str = "/topic/transfer.fts_monitoring") -> None:
        self._topic = topic
        self._broker = broker
        self._connection: stomp.StompConnection12 | None = None
        self._faults: list[tuple[str, Fault]] = []
        self._failures: dict[tuple[str, str], int] = {}
        self._refused = 0
        self._files = 0
        self._server = Answering(_handler(self))
        self.url = self._server.url
        self.jobs: dict[str, Job] = {}
        self.sent: list[tuple[str, dict[str, Any]]] = []
        """(kind of message, body) of all that were published."""

    def __enter__(self) -> Self:
        self._server.start()
        if self._broker:
            self._connection = stomp.StompConnection12([(self._broker.host, self._broker.port)])
            self._connection.connect(wait=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection:
            waiter = stomp.listener.WaitingListener("sent")
            self._connection.set_listener("receipt", waiter)
            self._connection.disconnect(receipt="sent")
            waiter.wait_on_receipt()
        self._server.stop()

    def fail(self, part: str, fault: Fault) -> None:
        """From now on transfers with this in either URL fail so."""
        self._faults.append((part, fault))

    def refuse(self, submissions: int) -> None:
        """The next submissions are answered with 503."""
        self._refused = submissions

    def lose(self, job_id: str) -> None:
        """Forget a job: it is 404 from now on."""
        del self.jobs[job_id]

    def start(self) -> int:
        """Every waiting file becomes active, staged before if it must be; returns how many."""
        for job, file in self._all():
            if file.state == "STAGING":
                self._stage(job, file)
        waiting = [(job, file) for job, file in self._all() if file.state == "SUBMITTED"]
        for job, file in waiting:
            file.started, file.state = _now(), "ACTIVE"
            self._publish("start", _start_message(job, file))
            self._report(job, file)
        return len(waiting)

    def finish(self) -> int:
        """Every active file ends, a second or more after its start; returns how many."""
        active = [(job, file) for job, file in self._all() if file.state == "ACTIVE"]
        for job, file in active:
            time.sleep(max(0, file.started + 1000 - _now()) / 1000)
            file.ended = _now()
            self._end(job, file)
        return len(active)

    def archive(self) -> int:
        """Every file that came to a tape's buffer is now on tape; returns how many."""
        archiving = [(job, file) for job, file in self._all() if file.state == "ARCHIVING"]
        for job, file in archiving:
            file.archiving, file.state = (file.archiving[0], _now()), "FINISHED"
            self._report(job, file)
        return len(archiving)

    def carry(self) -> None:
        """Everything, to its end: tape, next hops, other sources and FTS's own retries too."""
        while self.start():
            self.finish()
            self.archive()

    def submit(self, body: Mapping[str, Any]) -> str | None:
        """A job's id; null when submissions are refused."""
        if self._refused:
            self._refused -= 1
            return None
        params = body["params"]
        several = any(len(file["sources"]) > 1 for file in body["files"])
        kind: Literal["N", "H", "R"] = "H" if params.get("multihop") else "R" if several else "N"
        job = Job(str(uuid.uuid4()), kind, params, [])
        for wanted in body["files"]:
            for source in wanted["sources"]:
                self._files += 1
                first = "STAGING" if params.get("bring_online") else "SUBMITTED"
                state = first if kind == "N" or not job.files else "NOT_USED"
                job.files.append(
                    TransferFile(
                        self._files,
                        source,
                        wanted["destinations"][0],
                        wanted["filesize"],
                        wanted["metadata"],
                        state,
                    )
                )
        self.jobs[job.id] = job
        for file in job.files:
            if file.state != "NOT_USED":
                self._report(job, file)
        return job.id

    def cancel(self, job_id: str) -> None:
        """Ends what has not ended."""
        job = self.jobs[job_id]
        for file in job.files:
            if file.state not in _FINAL:
                file.state, file.reason = "CANCELED", "Transfer canceled by the user"
                self._report(job, file)

    def _all(self) -> list[tuple[Job, TransferFile]]:
        return [(job, file) for job in self.jobs.values() for file in job.files]

    def _stage(self, job: Job, file: TransferFile) -> None:
        for state, times in (("STARTED", (_now(), 0)), ("SUBMITTED", (_now(), _now()))):
            file.state, file.staging = state, times
            self._report(job, file)

    def _end(self, job: Job, file: TransferFile) -> None:
        fault = self._fault(file)
        retries = fault is not None and fault.recoverable and file.retry == 0
        self._publish("complete", _complete_message(job, file, fault))
        file.reason = fault.reason if fault else ""
        if retries:
            file.state, file.retry = "SUBMITTED", 1
        elif not fault and job.is_archived(file):
            file.state, file.archiving = "ARCHIVING", (_now(), 0)
        else:
            file.state = "FAILED" if fault else "FINISHED"
        self._report(job, file)
        if follower := job.go_on():
            self._report(job, follower)

    def _fault(self, file: TransferFile) -> Fault | None:
        for part, fault in self._faults:
            if part in file.source or part in file.destination:
                key = (part, file.metadata["name"])
                failures = self._failures.get(key, 0)
                if fault.attempts is None or failures < fault.attempts:
                    self._failures[key] = failures + 1
                    return fault
        return None

    def _report(self, job: Job, file: TransferFile) -> None:
        self._publish("state", _state_message(job, file), vo="escape")

    def _publish(self, kind: str, message: dict[str, Any], **headers: str) -> None:
        self.sent.append((kind, message))
        if self._connection:
            text = json.dumps(message, indent="\t", separators=(",", " : "), sort_keys=True) + " "
            self._connection.send(f"{self._topic}_{kind}", text, headers={"persistent": "true", **headers})


def _now() -> int:
    return time.time_ns() // 1_000_000


def _second(ms: int) -> str | None:
    """As the REST interface gives a time: UTC, without a fraction."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}" if ms else None


def _answer(job: Job) -> dict[str, Any]:
    """What GET /jobs/ID says."""
    files = [
        {
            "file_state": file.state,
            "source_surl": file.source,
            "dest_surl": file.destination,
            "start_time": _second(file.started),
            "finish_time": _second(file.ended),
            "staging_start": _second(file.staging[0]),
            "staging_finished": _second(file.staging[1]),
            "reason": file.reason or None,
            "file_metadata": file.metadata,
        }
        for file in job.files
    ]
    return {
        "job_id": job.id,
        "job_state": job.state,
        "job_type": job.kind,
        "job_metadata": job.params["job_metadata"],
        "http_status": "200 Ok",
        "files": files,
    }


def _ends(file: TransferFile) -> tuple[str, str]:
    source, destination = urlsplit(file.source), urlsplit(file.destination)
    return source.hostname or "", destination.hostname or ""


def _names(job: Job, file: TransferFile, when: int) -> dict[str, Any]:
    source, destination = _ends(file)
    minute = datetime.fromtimestamp(when / 1000, UTC)
    return {
        "dst_hostname": destination,
        "dst_url": file.destination,
        "endpnt": HOST,
        "file_id": file.id,
        "file_metadata": file.metadata,
        "job_id": job.id,
        "job_metadata": job.params["job_metadata"],
        "src_hostname": source,
        "src_url": file.source,
        "t_channel": f"{source}__{destination}",
        "_id": f"{minute:%Y-%m-%d-%H%M}__{source}__{destination}__{file.id}__{job.id}",
    }


def _start_message(job: Job, file: TransferFile) -> dict[str, Any]:
    names = _names(job, file, file.started)
    return {**_START, "transfer_id": names.pop("_id"), **names, "timestamp": file.started}


def _complete_message(job: Job, file: TransferFile, fault: Fault | None) -> dict[str, Any]:
    names = _names(job, file, file.ended)
    source, destination = _ends(file)
    schemes = [urlsplit(url).scheme for url in (file.source, file.destination)]
    took = file.ended - file.started
    ended_well = {
        "t_final_transfer_state": "Ok",
        "t_final_transfer_state_flag": 1,
        "tr_bt_transfered": file.size,
        "throughput": file.size * 1000 / took if took else -1.0,
    }
    failed = fault and {
        "is_recoverable": fault.recoverable,
        "retry": file.retry,
        "retry_max": int(fault.recoverable),
        "t__error_message": fault.text,
        "t_error_code": fault.code,
        "t_failure_phase": "TRANSFER" if fault.scope == "TRANSFER" else "TRANSFER_PREPARATION",
        "t_final_transfer_state": "Error",
        "t_final_transfer_state_flag": 0,
        "throughput": -1.0,
        "tr_bt_transfered": 0,
        "tr_error_category": _CATEGORIES[fault.code],
        "tr_error_scope": fault.scope,
    }
    return {
        **_COMPLETE,
        "tr_id": names.pop("_id"),
        **names,
        "activity": file.metadata["activity"],
        "src_se": f"{schemes[0]}://{source}",
        "dst_se": f"{schemes[1]}://{destination}",
        "src_protocol": schemes[0],
        "dst_protocol": schemes[1],
        "protocol": schemes[1],
        "f_size": file.size,
        "file_size": file.size,
        "is_archiving": job.is_archived(file) and not fault,
        "job_m_replica": job.kind == "R",
        "job_multihop": job.kind == "H",
        "transfer_lasthop": job.kind == "H" and file is job.files[-1],
        "operation_time": took,
        "transfer_time": took,
        "tr_timestamp_start": file.started,
        "timestamp_tr_st": file.started,
        "timestamp_tr_comp": file.ended,
        "tr_timestamp_complete": file.ended,
        **(failed or ended_well),
    }


def _state_message(job: Job, file: TransferFile) -> dict[str, Any]:
    source, destination = (
        f"{urlsplit(url).scheme}://{urlsplit(url).hostname}" for url in (file.source, file.destination)
    )
    return {
        "archiving": file.state == "ARCHIVING",
        "archiving_finished": file.archiving[1],
        "archiving_start": file.archiving[0],
        "dest_se": destination,
        "dst_url": file.destination,
        "file_id": file.id,
        "file_metadata": file.metadata,
        "file_state": file.state,
        "job_id": job.id,
        "job_metadata": job.params["job_metadata"],
        "job_state": job.state,
        "reason": file.reason,
        "retry_counter": file.retry,
        "retry_max": 0,
        "source_se": source,
        "src_url": file.source,
        "staging": file.state == "STAGING",
        "staging_finished": file.staging[1],
        "staging_start": file.staging[0],
        "submit_time": job.submitted,
        "timestamp": _now(),
        "user_dn": "",
        "user_filesize": file.size,
        "vo_name": "escape",
    }


def _handler(fts: Fts) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """The part of FTS's REST interface that Rucio calls."""

        def do_GET(self) -> None:
            path = urlsplit(self.path).path.strip("/").split("/")
            if path == ["whoami"]:
                self._send(200, {"base_id": str(uuid.NAMESPACE_URL), "vos": ["escape"]})
                return
            missing = {"http_status": "404 Not Found", "http_message": "no such job"}
            answers = [
                _answer(fts.jobs[job_id]) if job_id in fts.jobs else {"job_id": job_id, **missing}
                for job_id in path[1].split(",")
            ]
            states = {answer["http_status"] for answer in answers}
            status = 200 if states == {"200 Ok"} else 404 if len(answers) == 1 else 207
            self._send(status, answers[0] if len(answers) == 1 else answers)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            job_id = fts.submit(body)
            self._send(200, {"job_id": job_id}) if job_id else self._send(503, {"message": "drained"})

        def do_DELETE(self) -> None:
            job_id = self.path.rsplit("/", 1)[-1]
            fts.cancel(job_id)
            self._send(200, _answer(fts.jobs[job_id]))

        def _send(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: pytest's output is for failures."""

    return Handler
