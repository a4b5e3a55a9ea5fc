"""The numbers, each defined once. Names are a contract: dashboards, alerts and reports refer to them."""

from __future__ import annotations

from kpis.model import Condition, Kpi, Part, PerSecond, Ratio

# --- conditions ------------------------------------------------------------------------------------------

RUCIO = Condition("source", "=", "rucio")  # the lake's own view; FTS tells the same transfers a second time
FTS = Condition("source", "=", "fts")
ENDED = Condition("ok", "known")  # done, failed or lost
WHOLE_RSE = (  # not the share of one scope, account or experiment in it
    Condition("rse", "known"),
    *(Condition(field, "unknown") for field in ("scope", "account", "experiment")),
)
DONE = Condition("ok", "=", True)
FAILED = Condition("ok", "=", False)

# --- dimensions ------------------------------------------------------------------------------------------

_LINK = ("src_site", "dst_site", "src_country", "dst_country", "src_qos", "dst_qos")
TRANSFERS = (
    *("vo", "activity", "account", "experiment", "src_rse", "dst_rse"),
    *(*_LINK, "protocol", "endpoint", "kind"),
)
FAILURES = (*TRANSFERS, "error_class", "error_scope")
DELETIONS = ("vo", "experiment", "rse", "site", "country", "qos", "protocol")
STORAGE = ("rse", "site", "country", "qos")
QUEUES = ("endpoint", "src_site", "dst_site", "src_host", "dst_host")
NETWORK = ("src_site", "dst_site", "src_host", "dst_host", "ip_version")
PROBES = ("probe", "site", "rse", "operation", "protocol", "vo")
RULES = ("vo", "account", "rse", "scope")

# --- transfers -------------------------------------------------------------------------------------------

_NOTHING_ENDED = "no transfer ended"


def _transfer(name: str, meaning: str, **rest: object) -> Kpi:
    given: dict[str, object] = {"dimensions": TRANSFERS, "where": (RUCIO,), "null": _NOTHING_ENDED} | rest
    return Kpi(name=name, meaning=meaning, dataset="transfers", noise=True, **given)  # type: ignore[arg-type]


_KPIS = (
    _transfer(
        "transfer_efficiency",
        "Share of transfers that ended well, of all that ended.",
        unit="ratio",
        good="up",
        value=Ratio(Part(kind="count", where=(DONE,)), Part(kind="count", where=(ENDED,))),
        warning=0.8,
        critical=0.5,
    ),
    _transfer(
        "transfers_done",
        "Files that arrived.",
        unit="count",
        good="up",
        value=Part(kind="count", where=(DONE,)),
        null="never null",
    ),
    _transfer(
        "transfers_failed",
        "Attempts that failed or were lost.",
        unit="count",
        good="down",
        value=Part(kind="count", where=(FAILED,)),
        dimensions=FAILURES,
        null="never null",
    ),
    _transfer(
        "transfer_volume",
        "Bytes of the files that arrived.",
        unit="bytes",
        good="up",
        value=Part(kind="sum", field="bytes", where=(DONE,)),
        null="no file of known size arrived",
    ),
    _transfer(
        "files_failing",
        "Distinct files with a failed attempt: a retry storm does not raise it.",
        unit="count",
        good="down",
        value=Part(kind="distinct", field="name", where=(FAILED,)),
        dimensions=FAILURES,
        null="never null",
    ),
    _transfer(
        "attempts_per_file",
        "Ended attempts for each distinct file.",
        unit="count",
        good="down",
        value=Ratio(Part(kind="count", where=(ENDED,)), Part(kind="distinct", field="name", where=(ENDED,))),
        warning=1.5,
        critical=3.0,
    ),
    _transfer(
        "transfer_throughput",
        "Speed of a transfer while its bytes moved: all bytes by all seconds.",
        unit="bytes/s",
        good="up",
        value=Ratio(
            Part(kind="sum", field="bytes", where=(DONE, Condition("transfer_s", "known"))),
            Part(kind="sum", field="transfer_s", where=(DONE, Condition("bytes", "known"))),
        ),
        null="no transfer of known size and duration arrived",
    ),
    _transfer(
        "delivered_rate",
        "Bytes that arrived in each second of the time looked at.",
        unit="bytes/s",
        good="up",
        value=PerSecond(Part(kind="sum", field="bytes", where=(DONE,))),
        null="no file of known size arrived",
    ),
    _transfer(
        "queue_time_p50",
        "Half of the transfers waited less than this from request to start.",
        unit="seconds",
        good="down",
        value=Part(kind="percentile", field="queue_s", quantile=0.5),
        null="no transfer with a known start",
    ),
    _transfer(
        "queue_time_p95",
        "95 of 100 transfers waited less than this from request to start.",
        unit="seconds",
        good="down",
        value=Part(kind="percentile", field="queue_s", quantile=0.95),
        null="no transfer with a known start",
        warning=6 * 3600.0,
        critical=24 * 3600.0,
    ),
    _transfer(
        "submission_failures",
        "Requests that the transfer tool refused to take.",
        unit="count",
        good="down",
        value=Part(kind="count", where=(Condition("event", "=", "submission_failed"),)),
        null="never null",
    ),
    _transfer(
        "submissions",
        "Requests handed to the transfer tool.",
        unit="count",
        good="neutral",
        value=Part(kind="count", where=(Condition("event", "=", "submitted"),)),
        null="never null",
    ),
    _transfer(
        "fts_efficiency",
        "Share of transfers that ended well by FTS's own word.",
        unit="ratio",
        good="up",
        where=(FTS,),
        value=Ratio(Part(kind="count", where=(DONE,)), Part(kind="count", where=(ENDED,))),
        warning=0.8,
        critical=0.5,
    ),
    _transfer(
        "fts_finished",
        "Files that arrived by FTS's own word; beside transfers_done it shows lost messages.",
        unit="count",
        good="up",
        where=(FTS,),
        value=Part(kind="count", where=(DONE,)),
        null="never null",
    ),
    # --- deletions ---------------------------------------------------------------------------------------
    Kpi(
        name="deletions_done",
        meaning="Replicas that were deleted.",
        unit="count",
        good="neutral",
        dataset="deletions",
        value=Part(kind="count", where=(DONE,)),
        dimensions=DELETIONS,
        null="never null",
    ),
    Kpi(
        name="deletion_rate",
        meaning="Replicas deleted in each second of the time looked at.",
        unit="1/s",
        good="neutral",
        dataset="deletions",
        value=PerSecond(Part(kind="count", where=(DONE,))),
        dimensions=DELETIONS,
        null="never null",
    ),
    Kpi(
        name="deletion_volume",
        meaning="Bytes of the replicas that were deleted.",
        unit="bytes",
        good="neutral",
        dataset="deletions",
        value=Part(kind="sum", field="bytes", where=(DONE,)),
        dimensions=DELETIONS,
        null="no replica of known size was deleted",
    ),
    Kpi(
        name="deletion_efficiency",
        meaning="Share of deletions that worked, of all that were tried and found their file.",
        unit="ratio",
        good="up",
        dataset="deletions",
        value=Ratio(Part(kind="count", where=(DONE,)), Part(kind="count", where=(ENDED,))),
        dimensions=DELETIONS,
        null="no deletion was tried",
        warning=0.9,
        critical=0.5,
    ),
    # --- storage -----------------------------------------------------------------------------------------
    Kpi(
        name="storage_used",
        meaning="Bytes used, by the last word of each storage element.",
        unit="bytes",
        good="neutral",
        dataset="storage",
        value=Part(kind="last", field="used", series=("rse",)),
        where=WHOLE_RSE,
        dimensions=STORAGE,
        null="no storage element has told",
    ),
    Kpi(
        name="storage_free",
        meaning="Bytes left, by the last word of each storage element.",
        unit="bytes",
        good="up",
        dataset="storage",
        value=Part(kind="last", field="free", series=("rse",)),
        where=WHOLE_RSE,
        dimensions=STORAGE,
        null="no storage element has told",
    ),
    Kpi(
        name="storage_growth",
        meaning="Bytes more than at the beginning of the time looked at.",
        unit="bytes",
        good="neutral",
        dataset="storage",
        value=Part(kind="growth", field="used", series=("rse",)),
        where=WHOLE_RSE,
        dimensions=STORAGE,
        null="no storage element has told",
    ),
    # --- rules -------------------------------------------------------------------------------------------
    Kpi(
        name="rules_stuck",
        meaning="Distinct rules that were seen stuck.",
        unit="count",
        good="down",
        dataset="rules",
        value=Part(kind="distinct", field="rule_id", where=(Condition("event", "=", "stuck"),)),
        dimensions=RULES,
        null="never null",
    ),
    Kpi(
        name="oldest_stuck_rule",
        meaning="Age of the oldest rule that was seen stuck.",
        unit="seconds",
        good="down",
        dataset="rules",
        value=Part(kind="max", field="age_s", where=(Condition("event", "=", "stuck"),)),
        dimensions=RULES,
        null="no rule was stuck",
    ),
    # --- FTS queues --------------------------------------------------------------------------------------
    Kpi(
        name="fts_queue_depth",
        meaning="Transfers waiting in FTS, by the last word on each link.",
        unit="count",
        good="down",
        dataset="fts_queue",
        value=Part(kind="last", field="submitted", series=("endpoint", "src_host", "dst_host")),
        dimensions=QUEUES,
        null="FTS's optimizer has not told",
    ),
    Kpi(
        name="fts_active",
        meaning="Transfers running in FTS, by the last word on each link.",
        unit="count",
        good="neutral",
        dataset="fts_queue",
        value=Part(kind="last", field="active", series=("endpoint", "src_host", "dst_host")),
        dimensions=QUEUES,
        null="FTS's optimizer has not told",
    ),
    Kpi(
        name="fts_success_rate",
        meaning="FTS's own success rate of its links, in the mean.",
        unit="ratio",
        good="up",
        dataset="fts_queue",
        value=Part(kind="mean", field="success_rate"),
        dimensions=QUEUES,
        null="FTS's optimizer has not told",
    ),
    # --- network -----------------------------------------------------------------------------------------
    Kpi(
        name="network_throughput",
        meaning="What perfSONAR's throughput tests reached, in the mean.",
        unit="bytes/s",
        good="up",
        dataset="network",
        value=Part(kind="mean", field="throughput"),
        where=(Condition("test", "=", "throughput"),),
        dimensions=NETWORK,
        null="no throughput test succeeded",
    ),
    Kpi(
        name="network_loss",
        meaning="Share of perfSONAR's probes that were lost.",
        unit="ratio",
        good="down",
        dataset="network",
        value=Ratio(
            Part(kind="sum", field="packets_lost", where=(Condition("packets_sent", "known"),)),
            Part(kind="sum", field="packets_sent", where=(Condition("packets_lost", "known"),)),
        ),
        where=(Condition("test", "in", ("latency", "latencybg", "rtt")),),
        dimensions=NETWORK,
        null="no latency test ran",
        warning=0.001,
        critical=0.02,
    ),
    Kpi(
        name="network_latency_p95",
        meaning="One-way delay that 95 of 100 probes stay below, in the mean of the tests.",
        unit="seconds",
        good="down",
        dataset="network",
        value=Part(kind="mean", field="latency_p95_s"),
        dimensions=NETWORK,
        null="no latency test ran",
    ),
    Kpi(
        name="network_rtt",
        meaning="Mean round trip.",
        unit="seconds",
        good="down",
        dataset="network",
        value=Part(kind="mean", field="rtt_mean_s"),
        where=(Condition("test", "=", "rtt"),),
        dimensions=NETWORK,
        null="no round-trip test got an answer",
    ),
    Kpi(
        name="network_retransmits",
        meaning="TCP retransmissions of perfSONAR's throughput tests.",
        unit="count",
        good="down",
        dataset="network",
        value=Part(kind="sum", field="retransmits"),
        dimensions=NETWORK,
        null="no throughput test ran",
    ),
    Kpi(
        name="network_routes",
        meaning="Distinct routes seen: more than one means that the route changed.",
        unit="count",
        good="down",
        dataset="network",
        value=Part(kind="distinct", field="route_id"),
        dimensions=NETWORK,
        null="never null",
    ),
    Kpi(
        name="clock_error",
        meaning="Greatest clock error that perfSONAR's hosts told.",
        unit="seconds",
        good="down",
        dataset="network",
        value=Part(kind="max", field="clock_error_s"),
        dimensions=NETWORK,
        null="no test told its clock's error",
        warning=0.01,
        critical=0.1,
    ),
    # --- probes ------------------------------------------------------------------------------------------
    Kpi(
        name="probe_availability",
        meaning="Share of checks that found their service well, of all that gave an answer.",
        unit="ratio",
        good="up",
        dataset="probes",
        value=Ratio(
            Part(kind="count", where=(Condition("status", "=", "ok"),)),
            Part(kind="count", where=(Condition("status", "in", ("ok", "warning", "critical")),)),
        ),
        dimensions=PROBES,
        null="no check gave an answer",
        warning=0.95,
        critical=0.8,
    ),
)

CATALOGUE: dict[str, Kpi] = {kpi.name: kpi for kpi in _KPIS}
"""Every KPI by name."""


def find(name: str) -> Kpi:
    """The KPI of that name. Raises `KeyError` naming the nearest ones."""
    import difflib

    if name in CATALOGUE:
        return CATALOGUE[name]
    close = difflib.get_close_matches(name, CATALOGUE, 3) or CATALOGUE
    raise KeyError(f"no KPI {name!r}; there is {', '.join(close)}")
