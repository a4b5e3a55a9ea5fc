"""Where clicks lead, the same from every dashboard."""

from __future__ import annotations

from lakescope.dashboards.model import Link

LINK = Link("link", {"source": "src_site", "destination": "dst_site"})
FROM_SOURCE = Link("transfers", {"source": "src_site"})
TO_DESTINATION = Link("transfers", {"destination": "dst_site"})
FAILURES = Link("failures", {})
ERROR = Link("failures", {"error": "error_class"})
STORAGE = Link("storage", {"rse": "rse"})
PROBES = Link("probes", {"site": "site"})
ENDPOINT = Link("fts", {"endpoint": "endpoint"})
NETWORK = Link("network", {"source": "src_site", "destination": "dst_site"})
HOST = Link("hosts", {"host": "host"})
EXPERIMENT = Link("transfers", {"experiment": "experiment"})
VO = Link("transfers", {"vo": "vo"})
