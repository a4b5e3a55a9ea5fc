"""The way of a transfer through Rucio's own daemons: submitter, poller, finisher, throttler."""

from __future__ import annotations

from lakescope.kpis.catalogue._rucio import COUNT, counted, gauge, increase, of, rate, rucio, timed
from lakescope.kpis.model import Condition, Ratio

CONVEYOR = "daemons.conveyor"
FTS = "transfertool.fts3"

KPIS = (
    rucio(
        name="rucio_submission_efficiency",
        meaning="Share of transfers that FTS accepted when Rucio submitted them; whether they succeed is another matter.",
        unit="ratio",
        good="up",
        where=of(FTS, "submission"),
        value=Ratio(increase(where=(Condition("state", "=", "success"),)), increase()),
        null="Rucio submitted nothing, or fewer than two reports",
        warning=0.95,
        critical=0.85,
    ),
    counted(
        "rucio_submissions",
        "Transfers that Rucio handed to FTS.",
        FTS,
        "submission",
        where=(Condition("state", "=", "success"),),
    ),
    counted(
        "rucio_submission_failures",
        "Transfers that FTS did not accept.",
        FTS,
        "submission",
        where=(Condition("state", "=", "failure"),),
        good="down",
    ),
    counted(
        "rucio_requests_taken",
        "Requests that daemons took from Rucio's queue, by state.",
        "core.request",
        "get_next_requests",
    ),
    rate(
        "rucio_queue_reads",
        "Rate at which daemons read Rucio's queue of requests.",
        "core.request",
        "get_and_mark_next",
        where=(COUNT,),
    ),
    rate(
        "rucio_submitter_rate",
        "Transfers per second that the submitter took up.",
        f"{CONVEYOR}.submitter",
        "get_transfers_total_transfers",
    ),
    rate(
        "rucio_poller_rate",
        "Transfers per second whose state the poller updated.",
        f"{CONVEYOR}.poller",
        "update_request_state",
    ),
    rate(
        "rucio_receiver_rate",
        "Messages per second of FTS that the receiver took.",
        f"{CONVEYOR}.receiver",
        "message_rucio",
    ),
    rate(
        "rucio_finisher_rate",
        "Requests per second that the finisher handled.",
        f"{CONVEYOR}.finisher",
        "handle_requests",
    ),
    timed(
        "rucio_submitter_time",
        "Average time of the submitter to find sources, per transfer.",
        f"{CONVEYOR}.submitter",
        "get_transfers_time_per_transfer",
    ),
    timed(
        "rucio_submission_time", "Average time of a submission to FTS, per transfer.", FTS, "submit_transfer"
    ),
    timed(
        "rucio_poller_time",
        "Average time of the poller's queries to FTS, per transfer.",
        f"{CONVEYOR}.poller",
        "bulk_query_transfers",
    ),
    timed(
        "rucio_finisher_time",
        "Average time of the finisher, per request.",
        f"{CONVEYOR}.finisher",
        "handle_requests_time",
    ),
    timed(
        "rucio_wait_time",
        "Average time from a request to its transfer's start, as Rucio measures it.",
        "core.request",
        "wait_time",
    ),
    timed(
        "rucio_transfer_time",
        "Average time of a transfer, as Rucio measures it.",
        "core.request",
        "transfer_time",
    ),
    counted(
        "rucio_transfers_lost",
        "Transfers that FTS did not know any more.",
        f"{CONVEYOR}.poller",
        "transfer_lost",
        good="down",
    ),
    gauge(
        "rucio_throttler_waiting",
        "Requests that the throttler holds back",
        f"{CONVEYOR}.throttler",
        "rse_transfer_limits",
        where=(Condition("limit_attr", "=", "waiting"),),
    ),
    gauge(
        "rucio_throttler_active",
        "Active transfers of an RSE with a limit",
        f"{CONVEYOR}.throttler",
        "rse_transfer_limits",
        where=(Condition("limit_attr", "=", "active"),),
        good="neutral",
    ),
    gauge(
        "rucio_throttler_limit",
        "Transfers that the throttler allows at once",
        f"{CONVEYOR}.throttler",
        "rse_transfer_limits",
        where=(Condition("limit_attr", "=", "max_transfers"),),
        good="neutral",
    ),
)
