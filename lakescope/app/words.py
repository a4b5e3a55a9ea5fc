"""A person's words made into times, queries and selections: the same for the command, the API and the pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from lakescope.core.filters import parse_filters
from lakescope.dashboards.model import Dashboard
from lakescope.dashboards.questions import Selection
from lakescope.kpis import CATALOGUE, Query
from lakescope.kpis.model import UNKNOWN, Condition

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(rf"([0-9]+(?:\.[0-9]+)?) ?({'|'.join(_UNITS)})")
LONGEST_S = 20_000 * 86400  # before 1971 nothing was measured


def parse_selection(
    dashboard: Dashboard,
    *,
    since: str | None = None,
    until: str = "0s",
    bin: str | None = None,
    noise: bool | None = None,
    variables: Sequence[str] = (),
    group: str | None = None,
    filters: Sequence[str] = (),
) -> Selection:
    """What a viewer chose, from a person's words. Raises `ValueError` saying what was expected.

    Times as in `parse`; without `since` the dashboard's own; `variables` are ``variable=value``, `filters` as in
    `parse`, `group` is a dimension.
    """
    selected_values: dict[str, tuple[str, ...]] = {}
    for text in variables:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(
                f"{text[:60]!r} chooses nothing: expected variable=value, for example source=CERN-PROD"
            )
        selected_values[name] = (*selected_values.get(name, ()), value)
    begin, end = moment(since or dashboard.since), moment(until)
    if end <= begin:
        raise ValueError(f"the range is empty: since {begin:%FT%TZ} until {end:%FT%TZ}")
    bin_s = None if bin is None else round(duration(bin))
    if bin_s is not None and bin_s < 1:
        raise ValueError(f"expected a bin of at least one second, found {bin}")
    for name in filter(None, [group]):
        _check_dimension(name)
    return Selection(
        since=begin,
        until=end,
        bin_s=bin_s,
        noise=noise,
        variables=selected_values,
        group=group,
        filters=_conditions(filters),
    )


def parse(
    name: str,
    *,
    by: Sequence[str] = (),
    since: str = "7d",
    until: str = "0s",
    bin: str | None = None,
    filters: Sequence[str] = (),
    noise: bool | None = None,
) -> Query:
    """A query from a person's words. Raises `ValueError` saying what was expected.

    Times are ISO 8601 in UTC or so long ago (7d, 12h, 30min); `filters` are ``dimension=value`` or
    ``dimension!=value``: any of a dimension's wanted values, none of the others; without a value: those that have none.
    """
    if name not in CATALOGUE:
        import difflib

        suggestions = difflib.get_close_matches(name, CATALOGUE, 3)
        raise ValueError(
            f"no KPI {name!r}; "
            + (f"there is {', '.join(suggestions)}" if suggestions else "see `lakescope query`")
        )
    return Query(
        kpi=CATALOGUE[name],
        since=moment(since),
        until=moment(until),
        by=tuple(by),
        bin_s=None if bin is None else round(duration(bin)),
        narrowing=_conditions(filters),
        noise=noise,
    )


def _conditions(filters: Iterable[str]) -> tuple[Condition, ...]:
    """``dimension=value`` and ``dimension!=value`` as conditions. Raises `ValueError` saying what was expected."""
    only, without = parse_filters(filters)
    for name in (*only, *without):
        _check_dimension(name)
    return (
        *(Condition(name, "in", values) for name, values in only.items()),
        *(
            Condition(name, "known") if value == UNKNOWN else Condition(name, "not", value)
            for name, values in without.items()
            for value in values
        ),
    )


def _check_dimension(name: str) -> None:
    if not any(name in kpi.dimensions for kpi in CATALOGUE.values()):
        raise ValueError(f"no KPI has a dimension {name[:60]!r}; see `lakescope query`")


def moment(text: str) -> datetime:
    """A time in UTC, or so long ago (7d, 12h, 30min). Raises `ValueError`."""
    if _DURATION.fullmatch(text):
        return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=duration(text))
    try:
        time = datetime.fromisoformat(text)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        time = datetime.min.replace(tzinfo=UTC)
    if not 1971 <= time.year <= 2200:
        raise ValueError(
            f"{text[:60]!r} is no time: expected 2026-01-05, 2026-01-05T12:00:00, 7d, 12h or 30min"
        )
    return time


def duration(text: str) -> float:
    """Seconds of 30s, 30min, 12h, 7d or 2w. Raises `ValueError`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]!r} is no duration: expected for example 30min, 12h or 7d")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST_S:
        raise ValueError(f"{text[:60]!r} is too long: expected {LONGEST_S // _UNITS['d']}d at most")
    return seconds
