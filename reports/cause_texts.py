"""Causes of changes as sentences in plain English, made from their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from lakescope.reports.causes import Cause, Change
from lakescope.reports.steps import Step

ARROW = "\N{RIGHTWARDS ARROW}"
_PLACES: Sequence[tuple[str, str]] = (
    ("link", "{}"),
    ("site", "{} (as source or destination)"),
    ("rse", "{} (as source or destination)"),
    ("src_site", "from {}"),
    ("src_rse", "from {}"),
    ("dst_site", "to {}"),
    ("dst_rse", "to {}"),
)
_OTHERS = {
    "activity": "activity {}",
    "vo": "VO {}",
    "account": "account {}",
    "protocol": "protocol {}",
    "error_class": "error class {}",
}


def sentence_of(
    change: Change, name: str, *, is_share: bool = False, since: datetime | None = None, bin_s: int = 86_400
) -> str:
    """What changed, by how much, and why: one or two sentences.

    `name`: the quantity ("Transferred volume"); `is_share`: 0.01 is a point, else parts are points of the percentage by which it
    changed; `since`: when the second period began, `bin_s` the length of its bins: without them moments are left out.
    """
    scale = 1.0 if is_share else change.before
    if not scale:
        return (
            f"{name}: nothing in the period before." if change.after else f"{name}: no data in both periods."
        )
    head = _head(change, name, scale, is_share=is_share)
    if not change.causes:
        return head + (", with no single cause." if change.is_clear else ".")
    parts = [_part(cause, scale, since, bin_s) for cause in change.causes]
    if change.causes[0].pattern.attributes or len(change.causes) > 1:
        parts += _rest(change, scale)
    return f"{head}: {'; '.join(parts)}."


def _head(change: Change, name: str, scale: float, *, is_share: bool) -> str:
    unit = "points" if is_share else "%"
    size, low, high = (100 * one / scale for one in (change.value, change.low, change.high))
    interval = (
        f"95 % interval {low:+.1f} to {high:+.1f}" if is_share else f"95 % interval {low:+.0f} to {high:+.0f}"
    )
    if not change.is_clear:
        return f"{name} changed by no more than its usual scatter ({size:+.1f} {unit}; {interval})"
    verb = "fell" if size < 0 else "rose"
    text = f"{abs(size):.1f}" if is_share else f"{abs(size):.0f}"
    return f"{name} {verb} by {text} {unit} ({interval})"


def _part(cause: Cause, scale: float, since: datetime | None, bin_s: int) -> str:
    points = f"{100 * cause.change / scale:+.1f} points"
    when = "" if since is None or cause.step is None else _moment(cause.step, since, bin_s)
    attributes = dict(cause.pattern.attributes)
    if cause.effect == "rate":
        verb = "rose" if cause.change > 0 else "fell"
        return f"{points} {place_of(cause)}, where it {verb}{_from_to(cause)}{when}"
    if cause.effect == "mix":
        return f"{points} by mix: the share of {place_of(cause)} {cause.kind}{_share_from_to(cause)}{when}"
    inner = [key for key in _OTHERS if key in attributes]
    if len(attributes) == 2 and len(inner) == 1:
        value = attributes[inner[0]]
        place = place_of(cause, without=inner[0])
        return f"{points} {place}, where {_OTHERS[inner[0]].format(value)} {cause.kind}{when}"
    return f"{points} {place_of(cause)}, which {cause.kind}{when}"


def place_of(cause: Cause, without: str = "") -> str:
    """A pattern as people read it: PIC → SARA."""
    attributes = {key: value for key, value in cause.pattern.attributes if key != without}
    if not cause.pattern.attributes:
        return "the lake as a whole"
    texts = [form.format(attributes[key]) for key, form in _PLACES if key in attributes]
    texts += [
        _OTHERS.get(key, key + " {}").format(value)
        for key, value in attributes.items()
        if key not in dict(_PLACES)
    ]
    return " ".join(texts).replace(" -> ", f" {ARROW} ")


def _rest(change: Change, scale: float) -> list[str]:
    rest = 100 * change.rest / scale
    return [f"{rest:+.1f} points everything else"] if abs(rest) >= 0.05 else []


def _from_to(cause: Cause) -> str:
    if max(cause.before, cause.after) <= 1:
        return f" from {100 * cause.before:.0f} % to {100 * cause.after:.0f} %"
    return f" from {cause.before:.3g} to {cause.after:.3g}"


def _share_from_to(cause: Cause) -> str:
    return f" from {100 * cause.before:.0f} % to {100 * cause.after:.0f} % of all"


def _moment(step: Step, since: datetime, bin_s: int) -> str:
    def text(number: int) -> str:
        at = since + timedelta(seconds=number * bin_s)
        hour = "" if bin_s >= 86_400 else f" at {at:%H:%M}"
        return f"{at:%A}{hour}"

    before = " of the period before" if step.at < 0 else ""
    if step.until is None:
        return f" on {text(step.at)}{before}"
    last = step.until - 1 if bin_s >= 86_400 else step.until
    if last == step.at:
        return f" on {text(step.at)}{before} only"
    return f" from {text(step.at)} to {text(last)}{before}"
