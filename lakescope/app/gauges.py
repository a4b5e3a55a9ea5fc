"""What /metrics shows of alerts: each rule's groups as of the last round, open incidents, downtimes in force.

People have pseudonyms: whoever scrapes keeps labels for long, and for everybody who may ask there.

Bounded: of a rule the groups that are worst or nearest to firing. There are no counters: what is delivered twice would count
twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector as Exporter

from lakescope.alerts.model import Rule, State, Verdict
from lakescope.alerts.overview import states_of
from lakescope.alerts.prometheus import gauges
from lakescope.app.pseudonyms import Pseudonyms
from lakescope.app.rounds import Rounds
from lakescope.core.personal import PERSONAL

GROUPS = 50
"""Of each rule."""
_PEOPLE = frozenset(name for names in PERSONAL.values() for name in names) - {"host"}
"""Labels; a host in a rule is a server."""


class AlertGauges(Exporter):
    """Reads the last round at each scrape."""

    def __init__(self, rounds: Rounds, pseudonyms: Pseudonyms) -> None:
        self._rounds, self._pseudonyms = rounds, pseudonyms

    def describe(self) -> list[Metric]:
        """Nothing: the labels depend on the rules."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges of `alerts.prometheus.gauges`."""
        evaluator = self._rounds.evaluator
        samples: list[tuple[dict[str, str], Verdict, State]] = []
        left_out = GaugeMetricFamily(
            gauges.LEFT_OUT,
            "Groups of a rule that have no series here: those furthest from firing",
            labels=["rule"],
        )
        for name, rule in evaluator.rules.items():
            groups = states_of(evaluator.verdicts.get(name, ()), evaluator.ledger, rule)
            samples += [
                (self._labels(rule, verdict), verdict, state) for verdict, state, _ in groups[:GROUPS]
            ]
            left_out.add_metric([name], max(0, len(groups) - GROUPS))
        yield left_out
        readings: dict[str, tuple[str, Callable[[Verdict], float | None]]] = {
            gauges.VALUE: ("Value of a rule's KPI, in its unit", lambda verdict: verdict.value),
            gauges.THRESHOLD: ("Threshold of a rule, in its KPI's unit", lambda verdict: verdict.threshold),
            gauges.COMPLETENESS: ("Share of a rule's window with data", lambda verdict: verdict.completeness),
        }
        for name, (text, read) in readings.items():
            family = Metric(name, text, "gauge")
            for labels, verdict, _ in samples:
                if (value := read(verdict)) is not None:
                    family.add_sample(name, labels, value)
            yield family
        states = ", ".join(f"{number} {state}" for state, number in gauges.STATES.items())
        family = Metric(gauges.STATE, f"State of a rule: {states}", "gauge")
        for labels, _, state in samples:
            family.add_sample(gauges.STATE, labels, gauges.STATES[state])
        yield family
        yield self._incidents()
        yield self._downtimes()

    def _incidents(self) -> Metric:
        family = Metric(gauges.INCIDENT, "Failed attempts of an open incident's greatest window", "gauge")
        for one in self._rounds.records.incidents(float("inf")):
            culprit = {name: value for pattern in one.patterns[:1] for name, value in pattern}
            labels = {
                **self._hidden(culprit),
                "incident": one.id,
                "severity": one.severity,
                "owner": one.owner,
            }
            family.add_sample(gauges.INCIDENT, labels, one.failures)
        return family

    def _downtimes(self) -> Metric:
        family = GaugeMetricFamily(gauges.DOWNTIME, "1 for a site that is in a downtime", labels=["site"])
        for site in sorted({one.site for one in self._rounds.outages if one.site and one.host is None}):
            family.add_metric([site], 1)
        return family

    def _labels(self, rule: Rule, verdict: Verdict) -> dict[str, str]:
        places = rule.places(verdict.group) if verdict.group else {}
        return {"rule": rule.name, **self._hidden(places)}

    def _hidden(self, labels: dict[str, str]) -> dict[str, str]:
        return {
            name: self._pseudonyms.of(value) if name in _PEOPLE else value for name, value in labels.items()
        }
