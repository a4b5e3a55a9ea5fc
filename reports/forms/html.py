"""A report as one HTML document without scripts: for mail clients, browsers and printers.

Its styles are inline, since mail clients drop style sheets; what only printing needs is in one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakescope.dashboards.theme import FONT, LIGHT

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

    from lakescope.reports.forms.pictures import Drawing

_WORD, _PIECE = 24, 16
"""Letters of a word that stays whole, and between the places where a longer one may break."""


def html(layout: Mapping[str, Any], images: Mapping[str, str]) -> str:
    """`layout`: of reports/forms/layout.py; `images`: name of a chart -> its address."""
    return _template().render(report=layout, images=images, theme=LIGHT, font=FONT)


def data_urls(drawings: list[tuple[str, Drawing]]) -> dict[str, str]:
    """The charts within the document itself."""
    return {one.name: f"data:image/png;base64,{b64encode(one.png).decode()}" for _, one in drawings}


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters["soft"] = _soft
    return environment.from_string((Path(__file__).parent / "report.html").read_text())


def _soft(text: str) -> Markup:
    """A cell's text, in which a name of 200 letters may break; shorter words make a table wide rather than break."""
    from markupsafe import Markup, escape

    pieces = [
        word
        if len(word) <= _WORD
        else Markup("<wbr>").join(
            escape(word[start : start + _PIECE]) for start in range(0, len(word), _PIECE)
        )
        for word in text.split(" ")
    ]
    return Markup(" ").join(pieces)
