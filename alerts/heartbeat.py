"""A heartbeat to a dead man's switch outside: who no longer hears it knows that nobody is notified of anything.

One GET a round, which services such as healthchecks.io, Dead Man's Snitch, Cronitor and Uptime Kuma take as a sign of life. The
address is a secret: whoever knows it can keep the switch quiet.
"""

from __future__ import annotations

from pydantic import Field, SecretStr

from lakescope.alerts.receivers._common import HttpReceiverOptions, call


class HeartbeatOptions(HttpReceiverOptions):
    """A dead man's switch outside: it gets one GET after every round that a store answered, from the instance that notifies."""

    url: SecretStr = Field(examples=["${HEARTBEAT_URL}"])
    """Its address, such as https://hc-ping.com/UUID. Kept as a secret: the path is a token."""


class Heartbeat:
    """Of one address."""

    def __init__(self, options: HeartbeatOptions) -> None:
        self._options = options

    def __call__(self) -> None:
        """Raises `TransientError` or `RefusedError`, whose texts do not have the address's path in them."""
        with self._options.client() as client:
            call(client, self._options, "GET", self._options.url)
