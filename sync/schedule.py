"""What a synchronisation does by itself while `lakescope run` runs."""

from __future__ import annotations

from pydantic import Field

from lakescope.core.options import Options


class Schedule(Options):
    """Options of every synchronisation."""

    interval_s: float | None = Field(default=None, ge=60, examples=[3600])
    """How often `lakescope run` makes a plan (seconds): for drift, its alert and the pages; null: never."""
    apply: bool = False
    """Whether `lakescope run` applies that plan, too, within the guard; what Rucio has alone it never removes."""
