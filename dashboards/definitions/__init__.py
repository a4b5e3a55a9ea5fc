"""The dashboards, each one file: what an operator looks at, in the order in which they are listed."""

from __future__ import annotations

from dashboards.definitions.communities import COMMUNITIES
from dashboards.definitions.failures import FAILURES
from dashboards.definitions.fts import FTS
from dashboards.definitions.hosts import HOSTS
from dashboards.definitions.lake import LAKE
from dashboards.definitions.lakescope import LAKESCOPE
from dashboards.definitions.link import LINK
from dashboards.definitions.network import NETWORK
from dashboards.definitions.probes import PROBES
from dashboards.definitions.rules import RULES
from dashboards.definitions.storage import STORAGE
from dashboards.definitions.transfers import TRANSFERS
from dashboards.model import Dashboard

DASHBOARDS: dict[str, Dashboard] = {
    dashboard.name: dashboard
    for dashboard in (
        *(LAKE, TRANSFERS, LINK, FAILURES, FTS, NETWORK),
        *(STORAGE, RULES, HOSTS, PROBES, COMMUNITIES, LAKESCOPE),
    )
}
"""Name -> dashboard."""
