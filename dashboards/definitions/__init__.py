"""The dashboards, each one file: what an operator looks at, in the order in which they are listed."""

from __future__ import annotations

from lakescope.dashboards.definitions.accounts import ACCOUNTS
from lakescope.dashboards.definitions.communities import COMMUNITIES
from lakescope.dashboards.definitions.failures import FAILURES
from lakescope.dashboards.definitions.fts import FTS
from lakescope.dashboards.definitions.hosts import HOSTS
from lakescope.dashboards.definitions.lake import LAKE
from lakescope.dashboards.definitions.lakescope import LAKESCOPE
from lakescope.dashboards.definitions.link import LINK
from lakescope.dashboards.definitions.network import NETWORK
from lakescope.dashboards.definitions.probes import PROBES
from lakescope.dashboards.definitions.quality import QUALITY
from lakescope.dashboards.definitions.rucio import RUCIO
from lakescope.dashboards.definitions.rules import RULES
from lakescope.dashboards.definitions.storage import STORAGE
from lakescope.dashboards.definitions.transfers import TRANSFERS
from lakescope.dashboards.model import Dashboard

DASHBOARDS: dict[str, Dashboard] = {
    dashboard.name: dashboard
    for dashboard in (
        *(LAKE, TRANSFERS, LINK, FAILURES, FTS, NETWORK),
        *(STORAGE, ACCOUNTS, RULES, RUCIO, HOSTS, PROBES, COMMUNITIES, QUALITY, LAKESCOPE),
    )
}
"""Name -> dashboard."""
