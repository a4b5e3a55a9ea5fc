"""Transfers, as Rucio tells them and as FTS does."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import (
    DONE,
    EFFICIENCY,
    ENDED,
    FAILED,
    FTS,
    NO_USER_ERROR,
    RUCIO,
    are_known,
    empty_hours,
)
from lakescope.kpis.model import Condition, Kpi, Part, PerSecond, Ratio

_LINK = ("src_site", "dst_site", "src_country", "dst_country", "src_qos", "dst_qos")
_DIMENSIONS = (
    *("vo", "activity", "account", "experiment", "src_rse", "dst_rse"),
    *(*_LINK, "src_type", "dst_type", "protocol", "endpoint", "kind"),
)
TRANSFERS = (*_DIMENSIONS, "datatype")
FAILURES = (*TRANSFERS, "error_class", "error_template", "error_scope")
FTS_TRANSFERS = (*_DIMENSIONS, "auth_method", "ip_version", "transfer_mode", "multihop")
"""How FTS copied, which Rucio is not told."""
BOTH = ("vo", "activity", "experiment", "src_rse", "dst_rse", "src_site", "dst_site", "src_type", "dst_type")
"""What Rucio and FTS tell alike."""

IS_COPY = Condition(
    "kind", "not", "stagein"
)  # what is staged from tape stays where it is: FTS copies nothing
_HAS_VOLUME = (DONE, *are_known("bytes", "transfer_s"))
_HAS_FILE = (ENDED, *are_known("file"))
_REQUESTS = partial(Part, kind="distinct", field="request_id")

_transfers = partial(
    Kpi, dataset="transfers", noise=True, where=(RUCIO,), dimensions=TRANSFERS, null="no transfer ended"
)
_count = partial(_transfers, unit="count", null="never null")
_fts = partial(_transfers, where=(FTS,), dimensions=FTS_TRANSFERS)

_COPIES = (*are_known("request_id"), IS_COPY)  # not FTS's other customers
# a file on its way from a tape system's disk to tape is copied, and Rucio's is done once it is there
_FTS_FINISHED = (FTS, Condition("event", "in", ("done", "archiving")))
_copies = partial(_transfers, unit="count", good="up", dimensions=BOTH)
RUCIO_COPIES = _copies(
    name="rucio_copies",
    meaning="Copies that Rucio reports as done.",
    where=(*_COPIES, RUCIO, DONE),
    value=_REQUESTS(),
    null="Rucio reported no copy as done",
)
HERMES_DONE = _transfers(
    name="hermes_done",
    meaning="Transfer requests that Hermes reported as done, those that stage files in too.",
    unit="count",
    good="up",
    where=(RUCIO, DONE),
    value=_REQUESTS(),
    null="never null",
)
FTS_COPIES = _copies(
    name="fts_copies",
    meaning="Rucio's copies that FTS reports as finished, those on their way from a tape system's disk to tape too;"
    " compared with rucio_copies it shows lost messages.",
    where=(*_COPIES, *_FTS_FINISHED),
    value=_REQUESTS(),
    null="FTS reported no copy as finished",
)

KPIS = (
    _transfers(
        name="transfer_efficiency",
        meaning="Successful transfers divided by all transfers that ended.",
        unit="ratio",
        good="up",
        value=EFFICIENCY,
        warning=0.8,
        critical=0.5,
    ),
    _count(
        name="transfers_done",
        meaning="Files transferred successfully.",
        good="up",
        value=Part(kind="count", where=(DONE,)),
    ),
    _count(
        name="transfers_ended",
        meaning="Transfer attempts that ended: successful, failed or lost.",
        good="neutral",
        where=(RUCIO, ENDED),
        value=Part(kind="count"),
    ),
    _count(
        name="transfers_failed",
        meaning="Transfer attempts that failed or were lost.",
        good="down",
        where=(RUCIO, FAILED),
        value=Part(kind="count"),
        dimensions=FAILURES,
    ),
    _transfers(
        name="transfer_efficiency_of_systems",
        meaning="Successful transfers divided by all that ended, without those that failed by users' own errors: cancelled,"
        " expired proxy, file exists.",
        unit="ratio",
        good="up",
        where=(RUCIO, NO_USER_ERROR),
        value=EFFICIENCY,
        warning=0.8,
        critical=0.5,
    ),
    _count(
        name="transfers_ended_of_systems",
        meaning="Transfer attempts that ended, without those that failed by users' own errors.",
        good="neutral",
        where=(RUCIO, ENDED, NO_USER_ERROR),
        value=Part(kind="count"),
    ),
    _count(
        name="transfers_failed_by_credentials",
        meaning="Transfer attempts that failed as a certificate, CRL, proxy or token was not accepted.",
        good="down",
        where=(RUCIO, FAILED, Condition("credential_error", "=", True)),
        value=Part(kind="count"),
        dimensions=FAILURES,
    ),
    _transfers(
        name="transfer_volume",
        meaning="Volume of the files transferred successfully.",
        unit="bytes",
        good="up",
        value=Part(kind="sum", field="bytes", where=(DONE,)),
        null="no file of known size arrived",
    ),
    _transfers(
        name="failed_volume",
        meaning="Volume of the attempts that failed or were lost; a file counts with each of them.",
        unit="bytes",
        good="down",
        where=(RUCIO,),
        value=Part(kind="sum", field="bytes", where=(FAILED,)),
        null="no attempt of known size failed",
    ),
    _count(
        name="files_failing",
        meaning="Distinct files with at least one failed attempt; repeated attempts count once.",
        good="down",
        where=(RUCIO, FAILED),
        value=Part(kind="distinct", field="file"),
        dimensions=FAILURES,
    ),
    _transfers(
        name="attempts_per_file",
        meaning="Ended transfer attempts per distinct file.",
        unit="count",
        good="down",
        value=Ratio(
            Part(kind="count", where=_HAS_FILE), Part(kind="distinct", field="file", where=_HAS_FILE)
        ),
        warning=1.5,
        critical=3.0,
    ),
    _transfers(
        name="transfer_throughput",
        meaning="Throughput while bytes moved: total bytes divided by total transfer time.",
        unit="bytes/s",
        good="up",
        value=Ratio(
            Part(kind="sum", field="bytes", where=_HAS_VOLUME),
            Part(kind="sum", field="transfer_s", where=_HAS_VOLUME),
        ),
        null="no transfer of known size and duration arrived",
    ),
    _transfers(
        name="delivered_rate",
        meaning="Bytes transferred successfully per second.",
        unit="bytes/s",
        good="up",
        value=PerSecond(Part(kind="sum", field="bytes", where=(DONE,))),
        null="no file of known size arrived",
    ),
    _transfers(
        name="queue_time_p50",
        meaning="Median time from the request to the start of a transfer.",
        unit="seconds",
        good="down",
        value=Part(kind="percentile", field="queue_s", quantile=0.5),
        null="no transfer with a known start",
    ),
    _transfers(
        name="queue_time_p95",
        meaning="95th percentile of the time from the request to the start of a transfer.",
        unit="seconds",
        good="down",
        value=Part(kind="percentile", field="queue_s", quantile=0.95),
        null="no transfer with a known start",
        warning=6 * 3600.0,
        critical=24 * 3600.0,
    ),
    _transfers(
        name="queue_time_total",
        meaning="Time from the request to the start of a transfer, added up over all transfers.",
        unit="seconds",
        good="down",
        value=Part(kind="sum", field="queue_s"),
        null="no transfer with a known start",
    ),
    _count(
        name="transfers_with_queue_time",
        meaning="Transfers of which the queue time is known; queue_time_total divided by them is the average queue time.",
        good="neutral",
        value=Part(kind="count", where=are_known("queue_s")),
    ),
    _count(
        name="submission_failures",
        meaning="Requests that the transfer tool rejected.",
        good="down",
        value=Part(kind="count", where=(Condition("event", "=", "submission_failed"),)),
    ),
    _count(
        name="submissions",
        meaning="Requests submitted to the transfer tool.",
        good="neutral",
        value=Part(kind="count", where=(Condition("event", "=", "submitted"),)),
    ),
    _fts(
        name="fts_efficiency",
        meaning="Successful transfers divided by all that ended, as FTS reports them.",
        unit="ratio",
        good="up",
        value=EFFICIENCY,
        warning=0.8,
        critical=0.5,
    ),
    _fts(
        name="fts_finished",
        meaning="Successful transfers as FTS reports them, of all its users.",
        unit="count",
        good="up",
        value=Part(kind="count", where=(DONE,)),
        null="never null",
    ),
    _fts(
        name="fts_ended",
        meaning="Transfers that ended as FTS reports them, successful or failed, of all its users.",
        unit="count",
        good="neutral",
        where=(FTS, ENDED),
        value=Part(kind="count"),
        null="never null",
    ),
    _fts(
        name="fts_volume",
        meaning="Bytes of the successful transfers, as FTS reported them.",
        unit="bytes",
        good="up",
        value=Part(kind="sum", field="bytes", where=(DONE,)),
        null="FTS reported no successful transfer of a known size",
    ),
    _fts(
        name="staging_time_p95",
        meaning="95th percentile of the time that FTS waited for files to come from tape.",
        unit="seconds",
        good="down",
        value=Part(kind="percentile", field="staging_s", quantile=0.95),
        null="FTS reported no file that was staged",
    ),
    _fts(
        name="archiving_time_p95",
        meaning="95th percentile of the time that FTS waited for copied files to be on tape.",
        unit="seconds",
        good="down",
        value=Part(kind="percentile", field="archiving_s", quantile=0.95),
        null="FTS reported no file that was archived",
    ),
    RUCIO_COPIES,
    FTS_COPIES,
    _transfers(
        name="done_agreement",
        meaning="Rucio's requests that FTS reports as copied, divided by those that Rucio reports as done: below 1,"
        " messages of FTS were lost; above 1, messages of Rucio.",
        unit="ratio",
        good="up",
        where=_COPIES,
        value=Ratio(_REQUESTS(where=_FTS_FINISHED), _REQUESTS(where=(RUCIO, DONE))),
        dimensions=BOTH,
        null="Rucio reported no transferred file",
        warning=0.9,
        critical=0.5,
    ),
    empty_hours("transfers", "event of a transfer", ("source", "vo"), noise=True),
)
