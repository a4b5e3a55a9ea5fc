"""Dashboards as files: self-contained pages, and pictures made without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import vl_convert

from lakescope.dashboards.kinds import KINDS
from lakescope.dashboards.model import Dashboard
from lakescope.dashboards.pages import page, vega
from lakescope.dashboards.pages.pictures import DashboardAnswer, Picture, layout
from lakescope.dashboards.pages.sheet import Sheet, fit_text, size_of, width_of, wrap_text
from lakescope.dashboards.theme import CSS, THEMES, Theme

__all__ = ["DashboardAnswer", "html", "png", "preview", "svg"]

_WIDTH = 1600.0
_MARGIN = 24.0
_GAP = 12.0
_LINE_PX = 30  # of a panel's height
_HEAD_PX = 34  # of a panel's title
_ROW_PX = 21  # of a table
_REMARK_PX = 16  # a line below a panel
_TILE_PX = 74.0
_PAD = 12.0


def preview(
    answers: Sequence[DashboardAnswer],
    out: Path,
    themes: Sequence[Literal["light", "dark"]] = ("light", "dark"),
) -> Iterator[Path]:
    """Writes ``<name>.html``, which works from a disk, and ``<name>-<theme>.png`` of each; yields what it wrote."""
    out.mkdir(parents=True, exist_ok=True)
    for one in answers:
        file = out / f"{one.dashboard.name}.html"
        file.write_text(html(one, [other.dashboard for other in answers]))
        yield file
        for theme in themes:
            file = out / f"{one.dashboard.name}-{theme}.png"
            file.write_bytes(png(one, THEMES[theme]))
            yield file


# --- the page --------------------------------------------------------------------------------------------


def html(answer: DashboardAnswer, others: Sequence[Dashboard]) -> str:
    """Lakescope's own page with its script, style, charts' library and data in it."""
    panels = [picture | page.chart(picture, CSS) for picture in answer.pictures]
    document = {
        "layout": layout(answer.dashboard),
        "all": [{"name": other.name, "title": other.title} for other in others],
        "data": answer.document() | {"panels": panels, "stores": [answer.store]},
    }
    return page.html_page(json.dumps(document))


# --- the picture -----------------------------------------------------------------------------------------


class _Block(NamedTuple):
    """A panel before it has its place: what its body needs."""

    picture: Picture
    x: float
    width: float
    height: float
    body: Any


def png(answer: DashboardAnswer, theme: Theme) -> bytes:
    """The whole dashboard as a picture."""
    image: bytes = vl_convert.svg_to_png(svg(answer, theme), scale=1.25)
    return image


def svg(answered: DashboardAnswer, theme: Theme) -> str:
    """The same as SVG."""
    sheet = Sheet(theme)
    dashboard = answered.dashboard
    sheet.text(_MARGIN, 40, dashboard.title, 24, bold=True)
    sheet.text(_MARGIN, 64, dashboard.question, 14, colour=theme.muted)
    sheet.text(_WIDTH - _MARGIN, 40, _range(answered), 13, colour=theme.muted, anchor="end")
    choices = [f"{name}: {', '.join(values)}" for name, values in answered.variables.items() if values]
    choices += answered.filters
    text = fit_text(" · ".join(choices), 13, _WIDTH / 2)
    sheet.text(_WIDTH - _MARGIN, 64, text, 13, colour=theme.muted, anchor="end")
    y = 84.0
    remaining_pictures = iter(answered.pictures)
    for row in dashboard.rows:
        sheet.text(_MARGIN, y + 18, row.title, 16, bold=True)
        y += 30
        for blocks in _lines([next(remaining_pictures) for _ in row.panels], theme):
            height = max(block.height for block in blocks)
            for block in blocks:
                _panel(sheet, block, y, height)
            y += height + _GAP
        y += 6
    return sheet.svg(_WIDTH, y + 10)


def _range(answer: DashboardAnswer) -> str:
    return (
        f"{answer.since:%Y-%m-%d %H:%M} to {answer.until:%Y-%m-%d %H:%M} UTC"
        f" \N{MIDDLE DOT} from {answer.store}"
    )


def _lines(row: Sequence[Picture], theme: Theme) -> Iterator[list[_Block]]:
    """Panels from left to right, 24 columns a line."""
    column = (_WIDTH - 2 * _MARGIN + _GAP) / 24
    line: list[_Block] = []
    used = 0
    for picture in row:
        if used + picture["width"] > 24:
            yield line
            line, used = [], 0
        width = picture["width"] * column - _GAP
        body, needs = _body(picture, theme, width - 2 * _PAD)
        needs += _REMARK_PX * len(_remarks(picture, width - 2 * _PAD))
        height = max(float(picture["height"] * _LINE_PX), _HEAD_PX + needs + _PAD)
        line.append(_Block(picture, _MARGIN + used * column, width, height, body))
        used += picture["width"]
    yield line


def _body(picture: Picture, theme: Theme, width: float) -> tuple[Any, float]:
    """What is drawn, and how high it is at least."""
    if picture.get("refused") or not vega.is_drawable(picture):
        return None, _TILE_PX if picture["form"] == "tiles" else 0.0
    inner = picture["height"] * _LINE_PX - _HEAD_PX - _PAD
    legend = _legend_lines(picture, theme, width) if KINDS[picture["kind"]].has_axis else []
    height = max(110.0, inner - 18 * len(legend) - _REMARK_PX * len(_remarks(picture, width)))
    chart: str = vl_convert.vegalite_to_svg(vega.spec(picture, theme, width=int(width), height=int(height)))
    wide, high = size_of(chart)
    scale = min(1.0, width / wide)
    under = 18 * len(legend) if legend else 20 if picture["has_levels"] else 0
    return (chart, scale, high * scale, legend), high * scale + under


def _remarks(picture: Picture, width: float) -> list[str]:
    """In lines, all of them."""
    return wrap_text(" \N{MIDDLE DOT} ".join(picture["remarks"]), 11, width)


def _panel(sheet: Sheet, block: _Block, y: float, height: float) -> None:
    picture, theme = block.picture, sheet.theme
    sheet.box(block.x, y, block.width, height, fill=theme.card, edge=theme.line, radius=6)
    x, width = block.x + _PAD, block.width - 2 * _PAD
    sheet.text(x, y + 22, fit_text(picture["title"], 14, width, bold=True), 14, bold=True)
    top, bottom = y + _HEAD_PX, y + height - _PAD
    for line in reversed(_remarks(picture, width)):
        sheet.text(x, bottom, line, 11, colour=theme.muted)
        bottom -= _REMARK_PX
    if block.body is not None:
        _chart(sheet, picture, block.body, x, top)
    elif picture.get("refused"):
        _words(sheet, f"Cannot be shown: {picture['refused']}", x, top, width, bottom)
    elif picture["form"] == "tiles":
        _tiles(sheet, picture, x, top, width, bottom)
    elif picture["form"] == "text":
        for index, line in enumerate(wrap_text(picture["text"], 13, width)):
            sheet.text(x, top + 14 + 18 * index, line, 13)
    elif picture.get("events") or picture.get("groups"):
        _table(sheet, picture, x, top, width, bottom)
    else:
        why = [number["null"] for number in picture.get("numbers", ()) if number["null"] != "never null"]
        reason = "; ".join(dict.fromkeys(why)) or "no event counts"
        _words(sheet, f"Nothing to show: {reason} in this time.", x, top, width, bottom)


def _words(sheet: Sheet, text: str, x: float, top: float, width: float, bottom: float) -> None:
    lines = wrap_text(text, 13, width - 20)
    y = (top + bottom) / 2 - 9 * (len(lines) - 1)
    for index, line in enumerate(lines):
        sheet.text(x + width / 2, y + 18 * index, line, 13, colour=sheet.theme.muted, anchor="middle")


def _tiles(sheet: Sheet, picture: Picture, x: float, top: float, width: float, bottom: float) -> None:
    theme = sheet.theme
    each = width / len(picture["tiles"])
    for index, tile in enumerate(picture["tiles"]):
        x_left, level = x + index * each, tile["level"]
        colour = {
            "good": theme.good_ink,
            "warning": theme.warning_ink,
            "critical": theme.critical_ink,
        }.get(level or "", theme.ink)
        size = min(30.0, 30.0 * each / max(1.0, width_of(tile["text"], 30, bold=True)))
        y = min(top + 34, (top + bottom) / 2 + 8)
        sheet.text(x_left, y, tile["text"], round(size, 1), colour=colour, bold=True)
        if level:
            sheet.sign(x_left, y + 11, level)
            sheet.text(x_left + 19, y + 22, level, 12, colour=colour, bold=True)
        below = tile["note"] or tile["label"]
        if below and not level:
            for line, line_text in enumerate(wrap_text(below, 11, each - 8)[:3]):
                sheet.text(x_left, y + 20 + 14 * line, line_text, 11, colour=theme.muted)


def _chart(sheet: Sheet, picture: Picture, body: Any, x: float, top: float) -> None:
    chart, scale, high, legend = body
    sheet.drawing(x, top, chart, scale)
    y = top + high + 14
    if picture["has_levels"]:
        _key(sheet, picture, x, y)
    for line in legend:
        x_left = x
        for look, name, width in line:
            if picture["is_summed"]:
                sheet.box(x_left, y - 9, 12, 10, fill=look.colour, radius=2)
            else:
                sheet.line(x_left, y - 4, x_left + 18, colour=look.colour, thick=3, is_dashed=look.dashed)
            sheet.text(x_left + 23, y, name, 11.5)
            x_left += width
        y += 18


def _legend_lines(picture: Picture, theme: Theme, width: float) -> list[list[tuple[vega.Look, str, float]]]:
    lines: list[list[tuple[vega.Look, str, float]]] = [[]]
    left = 0.0
    for look in vega.looks(picture, theme):
        name = fit_text(look.name, 11.5, width - 30)
        entry_width = width_of(name, 11.5) + 41
        if lines[-1] and left + entry_width > width + 16:
            lines.append([])
            left = 0.0
        lines[-1].append((look, name, entry_width))
        left += entry_width
    return lines


def _key(sheet: Sheet, picture: Picture, x: float, y: float) -> None:
    theme = sheet.theme
    has_levels = any(cell["level"] for cell in picture.get("cells", ())) or any(
        level for line in picture.get("series", ()) for level in line["levels"]
    )
    fills = (
        [
            ("good, deeper: better", theme.fill_good),
            ("warning", theme.fill_warning),
            ("critical", theme.fill_critical),
        ]
        if has_levels
        else [("deeper: nearer to the greatest", theme.tint(theme.good, 0.45))]
    )
    for name, fill in (*fills, ("empty: no value", theme.card)):
        sheet.box(x, y - 9, 11, 11, fill=fill, edge=theme.edge, radius=2)
        sheet.text(x + 16, y, name, 11, colour=theme.muted)
        x += width_of(name, 11) + 34


# --- tables ----------------------------------------------------------------------------------------------


class _Cell(NamedTuple):
    text: str
    level: str | None = None


def _table(sheet: Sheet, picture: Picture, x: float, top: float, width: float, bottom: float) -> None:
    """As many lines as fit, each in one line; what does not fit is counted."""
    theme = sheet.theme
    heads, rows, numeric = _cells(picture)
    row_count = max(1, int((bottom - top - 24) // _ROW_PX))
    if len(rows) > row_count:
        row_count = max(1, row_count - 1)
        sheet.text(x, bottom, f"and {len(rows) - row_count} more", 11, colour=theme.muted)
    rows = rows[:row_count]
    widths = _column_widths(heads, rows, numeric, width)
    y = top + 12
    _row(sheet, [_Cell(head) for head in heads], x, y, widths, numeric, colour=theme.muted)
    sheet.line(x, y + 7, x + width, colour=theme.edge)
    for row in rows:
        y += _ROW_PX
        _row(sheet, row, x, y + 2, widths, numeric)
        sheet.line(x, y + 8, x + width, colour=theme.line)


def _cells(picture: Picture) -> tuple[list[str], list[list[_Cell]], list[bool]]:
    if picture["form"] == "events":
        rows = [
            [_Cell(str(event["time"])[:19].replace("T", " ")), *map(_Cell, event["texts"])]
            for event in picture["events"]
        ]
        return picture["columns"], rows, [False] * len(picture["columns"])
    names = len(picture["dimensions"])
    rows = [
        [*map(_Cell, group["names"]), *(_Cell(cell["text"], cell["level"]) for cell in group["cells"])]
        for group in picture["groups"]
    ]
    heads = [*picture["dimensions"], *picture["columns"]]
    return heads, rows, [index >= names for index in range(len(heads))]


def _column_widths(
    heads: Sequence[str], rows: Sequence[Sequence[_Cell]], numeric: Sequence[bool], width: float
) -> list[float]:
    """As wide as the longest text; the widest give way where it is too much, and take what is left."""
    natural = [
        max(
            width_of(head, 11.5, bold=True),
            *(width_of(row[i].text, 12) + (20 if row[i].level else 0) for row in rows),
        )
        + 18
        for i, head in enumerate(heads)
    ]
    limit = max(natural)
    while sum(min(one, limit) for one in natural) > width and limit > 40:
        limit -= 4
    widths = [min(one, limit) for one in natural]
    spare = width - sum(widths)
    if spare > 0:  # between the columns, so that the numbers are not far from their names
        widths = [one + spare / len(widths) for one in widths]
    return widths


def _row(
    sheet: Sheet,
    cells: Sequence[_Cell],
    x: float,
    y: float,
    widths: Sequence[float],
    numeric: Sequence[bool],
    colour: str | None = None,
) -> None:
    theme = sheet.theme
    head = colour is not None
    size = 11.5 if head else 12
    for cell, width, number in zip(cells, widths, numeric, strict=True):
        bad = cell.level in ("warning", "critical")
        ink = {"warning": theme.warning_ink, "critical": theme.critical_ink}.get(
            cell.level or "", colour or theme.ink
        )
        text = fit_text(cell.text, size, width - 12 - (18 if bad else 0), bold=head or bad)
        right = x + width - 8
        if number:
            sheet.text(right, y, text, size, colour=ink, bold=head or bad, anchor="end")
        else:
            sheet.text(x, y, text, size, colour=ink, bold=head or bad)
        if bad and cell.level:
            sheet.sign(right - width_of(text, size, bold=True) - 19, y - 11, cell.level)
        x += width
