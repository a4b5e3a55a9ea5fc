"""Numbers against each other: of two sources, of two datasets, and of a range against what was before it."""

from __future__ import annotations

from functools import partial
from typing import Literal

from msgspec import structs

from lakescope.kpis.catalogue import fts_queue, network, requests, storage, transfers
from lakescope.kpis.catalogue.network import NETWORK, TESTS
from lakescope.kpis.catalogue.requests import LINKS
from lakescope.kpis.catalogue.storage import STORAGE
from lakescope.kpis.catalogue.transfers import BOTH, FTS_COPIES, HERMES_DONE, RUCIO_COPIES, TRANSFERS
from lakescope.kpis.model import DAY, HOUR, Comparison, Condition, Kpi

_WEEK = 7 * DAY
_KPIS = {kpi.name: kpi for room in (fts_queue, network, requests, storage, transfers) for kpi in room.KPIS}

_WAYS = ("src_host", "dst_host", "src_site", "dst_site", "ip_version", "vo")
_BOTH_VERSIONS = tuple(name for name in NETWORK if name != "ip_version")


def _over(kpi: Kpi, ip_version: int) -> Kpi:
    """The same over one IP version."""
    only = Condition("ip_version", "in", (str(ip_version),))
    return structs.replace(kpi, name=f"{kpi.name}_ipv{ip_version}", where=(*kpi.where, only))


_ONE_WAY_LOSS = structs.replace(
    _KPIS["network_loss"], where=(Condition("test", "in", ("latency", "latencybg")),)
)
"""Pings lose other packets, and may run over one version only."""

_of_rse = partial(Kpi, unit="bytes", dataset="storage", dimensions=STORAGE)
_per_rse = partial(Comparison, operation="difference", per=("rse",))
_OCCUPANCY_KPIS = _of_rse(
    name="storage_occupied",
    meaning="Bytes in use as the storage itself reports them: its total space minus its free space.",
    good="neutral",
    value=_per_rse(of=_KPIS["storage_total"], to=_KPIS["storage_free"]),
    null="no RSE has reported both its total and its free space, or the last report is stale",
)
_UNACCOUNTED = _of_rse(
    name="storage_unaccounted",
    meaning="Bytes in use as the storage reports them minus those in Rucio's catalogue: above 0, the storage holds"
    " data that Rucio does not know (dark data); below 0, data may be lost.",
    good="neutral",
    signed=True,
    value=_per_rse(of=_OCCUPANCY_KPIS, to=_KPIS["storage_used"]),
    null="no RSE has both values, or the last report is stale",
)
_SHARE_UNACCOUNTED = _of_rse(
    name="share_unaccounted",
    meaning="Bytes in use in the share of an RSE as its storage service reports them (SRR) minus those in Rucio's"
    " catalogue: above 0, the share holds data that Rucio does not know; below 0, data may be lost.",
    good="neutral",
    value=_per_rse(of=_KPIS["share_used"], to=_KPIS["storage_used"]),
    null="no share holds just one RSE that Rucio counts, or the last report is stale",
)
_discrepancy = partial(Kpi, unit="ratio", good="neutral", signed=True, dataset="storage", dimensions=STORAGE)

_transfers = partial(
    Kpi,
    unit="ratio",
    dataset="transfers",
    dimensions=TRANSFERS,
    noise=True,
    null="no transfer ended then or before",
)

_LATE_S = 900
"""So late the last of Hermes's messages come: once the finisher has seen the transfer, and Hermes the message."""


def _witness(name: str, hours: int, operation: Literal["difference", "ratio"], text: str) -> Kpi:
    """Of the last hours until a quarter of an hour before the range's end, or of each such span in it."""
    return Kpi(
        name=f"hermes_{name}_{hours}h",
        meaning=text,
        unit="count" if operation == "difference" else "ratio",
        good="neutral",
        dataset="transfers",
        value=Comparison(
            of=HERMES_DONE,
            to=_KPIS[f"requests_done_{hours}h"],
            operation=operation,
            window_s=hours * HOUR,
            late_s=_LATE_S,
        ),
        dimensions=(*LINKS, "activity"),
        noise=True,
        null="Rucio's own count is not polled (/requests/metrics), or it keeps no transfer_stats",
    )


KPIS = (
    *(
        kpi
        for hours, span in ((1, "hour"), (6, "six hours"))
        for kpi in (
            _witness(
                "difference",
                hours,
                "difference",
                f"Transfers that Hermes reported as done in the {span} minus those that Rucio itself counts: steadily below"
                " 0, messages of Hermes are lost.",
            ),
            _witness(
                "completeness",
                hours,
                "ratio",
                f"Transfers that Hermes reported as done in the {span}, divided by those that Rucio itself counts: 1 if no"
                " message is lost.",
            ),
        )
    ),
    Kpi(
        name="done_difference",
        meaning="Copies that Rucio reports as done minus those that FTS reports as finished: above 0, messages of FTS"
        " were lost; below 0, messages of Rucio.",
        unit="count",
        good="neutral",
        signed=True,
        dataset="transfers",
        value=Comparison(of=RUCIO_COPIES, to=FTS_COPIES, operation="difference"),
        dimensions=BOTH,
        noise=True,
        null="only one of Rucio and FTS reported a copy",
    ),
    Kpi(
        name="fts_network_ratio",
        meaning="Average throughput of FTS over a link, divided by what perfSONAR's tests reached between the same"
        " sites.",
        unit="ratio",
        good="neutral",
        dataset="fts_queue",
        value=Comparison(of=_KPIS["fts_throughput"], to=_KPIS["network_throughput"], operation="ratio"),
        dimensions=("src_site", "dst_site"),
        null="only one of FTS and perfSONAR measured the link",
    ),
    Kpi(
        name="network_delay_asymmetry",
        meaning="Average one-way delay minus that of the way back between the same hosts: twice the difference of their clocks"
        " where both ways are alike.",
        unit="seconds",
        good="neutral",
        signed=True,
        dataset="network",
        value=Comparison(
            of=_KPIS["network_latency"],
            to=_KPIS["network_latency"],
            operation="difference",
            is_way_back=True,
        ),
        dimensions=_WAYS,
        null="only one way was tested",
    ),
    Kpi(
        name="network_loss_ipv6_excess",
        meaning="Loss of perfSONAR's one-way test packets over IPv6 minus that over IPv4 between the same hosts, in percentage"
        " points.",
        unit="ratio",
        good="neutral",
        signed=True,
        dataset="network",
        value=Comparison(of=_over(_ONE_WAY_LOSS, 6), to=_over(_ONE_WAY_LOSS, 4), operation="difference"),
        dimensions=_BOTH_VERSIONS,
        null="only one IP version was tested",
    ),
    Kpi(
        name="network_throughput_ipv6_ratio",
        meaning="Average throughput of perfSONAR tests over IPv6, divided by that over IPv4 between the same hosts.",
        unit="ratio",
        good="neutral",
        dataset="network",
        value=Comparison(
            of=_over(_KPIS["network_throughput"], 6),
            to=_over(_KPIS["network_throughput"], 4),
            operation="ratio",
        ),
        dimensions=_BOTH_VERSIONS,
        null="only one IP version was tested",
    ),
    Kpi(
        name="expected_tests_done",
        meaning="Results of perfSONAR tests, divided by those that the pSConfig templates want between the same hosts; 1: all"
        " of them, 0: none was heard. Of a test that runs more often the expected number counts.",
        unit="ratio",
        good="up",
        dataset="network",
        value=Comparison(
            of=_KPIS["network_test_rate"],
            to=_KPIS["expected_test_rate"],
            operation="ratio",
            per=("src_host", "dst_host", "test"),
            absent="of",
            capped=True,
        ),
        dimensions=TESTS,
        null="no test is expected",
        warning=0.9,
        critical=0.5,
    ),
    Kpi(
        name="silent_hosts",
        meaning="Hosts that the pSConfig templates want to measure, and of which no result was heard.",
        unit="count",
        good="down",
        dataset="expected_tests",
        value=Comparison(
            of=_KPIS["expected_hosts"],
            to=_KPIS["network_hosts_heard"],
            operation="difference",
            per=("src_host",),
            absent="to",
        ),
        dimensions=TESTS,
        null="no pSConfig template has been polled",
        warning=0,
        critical=4,
    ),
    _OCCUPANCY_KPIS,
    _UNACCOUNTED,
    _SHARE_UNACCOUNTED,
    _discrepancy(
        name="storage_discrepancy",
        meaning="Bytes in use as the storage reports them minus those in Rucio's catalogue, divided by the total space of"
        " the RSE.",
        value=_per_rse(of=_UNACCOUNTED, to=_KPIS["storage_total"], operation="ratio"),
        null="no RSE has all three values, or the last report is stale",
    ),
    _discrepancy(
        name="share_discrepancy",
        meaning="Bytes in use in the share of an RSE as its storage service reports them (SRR) minus those in Rucio's"
        " catalogue, divided by the size of the share.",
        value=_per_rse(of=_SHARE_UNACCOUNTED, to=_KPIS["share_total"], operation="ratio"),
        null="no share holds just one RSE that Rucio counts, or the last report is stale",
    ),
    _transfers(
        name="transfer_efficiency_change",
        meaning="Transfer efficiency minus that of the seven days before the time range, in percentage points.",
        good="up",
        signed=True,
        value=Comparison(
            of=_KPIS["transfer_efficiency"],
            to=_KPIS["transfer_efficiency"],
            operation="difference",
            baseline_s=_WEEK,
        ),
    ),
    _transfers(
        name="delivered_rate_change",
        meaning="Delivered rate divided by that of the seven days before the time range; 1: as before.",
        good="up",
        value=Comparison(
            of=_KPIS["delivered_rate"], to=_KPIS["delivered_rate"], operation="ratio", baseline_s=_WEEK
        ),
        null="no file of known size arrived then or before",
    ),
    _transfers(
        name="transfer_volume_change",
        meaning="Transferred volume divided by that of the same range one week earlier; 1: as then.",
        good="up",
        value=Comparison(
            of=_KPIS["transfer_volume"], to=_KPIS["transfer_volume"], operation="ratio", shift_s=_WEEK
        ),
        null="no file of known size arrived then or a week earlier",
    ),
)
