"""A rule in words: what it asks, when it fires and clears, who would be notified, and what it does without data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lakescope.alerts.model import Absence, Baseline, BurnRate, Rule, Threshold
from lakescope.alerts.routing import LABELS, Subscription, expression
from lakescope.kpis import CATALOGUE
from lakescope.kpis.model import Kpi
from lakescope.kpis.units import duration_text, format_value

Lines = Iterator[tuple[str, str]]


def explain(rule: Rule, subscriptions: Mapping[str, Subscription]) -> list[tuple[str, str]]:
    """Subject and words, in the order in which people read."""
    return [
        *_asked(rule),
        *_judged(rule),
        ("severity", f"{rule.severity}, for {rule.owner}"),
        *_notified(rule, subscriptions),
        ("runbook", rule.runbook_url or rule.runbook),
        *_without_data(rule),
    ]


def _asked(rule: Rule) -> Lines:
    kpi = CATALOGUE[rule.kpi]
    better = {"up": ", more is better", "down": ", less is better", "neutral": ""}[kpi.good]
    yield "rule", f"{rule.title}{'' if rule.enabled else ' (disabled: it is not evaluated)'}"
    yield "asks", f"{kpi.name} ({kpi.unit}{better}): {kpi.meaning}"
    if rule.filters:
        chosen = (
            f"{name} {values if isinstance(values, str) else ' or '.join(values)}"
            for name, values in rule.filters.items()
        )
        yield "only", ", ".join(chosen)
    yield "of each", ", ".join(rule.by) or "the whole lake"
    late = f", which ends {duration_text(rule.late_s)} before the evaluation" if rule.late_s else ""
    yield "window", f"{duration_text(rule.window_s)}{late}"
    if rule.volume:
        volume = CATALOGUE[rule.volume.kpi]
        yield "at least", f"{format_value(rule.volume.least, volume.unit)} {volume.name} in the window"


def _judged(rule: Rule) -> Lines:
    abnormal, normal = _condition(rule, CATALOGUE[rule.kpi])
    waits = f", in every round for {duration_text(rule.for_s)}" if rule.for_s else ""
    yield "fires", f"when {abnormal}{waits}"
    yield "clears", f"when {normal}, in every round for {duration_text(rule.keep_s)}"
    if rule.peers:
        every = f", or with all of {rule.peers.all_from} or more" if rule.peers.all_from else ""
        yield (
            "peers",
            f"a {rule.peers.label} ({' or '.join(rule.peers.dimensions)}) that is abnormal with {rule.peers.least}"
            f" others or more{every} is one alert, and nobody is notified of its pairs",
        )
    if rule.is_incident:
        yield (
            "incidents",
            "a group is covered by an open incident that has most of its failures: that is notified instead",
        )


def _condition(rule: Rule, kpi: Kpi) -> tuple[str, str]:
    """When it is abnormal, and when it is normal again."""

    def text(value: float) -> str:
        return format_value(value, kpi.unit)

    match rule.condition:
        case Threshold(above=above, below=below, clear=clear, unsigned=unsigned):
            value = "the value without its sign" if unsigned else "the value"
            if above is not None and below is not None:
                back = text(above if clear is None else clear)
                return (
                    f"{value} is above {text(above)} and below {text(below)}",
                    f"it is {back} or less, or {text(below)} or more",
                )
            if above is not None:
                return (
                    f"{value} is above {text(above)}",
                    f"it is {text(above if clear is None else clear)} or less",
                )
            assert below is not None
            return (
                f"{value} is below {text(below)}",
                f"it is {text(below if clear is None else clear)} or more",
            )
        case Baseline() as baseline:
            return _against(baseline, rule, text(baseline.least) if baseline.least else "")
        case BurnRate(target=target, rate=rate, short_s=short_s):
            bad = format_value(rate * (1 - target), "ratio")
            return (
                f"{bad} or more are bad in the window and in the last {duration_text(short_s)}: {rate:.4g} times what an"
                f" objective of {target * 100:.6g} % allows",
                "fewer are bad in either",
            )
        case Absence(history_s=history_s, least_windows=least):
            windows = f"{least} windows" if least > 1 else "a window"
            return (
                f"there is no value, or 0, of what had one in {windows} of the last {duration_text(history_s)}",
                "there is one",
            )


def _against(baseline: Baseline, rule: Rule, least: str) -> tuple[str, str]:
    ratios = [
        f"{word} {ratio:g} times"
        for word, ratio in (("above", baseline.ratio_above), ("below", baseline.ratio_below))
        if ratio is not None
    ]
    distances = [
        f"by {baseline.deviations:g} robust standard deviations" if baseline.deviations else "",
        f"by {least}" if least else "",
    ]
    distance = " and ".join(filter(None, distances))
    back = (
        "is no longer so"
        if baseline.clear_ratio is None
        else f"is back within {baseline.clear_ratio:g} times the median"
    )
    return (
        f"the value is {' or '.join(ratios)} the median of windows of the same length in the"
        f" {duration_text(baseline.history_s)} before{f', and {distance} away from it' if distance else ''}",
        f"it {back}",
    )


def _notified(rule: Rule, subscriptions: Mapping[str, Subscription]) -> Lines:
    found = [
        (name, one, only)
        for name, one in subscriptions.items()
        if (only := _restriction(rule, one)) is not None
    ]
    if not found:
        yield "notified", "nobody: no subscription fits"
    for name, one, only in found:
        words = f"{', '.join(one.receivers)} (subscription {name}{only})"
        if rule.severity == "ticket":
            if one.digest:
                words += f", in the digest at {one.digest} {one.timezone}"
            elif one.quiet_hours or one.quiet_days:
                quiet = ", ".join(filter(None, [one.quiet_hours, " ".join(one.quiet_days)]))
                words += f", not in quiet hours ({quiet} {one.timezone})"
        if one.escalate_after_s is not None and not (rule.severity == "ticket" and one.digest):
            words += f"; {', '.join(one.escalate_to)} if unacknowledged for {duration_text(round(one.escalate_after_s))}"
        yield "notified", words


def _restriction(rule: Rule, subscription: Subscription) -> str | None:
    """Of which of the rule's alerts a subscription hears: all with an empty text; null: of none."""
    if subscription.rules is not None and not re.fullmatch(expression(subscription.rules), rule.name):
        return None
    if subscription.severities is not None and rule.severity not in subscription.severities:
        return None
    if subscription.owners is not None and rule.owner not in subscription.owners:
        return None
    only = []
    for option, labels in LABELS.items():
        patterns = getattr(subscription, option)
        if patterns is None:
            continue
        if not {*labels} & {*rule.labels}:
            return None
        only.append(f"{option} {', '.join(patterns)}")
    return f", only {'; '.join(only)}" if only else ""


def _without_data(rule: Rule) -> Lines:
    dataset = CATALOGUE[rule.kpi].dataset
    yield (
        "no data",
        f"without any event of {dataset} in the window it says so and never fires; while the store does not answer it is"
        " unknown. Open alerts stay open",
    )
    if isinstance(rule.condition, Baseline):
        zeros = ", windows without a value counting as 0" if rule.condition.missing_is_zero else ""
        yield (
            "no baseline",
            f"with fewer than {rule.condition.least_windows} earlier windows it gives no verdict{zeros}",
        )
    if isinstance(rule.condition, Absence):
        return
    yield (
        "no value",
        f"an open alert whose group has no value any more{' or too little volume' if rule.volume else ''}"
        + (
            f" stays open for {duration_text(rule.hold_s)}"
            if rule.hold_s
            else " clears, as if it were normal"
        ),
    )
