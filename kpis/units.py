"""A KPI's value for people: its unit's multiples, and its level by the KPI's bounds. The same for every renderer."""

from __future__ import annotations

from typing import Literal

from lakescope.kpis.model import Kpi, Unit

Level = Literal["good", "warning", "critical"]
DASH = "\N{EN DASH}"


def level_of(kpi: Kpi, value: float | None) -> Level | None:
    """How a value stands to the KPI's bounds; null without a value or without bounds."""
    if value is None or (kpi.warning is None and kpi.critical is None):
        return None

    def beyond(bound: float | None) -> bool:
        return bound is not None and (value < bound if kpi.good == "up" else value > bound)

    return "critical" if beyond(kpi.critical) else "warning" if beyond(kpi.warning) else "good"


def goodness(kpi: Kpi, value: float) -> float:
    """How far a good value is from its bound: 0 at the bound, 1 for the best that there is (a whole share, or none of what is
    bad); 1 where there is no best."""
    bound = kpi.warning if kpi.warning is not None else kpi.critical
    best = 0.0 if kpi.good == "down" else 1.0 if kpi.unit == "ratio" else None
    if bound is None or best is None or best == bound:
        return 1.0
    return min(1.0, max(0.0, (value - bound) / (best - bound)))


# --- units -------------------------------------------------------------------------------------------

_PREFIXES = ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"), (1e15, "P"))
_STEPS: dict[Unit, tuple[tuple[float, str], ...]] = {
    "ratio": ((0.01, "%"),),
    "count": _PREFIXES,
    "bytes": tuple((size, f"{prefix}B") for size, prefix in _PREFIXES),
    "bytes/s": tuple((size, f"{prefix}B/s") for size, prefix in _PREFIXES),
    "bits/s": tuple((size, f"{prefix}b/s") for size, prefix in _PREFIXES),
    "1/s": tuple((size, f"{prefix}/s") for size, prefix in _PREFIXES),
    "seconds": (
        *((1e-6, "\N{MICRO SIGN}s"), (1e-3, "ms"), (1.0, "s")),
        *((60.0, "min"), (3600.0, "h"), (86400.0, "d")),
    ),
    "days": ((1.0, "d"),),
}
"""Unit -> (size, name) of its multiples, smallest first."""
_EXACT = 10_000  # a smaller count is said to the last one


def scale_of(greatest: float, unit: Unit) -> tuple[float, str]:
    """What to divide by, and the name of what is counted then: one for a whole axis."""
    steps = _STEPS[unit]
    fitting_steps = [step for step in steps if abs(greatest) >= step[0] * 0.9995]  # 999.96 kB is 1 MB
    if unit == "seconds" and not greatest:
        return 1.0, "s"
    return fitting_steps[-1] if fitting_steps else steps[0]


def text_of(kpi: Kpi, value: float | None) -> str:
    """A KPI's value as text for people; a change has its sign: +18.3 %."""
    text = format_value(value, kpi.unit)
    return f"+{text}" if kpi.signed and value is not None and value > 0 else text


def format_value(value: float | None, unit: Unit) -> str:
    """A value as text for people: 12.3 TB, 97.3 %, 3.2 min, 12.3 k; a dash for null."""
    if value is None:
        return DASH
    if unit == "ratio" and 0.9995 <= value < 1:
        return ">99.9 %"  # nobody may read 100 % where something failed
    size, name = (1.0, "") if unit == "count" and abs(value) < _EXACT else scale_of(value, unit)
    return f"{_digits(value / size)} {name}".rstrip()


def _digits(number: float) -> str:
    """Three of them, or all before the point; no zeros behind it that say nothing."""
    size = abs(number)
    if size >= 99.95 or number == round(number):
        return f"{number:.0f}"
    text = f"{number:.1f}" if size >= 9.995 else f"{number:.2f}" if size >= 0.0995 else f"{number:.2g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def duration_text(seconds: int) -> str:
    """``1 h``, ``7 d``, ``90 s``: the greatest unit without a rest."""
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
