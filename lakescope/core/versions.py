"""The servers' versions that Lakescope's tests run against (tests/servers has them; a test holds both equal)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TESTED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ActiveMQ": ("5.17.2",),
        "Alertmanager": ("0.25.0",),
        "Elasticsearch": ("8.19.21", "9.5.3"),
        "InfluxDB": ("1.6.7",),
        "Kafka": ("4.4.0",),
        "OpenSearch": ("3.8.0",),
        "RabbitMQ": ("3.10.8",),
        "Rucio": ("38.6.4", "41.5.1"),
    }
)
"""Product -> versions, oldest first."""
