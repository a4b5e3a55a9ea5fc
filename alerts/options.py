"""`[alerts]` of the configuration, but for its receivers, which are plugins."""

from __future__ import annotations

from pydantic import Field

from lakescope.alerts.routing import Subscription
from lakescope.core.options import Options


class AlertOptions(Options):
    """Alerts: who is notified of what."""

    subscriptions: dict[str, Subscription] = Field(default_factory=dict)
    """Which alerts go to which receivers; without one all go to every receiver."""
