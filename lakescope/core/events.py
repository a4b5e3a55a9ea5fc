"""The events: one flat, typed record a dataset; the contract between transformers, sinks and KPIs.

Conventions, everywhere:

- Unknown is ``None`` and left out of every encoding; never -1, 0, "" or 1970.
- Sizes are bytes, durations seconds, rates bytes/s; a name ends in its unit where it is not obvious.
- Times are text, RFC 3339 in UTC (``2025-03-20T20:14:31.396678Z``): most only travel, and parsing each
  would cost more than decoding the message.
- ``id`` is made of the fields that identify the event (`lakescope.transformers._common.identify`), so that
  a repeated message gives the same id and every sink can write idempotently.
- Only the transform stage writes to an event; for everybody behind it events are read-only.
- A long text (an error, a message) is cut at 4,000 characters.
- A new field has a default, a field never changes its type.
- A tag is what InfluxDB and MONIT keep as one: a field that is grouped by, with few values in a lake.

The ``#:`` comment behind a field is its documentation (meaning, unit, source); docs/reference/events.md,
the Elasticsearch mappings and the DuckDB columns are derived from here.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

Time = Annotated[str, Meta(extra={"kind": "time"})]
LONGEST_TEXT = 4_000
"""Characters: as many as Rucio's database keeps of an error (requests.err_msg)."""
Text = Annotated[str, Meta(extra={"kind": "text"})]
"""Of any length at its source, and cut at `LONGEST_TEXT` (lakescope/bounds.py)."""

TAG = Meta(extra={"tag": True})
"""Of a field that is a tag."""
Tag = Annotated[str, TAG]

# What each quantity can be. A number beyond is no measurement: it becomes null and is counted (lakescope/bounds.py).
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Of things or of bytes. A counter that wrapped below zero is near 2^64, which is more."""
Code = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
"""A duration. A beginning that is unknown and told as 1970 makes more of it than 31 years."""
Rate = Annotated[float, Meta(ge=0, le=1e15)]
"""Bytes/s."""
Delay = Annotated[float, Meta(ge=-100, le=100)]
"""One-way, in seconds: of clocks that differ it may be negative."""
RoundTrip = Annotated[float, Meta(ge=0, le=100)]
"""Seconds, by one clock."""
Offset = Annotated[float, Meta(ge=-1e9, le=1e9)]
"""Of a clock, in seconds."""
Mtu = Annotated[int, Meta(ge=1, le=2**20)]
"""Bytes."""
Hops = Annotated[int, Meta(ge=1, le=255)]
Days = Annotated[float, Meta(ge=-1e6, le=1e6)]
"""Until something ends; negative: since it did."""
Milliseconds = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
"""Since 1970: a moment until the end of the year 9999."""
Number = Annotated[float, Meta(ge=-1e300, le=1e300)]
"""Any that every store takes: no NaN, no infinity, and sums of it neither."""
Source = Literal[
    "rucio",
    "fts",
    "perfsonar",
    "collectd",
    "node_exporter",
    "telegraf",
    "push",
    "cric",
    "rucio-api",
    "rucio-metrics",
    "rucio-probes",
    "trace",
    "lakescope",
    "gocdb",
    "osg",
    "probe",
    "psconfig",
    "fts-rest",
    "sam",
    "srr",
    "dcache",
]
"""The systems that Lakescope's own formats read."""


class _Context(Struct, omit_defaults=True, gc=False, kw_only=True, tag_field="dataset"):
    vo: Tag | None = None  #: VO, as `[vos]` names it; else the collector's `vo`; null: none
    collector: str | None = None  #: name of the collector in the configuration


class Event(_Context):
    """What every event carries, beside ``dataset`` (its kind: the class's tag)."""

    dataset: ClassVar[str]

    id: str  #: 32 hex characters, a hash of the identifying fields
    time: Time  #: time of the event
    source: Annotated[str, TAG]  #: system that reported it; a plugin's format chooses its own name


class Transfer(Event, tag="transfers"):
    """A change in the life of one file transfer, as Rucio or FTS saw it (`source` tells which)."""

    # what happened
    event: Tag  #: queued, submitted, submission_failed, started, done, failed, lost, ... or an FTS file state
    ok: bool | None = None  #: true if transferred, false if failed or lost; null in progress or never tried
    kind: Annotated[Literal["transfer", "stagein"], TAG] | None = None  #: Rucio's request type

    # Rucio's words, in the order of its event (transformers/hermes builds by position: see there)
    request_id: str | None = None  #: Rucio's request, 32 hex characters; joins Rucio and FTS
    previous_request_id: str | None = None  #: the request that this one retries
    job_id: str | None = None  #: FTS job (UUID); Rucio's transfer-id and external-id
    scope: str | None = None  #: scope of the file
    name: str | None = None  #: name of the file
    parent_scope: str | None = None  #: scope of the dataset it belongs to; Rucio datasetScope
    parent_name: str | None = None  #: name of that dataset; Rucio dataset
    datatype: Tag | None = None  #: Rucio datatype of the file
    activity: Tag | None = None  #: Rucio activity, FTS activity share
    account: Tag | None = None  #: Rucio account of the request
    src_rse: Tag | None = None  #: source RSE
    dst_rse: Tag | None = None  #: destination RSE
    src_url: str | None = None  #: source file
    dst_url: str | None = None  #: destination file
    src_type: Tag | None = None  #: DISK or TAPE
    dst_type: Tag | None = None  #: DISK or TAPE
    protocol: Tag | None = None  #: URL scheme of the destination, or the transfer tool
    adler32: str | None = None  #: checksum, 8 hex characters
    md5: str | None = None  #: checksum, 32 hex characters

    # derived
    src_host: str | None = None  #: host of src_url, lower case, without port
    dst_host: str | None = None  #: host of dst_url, lower case, without port
    bytes: Count | None = None  #: size of the file (bytes)
    created: Time | None = None  #: when the request was made
    submitted: Time | None = None  #: when it was handed to the transfer tool
    started: Time | None = None  #: start of the data transfer
    ended: Time | None = None  #: when the transfer ended, successful or not
    queue_s: Seconds | None = None  #: time from `created` to `started` (seconds)
    transfer_s: Seconds | None = None  #: `started` to `ended` (seconds), recomputed: sources overflow
    throughput: Rate | None = None  #: bytes / transfer_s of a done transfer (bytes/s)
    endpoint: Tag | None = None  #: FTS server: its alias or host
    error: Text | None = None  #: original error message

    # not of every kind
    rule_id: str | None = None  #: Rucio rule that asked for the transfer
    file_id: Count | None = None  #: FTS file within the FTS server
    user: str | None = None  #: salted hash of the certificate's subject (FTS user_dn); null unless asked for
    error_scope: Tag | None = None  #: SOURCE, DESTINATION, TRANSFER or GENERAL_FAILURE
    error_phase: str | None = None  #: FTS t_failure_phase
    error_category: str | None = None  #: FTS tr_error_category: name of the errno
    error_code: Code | None = None  #: errno
    retry: Count | None = None  #: number of this retry (count)
    retry_max: Count | None = None  #: retries allowed (count)
    streams: Count | None = None  #: parallel TCP streams (count)
    ip_version: Annotated[int, TAG] | None = None  #: 4 or 6
    auth_method: Tag | None = None  #: certificate or oauth2
    transfer_mode: Tag | None = None  #: streamed, 3rd pull, 3rd push
    multihop: Annotated[bool, TAG] | None = None  #: whether the transfer is one hop of a multihop transfer
    staging_s: Seconds | None = None  #: time that FTS waited for staging from tape, once ended (seconds)
    archiving_s: Seconds | None = None  #: time that FTS waited for archiving to tape, once ended (seconds)

    # added by enrichment
    src_site: Tag | None = None  #: site of the source, from the topology; "ambiguous" if two claim it
    dst_site: Tag | None = None  #: site of the destination, likewise
    src_country: Tag | None = None  #: country of the source RSE, from the topology
    dst_country: Tag | None = None  #: country of the destination RSE, from the topology
    src_qos: Tag | None = None  #: QoS class of the source RSE, from the topology or Rucio
    dst_qos: Tag | None = None  #: QoS class of the destination RSE, from the topology or Rucio
    experiment: Tag | None = None  #: experiment: prefix of the scope's name
    error_class: str | None = None  #: 12 hex characters, hash of error_template
    error_template: Text | None = None  #: error with URLs, hosts, paths, addresses, ids, numbers masked
    functional_test: Annotated[bool, TAG] | None = None  #: whether it is a functional test
    file: str | None = None  #: scope:name of an attempt that has ended; identifies the file
    user_error: Annotated[bool, TAG] | None = None  #: true if only the user can mend it, as a cancelled one
    credential_error: Annotated[bool, TAG] | None = None  #: true if a certificate, CRL or token was refused


class Deletion(Event, tag="deletions"):
    """The end of one replica, or the attempt."""

    event: Annotated[Literal["done", "failed", "not_found"], TAG]  #: result of the deletion
    ok: bool | None = None  #: true for done, false for failed, null for not_found
    scope: str | None = None  #: scope of the file; null for dark data
    name: str | None = None  #: name of the file
    rse: Tag | None = None  #: RSE
    site: Tag | None = None  #: site of the RSE, from the topology
    country: Tag | None = None  #: country of the RSE, from the topology
    qos: Tag | None = None  #: QoS class of the RSE, from the topology or Rucio
    experiment: Tag | None = None  #: experiment: prefix of the scope's name
    bytes: Count | None = None  #: size of the file (bytes)
    url: str | None = None  #: URL of the replica
    protocol: Tag | None = None  #: URL scheme used
    datatype: Tag | None = None  #: Rucio datatype of the file
    duration_s: Seconds | None = None  #: time the deletion took (seconds)
    error: Text | None = None  #: original error message
    error_class: str | None = None  #: 12 hex characters, hash of error_template
    error_template: Text | None = None  #: error with URLs, hosts, paths, addresses, ids, numbers masked


class Did(Event, tag="dids"):
    """A change of a data identifier (dataset, container, file) in Rucio."""

    event: Tag  #: create_dts, create_cnt, register_cnt, close, open, detach, erase, erase_cnt, lost, ...
    account: Tag | None = None  #: Rucio account that did it
    scope: Tag | None = None  #: scope
    name: str | None = None  #: name
    child_scope: str | None = None  #: scope of the child (attached, detached, lost)
    child_name: str | None = None  #: its name
    bytes: Count | None = None  #: size when the dataset was closed (bytes)
    length: Count | None = None  #: number of files when the dataset was closed (count)


class Rule(Event, tag="rules"):
    """A change of a replication rule or of a dataset lock, told by Hermes or polled from Rucio's API."""

    event: Tag  #: ok, progress, dataset_lock_ok, or a polled state: replicating, stuck, suspended, ...
    rule_id: str | None = None  #: the rule, 32 hex characters
    scope: str | None = None  #: scope of the rule's data identifier
    name: str | None = None  #: its name
    rse: Tag | None = None  #: RSE of the lock, or the RSE expression of the rule
    account: Tag | None = None  #: Rucio account that owns the rule
    progress: Percent | None = None  #: done, in per cent (0..100, in tens)
    locks_ok: Count | None = None  #: locks satisfied (count)
    locks_replicating: Count | None = None  #: locks waiting for a transfer (count)
    locks_stuck: Count | None = None  #: locks that are stuck (count)
    age_s: Seconds | None = None  #: age of the rule (seconds)
    stuck_at: Time | None = None  #: time at which the rule got stuck; null if it is not stuck
    stuck_s: Seconds | None = None  #: time for which the rule had been stuck (seconds)
    episode: str | None = None  #: rule_id and stuck_at; a rule that gets stuck again has several
    activity: str | None = None  #: Rucio activity of the rule's transfers
    expires_at: Time | None = None  #: time at which the rule expires
    bytes: Count | None = None  #: size of the data that the rule protects, where Rucio reports it (bytes)
    error: Text | None = None  #: reason for being stuck, as Rucio recorded it
    error_class: str | None = None  #: 12 hex characters, hash of error_template
    error_template: Text | None = None  #: error with URLs, hosts, paths, addresses, ids, numbers masked
    poll: Tag | None = None  #: URL that was polled, `scope` of its `polls`; null if not polled


FileEvent = Annotated[
    Literal["read", "write", "pool_copy", "request", "store", "restore", "remove", "warning"], TAG
]


class Trace(Event, tag="traces"):
    """One access to a file by a client (upload, download, get, touch), from Rucio's tracer."""

    event: Tag  #: Rucio's eventType: upload, download, get, touch, ...
    client_state: Tag | None = None  #: DONE, FAILED, ALREADY_DONE, FOUND_IN_PCACHE, ...
    scope: str | None = None  #: scope of the file
    name: str | None = None  #: name of the file; uploads carry none
    rse: Tag | None = None  #: remote RSE
    site: Tag | None = None  #: site of the RSE, from the topology
    client_site: Tag | None = None  #: site of the client, as the client reports it: Rucio localSite
    host: str | None = None  #: the client's host
    account: str | None = None  #: Rucio account
    protocol: Tag | None = None  #: URL scheme used
    bytes: Count | None = None  #: size of the file (bytes)
    started: Time | None = None  #: start of the data transfer
    ended: Time | None = None  #: end of the data transfer
    ok: bool | None = None  #: true if the client has the file, false if it failed, else null
    error: Text | None = None  #: original error message: Rucio stateReason


class FileOperation(Event, tag="file_operations"):
    """What a storage itself did with one file: read, written, copied between its servers, to and from tape, removed."""

    event: FileEvent  #: request: what a client asked for as a whole, by the door that took it
    ok: bool | None = None  #: whether it succeeded; null of a warning
    site: Tag | None = None  #: site of `host`, from the topology
    pool: Tag | None = None  #: server inside the storage that has the data
    door: Tag | None = None  #: server inside the storage that took the request
    host: str | None = None  #: address of the pool
    protocol: Tag | None = None  #: as the storage names it, lower case: http, xrootd, ...
    ip_version: Annotated[int, TAG] | None = None  #: of the client's address: 4 or 6
    session: str | None = None  #: joins a request with what was done for it
    file_id: str | None = None  #: the storage's own identifier of the file: dCache's pnfsid
    path: str | None = None  #: path of the file in the storage
    bytes: Count | None = None  #: moved (bytes)
    file_bytes: Count | None = None  #: size of the file (bytes)
    queue_s: Seconds | None = None  #: time that it waited before it began (seconds)
    duration_s: Seconds | None = None  #: time that it took (seconds)
    storage_class: Tag | None = None  #: class by which the storage chooses pools and tapes
    tape_system: Tag | None = None  #: tape system behind it
    error: Text | None = None  #: original error message
    error_code: Code | None = None  #: the storage's own code of the error
    error_class: str | None = None  #: 12 hex characters, hash of error_template
    error_template: Text | None = None  #: error with URLs, hosts, paths, addresses, ids, numbers masked


class FtsQueue(Event, tag="fts_queue"):
    """A decision of FTS's optimizer on one link: how much is queued and how many run."""

    endpoint: Tag | None = None  #: FTS server
    src_host: Tag | None = None  #: source storage host
    dst_host: Tag | None = None  #: destination storage host
    src_site: Tag | None = None  #: site of the source, from the topology
    dst_site: Tag | None = None  #: site of the destination, from the topology
    protocol: Tag | None = None  #: URL scheme of the destination: FTS keeps a queue for each
    active: Count | None = None  #: active transfers (count)
    submitted: Count | None = None  #: queued transfers (count)
    connections: Count | None = None  #: connections that the optimizer allows (count)
    throughput: Rate | None = None  #: recent average throughput (bytes/s)
    success_rate: Share | None = None  #: recent success rate (0..1); FTS reports 1 for an idle link
    rationale: Text | None = None  #: reason for the optimizer's decision
    staging: Count | None = None  #: files being staged from tape, including those not yet started (count)
    archiving: Count | None = None  #: files copied and not yet archived to tape (count)
    finished: Count | None = None  #: transfers that succeeded in the last `window_s` (count)
    failed: Count | None = None  #: transfers that failed in the last `window_s` (count)
    ended: Count | None = None  #: `finished` plus `failed` (count)
    canceled: Count | None = None  #: transfers canceled in the last `window_s` (count)
    window_s: Seconds | None = None  #: length of the window in which these are counted (seconds)


class Network(Event, tag="network"):
    """One perfSONAR measurement, failed ones too (`ok` false)."""

    test: Tag  #: pScheduler test type: throughput, latency, latencybg, rtt, trace, clock, http, disk-to-disk
    src_host: Tag | None = None  #: source host, lower case
    dst_host: Tag | None = None  #: destination host, lower case
    src_site: Tag | None = None  #: site of the source, from the topology
    dst_site: Tag | None = None  #: site of the destination, from the topology
    ip_version: Annotated[int, TAG] | None = None  #: 4 or 6
    tool: Tag | None = None  #: iperf3, owping, ...
    ok: bool | None = None  #: whether the measurement succeeded
    throughput: Rate | None = None  #: as the receiver measured it, else the sender (bytes/s)
    retransmits: Count | None = None  #: TCP retransmissions (count)
    packets_sent: Count | None = None  #: test packets sent (count)
    packets_lost: Count | None = None  #: test packets lost (count)
    loss: Share | None = None  #: packet loss: lost / sent (0..1)
    latency_min_s: Delay | None = None  #: one-way delay, minimum (seconds); negative if clocks differ
    latency_mean_s: Delay | None = None  #: one-way delay, average (seconds)
    latency_median_s: Delay | None = None  #: one-way delay, median (seconds)
    latency_p95_s: Delay | None = None  #: one-way delay, 95th percentile (seconds)
    latency_max_s: Delay | None = None  #: one-way delay, maximum (seconds)
    rtt_min_s: RoundTrip | None = None  #: round-trip time, minimum (seconds)
    rtt_mean_s: RoundTrip | None = None  #: round-trip time, average (seconds)
    rtt_max_s: RoundTrip | None = None  #: round-trip time, maximum (seconds)
    jitter_s: RoundTrip | None = None  #: variation of the delay (seconds)
    hops: Hops | None = None  #: number of hops of the path (count)
    route_id: str | None = None  #: 12 hex characters, hash of the path's addresses; changes with the route
    mtu: Mtu | None = None  #: path MTU (bytes)
    clock_error_s: Offset | None = None  #: clock offset or its bound (seconds)
    run_id: str | None = None  #: pScheduler run (UUID)
    error: Text | None = None  #: error message of a failed run


class Host(Event, tag="hosts"):
    """One value of one metric of one host; counters stay raw, rates are made at query time."""

    host: Tag  #: the host, lower case
    metric: Tag  #: name of the metric as the source reports it: node_load1, cpu_percent, ...
    type: Annotated[Literal["counter", "gauge"], TAG]  #: a counter only increases until it is reset
    site: Tag | None = None  #: site of the host, from the topology
    value: Number | None = None  #: value in the metric's own unit; null where the source reported NaN
    quantity: Tag | None = None  #: name common to all sources: load1, cpu_busy, ...; null: none
    labels: dict[str, str] | None = None  #: labels of the series
    series: Tag | None = None  #: metric and labels as one text, of gauges with a quantity: df{path="/"}


class Probe(Event, tag="probes"):
    """The answer of one check of one service."""

    probe: Tag  #: name of the check: sam_gfal, availability, ...
    status: Annotated[Literal["ok", "warning", "critical", "unknown"], TAG]  #: result of the check
    ok: bool | None = None  #: true for ok and for SAM's warning, null for unknown, else false
    target: Tag | None = None  #: checked URL, host or service
    site: Tag | None = None  #: site as the source reports it, else from the topology
    rse: Tag | None = None  #: RSE, where the target is one
    operation: Tag | None = None  #: upload, download, delete, ...
    protocol: Tag | None = None  #: URL scheme used
    message: Text | None = None  #: message of the probe
    failure: Tag | None = None  #: kind of failure: dns, refused, timeout, certificate_expired, status, ...
    address: str | None = None  #: IP address that was probed
    duration_s: Seconds | None = None  #: time from the DNS lookup to the response (seconds)
    http_status: Count | None = None  #: status of the last HTTP response
    certificate_days_left: Days | None = None  #: days until expiry; negative if expired
    certificate_not_after: Time | None = None  #: time at which the certificate expires
    certificate_issuer: str | None = None  #: issuer of the certificate
    certificate_chain_ok: bool | None = None  #: whether the chain is valid and ends at a trusted CA
    certificate_name_ok: bool | None = None  #: whether the certificate is valid for the host name
    host: Tag | None = None  #: host that was checked, lower case, where the source names it
    service: Tag | None = None  #: type of the checked service as the source names it: WEBDAV, XROOTD, ...


class Storage(Event, tag="storage"):
    """What lies where: one count of files and bytes of an RSE, scope, account or experiment."""

    rse: Tag | None = None  #: RSE; null in sums over all RSEs
    site: Tag | None = None  #: site of the RSE, from the topology
    country: Tag | None = None  #: country of the RSE, from the topology
    qos: Tag | None = None  #: QoS class of the RSE, from the topology or Rucio, or as the source reports it
    scope: Tag | None = None  #: scope counted
    account: Tag | None = None  #: account counted
    experiment: Tag | None = None  #: experiment counted: the prefix of the scope's name
    usage_source: Tag | None = None  #: part or limit that is counted: expired, ...; null: the total
    files: Count | None = None  #: files or replicas (count)
    used: Count | None = None  #: used space (bytes)
    total: Count | None = None  #: total space (bytes)
    free: Count | None = None  #: free space (bytes)
    storage_service: Tag | None = None  #: service that reports on itself (SRR); null of Rucio's counts
    share: Tag | None = None  #: share of that service; null: all of it. Shares may overlap
    media: Tag | None = None  #: of the service or share: online, nearline or offline
    vos: str | None = None  #: all VOs that the share is for; `vo` is set if it is for one
    url: str | None = None  #: the share by its first endpoint and path
    age_s: Seconds | None = None  #: age of the report when it was read (seconds)
    readable: bool | None = None  #: whether Rucio may read from the RSE: availability_read
    writable: bool | None = None  #: whether Rucio may write to the RSE: availability_write
    deletable: bool | None = None  #: whether Rucio may delete on the RSE: availability_delete


class Poll(Event, tag="polls"):
    """The answer to one question to an API: that it came, whether it was whole, and how much was in it."""

    scope: Tag  #: URL that was polled, or the group that was pushed
    kind: Tag  #: what was polled: rules, usage, accounts, downtimes, storage, requests, heartbeats, metrics, ...
    state: Tag | None = None  #: only state of rules that was polled: stuck, ...; null: all states
    count: Count | None = None  #: records in the answer; may be 0 (count)
    complete: bool | None = None  #: whether the answer was read completely
    interval_s: Seconds | None = None  #: configured polling interval (seconds)


class Push(Event, tag="push"):
    """Any other document that a script pushed, its own fields kept."""

    producer: Tag  #: producer of the document
    type: Tag  #: type of the document
    data: dict[str, Any]  #: fields of the document, unchanged
    idb_tags: list[str] | None = None  #: fields of data that become InfluxDB tags
    idb_fields: list[str] | None = None  #: fields of data that become InfluxDB fields; null: all others


Stage = Annotated[Literal["collector", "sink", "receiver", "alerts"], TAG]


class PipelineReport(Event, tag="pipeline"):
    """What Lakescope itself did in one interval: an event for each of its collectors and sinks, and for each receiver that
    fetches tokens."""

    instance: Tag  #: host that Lakescope runs on
    stage: Stage  #: what reports; alerts: that it evaluates
    name: Tag  #: the collector, sink or receiver in the configuration; of alerts: since when, and which instance
    seconds: Seconds  #: length of the interval, which ends at `time` (seconds)
    ready: bool | None = None  #: collector, sink: whether it was healthy at the end of the interval
    received: Count | None = None  #: collector: events decoded, rejected or filtered (count)
    stored: Count | None = None  #: sink: events stored (count)
    dead: Count | None = None  #: events that became dead letters here (count)
    filtered: Count | None = None  #: events left out by a rule here (count)
    retries: Count | None = None  #: sink: retried writes (count)
    queued: Count | None = None  #: sink: events queued at the end of the interval (count)
    overflow_bytes: Count | None = None  #: sink: bytes that wait on disk; null: no overflow (bytes)
    overflow_events: Count | None = None  #: sink: events that wait on disk (count)
    overflow_age_s: Seconds | None = None  #: sink: how long the oldest event on disk has waited (seconds)
    overflowed: Count | None = None  #: sink: events written to its overflow (count)
    silent_s: Seconds | None = None  #: collector: `seconds` if no message was received, else 0 (seconds)
    lag_p50_s: Offset | None = None  #: sink: time from an event to its storage, median (seconds)
    lag_p99_s: Offset | None = None  #: sink: time from an event to its storage, 99th percentile (seconds)
    token_life_s: Seconds | None = None  #: how long the token that it fetched is still valid (seconds)
    token_failures: Count | None = None  #: times that an issuer gave it no token (count)


SyncName = Annotated[Literal["topology", "rses", "accounts"], TAG]


class SyncRun(Event, tag="syncs"):
    """What one run of a synchronisation told: how Rucio differs from the source, what was done about it, or why it could not
    tell."""

    sync: SyncName  #: topology: that CRIC's documents were read
    ok: bool  #: whether it could tell: the source and Rucio answered, and the guard let the run go on
    target: Tag | None = None  #: Rucio that is synchronised: its URL, and its VO of several
    drift: Count | None = None  #: differences between Rucio and the source after the run (count)
    drift_age_s: Seconds | None = None  #: how long the oldest difference has been there; 0: none (seconds)
    extra: Count | None = None  #: of these: what Rucio has alone (count)
    invalid: Count | None = None  #: of these: records of the source that must be repaired there (count)
    unmapped: Count | None = None  #: records of the source that are, by rule, not synchronised (count)
    applied: Count | None = None  #: changes made (count)
    failed: Count | None = None  #: changes that Rucio refused (count)
    error: Text | None = None  #: why it could not tell


class Downtime(Event, tag="downtimes"):
    """What an operations portal said of one downtime of one service, in one answer; and once, that it began.

    Each answer is a report of all that it holds (`event` reported, `time` of the answer). A downtime is in force from
    `started` to `ended` by its latest report; one that the next complete answer lacks was cancelled or cut short.
    """

    event: Tag  #: reported; or began: one event per downtime, at its beginning
    downtime_id: str  #: identifier in its portal; the same for all revisions and services
    state: Tag | None = None  #: when reported: planned, running, ended, cancelled
    site: Tag | None = None  #: site, from the topology (host), else as the portal names it
    rse: Tag | None = None  #: RSE of the host, from the topology; "ambiguous" for a host of several
    host: Tag | None = None  #: affected host, lower case; null: the whole site
    service: Tag | None = None  #: affected service type as the portal names it: webdav, SRM, ...
    severity: Tag | None = None  #: outage or warning (at risk)
    classification: Tag | None = None  #: scheduled or unscheduled
    started: Time | None = None  #: start of the downtime
    ended: Time | None = None  #: end of the downtime; null: open
    declared: Time | None = None  #: time at which it was declared
    portal_site: str | None = None  #: site as the portal names it: GOCDB's HOSTED_BY, OSG's resource group
    endpoint: str | None = None  #: affected endpoints (URLs), where the portal names them
    description: Text | None = None  #: reason
    url: str | None = None  #: URL of the downtime in the portal
    summary: Text | None = None  #: the downtime in one line; only of event began
    ended_ms: Milliseconds | None = None  #: end in milliseconds since 1970; only of event began
    poll: Tag | None = None  #: URL that was polled, `scope` of its `polls`; null if not polled


class IncidentReport(Event, tag="incidents"):
    """What Lakescope found of one incident of transfers in one round; and once, that it began.

    Each round reports every incident that is open, or has just ended (`event` reported). A place is null where the culprit
    names none, or several.
    """

    event: Annotated[Literal["reported", "began"], TAG]  #: began: one event per incident, at its beginning
    incident: str  #: its identifier, the same for as long as it lasts
    state: Annotated[Literal["open", "ended"], TAG]  #: open or ended
    severity: Annotated[Literal["page", "ticket"], TAG]  #: page or ticket
    owner: Tag | None = None  #: who can do something: site, storage, network, fts, vo or lake
    culprit: str | None = None  #: the smallest place that explains its failures, as people read it
    site: Tag | None = None  #: site that is the culprit, at either end
    src_site: Tag | None = None  #: source site that is the culprit, or of the link that is
    dst_site: Tag | None = None  #: destination site that is the culprit, or of the link that is
    src_rse: Tag | None = None  #: source RSE that is the culprit
    dst_rse: Tag | None = None  #: destination RSE that is the culprit
    protocol: Tag | None = None  #: protocol that is the culprit
    endpoint: Tag | None = None  #: FTS server that is the culprit
    activity: Tag | None = None  #: activity that is the culprit
    started: Time | None = None  #: when the data first shows it
    ended: Time | None = None  #: end; null: open
    notified: Time | None = None  #: when the first receiver took it; null: nobody was notified
    acknowledged: Time | None = None  #: when somebody acknowledged it; null: nobody did
    attempts: Count | None = None  #: attempts of its greatest window (count)
    failures: Count | None = None  #: failed attempts of that window (count)
    expected: Number | None = None  #: failures that there would have been if nothing were wrong (count)
    error_template: Text | None = None  #: error of most failures, with its variable parts replaced
    muted_by: Text | None = None  #: why nobody is notified: a downtime
    summary: Text | None = None  #: the incident in one line


AlertStep = Annotated[Literal["opened", "notified", "acknowledged", "false_alarm", "ended"], TAG]


class AlertChange(Event, tag="alerts"):
    """One step in the life of an alert, of a rule or an incident; each is written once, at the time of the step."""

    event: AlertStep  #: opened; notified, when the first receiver took it and when it became a page; acknowledged, ...
    alert: str  #: its key, the same for as long as it lasts
    rule: Tag  #: name of the rule; incident: of an incident
    severity: Annotated[Literal["page", "ticket"], TAG]  #: page or ticket, at that time
    owner: Tag | None = None  #: who can do something: lake, site, storage, network, rucio, fts, ...
    incident: str | None = None  #: identifier of the incident; null: an alert of a rule
    site: Tag | None = None  #: site that the alert is about
    src_site: Tag | None = None  #: source site that it is about
    dst_site: Tag | None = None  #: destination site that it is about
    rse: Tag | None = None  #: RSE that it is about
    src_rse: Tag | None = None  #: source RSE that it is about
    dst_rse: Tag | None = None  #: destination RSE that it is about
    host: Tag | None = None  #: host that it is about
    elapsed_s: Seconds | None = None  #: since its beginning; acknowledged: since notified (seconds)
    muted_by: Text | None = None  #: why nobody is notified: a downtime, a silence, a greater alert
    summary: Text | None = None  #: the alert in one line


class Annotation(Event, tag="annotations"):
    """An intervention, such as an upgrade: what somebody changed and when, `time` being its beginning.

    Each correction is an event of its own, and so is a removal: of those of one `annotation` the greatest `revision` holds.
    """

    annotation: str  #: its identifier, the same for all its revisions
    revision: Count  #: 1, and one more for each correction (count)
    state: Annotated[Literal["noted", "corrected", "removed"], TAG]  #: removed: shown no more
    text: Text  #: what was changed, in somebody's words
    noted: Time  #: time at which this revision was written
    by: str | None = None  #: who wrote this revision
    ended: Time | None = None  #: end of the intervention; null: a moment
    ended_ms: Milliseconds | None = None  #: the same in milliseconds since 1970, for Grafana
    site: Tag | None = None  #: site that it is about; null: the whole lake, or `rse` says it
    rse: Tag | None = None  #: RSE that it is about
    summary: Text | None = None  #: text, place and author in one line


class LinkRequests(Event, tag="requests"):
    """Transfer requests of one link as Rucio counts them: of an activity, or the age of those that are open."""

    src_rse: Tag  #: source RSE
    dst_rse: Tag  #: destination RSE
    src_site: Tag | None = None  #: site of the source, from the topology
    dst_site: Tag | None = None  #: site of the destination, from the topology
    activity: Tag | None = None  #: Rucio activity; null: of those that Rucio counts under none, or of all
    queued: Count | None = None  #: requests waiting for submission (count)
    queued_bytes: Count | None = None  #: size of these requests (bytes)
    done_1h: Count | None = None  #: transfers done in the last hour (count); null: no transfer_stats
    done_6h: Count | None = None  #: transfers done in the last six hours (count)
    failed_1h: Count | None = None  #: transfers failed in the last hour (count)
    failed_6h: Count | None = None  #: transfers failed in the last six hours (count)
    done_bytes_1h: Count | None = None  #: size of those done in the last hour (bytes)
    done_bytes_6h: Count | None = None  #: size of those done in the last six hours (bytes)
    open: Count | None = None  #: requests that are queued or submitted, of all activities (count)
    older_12h: Count | None = None  #: of these, made more than 12 hours ago (count)
    older_24h: Count | None = None  #: of these, made more than 24 hours ago (count)
    older_48h: Count | None = None  #: of these, made more than 48 hours ago (count)
    oldest_s: Seconds | None = None  #: age of the oldest of these (seconds)
    poll: Tag | None = None  #: URL that was polled, `scope` of its `polls`; null if not polled


class Daemon(Event, tag="daemons"):
    """The last heartbeat of one thread of one of Rucio's daemons."""

    daemon: Tag  #: name of the daemon: conveyor-submitter, judge-repairer, ...
    host: Tag  #: host or pod that it runs on, as Rucio reports it
    pid: Count | None = None  #: process id
    thread: str | None = None  #: name of the thread
    payload: str | None = None  #: what the thread works on, where the daemon reports it
    started: Time | None = None  #: time of the first heartbeat
    last_heard: Time | None = None  #: time of the last heartbeat
    silent_s: Seconds | None = None  #: time since the last heartbeat (seconds)
    silent: bool | None = None  #: whether `silent_s` is more than ten minutes: dead for Rucio
    poll: Tag | None = None  #: URL that was polled, `scope` of its `polls`; null if not polled


class Replica(Event, tag="replicas"):
    """Replicas that were declared bad: how many of an RSE, by state and reason; or one suspicious file."""

    state: Tag  #: bad, suspicious, lost, recovered, deleted or temporary_unavailable
    rse: Tag | None = None  #: RSE
    site: Tag | None = None  #: site of the RSE, from the topology
    reason: Tag | None = None  #: reason for the declaration, with URLs, paths, ids and numbers masked
    count: Count | None = None  #: replicas declared and now in that state (count)
    scope: str | None = None  #: of a suspicious file
    name: str | None = None  #: of a suspicious file
    attempts: Count | None = None  #: how often that file was declared suspicious (count)
    declared: Time | None = None  #: when that file was first declared
    poll: Tag | None = None  #: URL that was polled, `scope` of its `polls`; null if not polled


class ExpectedTest(Event, tag="expected_tests"):
    """A test that a perfSONAR mesh wants between two hosts, as each poll of its pSConfig template tells it."""

    test: Tag  #: pScheduler test type: throughput, latencybg, rtt, trace, ...
    task: Tag  #: the template's name for the task
    src_host: Tag | None = None  #: source host, lower case
    dst_host: Tag | None = None  #: destination host, lower case; null: a test of one host
    src_site: Tag | None = None  #: site of the source, from the topology
    dst_site: Tag | None = None  #: site of the destination, from the topology
    ip_version: Annotated[int, TAG] | None = None  #: 4 or 6; null: as the hosts prefer
    interval_s: Seconds | None = None  #: time between runs; null: not repeated (seconds)
    per_second: Number | None = None  #: runs per second: 1 / `interval_s`
    poll: Tag | None = None  #: the template's URL; its answers are dataset polls


MetricKind = Literal["counter", "gauge", "histogram", "summary", "unknown"]


class RucioMetric(Event, tag="rucio"):
    """One value of one of Rucio's own metrics, of a server, a daemon or a probe; counters stay raw."""

    component: Tag  #: the part of Rucio that counts, as its module: core.request, probes, ...
    metric: Tag  #: its name there, without labels: submission, delete, judge_waiting_dids
    kind: Annotated[MetricKind, TAG]  #: Prometheus's type
    instance: Tag  #: who was scraped, host:port; of a push its label `instance`, else its job
    series: Tag  #: component, metric and labels as one text: core.request.get_next_requests{state="QUEUED"}
    part: Annotated[Literal["count", "sum", "quantile"], TAG] | None = None  #: of a histogram or a summary
    value: Number | None = None  #: the value in its unit; null where the source said NaN
    unit: Annotated[Literal["seconds", "bytes"], TAG] | None = None  #: where the name or the type says it
    job: Tag | None = None  #: of a push: the job that pushed it
    rse: Tag | None = None  #: label rse, or the destination's
    site: Tag | None = None  #: site of the RSE by the topology
    activity: Tag | None = None  #: label activity
    account: Tag | None = None  #: label account
    state: Tag | None = None  #: label state in lower case: success, failure, queued, stuck, ...
    endpoint: Tag | None = None  #: FTS server: label host, hostname or external_host
    exception: Tag | None = None  #: label exception: a daemon's error
    protocol: Tag | None = None  #: label scheme
    limit_attr: Tag | None = None  #: of the throttler: max_transfers, active, waiting, residual_capacity
    labels: dict[str, str] | None = None  #: all labels as they came
    poll: Tag | None = None  #: the page or pushed group that it belongs to: `scope` of its `polls`


DATASETS: dict[str, type[Event]] = {
    str(cls.__struct_config__.tag): cls
    for cls in (
        *(Transfer, Deletion, Did, Rule, Trace, FileOperation, FtsQueue),
        *(Network, Host, Probe, Storage, Poll, Push, PipelineReport),
        SyncRun,
        Downtime,
        IncidentReport,
        AlertChange,
        Annotation,
        ExpectedTest,
        *(LinkRequests, Daemon, Replica),
        RucioMetric,
    )
}
"""Dataset name -> its struct."""

for _name, _cls in DATASETS.items():
    _cls.dataset = _name

AnyEvent = (
    Transfer
    | Deletion
    | Did
    | Rule
    | Trace
    | FileOperation
    | FtsQueue
    | Network
    | Host
    | Probe
    | Storage
    | Poll
    | Push
    | PipelineReport
    | SyncRun
    | Downtime
    | IncidentReport
    | AlertChange
    | Annotation
    | ExpectedTest
    | LinkRequests
    | Daemon
    | Replica
    | RucioMetric
)
"""For decoding events back: ``msgspec.json.decode(line, type=AnyEvent)``."""
