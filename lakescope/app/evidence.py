"""What other sources say of an incident's culprit: they confirm it, speak against it, or neither.

All is asked at once, over the incident's time (its last `SPAN_S`), and of some the time of equal length before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from lakescope.alerts.book import Evidence, Example, Finding, IncidentRecord
from lakescope.alerts.muting import Outage
from lakescope.app.query import Question, Rows, ask_many, query_of
from lakescope.core.contracts import RefusedError, Sink, TransientError
from lakescope.dashboards.pages.incident import places_of
from lakescope.kpis import UnsupportedError
from lakescope.kpis.model import HOUR, Condition, EventsQuery
from lakescope.kpis.units import format_value

SPAN_S = 6 * HOUR
_LEAST_S = 300
DOWN, WELL = 0.5, 0.95
"""Share of probes that succeed, below which a place is down, and from which it is well."""
CHECKS = 3
"""Fewer probes decide nothing."""
LOSSY, LOSSLESS = 0.02, 0.005
FULL, ROOMY = 0.99, 0.95
SILENT_S = 900.0
GROWTH, QUEUED = 2.0, 100.0
"""A queue has grown if it is so many times as long as before, and at least so long."""
_EXAMPLES = 50
Filters = Mapping[str, str | tuple[str, ...]]
_COLUMNS = ("error", "error_template", "request_id")


class _Culprit(NamedTuple):
    """Where other sources are asked."""

    sites: tuple[str, ...]
    """Those that are blamed; of a link both ends."""
    rses: tuple[str, ...]
    targets: tuple[str, ...]
    """Sites that data is written to."""
    target_rses: tuple[str, ...]
    endpoints: tuple[str, ...]
    is_link: bool

    @classmethod
    def of(cls, record: IncidentRecord) -> _Culprit:
        wheres = [place.where for place in places_of(record.patterns)]

        def values(*names: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(one[name] for one in wheres for name in names if name in one))

        return cls(
            sites=values("src_site", "dst_site"),
            rses=values("src_rse", "dst_rse"),
            targets=values("dst_site"),
            target_rses=values("dst_rse"),
            endpoints=values("endpoint"),
            is_link=any(name in ("link", "links") for pattern in record.patterns for name, _ in pattern),
        )

    def at(self) -> dict[str, tuple[str, ...]]:
        """Filters of what has sites and RSEs; none: the culprit has no place."""
        return {"rse": self.rses} if self.rses else {"site": self.sites} if self.sites else {}


def complete(record: IncidentRecord, sink: Sink, now: float, outages: Sequence[Outage]) -> IncidentRecord:
    """The record with its evidence, an example and the template of most errors; as it was if the store fails."""
    culprit = _Culprit.of(record)
    since, until = max(record.began, now - SPAN_S), max(now, record.began + _LEAST_S)
    questions = _questions(record, culprit, since, until)
    try:
        answers = ask_many([*questions.values()], sink)
    except (TransientError, RefusedError):
        return record
    rows: dict[str, Rows] = {
        name: [] if isinstance(answer, UnsupportedError) else answer
        for name, answer in zip(questions, answers, strict=True)
    }
    error, example = _error(rows, record)
    record = replace(record, error=error, example=example)
    judged = {
        "probes": _probes(rows, culprit),
        "network": _network(rows, culprit),
        "hosts": _hosts(rows),
        "FTS queue": _fts_queue(rows, culprit),
        "storage": _storage(rows, error or record.error_class or ""),
    }
    asked_sources = {name.partition("/")[0] for name in questions}
    evidence = [*_downtimes(culprit, outages), *(one for one in judged.values() if one is not None)]
    silent = [name for name, one in judged.items() if one is None and name in asked_sources]
    if silent:
        evidence.append(
            Evidence(source="no data", finding="neutral", text=f"No data of: {', '.join(silent)}")
        )
    return replace(record, evidence=tuple(evidence))


def _questions(record: IncidentRecord, culprit: _Culprit, since: float, until: float) -> dict[str, Question]:
    """By source and what is asked of it."""
    before = since - max(HOUR, until - since)
    questions: dict[str, Question] = {}

    def add(name: str, kpi: str, by: tuple[str, ...], filters: Filters, *, early: bool = False) -> None:
        span = (before, since) if early else (since, until)
        questions[name] = query_of(kpi, *span, by, filters=filters)

    if at := culprit.at():
        by = tuple(at)
        add("probes/share", "probe_availability", by, at)
        add("probes/checks", "probe_checks", by, at)
    if culprit.sites:
        add("hosts/silence", "host_silence", ("host",), {"site": culprit.sites})
        add("hosts/disk", "host_disk", ("host",), {"site": culprit.sites})
    to = {"rse": culprit.target_rses} if culprit.target_rses else {"site": culprit.targets}
    if all(to.values()):
        add("storage/fullness", "storage_fullness", ("rse",), to)
    queues: Filters = {"endpoint": culprit.endpoints} if culprit.endpoints else {}
    for number, place in enumerate(places_of(record.patterns)):
        ends: Filters = {name: place.where[name] for name in ("src_site", "dst_site") if name in place.where}
        if ends:
            for early in (False, True):
                name = f"network/{'before' if early else 'loss'} {number}"
                add(name, "network_loss", ("src_site", "dst_site"), ends, early=early)
        failed = query_of("transfers_failed", since, until, ("error_template",), filters=place.where)
        questions[f"error/{number}"] = failed
        questions[f"example/{number}"] = EventsQuery(
            dataset="transfers",
            columns=_COLUMNS,
            since=failed.since,
            until=failed.until,
            conditions=(*failed.conditions, Condition("ok", "=", False), Condition("source", "=", "rucio")),
            limit=_EXAMPLES,
        )
        for early in (False, True) if number == 0 or not queues else ():
            name = f"FTS queue/{'before' if early else 'now'} {number}"
            add(name, "fts_queue_depth", ("endpoint",), queues or ends, early=early)
    return questions


def _error(rows: dict[str, Rows], record: IncidentRecord) -> tuple[str | None, Example | None]:
    """The template of most failures, and the latest of its transfers (of any, if none of the latest has it)."""
    templates: Counter[str] = Counter()
    for row in _of(rows, "error/"):
        if row["error_template"] and row["value"]:
            templates[row["error_template"]] += row["value"]
    template = templates.most_common(1)[0][0] if templates else record.error
    events = sorted(
        (row for row in _of(rows, "example/") if row["error"]),
        key=lambda row: (row["error_template"] == template, _seconds(row["time"])),
    )
    if not events:
        return template, record.example
    last = events[-1]
    return template, Example(time=_seconds(last["time"]), error=last["error"], request_id=last["request_id"])


def _probes(rows: dict[str, Rows], culprit: _Culprit) -> Evidence | None:
    """Failing probes confirm a place, and speak against a link, whose end is then at fault; good ones the reverse."""
    name = "rse" if culprit.rses else "site"
    checks = {row[name]: row["value"] for row in rows.get("probes/checks", []) if row["value"]}
    shares = {row[name]: row["value"] for row in rows.get("probes/share", []) if row["value"] is not None}
    if not shares:
        return None
    text = "; ".join(
        f"{_percent(share)} of {checks.get(place, 0):,.0f} probes of {place} succeed"
        for place, share in shares.items()
    )
    if min(checks.get(place, 0) for place in shares) < CHECKS:
        return Evidence(source="probes", finding="neutral", text=f"{text}: too few to decide")
    if any(share < DOWN for share in shares.values()):
        return Evidence(source="probes", finding="clears" if culprit.is_link else "confirms", text=text)
    if all(share >= WELL for share in shares.values()):
        if not culprit.is_link:
            return Evidence(source="probes", finding="clears", text=f"{text}: only transfers fail")
        if {*culprit.rses} | {*culprit.sites} <= {*shares}:
            return Evidence(source="probes", finding="confirms", text=f"{text}: both ends are well")
    return Evidence(source="probes", finding="neutral", text=text)


def _network(rows: dict[str, Rows], culprit: _Culprit) -> Evidence | None:
    """Loss that was not there before confirms a link, and a site if most of its paths have it; none clears a link."""
    now, before = (
        {(row["src_site"], row["dst_site"]): row["value"] for row in _of(rows, f"network/{when}")}
        for when in ("loss", "before")
    )
    paths = {path: loss for path, loss in now.items() if loss is not None}
    if not paths:
        return None
    (source, destination), worst = max(paths.items(), key=lambda one: one[1])
    earlier = before.get((source, destination))
    past = "" if earlier is None else f", before {_percent(earlier)}"
    text = f"packet loss {_percent(worst)} from {source} to {destination}{past}"
    lossy = [path for path, loss in paths.items() if loss >= LOSSY and loss >= 2 * (before.get(path) or 0.0)]
    if len(paths) > 1:
        text += f"; {len(lossy)} of {len(paths)} paths lose packets that did not before"
    finding: Finding = "neutral"
    if lossy and (culprit.is_link or (len(paths) > 1 and 2 * len(lossy) >= len(paths))):
        finding = "confirms"
    elif culprit.is_link and worst < LOSSLESS:
        finding = "clears"
    return Evidence(source="network", finding=finding, text=text)


def _hosts(rows: dict[str, Rows]) -> Evidence | None:
    """A host that is silent or has no disk space left confirms."""
    silence, disk = (
        {row["host"]: row["value"] for row in rows.get(f"hosts/{name}", []) if row["value"] is not None}
        for name in ("silence", "disk")
    )
    bad = [f"{host} has been silent for {s / 60:.0f} min" for host, s in silence.items() if s >= SILENT_S]
    bad += [f"a disk of {host} is {_percent(share)} full" for host, share in disk.items() if share >= FULL]
    if bad:
        return Evidence(source="hosts", finding="confirms", text="; ".join(bad[:3]))
    hosts = silence.keys() | disk.keys()
    if not hosts:
        return None
    return Evidence(
        source="hosts", finding="neutral", text=f"of {len(hosts)} hosts none is silent, and no disk is full"
    )


def _fts_queue(rows: dict[str, Rows], culprit: _Culprit) -> Evidence | None:
    """A queue that grows confirms an FTS endpoint; one that does not speaks of neither."""
    now, before = (
        [row["value"] for row in _of(rows, f"FTS queue/{when}") if row["value"] is not None]
        for when in ("now", "before")
    )
    if not now:
        return None
    text = f"{sum(now):,.0f} transfers are queued"
    if not before:
        return Evidence(source="FTS queue", finding="neutral", text=text)
    grows = sum(now) >= max(QUEUED, GROWTH * sum(before))
    finding: Finding = "confirms" if grows and culprit.endpoints else "neutral"
    return Evidence(source="FTS queue", finding=finding, text=f"{text}, before {sum(before):,.0f}")


def _storage(rows: dict[str, Rows], error: str) -> Evidence | None:
    """A full RSE confirms where data is written to; room in all of them clears if the error is of space."""
    shares = {
        row["rse"]: row["value"] for row in rows.get("storage/fullness", []) if row["value"] is not None
    }
    if not shares:
        return None
    rse, share = max(shares.items(), key=lambda one: one[1])
    is_of_space = any(word in error.lower() for word in ("space", "quota", "disk full"))
    finding: Finding = "neutral"
    if share >= FULL:
        finding = "confirms"
    elif is_of_space and share < ROOMY:
        finding = "clears"
    return Evidence(source="storage", finding=finding, text=f"{rse} is {_percent(share)} full")


def _downtimes(culprit: _Culprit, outages: Sequence[Outage]) -> Iterator[Evidence]:
    for one in outages:
        if (one.rse and one.rse in culprit.rses) or (one.site and one.site in culprit.sites):
            yield Evidence(source="downtime", finding="confirms", text=str(one))
            return


def _of(rows: dict[str, Rows], prefix: str) -> Iterator[dict[str, Any]]:
    for name, prefix_rows in rows.items():
        if name.startswith(prefix):
            yield from prefix_rows


def _seconds(time: Any) -> float:
    return (time if isinstance(time, datetime) else datetime.fromisoformat(time)).timestamp()


def _percent(share: float) -> str:
    return format_value(share, "ratio")
