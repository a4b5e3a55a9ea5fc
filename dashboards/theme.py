"""How dashboards look: colours that colour-blind people tell apart.

Colours are Okabe and Ito's: good is blue, warning orange, critical vermillion; nothing hangs on red against green,
and each level has a word beside its colour. `CSS` is the theme of the page, whose values are variables that
`css` defines for light and dark, so that a chart changes with the page and needs no new data.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import fields

from lakescope.kpis.units import Level

FONT = "'Liberation Sans', Arial, Helvetica, sans-serif"


class Theme(Struct, frozen=True, kw_only=True):
    """Colours by their use. Text is `ink`, `muted` or ends in ``_ink``; the fills carry `ink` or `on_fill`."""

    page: str
    card: str
    line: str
    """Grids and borders that one need not see."""
    edge: str
    """Borders that one must see."""
    ink: str
    muted: str
    good: str
    warning: str
    critical: str
    good_ink: str
    warning_ink: str
    critical_ink: str
    fill_good: str
    """In a key; of a cell paler or deeper, and never as strong as what is not good."""
    fill_warning: str
    fill_critical: str
    on_fill: str
    """Text on `fill_warning` and `fill_critical`; on `fill_good` it is `ink`."""
    series1: str
    series2: str
    series3: str
    series4: str
    series5: str
    series6: str

    @property
    def series(self) -> tuple[str, ...]:
        """Colours of lines, in their order."""
        return self.series1, self.series2, self.series3, self.series4, self.series5, self.series6

    def tint(self, colour: str, share: float) -> str:
        """`share` (0..1) of a colour of this theme, the rest of the card."""
        if not colour.startswith("#"):
            return f"color-mix(in srgb, {colour} {share:.0%}, {self.card})"
        pairs = zip(_channels(colour), _channels(self.card), strict=True)
        return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)

    def fill(self, level: Level | None, share: float) -> tuple[str, str]:
        """A cell's ground and text: by its level; deeper the better it is or, without bounds, with its share of the greatest."""
        match level:
            case "warning":
                return self.fill_warning, self.on_fill
            case "critical":
                return self.fill_critical, self.on_fill
            case _:
                return self.tint(self.good, 0.06 + 0.39 * share), self.ink


LIGHT = Theme(
    page="#f3f5f7",
    card="#ffffff",
    line="#d8dde2",
    edge="#7a8590",
    ink="#1a1e23",
    muted="#48515b",
    good="#0072b2",
    warning="#e69f00",
    critical="#d55e00",
    good_ink="#005585",
    warning_ink="#734600",
    critical_ink="#a03800",
    fill_good="#c9e2f2",
    fill_warning="#f0b840",
    fill_critical="#e0702a",
    on_fill="#000000",
    series1="#0072b2",
    series2="#b67d00",
    series3="#008f68",
    series4="#b0558a",
    series5="#333b44",
    series6="#b83d00",
)
DARK = Theme(
    page="#14171b",
    card="#1e2329",
    line="#363e47",
    edge="#7d8893",
    ink="#e9ebee",
    muted="#b3bcc6",
    good="#56b4e9",
    warning="#e69f00",
    critical="#e8702a",
    good_ink="#7cc7f3",
    warning_ink="#f2bd45",
    critical_ink="#ff9c69",
    fill_good="#2b4a5e",
    fill_warning="#e69f00",
    fill_critical="#e8702a",
    on_fill="#000000",
    series1="#3d9bdc",
    series2="#e69f00",
    series3="#1fb58a",
    series4="#d488b2",
    series5="#c3cad1",
    series6="#e8702a",
)
CSS = Theme(**{field.name: f"var(--{field.name.replace('_', '-')})" for field in fields(Theme)})
THEMES = {"css": CSS, "light": LIGHT, "dark": DARK}


def css() -> str:
    """The variables that `CSS` names."""
    names = [field.name for field in fields(Theme)]
    pairs = (f"--{n.replace('_', '-')}: light-dark({getattr(LIGHT, n)}, {getattr(DARK, n)});" for n in names)
    return f":root {{ {' '.join(pairs)} }}\n"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
