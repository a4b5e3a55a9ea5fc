"""The gauges that /metrics has of alerts, as its writer and the generated rules name them.

Each rule's groups have a series with the labels `rule` and the rule's dimensions; an open incident has one with `incident`,
`severity`, `owner` and the attributes of its culprit.
"""

from __future__ import annotations

from lakescope.alerts.model import State

VALUE = "lakescope_alert_value"
THRESHOLD = "lakescope_alert_threshold"
COMPLETENESS = "lakescope_alert_completeness"
STATE = "lakescope_alert_state"
LEFT_OUT = "lakescope_alert_groups_left_out"
"""Groups of a `rule` without a series."""
INCIDENT = "lakescope_incident"
"""Failed attempts of an open incident's last window."""
DOWNTIME = "lakescope_downtime"
"""1 for each `site` that is in a downtime now."""

STATES: dict[State, int] = {
    "no baseline": -3,
    "no data": -2,
    "unknown": -1,
    "ok": 0,
    "covered": 1,
    "pending": 2,
    "firing": 3,
    "clearing": 4,
}
"""What the state's gauge shows."""
