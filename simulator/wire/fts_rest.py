"""What FTS's monitoring answers to a poller: its overview, transfers by link, VO and state.

Form of cern-fts/fts-monitoring 3.14 (`ftsmon/views/overview.py`): a state without transfers has no key; what ended is that
of the last hour. Foreign transfers, which Rucio does not know, are in it too.
"""

from collections import Counter, deque
from json import dumps
from typing import Any

from lakescope.simulator.agenda import Later
from lakescope.simulator.clock import HOUR, SECOND, http_text, posix
from lakescope.simulator.lake import FtsServer, Lake
from lakescope.simulator.options import Options
from lakescope.simulator.transfers import Transfer
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/fts_rest"

_Link = tuple[str, str, str]
"""Source's and destination's storage element, VO."""


class FtsRest(Dialect):
    """Follows each transfer's state, as FTS's table of files does."""

    source = "fts-rest"
    format = "fts_rest"

    def __init__(self, seed: int, later: Later, begin: int, options: Options, lake: Lake) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._options = options
        self._now: dict[int, tuple[str, _Link, str]] = {}
        """File -> server, link, state."""
        self._ended: dict[str, deque[tuple[int, _Link, str]]] = {server.alias: deque() for server in lake.fts}
        every = options.interval("monitoring", begin)
        for server in lake.fts if every else ():
            later(begin + int(self.chance.random() * every), self._ask, server)

    def submitted(self, us: int, transfer: Transfer) -> None:
        self._set(transfer, "staging" if transfer.rule.stagein else "submitted")

    def started(self, us: int, transfer: Transfer) -> None:
        self._set(transfer, "started" if transfer.rule.stagein else "active")

    def ended(self, us: int, transfer: Transfer) -> None:
        if transfer.route.dst.kind == "TAPE" and not transfer.error and not transfer.canceled:
            self._set(transfer, "archiving")
        else:
            self._end(
                us, transfer, "canceled" if transfer.canceled else "failed" if transfer.error else "finished"
            )

    def archived(self, us: int, transfer: Transfer) -> None:
        self._end(us, transfer, "finished")

    def lost(self, us: int, transfer: Transfer) -> None:
        self._now.pop(transfer.file_id, None)

    def _set(self, transfer: Transfer, state: str) -> None:
        self._now[transfer.file_id] = transfer.fts.alias, _link(transfer), state

    def _end(self, us: int, transfer: Transfer, state: str) -> None:
        self._now.pop(transfer.file_id, None)
        ended = self._ended[transfer.fts.alias]
        ended.append((us, _link(transfer), state))
        while ended[0][0] < us - HOUR:
            ended.popleft()

    def _ask(self, us: int, server: FtsServer) -> None:
        rows: dict[_Link, Counter[str]] = {}
        for alias, link, state in self._now.values():
            if alias == server.alias:
                rows.setdefault(link, Counter())[state] += 1
        for at, link, state in self._ended[server.alias]:
            if at > us - HOUR:
                rows.setdefault(link, Counter())[state] += 1
        self.send(us + int(self.chance.between(0.05, 0.6) * SECOND), self._write, (us, server, rows))
        self._later(us + self._options.interval("monitoring", us), self._ask, server)

    def _write(self, us: int, argument: tuple[int, FtsServer, dict[_Link, Counter[str]]]) -> Wire:
        poll_us, server, rows = argument
        items = [_row(link, states) for link, states in rows.items()]
        total = Counter[str]()
        for states in rows.values():
            total += states
        page = {
            "count": len(items),
            "endIndex": len(items),
            "startIndex": min(1, len(items)),
            "page": 1,
            "pageCount": 1,
            "pageSize": 9223372036854775807,
            "items": items,
        }
        body = dumps({"overview": page, "summary": dict(total)}).encode()
        url = f"https://{server.alias}:8449/fts3/ftsmon/overview?page=all"
        date = http_text(poll_us).replace("UTC", "GMT")
        headers = {"content-type": "application/json", "date": date, "scope": url}
        return Wire(posix(us), self.source, self.format, DESTINATION, headers, body)


def _link(transfer: Transfer) -> _Link:
    route = transfer.route
    return route.src_door.endpoint, route.dst_door.endpoint, transfer.rule.vo.name


def _row(link: _Link, states: Counter[str]) -> dict[str, Any]:
    ended = states["finished"] + states["failed"]
    row: dict[str, Any] = {state: count for state, count in states.items() if count}
    row |= dict(zip(("source_se", "dest_se", "vo_name"), link, strict=True))
    return row | {"rate": 100.0 * states["finished"] / ended if ended else None}
