"""A sheet of SVG: texts that fit, boxes, charts side by side. For pictures that are made without a browser."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from lakescope.dashboards.theme import FONT, Theme

_NARROW = dict.fromkeys("ijl'", 222) | dict.fromkeys("It,.:;/\\![]f |", 278) | dict.fromkeys("()-r`", 333)
_WIDE = dict.fromkeys("mM", 833) | dict.fromkeys("W@\N{HORIZONTAL ELLIPSIS}", 1000) | {"%": 889, "w": 722}
_MIDDLE = dict.fromkeys("ckJsvxyz", 500) | dict.fromkeys("CDHNRU&GOQABEKPSVXYTZF<>=+~", 740)
_WIDTHS = _NARROW | _WIDE | _MIDDLE
"""Of Liberation Sans' letters (Arial's, and Helvetica's), in thousandths of its size; those not named: `_USUAL`."""
_USUAL = 556
_UNUSUAL = 1000  # beyond Latin: at most a square


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text becomes (pixels), never less than it is by more than a few."""
    thousandths = sum(_WIDTHS.get(c, _USUAL if ord(c) < 0x250 else _UNUSUAL) for c in text)
    return thousandths * size / 1000 * (1.09 if bold else 1.0)


def fit_text(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """The text, or as much of it as fits, with an ellipsis."""
    text = " ".join(text.split())
    if width_of(text, size, bold=bold) <= width:
        return text
    while text and width_of(f"{text}\N{HORIZONTAL ELLIPSIS}", size, bold=bold) > width:
        text = text[:-1]
    return f"{text.rstrip()}\N{HORIZONTAL ELLIPSIS}"


def wrap_text(text: str, size: float, width: float) -> list[str]:
    """The text in lines that fit."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(fit_text(word, size, width))
    return lines


class Sheet:
    """Collects parts; `svg` is the whole. Texts are placed by their base line."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self._parts: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 12,
        *,
        colour: str | None = None,
        bold: bool = False,
        anchor: str = "start",
    ) -> None:
        """A line of text."""
        weight = ' font-weight="bold"' if bold else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill={quoteattr(colour or self.theme.ink)}'
            f' text-anchor="{anchor}"{weight}>{_clean(text)}</text>'
        )

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str = "none",
        edge: str = "none",
        radius: float = 0,
        is_dashed: bool = False,
    ) -> None:
        """A rectangle."""
        dashes = ' stroke-dasharray="6 3"' if is_dashed else ""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{height:.1f}" rx="{radius}"'
            f' fill="{fill}" stroke="{edge}"{dashes}/>'
        )

    def line(
        self, x: float, y: float, to_x: float, *, colour: str, thick: float = 1, is_dashed: bool = False
    ) -> None:
        """A level line."""
        dashes = ' stroke-dasharray="6 3"' if is_dashed else ""
        self._parts.append(
            f'<path d="M{x:.1f} {y:.1f}H{to_x:.1f}" stroke="{colour}" stroke-width="{thick}"{dashes}/>'
        )

    def sign(self, x: float, y: float, level: str) -> None:
        """The sign of a level, 14 pixels wide: a circle, a triangle, an octagon, each with its mark."""
        theme = self.theme
        shape = {
            "good": f'<circle cx="7" cy="7" r="6.5" fill="{theme.good}"/>'
            f'<path d="M4 7.3 6.2 9.5 10 5" fill="none" stroke="{theme.card}" stroke-width="1.8"/>',
            "warning": f'<path d="M7 .5 13.8 13H.2Z" fill="{theme.warning}"/>'
            '<path d="M7 4.8v4M7 10.4v.8" stroke="#000" stroke-width="1.7"/>',
            "critical": f'<path d="M4.3.5h5.4L13.5 4.3v5.4L9.7 13.5H4.3L.5 9.7V4.3Z" fill="{theme.critical}"/>'
            '<path d="m4.6 4.6 4.8 4.8m0-4.8-4.8 4.8" stroke="#fff" stroke-width="1.8"/>',
        }[level]
        self._parts.append(f'<g transform="translate({x:.1f} {y:.1f})">{shape}</g>')

    def drawing(self, x: float, y: float, svg: str, scale: float = 1.0) -> None:
        """Another SVG, its ids made its own."""
        own = f"d{len(self._parts)}-"
        svg = re.sub(r'(\bid="|url\(#|href="#)', lambda match: match[1] + own, svg)
        inner = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
        self._parts.append(f'<g transform="translate({x:.1f} {y:.1f}) scale({scale:.4f})">{inner}</g>')

    def svg(self, width: float, height: float) -> str:
        """All of it."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
            f' viewBox="0 0 {width:.0f} {height:.0f}" font-family={quoteattr(FONT)}>'
            f'<rect width="100%" height="100%" fill="{self.theme.page}"/>{"".join(self._parts)}</svg>'
        )


def size_of(svg: str) -> tuple[float, float]:
    """Width and height of an SVG."""
    head = svg[svg.index("<svg") : svg.index(">", svg.index("<svg"))]
    sizes = [re.search(rf'\b{name}="([\d.]+)"', head) for name in ("width", "height")]
    width, height = (float(match[1]) if match else 0.0 for match in sizes)
    return width, height


def _clean(text: str) -> str:
    """XML knows no control characters."""
    return escape("".join(c if c.isprintable() else " " for c in text))
