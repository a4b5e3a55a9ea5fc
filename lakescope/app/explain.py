"""Why is my rule stuck, where is my file: what moved, what fails where, and whose turn it is.

Made of the events of transfers and of rules that a store can give back:

- a rule: the transfers that name it (Rucio's queued events do), and all that was reported of their requests;
- a data identifier: the transfers of that file, or of the files of that dataset, and its rules;
- an FTS job: its transfers, and all that was reported of their requests.

Whose turn it is, is read from the last report of each file and destination (turns.py): a store knows no more than
what was reported, so each turn names the report that it is read from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from lakescope.app.subject import Subject, find_rules, find_transfers
from lakescope.app.trace import EVER, Event, Lookup, Span, event_order
from lakescope.app.turns import WAITING, Turn, turn_of
from lakescope.core.contracts import SearchableSink

LISTED = 500
"""Transfers and failures that are listed; what is counted is all of them."""


def explain(store: SearchableSink, subject: Subject, span: Span = EVER) -> dict[str, Any]:
    """All that is known, as plain data: ``verdict``, ``level``, ``counts``, ``turns``, ``failures``, ``transfers``, ``rules``.

    Raises `TransientError` or `RefusedError` if the store fails, or if there is too much to be looked at as a whole.
    """
    lookup = Lookup(store, span)
    transfers, left_out = find_transfers(lookup, subject)
    rules, older = find_rules(lookup, subject, transfers)
    requests = _requests(transfers)
    files = [_File(key, attempts) for key, attempts in _by_file(requests).items()]
    latest_rules = _latest_rules(rules)
    counts, turns = _counts(files), _turns(files, latest_rules)
    level, verdict = _verdict(counts, turns, latest_rules)
    return {
        "subject": subject._asdict(),
        "level": level,
        "verdict": ". ".join(filter(None, [verdict, left_out, older])),
        "counts": counts,
        "turns": turns,
        "failures": _failures(files),
        "transfers": [one.document() for one in sorted(files, key=_File.order)[:LISTED]],
        "rules": latest_rules[:LISTED],
    }


def _requests(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Request -> its events; FTS's events without one are of the request of their job and file."""
    events = list(events)
    of_jobs = {
        (event.get("job_id"), event.get("scope"), event.get("name")): event["request_id"]
        for event in events
        if event.get("request_id") and event.get("job_id")
    }
    requests: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        key = (event.get("job_id"), event.get("scope"), event.get("name"))
        request = (
            event.get("request_id") or of_jobs.get(key) or "/".join(map(str, (*key, event.get("file_id"))))
        )
        requests[request].append(event)
    return requests


def _by_file(requests: dict[str, list[Event]]) -> dict[tuple[str, ...], list[_Attempt]]:
    """(scope, name, destination) -> its attempts, oldest first."""
    files: dict[tuple[str, ...], list[_Attempt]] = defaultdict(list)
    for request, events in requests.items():
        attempt = _Attempt(request, events)
        key = (
            str(attempt.last_value("scope") or ""),
            str(attempt.last_value("name") or ""),
            attempt.destination,
        )
        files[key].append(attempt)
    return files


class _Attempt:
    """One request."""

    def __init__(self, request: str, events: Sequence[Event]) -> None:
        self.request = request
        self.events = events
        self.begin = _time(events[0])
        ends = [event for event in events if event.get("ok") is not None]
        ends += [
            event for event in events if event.get("event") in ("submission_failed", "canceled", "cancelled")
        ]
        self.end = self._complete(ends) if ends else None
        self.last = self.end or events[-1]

    def _complete(self, ends: Sequence[Event]) -> Event:
        """The end, Rucio's rather than FTS's, with what only the other knows of the error."""
        end = next((event for event in ends if event.get("source") == "rucio"), ends[-1])
        for name in (
            "error",
            "error_scope",
            "error_class",
            "endpoint",
            "src_rse",
            "dst_rse",
            "src_site",
            "dst_site",
            "account",
        ):
            if end.get(name) is None and (value := self.last_value(name)) is not None:
                end = end | {name: value}
        return end

    def last_value(self, name: str) -> Any:
        """The last value of a field that any event has."""
        return next((event[name] for event in reversed(self.events) if event.get(name) is not None), None)

    @property
    def destination(self) -> str:
        return str(
            self.last_value("dst_rse") or self.last_value("dst_host") or self.last_value("dst_site") or ""
        )

    @property
    def source(self) -> str:
        return str(
            self.last_value("src_rse") or self.last_value("src_host") or self.last_value("src_site") or ""
        )

    @property
    def failed(self) -> bool:
        return self.end is not None and not self.end.get("ok")


class _File:
    """A file on its way to one destination."""

    def __init__(self, key: tuple[str, ...], attempts: list[_Attempt]) -> None:
        self.scope, self.name, self.destination = key
        self.attempts = sorted(attempts, key=lambda attempt: attempt.begin)
        self.last = self.attempts[-1]
        # the last attempt decides: a file that arrived may have been deleted, and asked for again
        self.arrived = bool(self.last.end and self.last.end.get("ok"))
        self.failures = [attempt for attempt in self.attempts if attempt.failed]
        self.turn = Turn("nobody", "", "it arrived") if self.arrived else turn_of(self._last_event())

    def _last_event(self) -> Event:
        last = self.last.last
        return (
            last
            | {
                "account": self.last.last_value("account"),
                "src_rse": self.last.source,
                "dst_rse": self.last.destination,
            }
            | {name: self.last.last_value(name) for name in ("src_site", "dst_site")}
        )

    @property
    def state(self) -> str:
        if self.arrived:
            return "arrived"
        if self.last.failed:
            return "failed"
        return "waiting" if str(self.last.last.get("event")) in WAITING else "under way"

    def next_attempt(self) -> str:
        """When it is tried again, as far as reports tell: nobody announces it."""
        if not self.last.failed or self.arrived:
            return ""
        retry, most = self.last.last_value("retry"), self.last.last_value("retry_max")
        if retry is not None and most is not None and retry < most:
            return f"FTS tries again by itself (retry {retry} of {most} is over)"
        gaps = [(b.begin - a.begin).total_seconds() for a, b in pairwise(self.attempts)]
        if not gaps:
            return "not announced: Rucio asks for it again, or its rule becomes stuck and is looked at later"
        due = _time(self.last.last) + timedelta(seconds=median(gaps))
        return f"not announced; by the pace of {len(self.attempts)} attempts about {due:%Y-%m-%d %H:%M} UTC"

    def order(self) -> tuple[int, str, str]:
        """What fails first, then what is under way."""
        return ("failed", "waiting", "under way", "arrived").index(self.state), self.name, self.destination

    def document(self) -> dict[str, Any]:
        """For pages and commands."""
        return {
            "scope": self.scope, "name": self.name, "source": self.last.source, "destination": self.destination,
            "state": self.state, "event": self.last.last.get("event"), "time": self.last.last.get("time"),
            "bytes": self.last.last_value("bytes"), "attempts": len(self.attempts), "failures": len(self.failures),
            "error": self.last.last.get("error") if self.state == "failed" else None,
            "next": self.next_attempt(), "request_id": self.last.request, "rule_id": self.last.last_value("rule_id"),
            "turn": self.turn._asdict(),
        }  # fmt: skip


def _counts(files: Sequence[_File]) -> dict[str, int]:
    states = [file.state for file in files]
    volume = sum(
        max((attempt.last_value("bytes") or 0 for attempt in file.attempts), default=0)
        for file in files
        if file.arrived
    )
    return (
        {"files": len(files)}
        | {
            name.replace(" ", "_"): states.count(name)
            for name in ("arrived", "failed", "waiting", "under way")
        }
        | {"attempts": sum(len(file.attempts) for file in files), "bytes_arrived": volume}
    )


def _turns(files: Sequence[_File], rules: Sequence[Event]) -> list[dict[str, Any]]:
    """Each turn with how many files wait for it, the most first. What a rule itself says stands before them where it
    names somebody else than Rucio, and behind them else."""
    counts: dict[Turn, int] = defaultdict(int)
    for file in files:
        if not file.arrived:
            counts[file.turn] += 1
    turns = [turn._asdict() | {"files": n} for turn, n in sorted(counts.items(), key=lambda item: -item[1])]
    of_rules = [turn | {"files": 0} for rule in rules if (turn := _turn_of_rule(rule))]
    placed = [turn for turn in of_rules if turn["who"] != "Rucio"]
    return [*placed, *turns, *(turn for turn in of_rules if turn not in placed)]


def _turn_of_rule(rule: Event) -> dict[str, Any] | None:
    """By what the rule itself reports; null for one that only waits for its transfers."""
    state, account = rule.get("event"), str(rule.get("account") or "")
    if state == "waiting_approval":
        return Turn("user", account, "the rule waits for an approval")._asdict()
    if state == "suspended":
        return Turn("Rucio", "", "the rule is suspended: an administrator goes on with it")._asdict()
    if state != "stuck" or not rule.get("error"):
        return None
    turn = turn_of(
        {"event": "failed", "ok": False, "dst_rse": rule.get("rse")}
        | {"error": rule["error"], "account": account}
    )
    return turn._replace(why=f"{turn.why}; the rule says: {rule['error']}")._asdict()


def _failures(files: Sequence[_File]) -> list[dict[str, Any]]:
    """Failures by link and error class, the most frequent first."""
    groups: dict[tuple[str, str, str], list[tuple[_File, _Attempt]]] = defaultdict(list)
    for file in files:
        for attempt in file.failures:
            end = attempt.last
            groups[
                attempt.source,
                attempt.destination,
                str(end.get("error_class") or end.get("error") or end.get("event")),
            ].append((file, attempt))
    failures: list[dict[str, Any]] = []
    for (source, destination, _), members in groups.items():
        newest = max((attempt for _, attempt in members), key=lambda attempt: _time(attempt.last))
        end = newest.last | {
            "src_rse": newest.source,
            "dst_rse": newest.destination,
            "account": newest.last_value("account"),
        }
        failures.append({
            "source": source, "destination": destination, "error": end.get("error"), "event": end.get("event"),
            "error_class": end.get("error_class"), "error_scope": end.get("error_scope"),
            "attempts": len(members), "files": len({id(file) for file, _ in members}),
            "open_files": len({id(file) for file, _ in members if not file.arrived}),
            "last": end.get("time"), "request_id": newest.request, "turn": turn_of(end)._asdict(),
        })  # fmt: skip
    return sorted(failures, key=lambda one: (-one["attempts"], one["source"], one["destination"]))[:LISTED]


def _latest_rules(events: Sequence[Event]) -> list[Event]:
    """The last report of each rule, the later first; what only earlier reports know is kept."""
    rules: dict[str, Event] = {}
    for event in events:
        if event.get("rule_id"):
            fields = {key: value for key, value in event.items() if value is not None}
            rules[event["rule_id"]] = rules.get(event["rule_id"], {}) | fields
    for rule in rules.values():
        if rule.get("event") != "stuck":
            for name in ("error", "stuck_at", "stuck_s"):
                rule.pop(name, None)
    return sorted(rules.values(), key=event_order, reverse=True)


def _verdict(
    counts: dict[str, int], turns: Sequence[dict[str, Any]], rules: Sequence[Event]
) -> tuple[str | None, str]:
    total, arrived = counts["files"], counts["arrived"]
    if not total and not rules:
        return None, "Nothing is stored of it in this range"
    stuck = [rule for rule in rules if rule.get("event") == "stuck"]
    head = f"{arrived:,} of {total:,} files arrived" if total else "No transfer is stored of it"
    if total and arrived == total and not turns:
        return "good", f"{head}: nothing is left to do"
    failing = f", {counts['failed']:,} fail{'s' if counts['failed'] == 1 else ''}" if counts["failed"] else ""
    state = f"; {len(stuck)} stuck rule{'s' if len(stuck) > 1 else ''}" if stuck else ""
    if not turns:
        return ("warning" if stuck else None), f"{head}{failing}{state}"
    first = turns[0]
    who = {"site": "the site", "user": "the user"}.get(first["who"], first["who"])
    where = f" ({first['where']})" if first["where"] else ""
    level = "critical" if counts["failed"] or stuck else None
    return level, f"{head}{failing}{state}. Next: {who}{where}"


def _time(event: Event) -> datetime:
    time = datetime.fromisoformat(str(event["time"]))
    return time if time.tzinfo else time.replace(tzinfo=UTC)
