"""A report as files. All of them are made before the first is put in its place: nobody finds half a report."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from lakescope.core.extras import MissingExtraError, missing
from lakescope.core.printable import spreadsheet_cell
from lakescope.reports.forms.chat import chat
from lakescope.reports.forms.html import data_urls, html
from lakescope.reports.forms.layout import layout
from lakescope.reports.forms.mail import mail
from lakescope.reports.forms.markdown import markdown
from lakescope.reports.forms.pdf import pdf
from lakescope.reports.forms.pictures import draw
from lakescope.reports.model import Cell, Report, Table

Form = Literal["report.html", "report.pdf", "report.md", "report.json", "tables.zip"]
NEEDED = ("jinja2", "typst", "vl_convert")
"""Modules of the extra ``reports``."""


class Written(NamedTuple):
    """What was written, and why not all of it."""

    paths: list[Path]
    missing: MissingExtraError | None = None


def write(report: Report, out: Path) -> Written:
    """All forms into `out`, which is created if missing; files of an earlier report there are replaced.

    Without the extra ``reports`` HTML, mail and PDF are left out.
    """
    missing_extra = _missing_extra()
    forms = {**_texts(report), **({} if missing_extra else _documents(report))}
    return Written(replace_files(forms, out), missing_extra)


def replace_files(contents: Mapping[str, bytes], out: Path) -> list[Path]:
    """Files by their names in `out`, each whole or as it was: none is replaced before all are written beside it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        for name, content in contents.items():
            file = Path(folder) / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        written = []
        for name in contents:
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            written.append((Path(folder) / name).replace(target))
    return written


def form(report: Report, name: Form) -> bytes:
    """One file; all tables are one ZIP. Raises `MissingExtraError` for what needs the extra ``reports`` where that is missing."""
    match name:
        case "report.json":
            return as_json(report)
        case "report.md":
            return markdown(report).encode()
        case "tables.zip":
            return _zip(report)
    if missing_extra := _missing_extra():
        raise missing_extra
    drawings = list(draw(report))
    plain = layout(report, drawings)
    if name == "report.html":
        return html(plain, data_urls(drawings)).encode()
    return pdf(plain, drawings, datetime.fromisoformat(report.computed))


def _zip(report: Report) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in tables(report):
            # as ZipInfo: the same report gives the same bytes
            file.writestr(zipfile.ZipInfo(f"{name}.csv"), text, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def _missing_extra() -> MissingExtraError | None:
    return next(filter(None, map(missing, NEEDED)), None)


def _texts(report: Report) -> dict[str, bytes]:
    """File name -> content, of what needs no extra."""
    return {
        "report.json": as_json(report),
        "report.md": markdown(report).encode(),
        "report.txt": chat(report).encode(),
        **{f"tables/{name}.csv": text.encode() for name, text in tables(report)},
    }


def _documents(report: Report) -> dict[str, bytes]:
    """The same of what does."""
    drawings = list(draw(report))
    plain = layout(report, drawings)
    return {
        "report.html": html(plain, data_urls(drawings)).encode(),
        "report.eml": mail(report, plain, drawings).as_bytes(),
        "report.pdf": pdf(plain, drawings, datetime.fromisoformat(report.computed)),
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
