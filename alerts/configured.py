"""The rules as configured: the catalogue's and a site's own, those of objectives, and the changes of `[alerts.rules.NAME]`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from lakescope.alerts.check import faults
from lakescope.alerts.model import Absence, Baseline, BurnRate, Condition, Rule, Threshold
from lakescope.alerts.objectives import RUNBOOK, Objective, rules_of
from lakescope.alerts.options import AlertOptions, RuleOptions
from lakescope.core.options import closest

_RUNBOOKS = "docs/runbooks/"


class Fault(NamedTuple):
    """What is wrong with one option."""

    place: tuple[str, ...]
    text: str
    remedy: str


def configure(
    rules: Mapping[str, Rule], options: AlertOptions, objectives: Iterable[Objective]
) -> tuple[dict[str, Rule], list[Fault]]:
    """Name -> rule, and what is wrong, which is left out: an objective, or a rule's change."""
    configured = dict(rules)
    problems: list[Fault] = []
    for number, objective in enumerate(objectives):
        try:
            own = list(rules_of(objective, page(options, RUNBOOK)))
            _check(own, configured)
            configured |= {rule.name: rule for rule in own}
        except ValueError as error:
            problems.append(
                Fault(("objectives", str(number)), str(error), "change the objective, or remove it")
            )
    for name, change in options.rules.items():
        place = ("alerts", "rules", name)
        rule = configured.get(name)
        if rule is None:
            suggestion = closest(name, configured)
            remedy = f"write [alerts.rules.{suggestion}]" if suggestion else "see `lakescope alerts list`"
            problems.append(Fault(place, f"there is no rule {name!r}", remedy))
            continue
        try:
            configured[name] = changed(rule, change)
        except ValueError as error:
            problems.append(
                Fault((*place, "threshold"), str(error), f"see `lakescope alerts explain {name}`")
            )
    return configured, problems


def page(options: AlertOptions, path: str) -> str:
    """The address of a page of the documentation: where it is published, else a runbook's on Lakescope's own pages; its path
    alone where no address is known."""
    if options.runbooks is not None:
        return f"{options.runbooks}/{path}"
    if options.url is not None and path.startswith(_RUNBOOKS):
        return f"{options.url}/runbooks/{path.removeprefix(_RUNBOOKS).removesuffix('.md')}"
    return path


def _check(own: Iterable[Rule], others: Mapping[str, Rule]) -> None:
    for rule in own:
        for fault in faults(rule):
            raise ValueError(fault)
        if rule.name in others:
            raise ValueError(f"there is another rule {rule.name!r}: give the objective a `name` of its own")


def changed(rule: Rule, options: RuleOptions) -> Rule:
    """The rule as a site wants it. Raises `ValueError` for a threshold that it cannot have."""
    own = options.model_dump(exclude_none=True)
    threshold = own.pop("threshold", None)
    rule = replace(rule, **own)
    if threshold is not None:
        rule = replace(rule, condition=_with_threshold(rule, threshold))
        for fault in faults(rule):
            raise ValueError(fault.removeprefix("condition: "))
    return rule


def _with_threshold(rule: Rule, threshold: float) -> Condition:
    match rule.condition:
        case Threshold(above=None, clear=clear) as condition:
            return replace(condition, below=threshold, clear=_passed(max, clear, threshold))
        case Threshold(clear=clear) as condition:
            return replace(condition, above=threshold, clear=_passed(min, clear, threshold))
        case Baseline(ratio_above=None, clear_ratio=clear) as condition:
            return replace(condition, ratio_below=threshold, clear_ratio=_passed(max, clear, threshold))
        case Baseline(ratio_below=None, clear_ratio=clear) as condition:
            return replace(condition, ratio_above=threshold, clear_ratio=_passed(min, clear, threshold))
        case Baseline():
            raise ValueError(
                f"{rule.name} has two ratios, one above and one below its median, and takes no threshold"
            )
        case BurnRate() as condition:
            return replace(condition, rate=threshold)
        case Absence():
            raise ValueError(
                f"{rule.name} has no threshold: it fires when a group that had values has none; it has `for_s`"
            )


def _passed(better: Callable[[float, float], float], clear: float | None, threshold: float) -> float | None:
    """Where it clears: as before, or at the threshold where that has passed it."""
    return None if clear is None else better(clear, threshold)
