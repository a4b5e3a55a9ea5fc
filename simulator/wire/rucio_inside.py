"""What Rucio's REST API answers about Rucio itself: requests by link, open requests, heartbeats, bad replicas, its RSEs.

Forms as Rucio 41 writes them (`core/request.py`: `get_request_metrics`; `core/heartbeat.py`: `list_heartbeats`;
`core/replica.py`: `get_bad_replicas_summary`, `get_suspicious_files`; `core/rse.py`: `list_rses`). Its counts are those of
the transfers that Hermes tells, of all of them. What is 0 is left out.
"""

from collections import Counter, defaultdict, deque
from json import dumps
from typing import Any

from lakescope.simulator.agenda import Later
from lakescope.simulator.chance import Chance
from lakescope.simulator.clock import DAY, HOUR, MINUTE, SECOND, http_text, posix
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake
from lakescope.simulator.options import Options
from lakescope.simulator.transfers import Transfer
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire
from lakescope.simulator.wire.rucio_api import DESTINATION, SERVER

_DAEMONS = {
    "conveyor-submitter": 2,
    "conveyor-poller": 2,
    "conveyor-receiver": 1,
    "conveyor-finisher": 1,
    "judge-evaluator": 1,
    "judge-repairer": 1,
    "judge-cleaner": 1,
    "reaper": 4,
    "hermes": 1,
    "necromancer": 1,
    "abacus-rse": 1,
}
"""Each with its threads."""
_LINKS = 12  # so many links with the most open requests are asked about
_DAYS = 7  # of declared replicas
_REASONS = ("Checksum mismatch of {}", "File {} unreadable at source", "Disk server lost")


class RucioInside(Dialect):
    """Counts what is queued, done and failed; asks in rounds."""

    source = "rucio-api"
    format = "rucio_api"

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self.chance = Chance("rucio-inside", seed)  # its own, so that it changes no other answer
        self._seed, self._lake, self._options, self._disturbances = seed, lake, options, disturbances
        self._open: dict[str, tuple[int, Transfer]] = {}
        self._submitted: set[str] = set()
        self._ended: deque[tuple[int, tuple[str, str], str, bool, int]] = deque()
        if every := options.interval("inside", begin):
            later(begin + int(self.chance.random() * every), self._ask, None)

    def queued(self, us: int, transfer: Transfer) -> None:
        if not transfer.foreign:
            self._open[transfer.request_id] = us, transfer

    def submitted(self, us: int, transfer: Transfer) -> None:
        self._submitted.add(transfer.request_id)

    def reported(self, us: int, transfer: Transfer) -> None:
        self._close(us, transfer, is_done=transfer.error is None)

    def lost(self, us: int, transfer: Transfer) -> None:
        self._close(us, transfer, is_done=False)

    def submission_failed(self, us: int, transfer: Transfer) -> None:
        self._close(us, transfer, is_done=False)

    def _close(self, us: int, transfer: Transfer, *, is_done: bool) -> None:
        self._submitted.discard(transfer.request_id)
        if self._open.pop(transfer.request_id, None):
            self._ended.append((us, _link(transfer), transfer.rule.activity, is_done, transfer.size))

    def _ask(self, us: int, _: None) -> None:
        while self._ended and self._ended[0][0] < us - 6 * HOUR:
            self._ended.popleft()
        self._answer(us, "rses/", _lines(self._rses(us)))
        for rse in self._lake.rses:
            limits = {"MinFreeSpace": rse.volume // 50, "MaxBeingDeletedFiles": 10_000}
            self._answer(us, f"rses/{rse.name}/limits", dumps(limits))
        for vo in self._lake.vos:
            account = vo.accounts[0]
            self._answer(us, f"accounts/{account}/usage/global", _lines([self._quota(us, account)]))
        self._answer(us, "requests/metrics", _lines(self._metrics(us)))
        self._ask_open(us)
        self._answer(us, "heartbeats", dumps(self._heartbeats(us)))
        self._answer(us, f"replicas/bad/summary?days={_DAYS}", _lines(self._bad(us)))
        self._answer(us, f"replicas/suspicious?nattempts=1&days={_DAYS}", dumps(self._suspicious(us)))
        self._later(us + self._options.interval("inside", us), self._ask, None)

    def _answer(self, us: int, path: str, body: str) -> None:
        self.send(us + int(self.chance.between(0.05, 0.6) * SECOND), self._write, (us, path, body))

    def _write(self, us: int, answer: tuple[int, str, str]) -> Wire:
        poll_us, path, body = answer
        headers = {
            "content-type": "application/json" if body.startswith("[") else "application/x-json-stream",
            "date": http_text(poll_us).replace("UTC", "GMT"),
            "scope": f"{SERVER}/{path}",
        }
        return Wire(posix(us), self.source, self.format, DESTINATION, headers, body.encode())

    def _rses(self, us: int) -> list[dict[str, Any]]:
        """A full RSE is closed for writing."""
        return [
            {
                "id": rse.id,
                "rse": rse.name,
                "availability_read": True,
                "availability_write": self._disturbances.full(rse, us) is None,
                "availability_delete": True,
            }
            for rse in self._lake.rses
        ]

    def _quota(self, us: int, account: str) -> dict[str, Any]:
        """Of all disks together: each day some more, until it is cleaned up at the week's end."""
        chance = Chance("rucio-inside", "quota", self._seed, account)
        limit = chance.integer(20, 200) * 10**12
        used = int(limit * chance.between(0.3, 0.6) * (1 + us % (7 * DAY) / (10 * DAY)))
        return {
            "rse_expression": "rse_type=DISK",
            "bytes": used,
            "files": used // 700_000_000,
            "bytes_limit": limit,
            "bytes_remaining": limit - used,
        }

    def _metrics(self, us: int) -> list[dict[str, Any]]:
        links: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(
            lambda: {"files": {}, "bytes": {}}
        )
        for request_id, (_, transfer) in self._open.items():
            if request_id not in self._submitted:
                _count(links[_link(transfer)], "queued", transfer.rule.activity, "", transfer.size)
        for moment, link, activity, is_done, size in self._ended:
            for span in ("6h", "1h") if moment >= us - HOUR else ("6h",):
                _count(links[link], "done" if is_done else "failed", activity, span, size)
        return [
            {"src_rse": src, "dst_rse": dst, "distance": 1, **amounts}
            for (src, dst), amounts in links.items()
        ]

    def _ask_open(self, us: int) -> None:
        by_link = defaultdict(list)
        for request_id, (created, transfer) in self._open.items():
            by_link[_link(transfer)].append((created, request_id, transfer))
        most = sorted(by_link, key=lambda link: (-len(by_link[link]), link))[:_LINKS]
        for src, dst in most:
            path = f"requests/list?src_rse={src}&dst_rse={dst}&request_states=Q,S"
            requests = [
                {
                    "id": request_id,
                    "request_type": "TRANSFER",
                    "scope": transfer.rule.scope,
                    "name": transfer.name,
                    "state": "SUBMITTED" if request_id in self._submitted else "QUEUED",
                    "dest_rse_id": transfer.route.dst.id,
                    "source_rse": src,
                    "dest_rse": dst,
                    "activity": transfer.rule.activity,
                    "bytes": transfer.size,
                    "created_at": http_text(created),
                }
                for created, request_id, transfer in by_link[src, dst]
            ]
            self._answer(us, path, _lines(requests))

    def _heartbeats(self, us: int) -> list[dict[str, Any]]:
        """Of each daemon and thread; on days with a hang one daemon is silent for some hours."""
        chance = Chance("rucio-inside", "silence", self._seed, us // DAY)
        hung, begin = chance.pick(sorted(_DAEMONS)), us // DAY * DAY + chance.integer(0, 20) * HOUR
        hangs = chance.random() < self._options.hangs
        beats = []
        for daemon, threads in _DAEMONS.items():
            for number in range(threads):
                is_hung = hangs and daemon == hung and begin < us < begin + 3 * HOUR and number == 0
                last = begin if is_hung else us - int(self.chance.between(1, 110) * SECOND)
                beats.append(
                    {
                        "readable": daemon,
                        "hostname": f"rucio-{daemon}-0",
                        "pid": 8,
                        "thread_name": f"Thread-{number + 1}",
                        "updated_at": http_text(last),
                        "created_at": http_text(us // DAY * DAY - 2 * DAY),
                        "payload": None,
                    }
                )
        return beats

    def _bad(self, us: int) -> list[dict[str, Any]]:
        """Every other day some replicas of an RSE are found to be bad; after a day most are recovered, few lost."""
        rows = []
        for rse in self._lake.rses:
            for day in range(us // DAY - _DAYS, us // DAY + 1):
                chance = Chance("rucio-inside", "bad", self._seed, rse.name, day)
                count, declared = chance.integer(1, 30), day * DAY + chance.integer(0, 23) * HOUR
                if chance.random() < 0.5 or declared > us:
                    continue
                is_old = us > declared + DAY
                lost = count // 10 if is_old else 0
                states = {
                    "RECOVERED" if is_old else "BAD": count - lost,
                    "LOST": lost,
                    "SUSPICIOUS": count // 5,
                }
                reason = chance.pick(_REASONS).format(f"/data/{chance.hex(8)}.root")
                rows.append(
                    {
                        **{state: many for state, many in states.items() if many},
                        "rse_id": rse.id,
                        "rse": rse.name,
                        "created_at": http_text(day * DAY),
                        "reason": reason,
                    }
                )
        return rows

    def _suspicious(self, us: int) -> list[dict[str, Any]]:
        chance = Chance("rucio-inside", "suspicious", self._seed, us // DAY)
        return [
            {
                "scope": chance.pick(self._lake.vos).name,
                "name": f"raw.{chance.hex(8)}.root",
                "rse": chance.pick(self._lake.rses).name,
                "cnt": chance.integer(1, 8),
                "created_at": http_text(us // DAY * DAY - chance.integer(10, 5000) * MINUTE),
            }
            for _ in range(chance.integer(1, 6))
        ]


def _link(transfer: Transfer) -> tuple[str, str]:
    return transfer.route.src.name, transfer.route.dst.name


def _count(link: dict[str, dict[str, Any]], what: str, activity: str, span: str, size: int) -> None:
    """One more file with its bytes, which Rucio does not count of what failed."""
    for unit, more in (("files", 1), ("bytes", size)):
        if unit == "bytes" and what == "failed":
            continue
        amounts = link[unit]
        total = f"{what}-total-{span}" if span else f"{what}-total"
        amounts[total] = amounts.get(total, 0) + more
        counts = amounts.setdefault(what, {})
        if span:
            counts = counts.setdefault(activity, Counter())
        counts[span or activity] = counts.get(span or activity, 0) + more


def _lines(records: list[dict[str, Any]]) -> str:
    return "".join(f"{dumps(record)}\n" for record in records)
