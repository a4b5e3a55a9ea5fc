"""Whether rules are sound: what their evaluation, texts and receivers may rely on. For those of a site, too."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from string import Formatter
from typing import get_args

from lakescope.alerts.model import (
    Absence,
    Baseline,
    BurnRate,
    Owner,
    Peers,
    Rule,
    Severity,
    Threshold,
)
from lakescope.kpis import CATALOGUE, UnsupportedError
from lakescope.kpis.model import Part, Remainder

RESERVED = ("dead_mans_switch", "alerts_absent", "alerts_unknown", "incident", "lakescope_mute", "test")
"""Names of alerts that are no rules' (`lakescope.alerts.prometheus`, `lakescope alerts notify`)."""
FIELDS = ("value", "threshold", "volume", "median", "window")
"""What every text of a rule may name, beside its dimensions."""
_LABELS = ("rule", "alertname", "severity", "owner", "incident")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TIME = 1_767_614_400.0
"""Any time: a question is made to see whether it can be."""


def faults(rule: Rule) -> Iterator[str]:
    """What is wrong with a rule, as expected and found."""
    if not isinstance(rule.name, str) or not _NAME.fullmatch(rule.name):
        yield f"name: expected small letters, digits and _, found {rule.name!r}"
    if rule.name in RESERVED:
        yield f"name: expected another name, found {rule.name!r}, that of an alert of Lakescope itself"
    if rule.severity not in get_args(Severity):
        yield f"severity: expected page or ticket, found {rule.severity!r}"
    if rule.owner not in get_args(Owner):
        yield f"owner: expected one of {', '.join(get_args(Owner))}, found {rule.owner!r}"
    if rule.window_s <= 0:
        yield f"window_s: expected seconds above 0, found {rule.window_s}"
    for name in ("late_s", "for_s", "keep_s", "hold_s"):
        if getattr(rule, name) < 0:
            yield f"{name}: expected seconds, found {getattr(rule, name)}"
    if rule.volume is not None and rule.volume.least <= 0:
        yield f"volume: expected at least something, found {rule.volume.least:g}"
    yield from _faults_of_texts(rule)
    if rule.peers is not None:
        yield from _faults_of_peers(rule, rule.peers)
    for place, kpi in (("kpi", rule.kpi), ("volume", rule.volume.kpi if rule.volume else rule.kpi)):
        if kpi not in CATALOGUE and (place == "kpi" or kpi != rule.kpi):
            yield f"{place}: there is no KPI {kpi!r}"
    if rule.kpi in CATALOGUE:
        yield from _faults_of_condition(rule)
        yield from _faults_of_questions(rule)


def _faults_of_questions(rule: Rule) -> Iterator[str]:
    """Dimensions and filters, as the KPI and that of the volume have them; a range that is too long for its bins."""
    if len(set(rule.by)) < len(rule.by):
        yield f"by: expected each dimension once, found {', '.join(rule.by)}"
    if rule.window_s <= 0 or (rule.volume and rule.volume.kpi not in CATALOGUE):
        return
    from lakescope.alerts.evaluate import (
        questions_of,  # brings numpy, and every command reads a configuration
    )

    try:
        questions_of(rule, _TIME)
    except (ValueError, UnsupportedError) as error:
        yield str(error)


def _faults_of_texts(rule: Rule) -> Iterator[str]:
    texts = [(name, getattr(rule, name), (*FIELDS, *rule.by)) for name in ("summary", "description")]
    if rule.peers:
        texts.append(
            ("peers.summary", rule.peers.summary, (*FIELDS, *rule.by, rule.peers.label, "peer", "count"))
        )
    for name, text, fields in (("title", rule.title, ()), *texts):
        if not isinstance(text, str) or not text:
            yield f"{name}: expected a text, found {text!r}"
        elif fields:
            yield from (f"{name}: {fault}" for fault in _faults_of_text(text, fields))


def _faults_of_text(text: str, fields: Collection[str]) -> Iterator[str]:
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        yield f"{error}; a brace that is meant is written twice"
        return
    for _, name, form, conversion in parsed:
        if name is not None and name not in fields:
            yield f"expected fields among {', '.join(fields)}, found {{{name}}}"
        elif form or conversion:
            yield f"expected {{{name}}} without a form: it is a text with its unit"


# --- conditions -------------------------------------------------------------------------------------------


def _faults_of_condition(rule: Rule) -> Iterator[str]:
    match rule.condition:
        case Threshold() as threshold:
            yield from (f"condition: {fault}" for fault in _faults_of_threshold(rule, threshold))
        case Baseline() as baseline:
            yield from (f"condition: {fault}" for fault in _faults_of_baseline(rule, baseline))
        case BurnRate() as burn_rate:
            yield from (f"condition: {fault}" for fault in _faults_of_burn_rate(rule, burn_rate))
        case Absence(history_s=history_s, least_windows=least):
            yield from (f"condition: {fault}" for fault in _faults_of_history(rule, history_s, least))


def _faults_of_threshold(rule: Rule, condition: Threshold) -> Iterator[str]:
    above, below, clear = condition.above, condition.below, condition.clear
    if above is None and below is None:
        yield "expected `above`, `below` or both, found none"
    elif above is not None and below is not None and above >= below:
        yield f"expected `above` under `below`, as the values between them are abnormal, found {above:g} and {below:g}"
    elif clear is not None:
        if above is not None and clear > above:
            yield f"expected `clear` at {above:g} or below, found {clear:g}"
        if above is None and below is not None and clear < below:
            yield f"expected `clear` at {below:g} or above, found {clear:g}"
    kpi = CATALOGUE[rule.kpi]
    if kpi.unit == "ratio" and isinstance(kpi.value, Part | Remainder):  # a quotient may be above 1
        if above is not None and above >= 1:
            yield f"expected a share that can be exceeded, such as 0.2 for 20 %, found {above:g}"
        if below is not None and not 0 < below <= 1:
            yield f"expected a share above 0 and up to 1, such as 0.2 for 20 %, found {below:g}"
    if condition.unsigned and any(limit is not None and limit < 0 for limit in (above, below)):
        yield "expected limits without a sign, as the value is compared without it"


def _faults_of_baseline(rule: Rule, condition: Baseline) -> Iterator[str]:
    high, low, clear = condition.ratio_above, condition.ratio_below, condition.clear_ratio
    if high is None and low is None:
        yield "expected `ratio_above`, `ratio_below` or both, found none"
    if high is not None and high < 1:
        yield f"expected `ratio_above` of 1 or more, found {high:g}"
    if low is not None and not 0 <= low <= 1:
        yield f"expected `ratio_below` of 0 to 1, found {low:g}"
    if clear is not None and high is not None and not 1 <= clear <= high:
        yield f"expected `clear_ratio` of 1 to {high:g}, found {clear:g}"
    if clear is not None and low is not None and not low <= clear <= 1:
        yield f"expected `clear_ratio` of {low:g} to 1, found {clear:g}"
    for name in ("deviations", "least"):
        if getattr(condition, name) < 0:
            yield f"expected `{name}` of 0 or more, found {getattr(condition, name):g}"
    yield from _faults_of_history(rule, condition.history_s, condition.least_windows)


def _faults_of_burn_rate(rule: Rule, condition: BurnRate) -> Iterator[str]:
    kpi = CATALOGUE[rule.kpi]
    if kpi.unit != "ratio" or kpi.good == "neutral":
        yield f"expected a KPI that is a share and has a better direction, found {kpi.name} ({kpi.unit}, {kpi.good})"
    if not 0 < condition.target < 1:
        yield f"expected a target between 0 and 1, found {condition.target:g}"
    elif condition.rate <= 0:
        yield f"expected a rate above 0, found {condition.rate:g}"
    elif (share := condition.rate * (1 - condition.target)) >= 1:
        yield (
            f"could never fire: {condition.rate:.4g} times the budget of {1 - condition.target:.4g} is"
            f" {share:.4g}, and no more than a share of 1 can be bad"
        )
    if not 0 < condition.short_s < rule.window_s:
        yield f"expected `short_s` above 0 and under the window's {rule.window_s}, found {condition.short_s}"


def _faults_of_history(rule: Rule, history_s: int, least_windows: int) -> Iterator[str]:
    windows = history_s // max(rule.window_s, 1)
    if not 1 <= least_windows <= windows:
        yield (
            f"expected `least_windows` of 1 to {windows}, as many windows as the history has, found {least_windows}"
        )


def _faults_of_peers(rule: Rule, peers: Peers) -> Iterator[str]:
    if not peers.dimensions or not {*peers.dimensions} <= {*rule.by}:
        yield f"peers: expected dimensions of `by` ({', '.join(rule.by)}), found {', '.join(peers.dimensions)}"
    if peers.sites and (len(peers.sites) != len(peers.dimensions) or not {*peers.sites} <= {*rule.by}):
        yield "peers: expected `sites` among `by`, one for each of `dimensions`"
    if len(rule.by) < 2:
        yield "peers: expected two dimensions or more in `by`, since peers are values of pairs"
    for name, count in (("least", peers.least), ("all_from", peers.all_from)):
        if count is not None and count < 2:
            yield f"peers: expected `{name}` of 2 or more, found {count}"
    if not _NAME.fullmatch(peers.label) or peers.label in _LABELS:
        yield f"peers: expected a label such as host, found {peers.label!r}"
