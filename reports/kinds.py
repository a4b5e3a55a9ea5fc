"""The kinds of reports: which sections, in which order, of which period; and what page 1 says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct, structs

from lakescope.alerts.objectives import Objective
from lakescope.reports.desk import Ask, Desk
from lakescope.reports.model import (
    ORDER,
    Finding,
    KindName,
    Period,
    Report,
    Section,
    Sentence,
    State,
    worst,
)
from lakescope.reports.period import Day, Week
from lakescope.reports.sections import services, site, storage, transfers
from lakescope.reports.sections._common import count_text, sentence
from lakescope.reports.sections.causes import causes
from lakescope.reports.sections.completeness import WARNING, completeness
from lakescope.reports.sections.incidents import incidents
from lakescope.reports.sections.objectives import objectives
from lakescope.reports.sections.others import others
from lakescope.reports.sections.pages import pages
from lakescope.reports.sections.summary import INDICATORS, Indicator, summary

FINDINGS = 8
"""On page 1."""
FINDINGS_ALIKE = 2
"""Of these, with one action."""
WITHOUT_FINDINGS: Mapping[State, str] = {
    "good": "Healthy: nothing needs attention.",
    "warning": "Degraded: an indicator is beyond its bound.",
    "critical": "Not healthy: an indicator is beyond its bound.",
    "no data": "The state is unknown: no data.",
}


class Kind(Struct, frozen=True, kw_only=True):
    """A list of sections."""

    name: KindName
    sections: Sequence[Callable[[Desk], Section]]
    """After completeness and summary, in the order in which people read."""
    has_causes: bool = False
    """Whether page 1 and a section say why numbers changed."""


WEEKLY = Kind(
    name="weekly",
    has_causes=True,
    sections=(
        incidents,
        transfers.efficiency,
        transfers.volume,
        transfers.links,
        transfers.errors,
        storage.storage,
        storage.rules,
        transfers.queues,
        storage.deletions,
        services.network,
        services.services,
        objectives,
        pages,
    ),
)
DAILY = Kind(name="daily", sections=(incidents, transfers.worst_links, others))
"""Short: for mail and chat."""
SITE = Kind(
    name="site",
    sections=(
        incidents,
        site.as_source,
        site.as_destination,
        site.site_storage,
        site.site_network,
        site.site_services,
    ),
)
"""For the administrators of one site."""
KINDS: Mapping[KindName, Kind] = {kind.name: kind for kind in (WEEKLY, DAILY, SITE)}


def make_report(
    kind: Kind,
    period: Week | Day,
    vo: str | None,
    ask_all: Ask,
    now: datetime,
    *,
    configured: Sequence[Objective] = (),
    site_name: str | None = None,
) -> Report:
    """The report of a period, for one VO or all of them. `now`: aware; a period that is not over ends there; `configured`:
    the objectives; `site_name`: of a site's report.

    Raises `ValueError` for a period that has not begun and for an unknown site, and what the store raises when it does not
    answer: a report is complete, or there is none.
    """
    until = min(period.until, now.astimezone(UTC).replace(minute=0, second=0, microsecond=0))
    if until <= period.since:
        raise ValueError(
            f"{period.noun} {period.name} begins at {period.since:%Y-%m-%dT%H:%MZ}: nothing is over yet"
        )
    indicators: Sequence[Indicator] = INDICATORS
    if site_name is not None:
        # questions of its own: they are no part of the report
        site.check_site(Desk(ask_all, period, until, site=site_name))
        indicators = site.indicators(site_name)
    desk = Desk(ask_all, period, until, vo, configured, site_name)
    coverage = completeness(desk)
    overview = summary(desk, indicators)
    sections = [coverage.section, overview.section]
    texts: Mapping[str, str] = {}
    if kind.has_causes:
        explained, texts = causes(desk)
        sections.append(explained)
    sections += [make(desk) for make in kind.sections]
    findings = [finding for section in sections for finding in section.findings]
    return Report(
        kind=kind.name,
        title=_title(desk, coverage.share),
        vo=vo,
        site=site_name,
        period=Period(
            name=period.name, since=f"{period.since:%Y-%m-%dT%H:%M:%SZ}", until=f"{until:%Y-%m-%dT%H:%M:%SZ}"
        ),
        revision=1,
        computed=f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        state=worst([section.state for section in sections]) or "no data",
        summary=[*_verdict(sections, findings), coverage.section.sentences[0]],
        changes=list(_changes(overview.changes, texts)),
        findings=_worst(findings),
        sections=sections,
        queries=desk.queries,
    )


def _title(desk: Desk, share: float | None) -> str:
    """What a reader must know before the first number, too."""
    subject = "Data lake health" if desk.site is None else f"Site {desk.site}"
    title = f"{subject}, {desk.period.noun} {desk.period.name}"
    if desk.vo is not None:
        title += f", VO {desk.vo}"
    remarks = []
    if desk.until < desk.period.until:
        remarks.append(f"until {desk.until:%a %H:%M} UTC")
    if share is None or share == 0:
        remarks.append("no data on transfers")
    elif share < WARNING:
        remarks.append(f"only {100 * share:.0f} % of the hours have data on transfers")
    return f"{title} ({'; '.join(remarks)})" if remarks else title


def _worst(findings: Sequence[Finding]) -> list[Finding]:
    """Those of page 1: of what is to be done in one way only the first few, so that others have room."""
    ranked = sorted(findings, key=lambda one: (ORDER[one.state], -one.weight))
    of_action: Counter[str] = Counter()
    result = []
    for finding in ranked:
        of_action[finding.action] += 1
        if of_action[finding.action] <= FINDINGS_ALIKE:
            result.append(finding)
    return result[:FINDINGS]


def _changes(changes: Sequence[tuple[str, Sentence]], causes: Mapping[str, str]) -> Iterator[Sentence]:
    """Changes with their causes, then those that are clear though they are small."""
    for kpi, one in changes:
        yield structs.replace(one, parts=[*one.parts, f" {causes[kpi]}"]) if kpi in causes else one
    of_changes = {kpi for kpi, _ in changes}
    yield from (sentence(text) for kpi, text in causes.items() if kpi not in of_changes)


def _verdict(sections: Sequence[Section], findings: Sequence[Finding]) -> list[Sentence]:
    critical = sum(one.state == "critical" for one in findings)
    warnings = len(findings) - critical
    state = worst([section.state for section in sections]) or "no data"
    if not findings:
        return [sentence(WITHOUT_FINDINGS[state], state=state)]
    names = [section.title.lower() for section in sections if section.state == "critical"]
    more = f" Critical: {', '.join(names)}." if names else ""
    counts = [
        *([count_text(critical, "critical finding")] if critical else []),
        *([count_text(warnings, "warning")] if warnings else []),
    ]
    verdict = "Not healthy" if critical else "Degraded"
    return [sentence(f"{verdict}: {' and '.join(counts)}.{more}", state=state)]
