"""`[alerts]` of the configuration, but for its receivers, which are plugins."""

from __future__ import annotations

from pydantic import Field, field_validator

from lakescope.alerts.heartbeat import HeartbeatOptions
from lakescope.alerts.model import Owner, Severity
from lakescope.alerts.routing import Subscription
from lakescope.core.options import Options, check_url


class RuleOptions(Options):
    """What a site changes of one rule."""

    enabled: bool | None = None
    """Whether it is evaluated."""
    threshold: float | None = Field(default=None, examples=[0.3])
    """Its limit, in the KPI's unit (a ratio as a share: 0.3 for 30 %): `above` or `below`, of a range of values `above`; of a
    baseline the ratio to the median, of an objective the burn rate. What falls silent has none. The rule still clears where it
    did, or at the threshold where that has passed it."""
    for_s: int | None = Field(default=None, ge=0, examples=[1800])
    """Abnormal for so long (seconds), it fires."""
    severity: Severity | None = None
    """page or ticket."""
    owner: Owner | None = None
    """Who can do something about it."""


class AlertOptions(Options):
    """Alerts: which rules, who is notified of what, and where their links lead."""

    evaluate: bool = True
    """Whether this instance evaluates the rules, looks for incidents and notifies receivers."""
    store: str | None = Field(default=None, examples=["central"])
    """The sink that is asked; else the first that can answer."""
    rules: dict[str, RuleOptions] = Field(default_factory=dict)
    """Changes of rules, by their names."""
    subscriptions: dict[str, Subscription] = Field(default_factory=dict)
    """Which alerts go to which receivers; without one all go to every receiver."""
    url: str | None = Field(default=None, examples=["https://lakescope.example.org"])
    """Address of Lakescope's pages, as who is notified can open them: for links to dashboards, incidents and runbooks. Without
    it there are none."""
    runbooks: str | None = Field(default=None, examples=["https://docs.example.org/lakescope"])
    """Address below which you publish Lakescope's documentation, for links to `docs/runbooks/<rule>.md`; without it they lead to
    `/runbooks/<rule>` below `url`."""
    heartbeat: HeartbeatOptions | None = None
    """A dead man's switch outside, which hears that rules are evaluated and that this instance notifies."""

    @field_validator("url", "runbooks")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None:
            check_url(url, ("http", "https"), "https://lakescope.example.org")
        return url and url.rstrip("/")
