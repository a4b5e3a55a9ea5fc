"""The numbers, each defined once. Names are a contract: dashboards, alerts and reports refer to them."""

from __future__ import annotations

from lakescope.kpis.catalogue import (
    accesses,
    alerts,
    comparisons,
    daemons,
    deletions,
    downtimes,
    file_operations,
    fts_queue,
    hosts,
    incidents,
    network,
    pipeline,
    probes,
    replicas,
    requests,
    rucio_backlogs,
    rucio_daemons,
    rucio_transfers,
    rules,
    storage,
    syncs,
    transfers,
)
from lakescope.kpis.model import Kpi

_ROOMS = (
    *(
        transfers,
        deletions,
        accesses,
        storage,
        file_operations,
        rules,
        fts_queue,
        network,
        hosts,
        probes,
        downtimes,
        incidents,
        alerts,
        pipeline,
        syncs,
    ),
    *(requests, daemons, replicas),
    *(rucio_backlogs, rucio_transfers, rucio_daemons),
    comparisons,
)

CATALOGUE: dict[str, Kpi] = {kpi.name: kpi for room in _ROOMS for kpi in room.KPIS}
"""Every KPI by name."""
