"""Space: used, left, growing, and when it ends."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Number, Panel, Row
from lakescope.dashboards.variables import QOS, RSE, SITE, VO


def _transfers(*by: str) -> tuple[Number, ...]:
    return tuple(
        Number(kpi=kpi, by=by, label=label)
        for kpi, label in (
            ("transfer_volume", "volume"),
            ("transfers_done", "transferred"),
            ("transfers_failed", "failed"),
            ("transfer_efficiency", "efficiency"),
            ("queue_time_p95", "queue time (p95)"),
        )
    )


STORAGE = Dashboard(
    name="storage",
    title="Storage and QoS",
    question="How much is stored, where and in which QoS class, and when is it full?",
    variables=(VO, SITE, RSE, QOS),
    group="rse",
    since="7d",
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(title="Used", kind="stat", width=6, height=4, numbers=(Number(kpi="storage_used"),)),
                Panel(title="Free", kind="stat", width=6, height=4, numbers=(Number(kpi="storage_free"),)),
                Panel(
                    title="Growth", kind="stat", width=6, height=4, numbers=(Number(kpi="storage_growth"),)
                ),
                Panel(
                    title="Fill level",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="storage_fullness"),),
                ),
            ),
        ),
        Row(
            title="RSEs",
            panels=(
                Panel(
                    title="RSEs",
                    kind="table",
                    width=24,
                    height=11,
                    numbers=tuple(
                        Number(kpi=kpi, by=("rse",), label=label)
                        for kpi, label in (
                            ("storage_fullness", "fill level"),
                            ("storage_used", "used"),
                            ("storage_total", "total"),
                            ("storage_occupied", "in use by the storage's report"),
                            ("storage_unaccounted", "unknown to Rucio"),
                            ("storage_free", "free"),
                            ("storage_growth", "growth"),
                            ("days_to_full", "full in"),
                            ("storage_files", "files"),
                        )
                    ),
                    link=links.STORAGE,
                ),
                Panel(
                    title="Used by storage element",
                    kind="lines",
                    numbers=(Number(kpi="storage_used", by=("rse",)),),
                    link=links.STORAGE,
                ),
                Panel(
                    title="Share in use by storage element",
                    kind="lines",
                    numbers=(Number(kpi="storage_fullness", by=("rse",)),),
                    link=links.STORAGE,
                ),
                Panel(
                    title="Files by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="storage_files", by=("rse",)),),
                    link=links.STORAGE,
                ),
            ),
        ),
        Row(
            title="Reports of the storage services (SRR)",
            panels=(
                Panel(
                    title="Shares",
                    kind="table",
                    width=24,
                    numbers=tuple(
                        Number(kpi=kpi, by=("storage_service", "share"), label=label)
                        for kpi, label in (
                            ("share_used", "used"),
                            ("share_total", "size"),
                            ("share_free", "free"),
                            ("share_files", "files"),
                            ("storage_report_age", "age of the report"),
                        )
                    ),
                    text="Shares may overlap: they are not added up.",
                ),
                Panel(
                    title="Storage services",
                    kind="table",
                    width=14,
                    numbers=tuple(
                        Number(kpi=kpi, by=("storage_service",), label=label)
                        for kpi, label in (
                            ("service_used", "used"),
                            ("service_total", "size"),
                            ("storage_report_age", "age of the report"),
                        )
                    ),
                ),
                Panel(
                    title="Share against Rucio, by RSE",
                    kind="table",
                    width=10,
                    numbers=(Number(kpi="share_unaccounted", by=("rse",), label="unknown to Rucio"),),
                    link=links.STORAGE,
                ),
            ),
        ),
        Row(
            title="Reads, writes and tape by the storages' own records",
            panels=(
                Panel(
                    title="Operations by site",
                    kind="table",
                    width=24,
                    numbers=tuple(
                        Number(kpi=kpi, by=("site", "event"), label=label)
                        for kpi, label in (
                            ("file_operations_ended", "operations"),
                            ("file_operation_efficiency", "efficiency"),
                            ("file_operation_volume", "volume"),
                            ("file_operation_queue_time_p95", "queue time (p95)"),
                        )
                    ),
                ),
                Panel(
                    title="Volume read, written and moved to and from tape",
                    kind="stacked",
                    numbers=(Number(kpi="file_operation_rate", by=("event",)),),
                ),
                Panel(
                    title="Time in the queue of a pool (p95)",
                    kind="lines",
                    numbers=(Number(kpi="file_operation_queue_time_p95", by=("event",)),),
                ),
            ),
        ),
        Row(
            title="Parts and limits",
            panels=(
                Panel(
                    title="Usage sources by RSE",
                    kind="table",
                    width=24,
                    numbers=tuple(
                        Number(kpi=f"storage_{source}", by=("rse",), label=label)
                        for source, label in (
                            ("expired", "deletable now"),
                            ("obsolete", "obsolete"),
                            ("unavailable", "unavailable"),
                            ("unlocked", "unlocked"),
                            ("static", "configured size"),
                            ("min_free_space", "kept free"),
                            ("reserved", "kept free by limit"),
                            ("not_readable", "closed for reading"),
                            ("not_writable", "closed for writing"),
                            ("not_deletable", "closed for deletion"),
                        )
                    ),
                    link=links.STORAGE,
                    text="Each is a part or a limit of an RSE of its own: they overlap, and do not add up to what is used.",
                ),
            ),
        ),
        Row(
            title="Experiments, scopes and accounts",
            panels=(
                Panel(
                    title="Used by experiment",
                    kind="table",
                    width=8,
                    numbers=(
                        Number(kpi="experiment_used", by=("experiment",), label="used"),
                        Number(kpi="experiment_files", by=("experiment",), label="files"),
                    ),
                ),
                Panel(
                    title="Used by scope",
                    kind="table",
                    width=8,
                    numbers=(
                        Number(kpi="scope_used", by=("scope",), label="used"),
                        Number(kpi="scope_files", by=("scope",), label="files"),
                    ),
                ),
                Panel(
                    title="Used by account and RSE",
                    kind="table",
                    width=8,
                    numbers=(
                        Number(kpi="account_used", by=("account", "rse"), label="used"),
                        Number(kpi="account_files", by=("account", "rse"), label="files"),
                        Number(kpi="account_fullness", by=("account", "rse"), label="of quota"),
                    ),
                ),
                Panel(
                    title="Used by experiment over time",
                    kind="lines",
                    numbers=(Number(kpi="experiment_used", by=("experiment",)),),
                ),
                Panel(
                    title="Used by scope, RSE and QoS class",
                    kind="table",
                    numbers=(
                        Number(kpi="scope_rse_used", by=("scope", "rse", "qos"), label="used"),
                        Number(kpi="scope_rse_files", by=("scope", "rse", "qos"), label="files"),
                    ),
                ),
            ),
        ),
        Row(
            title="Quality of service",
            panels=(
                Panel(
                    title="Used space by QoS class",
                    kind="bars",
                    width=8,
                    numbers=(Number(kpi="storage_used", by=("qos",)),),
                ),
                Panel(
                    title="Fill level by QoS class",
                    kind="bars",
                    width=8,
                    numbers=(Number(kpi="storage_fullness", by=("qos",)),),
                ),
                Panel(
                    title="Used space by country",
                    kind="bars",
                    width=8,
                    numbers=(Number(kpi="storage_used", by=("country",)),),
                ),
                Panel(
                    title="Transfers by QoS class of source and destination",
                    kind="table",
                    width=24,
                    numbers=_transfers("src_qos", "dst_qos"),
                ),
                Panel(
                    title="Deletions by QoS class",
                    kind="table",
                    numbers=tuple(
                        Number(kpi=kpi, by=("qos",), label=label)
                        for kpi, label in (
                            ("deletion_volume", "volume"),
                            ("deletions_done", "deleted"),
                            ("deletion_efficiency", "efficiency"),
                        )
                    ),
                ),
                Panel(
                    title="Queue time (p95) by QoS class of the destination",
                    kind="lines",
                    numbers=(Number(kpi="queue_time_p95", by=("dst_qos",)),),
                ),
            ),
        ),
        Row(
            title="Disk and tape",
            panels=(
                Panel(
                    title="Transfers from and to disk and tape",
                    kind="table",
                    width=12,
                    numbers=_transfers("src_type", "dst_type"),
                ),
                Panel(
                    title="Volume from disk to tape and back",
                    kind="stacked",
                    width=12,
                    numbers=(
                        Number(
                            kpi="transfer_volume",
                            where={"src_type": "DISK", "dst_type": "TAPE"},
                            label="to tape",
                        ),
                        Number(
                            kpi="transfer_volume",
                            where={"src_type": "TAPE", "dst_type": "DISK"},
                            label="from tape",
                        ),
                    ),
                ),
                Panel(
                    title="Staging and archiving in FTS by link",
                    kind="table",
                    numbers=(
                        Number(kpi="fts_staging", by=("src_site", "dst_site"), label="staging"),
                        Number(kpi="fts_archiving", by=("src_site", "dst_site"), label="archiving"),
                    ),
                ),
                Panel(
                    title="Time to stage and to archive (p95)",
                    kind="lines",
                    numbers=(
                        Number(kpi="staging_time_p95", label="staging"),
                        Number(kpi="archiving_time_p95", label="archiving"),
                    ),
                ),
            ),
        ),
    ),
)
