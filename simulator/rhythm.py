"""The daily and weekly rhythm of production: people and their workflows are busiest on weekday afternoons (UTC)."""

import math

from lakescope.simulator.clock import HOUR

_HOURS = (
    62,
    56,
    53,
    52,
    53,
    57,
    66,
    82,
    102,
    121,
    134,
    140,
    138,
    142,
    148,
    147,
    139,
    126,
    112,
    101,
    93,
    86,
    78,
    70,
)
_DAYS = (104, 112, 115, 113, 106, 78, 72)
_WEEK_HOURS = 168


def _normalise() -> tuple[float, ...]:
    products = [day * hour for day in _DAYS for hour in _HOURS]
    return tuple(product * _WEEK_HOURS / math.fsum(products) for product in products)


_FACTORS = _normalise()


def production_factor(us: int) -> float:
    """How busy production is at a moment; 1 on average over a week, linear between full hours."""
    hours, rest = divmod(us, HOUR)
    hour = (hours + 72) % _WEEK_HOURS  # 1 January 1970 was a Thursday, the table begins on Monday
    now, then = _FACTORS[hour], _FACTORS[(hour + 1) % _WEEK_HOURS]
    return now + (then - now) * (rest / HOUR)
