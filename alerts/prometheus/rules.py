"""Prometheus' alerting rules: one comparison a rule, the dead man's switch, and what only mutes others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from lakescope.alerts.inhibition import ENDS, MUTE, is_outage, reach_of
from lakescope.alerts.model import Rule
from lakescope.alerts.prometheus.gauges import (
    COMPLETENESS,
    DOWNTIME,
    INCIDENT,
    STATE,
    STATES,
    THRESHOLD,
    VALUE,
)
from lakescope.kpis import CATALOGUE
from lakescope.kpis.units import duration_text

DEAD_MANS_SWITCH = "dead_mans_switch"

_INSTANCES = "without (instance, job)"
"""Of several Lakescopes one evaluates: an alert stays the same when another takes over."""
_OPEN = STATES["firing"]
_NUMBERS = {
    "ratio": "humanizePercentage",
    "seconds": "humanizeDuration",
    "bytes": "humanize1024",
}
"""Unit -> Prometheus' function that writes it."""
_SUFFIXES = {"bytes": "B", "bytes/s": "B/s", "bits/s": "b/s", "1/s": "/s", "days": " d"}

Document = dict[str, Any]
Links = Callable[[Rule | None, Iterable[str]], Mapping[str, str]]
"""A rule (null for incidents and for Lakescope itself) and the names of its alerts' labels -> the annotations `runbook_url`
and `dashboard_url`, in which Prometheus fills in the labels' values."""


def rule_files(rules: Iterable[Rule], links: Links) -> dict[str, Document]:
    """File name -> content, one file an owner and `lakescope.yml` for what watches Lakescope itself."""
    rules = [rule for rule in rules if rule.enabled]
    files: dict[str, Document] = {}
    for owner in sorted({rule.owner for rule in rules}):
        entries = [_entry(rule, links) for rule in rules if rule.owner == owner]
        files[f"{owner}.yml"] = _file(owner, entries)
    files["lakescope.yml"] = _file("lakescope", list(_own(rules, links)))
    return files


# --- one rule ---------------------------------------------------------------------------------------------


def _file(name: str, entries: list[Document]) -> Document:
    return {"groups": [{"name": f"lakescope-{name}", "rules": entries}]}


def _entry(rule: Rule, links: Links) -> Document:
    fields = _fields(rule)
    summary = rule.summary.format_map(fields)
    if rule.peers:  # the alert of a peer lacks the other dimensions
        pair = next(name for name in rule.by if name != rule.peers.label)
        of_peer = rule.peers.summary.format_map(fields)
        summary = f"{{{{ if $labels.{pair} }}}}{summary}{{{{ else }}}}{of_peer}{{{{ end }}}}"
    return {
        "alert": rule.name,
        "expr": f'max {_INSTANCES} ({STATE}{{rule="{rule.name}"}}) >= {_OPEN}',
        "labels": {"severity": rule.severity, "owner": rule.owner, **reach_of(rule)},
        "annotations": {
            "summary": summary,
            "description": rule.description.format_map(fields),
            "completeness": _number(rule, COMPLETENESS, "ratio"),
            **links(rule, rule.labels),
        },
    }


def _fields(rule: Rule) -> dict[str, str]:
    """What a rule's texts may name -> how Prometheus' templates get it."""
    kpi = CATALOGUE.get(rule.kpi)
    unit = kpi.unit if kpi else "count"
    fields = {
        "value": _number(rule, VALUE, unit),
        "threshold": _number(rule, THRESHOLD, unit),
        "window": duration_text(rule.window_s),
        **{name: f"(see {name} in `lakescope alerts check`)" for name in ("volume", "median", "count")},
        **{name: f"{{{{ $labels.{name} }}}}" for name in rule.labels},
    }
    return fields | ({"peer": fields[rule.peers.label]} if rule.peers else {})


def _number(rule: Rule, gauge: str, unit: str) -> str:
    selector = ",".join([f'rule=\\"{rule.name}\\"', *(f"{name}=%q" for name in rule.labels)])
    labels = " ".join(f"$labels.{name}" for name in rule.labels)
    query = f'printf "{gauge}{{{selector}}}" {labels}'.rstrip()
    words = f"{_NUMBERS.get(unit, 'humanize')} }}}}{_SUFFIXES.get(unit, '')}"
    return (
        f"{{{{ with {query} | query }}}}{{{{ . | first | value | {words}{{{{ else }}}}no value{{{{ end }}}}"
    )


# --- Lakescope itself -------------------------------------------------------------------------------------


def _own(rules: Iterable[Rule], links: Links) -> Iterator[Document]:
    pages = links(None, ())

    def entry(
        name: str, expression: str, severity: str, texts: tuple[str, str], wait: str = "0s", **labels: str
    ) -> Document:
        summary, description = texts
        return {
            "alert": name,
            "expr": expression,
            "for": wait,
            "labels": {"severity": severity, "owner": "monitoring"} | labels,
            "annotations": {"summary": summary, "description": description, **pages},
        }

    yield entry(
        DEAD_MANS_SWITCH,
        "vector(1)",
        "none",
        (
            "Prometheus and Alertmanager work",
            "Always firing: whoever no longer receives it should be alarmed.",
        ),
    )
    yield entry(
        "alerts_absent",
        f"absent({STATE})",
        "page",
        (
            "No alerts are evaluated",
            "No Lakescope that Prometheus asks shows alert states: look at `lakescope run`.",
        ),
        "10m",
    )
    yield entry(
        "alerts_unknown",
        f"count(max {_INSTANCES} ({STATE}) == {STATES['unknown']}) > 0",
        "page",
        (
            "{{ $value }} alert states are unknown",
            "The store does not answer Lakescope's questions: open alerts stay open, new ones are not seen.",
        ),
        "15m",
    )
    for severity in ("page", "ticket"):
        incident = entry(
            "incident",
            f'max {_INSTANCES} ({INCIDENT}{{severity="{severity}"}}) >= 0',
            severity,
            (
                "Transfers fail: incident {{ $labels.incident }}, {{ $value }} failed attempts",
                "Its culprit, evidence and charts are on its page.",
            ),
            owner="{{ $labels.owner }}",
            topic="transfers",
        )
        incident["annotations"] |= links(None, ("incident",))
        yield incident
    for end in ENDS:
        for cause, expression in _mutes(rules):
            yield entry(
                MUTE,
                f'label_replace({expression}, "{end}", "$1", "site", "(.+)")',
                "none",
                (f"{{{{ $labels.site }}}}: {cause}", f"Mutes the links of the site, by its label {end}."),
                cause=cause,
            )


def _mutes(rules: Iterable[Rule]) -> Iterator[tuple[str, str]]:
    """Cause and expression, by `site`, of what mutes a site's links."""
    yield "downtime", f"max by (site) ({DOWNTIME}) > 0"
    outages = [rule.name for rule in rules if is_outage(rule)]
    if outages:
        yield "outage", f'max by (site) ({STATE}{{rule=~"{"|".join(outages)}"}}) >= {_OPEN}'
