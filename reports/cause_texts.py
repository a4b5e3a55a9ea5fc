"""Causes of changes as sentences in plain English, made from their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from lakescope.kpis.model import Unit
from lakescope.kpis.units import format_value
from lakescope.reports.causes import Cause, Change
from lakescope.reports.steps import Step

ARROW = "\N{RIGHTWARDS ARROW}"
_PLACES: Mapping[str, str] = {
    "link": "on {}",
    "site": "from or to {}",
    "rse": "on RSE {}",
    "src_site": "from {}",
    "src_rse": "from RSE {}",
    "dst_site": "to {}",
    "dst_rse": "to RSE {}",
}
_OTHERS: Mapping[str, str] = {
    "activity": "activity {}",
    "vo": "VO {}",
    "account": "account {}",
    "protocol": "protocol {}",
    "error_template": 'error "{}"',
}
_LONGEST = 80
"""Characters of an error."""


def sentence_of(
    change: Change,
    name: str,
    *,
    unit: Unit = "count",
    subject: str = "transfers",
    since: datetime | None = None,
    bin_s: int = 86_400,
) -> str:
    """What changed, by how much, and why: one sentence.

    `name`: the quantity ("Transferred volume"); `unit`: its own (of a ``ratio``, parts are points of its percentage, else points
    of the percentage by which it changed); `subject`: what begins and ends; `since`: when the second period began, `bin_s` the
    length of its bins: without it moments are left out.
    """
    scale = 1.0 if unit == "ratio" else change.before
    if not scale:
        return (
            f"{name}: nothing in the period before." if change.after else f"{name}: no data in both periods."
        )
    head = _head(change, name, scale, unit)
    if not change.causes:
        return head + (", with no single cause." if change.is_clear else ".")
    parts = [
        f"{100 * cause.change / scale:+.1f} points {_cause(cause, unit, subject, since, bin_s)}"
        for cause in change.causes
    ]
    mix = change.mix - sum(cause.change for cause in change.causes if cause.effect == "mix")
    for rest, place in ((change.rest - mix, "everywhere else"), (mix, "by the mix of places")):
        if abs(100 * rest / scale) >= 0.05:
            parts.append(f"{100 * rest / scale:+.1f} points {place}")
    return f"{head}: {'; '.join(parts)}."


def _head(change: Change, name: str, scale: float, unit: Unit) -> str:
    digits, noun = (1, "points") if unit == "ratio" else (0, "%")
    size, low, high = (100 * one / scale for one in (change.value, change.low, change.high))
    interval = "95 % interval " + " to ".join(
        f"{round(one, digits) + 0.0:+.{digits}f}" for one in (low, high)
    )
    if max(abs(size), -low, high) < 0.05:
        return f"{name} did not change"
    if not change.is_clear and not change.causes:
        return f"{name} changed by no more than its usual scatter ({size:+.1f} {noun}; {interval})"
    return f"{name} {'fell' if size < 0 else 'rose'} by {abs(size):.{digits}f} {noun} ({interval})"


def _cause(cause: Cause, unit: Unit, subject: str, since: datetime | None, bin_s: int) -> str:
    """Where, and what happened there: on PIC -> SARA, where activity Production ended on Wednesday."""
    where, who = _place(cause)
    step = None if since is None else cause.step
    moment, duration = ("", "") if since is None or step is None else _days(step, since, bin_s)
    direction = "rose" if cause.after > cause.before else "fell"
    if cause.effect == "mix":
        shares = f"from {100 * cause.before:.0f} % to {100 * cause.after:.0f} % of all"
        place = " ".join(one for one in (where, who) if one)
        return f"by mix: {subject} {place} {direction} {shares}{duration and ', '}{duration}"
    if cause.effect == "rate":
        values = " to ".join(format_value(value, unit) for value in (cause.before, cause.after))
        verb = f"{direction} from {values}{duration and ', '}{duration}"
    elif step is not None and step.until is not None:
        verb = f"was {'higher' if cause.kind == 'rose' else 'lower'} {moment}"
    elif step is not None or cause.kind in ("began", "ended"):
        verb = f"{cause.kind} {moment}".rstrip()
    elif cause.pattern.attributes:
        verb = f"{cause.kind} by {abs(100 * (cause.after / cause.before - 1)):.0f} %"
    else:
        return where
    if not where:
        return f"{'in' if who.startswith(('activity', 'VO')) else 'with'} {who}, which {verb}"
    what = subject if verb.startswith(("began", "ended")) else "their number" if unit == "count" else "it"
    return f"{where}, where {who or what} {verb}"


def _place(cause: Cause) -> tuple[str, str]:
    """Where, and of whom; one of both may be empty: ("on PIC -> SARA", "activity Production")."""
    attributes = dict(cause.pattern.attributes)
    if not attributes:
        return "at all places alike", ""
    where = [form.format(attributes.pop(key)) for key, form in _PLACES.items() if key in attributes]
    others = [_OTHERS.get(key, key + " {}").format(_shorten(value)) for key, value in attributes.items()]
    return " ".join(where).replace(" -> ", f" {ARROW} "), " of ".join(others)


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def _days(step: Step, since: datetime, bin_s: int) -> tuple[str, str]:
    """When it happened, and how long it lasted: "on Wednesday" and "since Wednesday"; of what passed, both are "from Tuesday to
    Thursday of the week before" or "on Tuesday only". With hours, if bins are shorter than days."""

    def text(number: int) -> str:
        at = since + timedelta(seconds=number * bin_s)
        return f"{at:%A}" if bin_s >= 86_400 else f"{at:%A} at {at:%H:%M}"

    first = text(step.at)
    before = " of the week before" if step.at < 0 else ""
    if step.until is None:
        return f"on {first}{before}", f"since {first}{before}"
    last = step.until - 1 if bin_s >= 86_400 else step.until
    passing = f"on {first}{before} only" if last == step.at else f"from {first} to {text(last)}{before}"
    return passing, passing
