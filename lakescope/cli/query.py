"""query: a KPI from a store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, console, emit, load_site, table
from lakescope.core.printable import spreadsheet_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakescope.kpis import Kpi


def query(
    kpi: Annotated[
        str | None, typer.Argument(help="Name of the KPI; without it, all KPIs are listed.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", help="Group by this dimension; may be repeated.")
    ] = None,
    since: Annotated[
        str, typer.Option(help="Start of the time range: 2026-01-05, 2026-01-05T12:00:00, or 7d, 12h ago.")
    ] = "7d",
    until: Annotated[str, typer.Option(help="End of the time range, in the same form.")] = "0s",
    bin: Annotated[str | None, typer.Option("--bin", help="Width of time bins: 30min, 1h, 1d, ...")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="Only DIMENSION=VALUE, or all but DIMENSION!=VALUE; may be repeated."),
    ] = None,
    noise: Annotated[
        bool | None,
        typer.Option(
            "--noise/--no-noise", help="Include or exclude functional tests, instead of the KPI's default."
        ),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Name of the sink that answers; else the first that can.")
    ] = None,
    format: Annotated[
        Literal["table", "csv", "json", "jsonl"],
        typer.Option(help="table, csv, json (one array) or jsonl (JSON lines)."),
    ] = "table",
    config: ConfigOption = CONFIG,
) -> None:
    """Query a KPI from a store: the same number as on dashboards, in alerts and in reports.

    Example: lakescope query transfer_efficiency --by src_rse --by dst_rse --since 1d
    """
    from lakescope.app.client import KpiText, client_of
    from lakescope.kpis.comparisons import columns

    load_site(config)
    if kpi is None:
        _list()
        return
    text = KpiText(kpi, by or (), since, until, bin, where or (), noise)
    try:
        query = text.parse()
    except ValueError as error:
        raise RuntimeError(str(error)) from error
    rows = client_of(configuration(config)).kpi(text, store)
    if rows.bin_s != query.bin_s:
        typer.echo(f"bins of {rows.bin_s} s: no finer than the reports", err=True)
    for note in rows.notes:
        typer.echo(note, err=True)
    # a comparison's row tells which side is missing
    rows_to_print = rows if columns(query.kpi) else _with_units(rows, query.by)
    if len(rows_to_print) < len(rows):
        left_out = (
            f"{len(rows) - len(rows_to_print)} rows of groups without a value are left out: {query.kpi.null}"
        )
        typer.echo(left_out, err=True)
    _print(rows_to_print, query.kpi, format)


def _list() -> None:
    from lakescope.kpis import CATALOGUE

    kpi_table = table("kpi", "unit", "what it is")
    for kpi in CATALOGUE.values():
        kpi_table.add_row(kpi.name, kpi.unit, kpi.meaning)
    console().print(kpi_table)


def _with_units(rows: list[dict[str, Any]], by: Sequence[str]) -> list[dict[str, Any]]:
    """Without the groups that have no value in any row; all rows where nothing is grouped."""
    if not by:
        return rows
    groups = {tuple(row[name] for name in by) for row in rows if row["value"] is not None}
    return [row for row in rows if tuple(row[name] for name in by) in groups]


def _print(rows: list[dict[str, Any]], kpi: Kpi, form: str) -> None:
    if form in ("json", "jsonl"):
        import json

        lines = [json.dumps(row) for row in rows]
        # commas stand on lines of their own: what reads line by line finds whole objects in both
        emit("\n".join(lines) if form == "jsonl" else "\n".join(["[", "\n,\n".join(lines), "]"]))
        return
    columns = list(rows[0]) if rows else ["value"]
    if form == "csv":
        import csv

        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([spreadsheet_cell(row[column]) for column in columns] for row in rows)
        return
    from lakescope.kpis.comparisons import columns as sides_of
    from lakescope.kpis.units import text_of

    sides = sides_of(kpi)
    heads = [f"{column}>" if column in sides else column for column in columns[:-1]]
    value_table = table(*heads, f"{kpi.name}>")
    for row in rows:
        cells = [
            text_of(sides[column], row[column])
            if column in sides
            else "-"
            if row[column] is None
            else str(row[column])
            for column in columns[:-1]
        ]
        value_table.add_row(*cells, text_of(kpi, row["value"]))
    console().print(value_table)
    console().print(
        f"{len(rows)} row{'s' * (len(rows) != 1)}; no value means: {kpi.null}"
        if rows
        else f"no event counts: {kpi.null}"
    )
