"""One site: as source, as destination, its storage, network and services. Other sites are in it as peers only."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import timedelta

from lakescope.kpis.model import Condition
from lakescope.reports.desk import Answer, Desk, Question, ask_for, asks_for
from lakescope.reports.forms.texts import readable
from lakescope.reports.model import Column, Finding, Section, Table, worst
from lakescope.reports.sections._common import (
    ALL_ROWS,
    findings_of,
    name_of,
    refusals,
    sentence,
    table_of,
)
from lakescope.reports.sections.storage import SPACE, space_findings, space_table
from lakescope.reports.sections.summary import Indicator
from lakescope.reports.sections.transfers import LEAST

NAMES = 5
"""Of sites that an error lists."""
DOWNTIMES = 20_000
"""Reports of downtimes that are read: each answer of a portal reports all it holds."""
_DOWNTIME = (
    "downtime_id",
    "host",
    "service",
    "severity",
    "classification",
    "started",
    "ended",
    "state",
    "description",
)


def check_site(desk: Desk) -> None:
    """Raises `ValueError` with the nearest names for a site of which nothing was reported in the period or the week before."""
    span = (desk.since - timedelta(days=7), desk.until)
    questions = [
        ("transfers_ended", "src_site"),
        ("transfers_ended", "dst_site"),
        ("storage_used", "site"),
        ("probe_availability", "site"),
    ]
    answers = desk.ask(*(Question(kpi=kpi, by=(by,), span=span) for kpi, by in questions))
    names = sorted({key[0] for answer in answers for key in answer.values if key[0] is not None})
    if desk.site in names:
        return
    folded = {name.casefold(): name for name in reversed(names)}
    nearest = difflib.get_close_matches((desk.site or "").casefold(), folded, NAMES, 0.4)
    remedy = (
        f"the nearest are {', '.join(readable(folded[name]) for name in nearest)}"
        if nearest
        else f"there are {', '.join(map(readable, names[:NAMES])) or 'none'}{' and others' if len(names) > NAMES else ''}"
    )
    raise ValueError(
        f"nothing was reported of a site {desk.site!r} from {span[0]:%Y-%m-%d} to {span[1]:%Y-%m-%d}: {remedy}"
    )


def indicators(site: str) -> list[Indicator]:
    """What a site's administrator looks at first."""
    source, destination, own = (("src_site", site),), (("dst_site", site),), (("site", site),)
    return [
        Indicator("Efficiency as source", "transfer_efficiency", 0.02, source),
        Indicator("Volume as source", "transfer_volume", 0.1, source),
        Indicator("Failed transfers as source", "transfers_failed", 0.2, source),
        Indicator("Efficiency as destination", "transfer_efficiency", 0.02, destination),
        Indicator("Volume as destination", "transfer_volume", 0.1, destination),
        Indicator("Failed transfers as destination", "transfers_failed", 0.2, destination),
        Indicator("Used space", "storage_used", 0.03, own),
        Indicator("Fill level of the storage", "storage_fullness", 0.02, own),
        Indicator("Deletion efficiency", "deletion_efficiency", 0.02, own),
        Indicator("Probe success rate", "probe_availability", 0.02, own),
        Indicator("Availability", "site_availability", 0.02, own),
    ]


def as_source(desk: Desk) -> Section:
    """What others read from it, by peer, and its errors."""
    return _transfers(desk.at(src_site=_site(desk)), "source", "from", "dst_site")


def as_destination(desk: Desk) -> Section:
    """What is written to it, likewise."""
    return _transfers(desk.at(dst_site=_site(desk)), "destination", "to", "src_site")


def _transfers(desk: Desk, name: str, preposition: str, peer: str) -> Section:
    (ended, share, failed, size), (efficiency, attempts, failures, _), (errors,) = desk.ask_groups(
        asks_for(("transfers_ended", "transfer_efficiency", "transfers_failed", "transfer_volume"), peer),
        asks_for(("transfer_efficiency", "transfers_ended", "transfers_failed", "transfer_volume")),
        [ask_for("transfers_failed", "error_template")],
    )
    state = efficiency.state(efficiency.value) if (attempts.value or 0) >= LEAST else None
    one = sentence(
        f"Transfers {preposition} {name_of(desk.site)}: efficiency ",
        efficiency.total,
        " of ",
        attempts.total,
        " attempts, ",
        failures.total,
        " failed.",
        state=state,
    )
    worst_error = [(key, value) for key, value in errors.ranked() if value][:1]
    action = "See the errors of this section"
    if worst_error:
        action += f", first: {name_of(worst_error[0][0][0])[:150]}"
    return Section(
        name=f"as_{name}",
        title=f"As {name}",
        state=state,
        sentences=[one]
        if attempts.value
        else [sentence(f"No transfer {preposition} {name_of(desk.site)} ended.")],
        tables=[
            table_of(
                f"as_{name}",
                "By peer",
                [("Attempts", ended), ("Efficiency", share), ("Failed", failed), ("Volume", size)],
                rows=ALL_ROWS,
            ),
            table_of(f"as_{name}_errors", "By error", [("Failed", errors)], with_zeros=False),
        ],
        findings=[
            Finding(
                state="critical" if state == "critical" else "warning",
                sentence=one,
                action=f"{action}.",
                weight=0.7,
            )
        ]
        if state in ("warning", "critical")
        else [],
        notes=refusals(ended, share, failed, size, errors),
    )


def site_network(desk: Desk) -> Section:
    """perfSONAR from the site and to it, by peer."""
    kpis = ("network_loss", "network_throughput", "network_latency")
    outgoing = desk.at(src_site=_site(desk)).ask(*asks_for(kpis, "dst_site"))
    incoming = desk.at(dst_site=_site(desk)).ask(*asks_for(kpis, "src_site"))
    action = "Ask the network experts of both sites."
    findings = [
        *findings_of(outgoing[0], "Network to {}: packet loss ", ".", action, 0.15),
        *findings_of(incoming[0], "Network from {}: packet loss ", ".", action, 0.15),
    ]
    titles = ("Packet loss", "Throughput", "One-way delay")
    has_values = any(answer.values for answer in (*outgoing, *incoming))
    return Section(
        name="network",
        title="Network",
        state=worst([one.state for one in findings]) or ("good" if has_values else None),
        tables=[
            table_of(
                "network_from", "From the site", list(zip(titles, outgoing, strict=True)), rows=ALL_ROWS
            ),
            table_of("network_to", "To the site", list(zip(titles, incoming, strict=True)), rows=ALL_ROWS),
        ],
        findings=findings,
        notes=refusals(*outgoing, *incoming),
    )


def site_storage(desk: Desk) -> Section:
    """Space and deletions by RSE."""
    space, removals = desk.at(site=_site(desk)).ask_groups(
        SPACE,
        asks_for(("deletions_done", "deletion_volume", "deletion_efficiency"), "rse"),
    )
    findings = [
        *space_findings(desk, space),
        *findings_of(removals[2], "Deletions on {}: efficiency ", ".", "See why deletions fail there.", 0.1),
    ]
    return Section(
        name="storage",
        title="Storage",
        state=worst([one.state for one in findings]) or ("good" if space[0].values else None),
        tables=[
            space_table(space),
            table_of(
                "deletions",
                "Deletions by RSE",
                list(zip(("Deleted", "Volume", "Efficiency"), removals, strict=True)),
                rows=ALL_ROWS,
            ),
        ],
        findings=findings,
        notes=refusals(*space, *removals),
    )


def site_services(desk: Desk) -> Section:
    """Availability, downtimes, probes by target and hosts."""
    own = desk.at(site=_site(desk))
    of_site, probes, hosts = own.ask_groups(
        asks_for(("site_availability", "site_reliability", "downtime")),
        asks_for(("probe_availability",), "target"),
        asks_for(("host_silence", "host_disk", "host_clock_offset"), "host"),
    )
    availability, reliability, downtime = of_site
    findings = [
        *findings_of(probes[0], "{}: probe success rate ", ".", "See which probes fail.", 0.4),
        *findings_of(
            hosts[0], "Host {}: silent for ", ".", "See whether the host is up.", 0.1, with_warnings=False
        ),
        *findings_of(hosts[1], "Host {}: ", " of its disks is in use.", "Make room on it.", 0.1),
    ]
    sentences = [
        sentence(f"{title}: ", answer.total, ".", state=answer.state(answer.value))
        for title, answer in (
            ("Availability", availability),
            ("Reliability", reliability),
            ("Time in downtime", downtime),
        )
        if answer.value is not None
    ]
    return Section(
        name="services",
        title="Services, downtimes and hosts",
        state=worst([*(one.state for one in sentences), *(one.state for one in findings)]),
        sentences=sentences,
        tables=[
            *_downtimes(desk),
            table_of(
                "probes", "Probes by target", [("Probe success rate", probes[0])], least=True, rows=ALL_ROWS
            ),
            table_of(
                "hosts",
                "Hosts, longest silent first",
                list(zip(("Silent for", "Disk", "Clock offset"), hosts, strict=True)),
                rows=ALL_ROWS,
            ),
        ],
        findings=findings,
        notes=_notes(of_site, probes, hosts),
    )


def _downtimes(desk: Desk) -> list[Table]:
    """By its latest report; those that the portals told of in the period."""
    (rows,) = desk.events(
        "downtimes",
        _DOWNTIME,
        (Condition("event", "=", "reported"), Condition("site", "=", _site(desk))),
        limit=DOWNTIMES,
    )
    latest: dict[tuple[object, ...], Mapping[str, object]] = {}
    for row in rows:  # newest first
        latest.setdefault((row["downtime_id"], row["host"], row["service"]), row)
    names = ("started", "ended", "host", "service", "severity", "classification", "state", "description")
    titles = ("Start (UTC)", "End (UTC)", "Host", "Service", "Severity", "Classification", "State", "Reason")
    texts = [
        [
            *(str(row[name] or "")[:16].replace("T", " ") for name in names[:2]),
            *(str(row[name] or "") for name in names[2:]),
        ]
        for row in latest.values()
    ]
    if not texts:
        return []
    return [
        Table(
            name="downtimes",
            title="Downtimes, planned ones too",
            columns=[Column(title=title) for title in titles],
            rows=sorted(texts, reverse=True),
        )
    ]


def _notes(*groups: list[Answer]) -> tuple[str, ...]:
    return refusals(*(answer for group in groups for answer in group))


def _site(desk: Desk) -> str:
    if desk.site is None:
        raise ValueError("a section of a site needs a report of a site")
    return desk.site
