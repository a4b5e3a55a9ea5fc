"""What a plugin is written with: all that a package outside this tree may import, beside `lakescope.testing`.

    collector   `Collector`, options from `CollectorOptions` or `OneFormat`, entry point in ``lakescope.collectors``
    format      `Format`, perhaps with `declare`, entry point in ``lakescope.formats``
    sink        `Sink`, options from `SinkOptions` or `HttpSinkOptions`, entry point in ``lakescope.sinks``; with the method
                ``answer`` (`KpiSink`) it answers KPIs, with ``find`` (`SearchableSink`) it gives events back, with ``expire``
                (`ExpiringSink`, `ExpiringOptions`) it deletes old ones
    receiver    `Receiver`, options from `ReceiverOptions` or `HttpReceiverOptions`, entry point in ``lakescope.receivers``
    KPI         `Kpi`, entry point in ``lakescope.kpis``
    dashboard   `Dashboard`, entry point in ``lakescope.dashboards``
    rule        `AlertRule`, entry point in ``lakescope.rules``; `Rule` is the event of a replication rule

Everything else may change from one version to the next without a word.
"""

from lakescope.alerts.model import (
    Absence,
    Alert,
    Baseline,
    BurnRate,
    Notification,
    Peers,
    Threshold,
    Volume,
)
from lakescope.alerts.model import Rule as AlertRule
from lakescope.alerts.receivers._common import HttpReceiverOptions, Receiver, ReceiverOptions, post
from lakescope.collectors._common import CollectorOptions, OneFormat
from lakescope.core.contracts import (
    Collector,
    Encoder,
    ExpiringSink,
    Finding,
    Health,
    Outcome,
    RefusedError,
    SearchableSink,
    Sink,
    TransientError,
)
from lakescope.core.events import (
    DATASETS,
    Deletion,
    Did,
    Event,
    FtsQueue,
    Host,
    Network,
    Poll,
    Probe,
    Push,
    Rule,
    Storage,
    Trace,
    Transfer,
)
from lakescope.core.http import http_client, judge_status, mask, send
from lakescope.core.inbox import Inbox
from lakescope.core.messages import DecodeResult, Format, Message, Reject, RejectedError, declare, quote
from lakescope.core.options import Options, Tls, check_url
from lakescope.core.tokens import shows
from lakescope.dashboards.model import Dashboard, Link, Listing, Number, Panel, Row, Variable
from lakescope.kpis.model import (
    Condition,
    EventsQuery,
    Kpi,
    KpiSink,
    Part,
    PerSecond,
    Query,
    Ratio,
    Remainder,
    Report,
    ReportsQuery,
    StoreAnswer,
    StoreQuery,
    UnsupportedError,
    combine,
    order,
    parts,
)
from lakescope.sinks._common import ExpiringOptions, HttpSinkOptions, SinkOptions, answer_each
from lakescope.transformers._common import (
    any_json,
    convert,
    count_unknown,
    digest,
    each,
    epoch_ms_time,
    epoch_time,
    host_of,
    identify,
    protocol_of,
    text_of,
    utc_time,
)

__all__ = [
    "DATASETS",
    "Absence",
    "Alert",
    "AlertRule",
    "Baseline",
    "BurnRate",
    "Collector",
    "CollectorOptions",
    "Condition",
    "Dashboard",
    "DecodeResult",
    "Deletion",
    "Did",
    "Encoder",
    "Event",
    "EventsQuery",
    "ExpiringOptions",
    "ExpiringSink",
    "Finding",
    "Format",
    "FtsQueue",
    "Health",
    "Host",
    "HttpReceiverOptions",
    "HttpSinkOptions",
    "Inbox",
    "Kpi",
    "KpiSink",
    "Link",
    "Listing",
    "Message",
    "Network",
    "Notification",
    "Number",
    "OneFormat",
    "Options",
    "Outcome",
    "Panel",
    "Part",
    "Peers",
    "PerSecond",
    "Poll",
    "Probe",
    "Push",
    "Query",
    "Ratio",
    "Receiver",
    "ReceiverOptions",
    "RefusedError",
    "Reject",
    "RejectedError",
    "Remainder",
    "Report",
    "ReportsQuery",
    "Row",
    "Rule",
    "SearchableSink",
    "Sink",
    "SinkOptions",
    "Storage",
    "StoreAnswer",
    "StoreQuery",
    "Threshold",
    "Tls",
    "Trace",
    "Transfer",
    "TransientError",
    "UnsupportedError",
    "Variable",
    "Volume",
    "answer_each",
    "any_json",
    "check_url",
    "combine",
    "convert",
    "count_unknown",
    "declare",
    "digest",
    "each",
    "epoch_ms_time",
    "epoch_time",
    "host_of",
    "http_client",
    "identify",
    "judge_status",
    "mask",
    "order",
    "parts",
    "post",
    "protocol_of",
    "quote",
    "send",
    "shows",
    "text_of",
    "utc_time",
]
