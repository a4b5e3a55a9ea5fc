"""Objectives (`[[objectives]]`), and the rules that tell in time that one will be missed.

An objective leaves a budget: of a target of 99 %, 1 % over its window. Its rules fire when the budget is used up too fast,
in two windows at once, the longer for significance, the shorter so that it ends soon after the cause has:

    2 % of the budget in 1 h    and in 5 min     page
    5 % of the budget in 6 h    and in 30 min    page
    10 % of the budget in 3 d   and in 6 h       ticket

Of 30 days that is 14.4, 6 and 1 times the even rate. Of a shorter window these shares would be used up in these times even at
less than the even rate: there the times are shorter.

Source: Google SRE workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import Field, field_validator

from lakescope.alerts.model import BurnRate, Owner, Rule, Severity, Volume, label_text
from lakescope.core.options import Options
from lakescope.kpis import CATALOGUE, Kpi
from lakescope.kpis.model import DAY, HOUR, Condition, Part, parts
from lakescope.kpis.units import duration_text, format_value

RUNBOOK = "docs/runbooks/objective.md"
LONGEST_D, SHORTEST_D = 90, 7


class Objective(Options):
    """What share shall be good, over which time."""

    name: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,47}$", examples=["production"])
    """Of its rules: `objective_NAME_1h` and the like; without it the KPI's name."""
    kpi: str = Field(examples=["transfer_efficiency"])
    """A KPI that is a share: transfer_efficiency, access_efficiency, network_loss, ..."""
    target: float = Field(gt=0, lt=1, examples=[0.98])
    """What share is to be good; of a KPI whose high values are bad, 1 minus what may be bad."""
    window: str = Field(default="30d", pattern=r"^[1-9]\d?[dw]$", examples=["28d"])
    """Over which time (28d, 4w): from 7 to 90 days."""
    by: list[str] = Field(default=[], examples=[["dst_site"]])
    """Dimensions of the KPI: the objective holds for each group alone; without them, for the lake."""
    filters: dict[str, str] = Field(default={}, examples=[{"activity": "Production"}])
    """Of which part of the lake: dimension -> value."""
    least_volume: float = Field(default=200, gt=0)
    """Events that a group must have in a rule's longer window to be judged, where a KPI counts them: small numbers decide
    nothing."""
    severity: Severity | None = None
    """Of all its rules; without it two are pages, and the slow one is a ticket."""
    owner: Owner = "lake"
    """Who can do something about it."""

    @field_validator("window")
    @classmethod
    def _is_bounded(cls, window: str) -> str:
        if not SHORTEST_D <= _days(window) <= LONGEST_D:
            raise ValueError(f"expected {SHORTEST_D} to {LONGEST_D} days")
        return window

    @property
    def days(self) -> int:
        """Of its window."""
        return _days(self.window)


class _Speed(NamedTuple):
    """Which share of the budget in which time, and how urgent that is."""

    name: str
    share: float
    longest_s: int
    severity: Severity


SPEEDS = (
    _Speed("1h", 0.02, HOUR, "page"),
    _Speed("6h", 0.05, 6 * HOUR, "page"),
    _Speed("3d", 0.1, 3 * DAY, "ticket"),
)
"""Fastest first; a rule's name ends with that of its speed."""
_SHORTER = 12
"""So many times shorter is the second window."""
_KEEP_S = 900
_KEEP_FASTEST_S = SPEEDS[1].longest_s // _SHORTER + _KEEP_S
"""The fastest rule mutes the next one and ends after it: else that would be a second page, when all is good again."""


def rules_of(objective: Objective, runbook_url: str) -> Iterator[Rule]:
    """Its rules. Raises `ValueError` for an objective that cannot be one, or of which a rule could never fire."""
    kpi = CATALOGUE.get(objective.kpi)
    if kpi is None:
        raise ValueError(f"there is no KPI {objective.kpi!r}")
    if kpi.unit != "ratio" or kpi.good == "neutral" or any(part.is_state for part in parts(kpi.value)):
        raise ValueError(
            f"expected a KPI that is a share of events, such as transfer_efficiency, found {kpi.name} ({kpi.unit})"
        )
    for speed in SPEEDS:
        yield _rule(objective, kpi, speed, runbook_url)


def _rule(objective: Objective, kpi: Kpi, speed: _Speed, runbook_url: str) -> Rule:
    period_s = objective.days * DAY
    window_s = min(speed.longest_s, int(speed.share * period_s) // HOUR * HOUR)
    rate = speed.share * period_s / window_s
    budget = 1 - objective.target
    if rate * budget >= 1:
        raise ValueError(
            f"a rule could never fire: {speed.share:.0%} of the budget in {duration_text(window_s)} is"
            f" {rate:.4g} times the even rate of {budget:.4g}, so a share of {rate * budget:.4g} would have to be bad,"
            f" and no more than 1 can be; expected a target above {1 - 1 / rate:.4g}, or a window under"
            f" {window_s / DAY / speed.share / budget:.3g} days"
        )
    percent = f"{objective.target * 100:.6g} %"
    if kpi.good == "down":
        percent = f"at most {budget * 100:.6g} %"
    place = ", ".join(f"{label_text(name)} {{{name}}}" for name in objective.by)
    words = kpi.name.replace("_", " ")
    volume = volume_of(kpi)
    return Rule(
        name=f"objective_{objective.name or kpi.name}_{speed.name}",
        title=f"Error budget used up {'slowly' if speed.severity == 'ticket' else 'fast'}",
        kpi=kpi.name,
        condition=BurnRate(target=objective.target, rate=rate, short_s=window_s // _SHORTER),
        window_s=window_s,
        keep_s=_KEEP_FASTEST_S if speed is SPEEDS[0] else _KEEP_S,
        by=tuple(objective.by),
        filters=dict(objective.filters),
        volume=Volume(volume.name, objective.least_volume) if volume else None,
        severity=objective.severity or speed.severity,
        owner=objective.owner,
        summary=f"{words[0].upper()}{words[1:]}{f' of {place}' if place else ''} is {{value}} in {{window}}, objective {percent}",
        description=f"{kpi.meaning.rstrip('.')}: {{value}} in the last {{window}}, limit {{threshold}}. At this rate"
        f" {format_value(speed.share, 'ratio')} of the error budget (what an objective of {percent} over"
        f" {objective.days} d allows to fail) is used up in {duration_text(window_s)}. Look first at the open incidents,"
        " then at which errors are most frequent.",
        is_incident=kpi.dataset == "transfers" and isinstance(kpi.value, Part),
        runbook_url=runbook_url,
    )


def volume_of(kpi: Kpi) -> Kpi | None:
    """The KPI that counts what a share is of; null where none does."""
    if not isinstance(kpi.value, Part) or kpi.value.kind != "share" or kpi.value.field is None:
        return None
    known = {Condition(kpi.value.field, "known")}
    wanted = {*kpi.where, *kpi.value.where}
    for one in CATALOGUE.values():
        is_count = isinstance(one.value, Part) and one.value.kind == "count"
        if is_count and one.dataset == kpi.dataset and one.noise == kpi.noise:
            assert isinstance(one.value, Part)
            if {*one.where, *one.value.where} - known == wanted:
                return one
    return None


def _days(window: str) -> int:
    return int(window[:-1]) * (7 if window.endswith("w") else 1)
