"""What the payloads of Rucio's events hold (rucio 41.x: lib/rucio/core/request.py, core/message.py)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

Bytes = int | float
"""The database sums the sizes at a close as decimals, which arrive as 7696433994.0."""
IgnoredValue = Any


_HYPHENATED_FIELDS = (
    *(
        "request_id",
        "checksum_adler",
        "checksum_md5",
        "file_size",
        "previous_request_id",
        "src_type",
        "src_rse",
    ),
    *("src_url", "dst_type", "dst_rse", "dst_url", "transfer_endpoint", "transfer_id", "tool_id"),
    *("request_type", "src_rse_id", "dst_rse_id", "retry_count", "rule_id", "external_id", "external_host"),
)


class Payload(
    Struct,
    gc=False,
    forbid_unknown_fields=True,
    rename={"dataset_scope": "datasetScope", "empty_link": "transfer-link"}
    | {name: name.replace("_", "-") for name in _HYPHENATED_FIELDS},
):
    """Every field that Rucio's events carry, in the order of the most frequent kind (``transfer-done``)."""

    activity: str | None = None
    request_id: str | None = None
    duration: IgnoredValue = (
        None  # timedelta.seconds: wraps at 24 h, 86399 for a negative; recomputed from the times
    )
    checksum_adler: str | None = None
    checksum_md5: str | None = None
    file_size: Bytes | None = None
    bytes: Bytes | None = None
    guid: IgnoredValue = None
    previous_request_id: str | None = None
    protocol: str | None = None
    scope: str | None = None
    name: str | None = None
    dataset: str | None = None
    dataset_scope: str | None = None
    src_type: str | None = None
    src_rse: str | None = None
    src_url: str | None = None
    dst_type: str | None = None
    dst_rse: str | None = None
    dst_url: str | None = None
    reason: str | None = None
    transfer_endpoint: str | None = None
    transfer_id: str | None = None
    empty_link: IgnoredValue = None  # transfer-link is sent beside transfer_link and always null
    created_at: str | None = None
    submitted_at: str | None = None
    started_at: str | None = None
    transferred_at: str | None = None
    tool_id: IgnoredValue = None
    transfer_link: IgnoredValue = None
    account: str | None = None
    datatype: str | None = None
    vo: str | None = None
    # queued, submitted
    request_type: IgnoredValue = None  # the event type says it, in one letter case
    src_rse_id: IgnoredValue = None
    dst_rse_id: IgnoredValue = None
    state: IgnoredValue = None
    retry_count: int | None = None
    rule_id: str | None = None
    external_id: str | None = None
    external_host: str | None = None
    queued_at: str | None = None
    # deletions
    rse: str | None = None
    rse_id: IgnoredValue = None
    url: str | None = None
    # data identifiers and rules
    did_type: IgnoredValue = None
    child_scope: str | None = None
    child_name: str | None = None
    child_type: IgnoredValue = None
    childscope: str | None = None
    childname: str | None = None
    childtype: IgnoredValue = None
    dataset_name: str | None = None
    expired_at: IgnoredValue = None
    length: int | None = None
    events: IgnoredValue = None
    progress: int | None = None


FoldedPayload = msgspec.defstruct(
    "FoldedPayload",
    [(field.name, field.type, field.default) for field in msgspec.structs.fields(Payload)],
    gc=False,
)
"""`Payload` under snake-case keys."""
