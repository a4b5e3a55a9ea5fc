"""How sure a share is."""

from __future__ import annotations

from math import sqrt


def wilson(part: int, whole: int) -> tuple[float, float, float] | None:
    """A share with the bounds of its 95 % interval (Wilson, Journal of the American Statistical Association 22, 1927); null: of
    nothing."""
    if not whole:
        return None
    share, z = part / whole, 1.96
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    return share, max(0.0, middle - half), min(1.0, middle + half)
