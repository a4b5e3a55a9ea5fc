"""A report as files. All of them are made before the first is put in its place: nobody finds half a report."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from lakescope.core.printable import spreadsheet_cell
from lakescope.reports.forms.markdown import markdown
from lakescope.reports.model import Cell, Report, Table


def write(report: Report, out: Path) -> list[Path]:
    """All forms into `out`, which is created if missing; files of an earlier report there are replaced.

    Raises `MissingExtraError` if a form's package is not installed, before anything is written.
    """
    forms = files_of(report)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        for name, content in forms.items():
            file = Path(folder) / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        written = []
        for name in forms:
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            written.append((Path(folder) / name).replace(target))
    return written


def files_of(report: Report) -> Mapping[str, bytes]:
    """File name -> content."""
    return {
        "report.json": as_json(report),
        "report.md": markdown(report).encode(),
        **{f"tables/{name}.csv": text.encode() for name, text in tables(report)},
    }


def as_json(report: Report) -> bytes:
    """The model itself; the same report gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(report, order="deterministic"), indent=1) + b"\n"


def read_json(document: bytes) -> Report:
    """What `as_json` wrote. Raises `msgspec.ValidationError` for anything else."""
    return msgspec.json.decode(document, type=Report)


def tables(report: Report) -> Iterator[tuple[str, str]]:
    """Name and CSV of each table: values in their KPI's unit, no data and unknown names as empty cells."""
    for section in report.sections:
        for table in section.tables:
            yield table.name, _csv(table)


def _csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            spreadsheet_cell(column.title + (f" ({column.unit})" if column.unit else ""))
            for column in table.columns
        ]
    )
    for row in table.rows:
        writer.writerow(["" if (value := _raw(cell)) is None else spreadsheet_cell(value) for cell in row])
    return text.getvalue()


def _raw(cell: str | Cell | None) -> str | float | int | None:
    return cell.value if isinstance(cell, Cell) else cell
