"""incidents: what went wrong, where, since when."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, console, emit, load_site, table
from lakescope.core.printable import rfc3339

if TYPE_CHECKING:
    from lakescope.alerts.incidents import Incident

HISTORY = timedelta(hours=24)
"""Before the range: what is usual is learnt from it."""


def incidents(
    id: Annotated[
        str | None, typer.Argument(help="One incident of the running instance, with evidence.")
    ] = None,
    since: Annotated[
        str, typer.Option(help="Beginning: 2026-01-05, 2026-01-05T12:00:00, or 7d, 12h ago.")
    ] = "24h",
    until: Annotated[str, typer.Option(help="End, likewise.")] = "0s",
    store: Annotated[
        str | None, typer.Option(help="The sink to ask; else the first that can answer.")
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="table or json (one array).")] = "table",
    config: ConfigOption = CONFIG,
) -> None:
    """List the incidents of transfers: what failed more than usual, and the smallest place that explains it.

    A running instance shows its own incidents, with ids and evidence, unless --until or --store is given. Else they are
    looked for in the store: users' own errors (cancelled, expired proxy, file exists) count against nobody, and what is
    usual is learnt from the 24 hours before.

    Example: lakescope incidents --since 12h
    """
    from lakescope.alerts.incidents import BIN_S
    from lakescope.alerts.watch import FAILED_BY, PLACE, bins_of, replay
    from lakescope.app.client import KpiText, client_of
    from lakescope.app.words import moment
    from lakescope.dashboards.pages.incident import title_of

    load_site(config)
    try:
        begin, end = moment(since), moment(until)
    except ValueError as error:
        raise RuntimeError(str(error)) from error
    if begin >= end:
        raise RuntimeError(f"the range is empty: since {since} until {until}")
    client = client_of(configuration(config))
    if id is not None:
        _show([client.incident(id)], format, with_evidence=True)
        return
    if until == "0s" and store is None and re.fullmatch(r"[0-9]+[a-z]+", since):
        records = client.incidents(since)
        if records is not None:
            _show(records, format)
            return
    end = datetime.fromtimestamp(end.timestamp() // BIN_S * BIN_S, UTC)
    span = (f"{begin - HISTORY:%FT%TZ}", f"{end:%FT%TZ}", f"{BIN_S}s")
    ended = client.kpi(KpiText("transfers_ended", PLACE, *span), store)
    failed = client.kpi(KpiText("transfers_failed", FAILED_BY, *span), store)
    incidents = replay(bins_of(ended, failed), begin.timestamp(), end.timestamp())
    if format == "json":
        import msgspec

        emit(msgspec.json.encode([_document(one) for one in incidents]).decode())
        return
    if not incidents:
        typer.echo("no incidents", err=True)
        return
    rows = table("began", "ended", "culprit", "failed>", "expected>", "main error")
    for one in incidents:
        rows.add_row(
            rfc3339(one.began),
            rfc3339(one.closed) if one.closed else "open",
            title_of([pattern.attributes for pattern in one.patterns]),
            f"{one.peak.value:.0f} of {one.peak.weight:.0f}",
            f"{one.peak.expected:.0f}",
            one.error_class or "",
        )
    console().print(rows)


def _show(documents: list[dict[str, Any]], format: str, *, with_evidence: bool = False) -> None:
    """Incidents of an instance."""
    if format == "json":
        import msgspec

        emit(msgspec.json.encode(documents).decode())
        return
    if not documents:
        typer.echo("no incidents", err=True)
        return
    rows = table("id", "began", "ended", "culprit", "failed>", "expected>", "main error")
    for one in documents:
        rows.add_row(
            one["id"],
            one["began"],
            one["ended"] or "open",
            one["title"],
            f"{one['failures']:.0f} of {one['attempts']:.0f}",
            f"{one['expected']:.0f}",
            one["error"] or one["error_class"] or "",
        )
    console().print(rows)
    if with_evidence:
        findings = table("source", "finding", "what it reports")
        for one in documents[0]["evidence"]:
            findings.add_row(one["source"], one["finding"], one["text"])
        console().print(findings)


def _document(one: Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        "began": rfc3339(one.began),
        "noticed": rfc3339(one.noticed),
        "confirmed": rfc3339(one.opened) if one.opened else None,
        "ended": rfc3339(one.closed) if one.closed else None,
        "culprit": [dict(pattern.attributes) for pattern in one.patterns],
        "failed": one.peak.value,
        "attempts": one.peak.weight,
        "expected": round(one.peak.expected, 1),
        "error": one.error_class,
    }
