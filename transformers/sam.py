"""Results of WLCG's tests of services (SAM, ETF), as CERN's MONIT has them (``monit_prod_sam3_enr_metric-*``).

Body: a document, an array of them, or a search's answer of OpenSearch (``hits.hits[]._source``); each bare or in MONIT's
envelope:

    {"metadata": {"timestamp": ms, "topic", "producer": "sam3"}, "data": {"vo", "metric_name", "service_flavour",
     "dst_hostname", "dst_experiment_site", "dst_federation", "status", "status_code", "summary", "details", "timestamp"}}

A result is a `Probe`, named by its metric. By WLCG's rules WARNING is a success: its `ok` is true, its status tells.
UNKNOWN and MISSING say nothing of the service: their `ok` is null. The site is that of the host in the topology, else as
SAM names it. `site_availability` and `site_reliability` are made of these and of declared downtimes.

Shown against documents in this form only (dmwm/CMSMonitoring), not against MONIT. HammerCloud has no feed but mail.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from msgspec import Struct

from lakescope.core.events import Probe
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import (
    any_json,
    convert_fields,
    count_unknown,
    each,
    epoch_time,
    host_of,
    identify,
    metadata_time,
    moment_of,
    shape,
    unwrap,
)
from lakescope.transformers._xml import check_is_no_page

Ignored = Any
Status = Literal["ok", "warning", "critical", "unknown"]

_STATUS: dict[str, Status] = {
    "ok": "ok",
    "warning": "warning",
    "critical": "critical",
    "unknown": "unknown",
    "missing": "unknown",
}
_REQUIRED_FIELDS = frozenset(("timestamp", "dst_hostname"))  # what tells one result from another


class Result(Struct, kw_only=True):
    """One result of one test of one service."""

    metric_name: str
    status: str
    dst_hostname: str | None = None
    service_flavour: str | None = None
    dst_experiment_site: str | None = None
    vo: str | None = None
    summary: str | None = None
    details: str | None = None
    timestamp: int | float | str | None = None
    dst_federation: Ignored = None
    dst_site: Ignored = None
    dst_tier: Ignored = None
    dst_country: Ignored = None
    status_code: Ignored = None
    nagios_name: Ignored = None
    profile: Ignored = None
    gathered_at: Ignored = None


@declare(items="independent", maturity="experimental")
def decode(message: Message, out: DecodeResult) -> None:
    """One result or several; a bad one is a `Reject` of its own."""
    check_is_no_page(message.body, "results of tests (JSON)")
    document = any_json(message.body)
    decode_one = partial(_decode_one, message=message)
    if isinstance(document, list):
        each(document, out, decode_one)
    elif isinstance(document, dict) and isinstance(document.get("hits"), dict):
        hits = document["hits"].get("hits")
        if not isinstance(hits, list):
            raise RejectedError("schema", "$.hits.hits", "array", shape(hits))
        each(hits, out, decode_one, "$.hits.hits")
    else:
        decode_one(document, out, "$")


def _decode_one(document: Any, out: DecodeResult, path: str, message: Message) -> None:
    if isinstance(document, dict) and isinstance(document.get("_source"), dict):
        document, path = document["_source"], f"{path}._source"
    document, path, metadata = unwrap(document, path)
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "a result of a test (object)", shape(document))
    result = convert_fields(document, Result, out, path, required_fields=_REQUIRED_FIELDS)
    count_unknown(document, Result, out)
    if not result.metric_name or not (result.dst_hostname or result.dst_experiment_site):
        raise RejectedError("schema", path, "metric_name, and dst_hostname or a site", sorted(document))
    time = moment_of(result.timestamp, f"{path}.timestamp") or metadata_time(metadata, path)
    time = time or epoch_time(message.received)
    if time is None:
        raise RejectedError("schema", f"{path}.timestamp", "a time after 1970", result.timestamp)
    status = _STATUS.get(result.status.lower(), "unknown")
    word = (
        result.status if result.status.lower() not in _STATUS or result.status.lower() == "missing" else None
    )
    host = host_of(result.dst_hostname)
    out.events.append(
        Probe(
            id=identify(
                "sam",
                result.metric_name,
                result.service_flavour,
                host,
                result.dst_experiment_site,
                result.vo,
                time,
            ),
            time=time,
            source="sam",
            vo=result.vo or None,
            probe=result.metric_name,
            status=status,
            ok=True if status == "warning" else None,
            target=host,
            host=host,
            service=result.service_flavour or None,
            site=result.dst_experiment_site or None,
            message=": ".join(filter(None, [word, result.summary, result.details])) or None,
        )
    )
