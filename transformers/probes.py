"""What the collector ``probe`` found: one check of one service a message, or an array of them.

    {"probe": tcp|tls|http|xrootd|token, "target": URL, "time": POSIX seconds, "status": ok|critical|unknown,
     "duration_s", "failure", "message", "operation", "address", "http_status", "rse", "site",
     "certificate": {"not_after": RFC 3339, "issuer", "chain_ok", "name_ok"}}

One `Probe` event each. The days that a certificate has left are those from the check to `not_after`.
"""

from __future__ import annotations

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
    identify,
    shape,
    utc_moment,
)

_DAY_S = 86_400


class Certificate(Struct):
    """Of the server."""

    not_after: str | None = None
    issuer: str | None = None
    chain_ok: bool | None = None
    name_ok: bool | None = None


class Check(Struct):
    """One check."""

    probe: str
    target: str
    time: float
    status: Literal["ok", "warning", "critical", "unknown"]
    duration_s: float | None = None
    failure: str | None = None
    message: str | None = None
    operation: str | None = None
    address: str | None = None
    http_status: int | None = None
    rse: str | None = None
    site: str | None = None
    certificate: Certificate | None = None


@declare(items="independent")
def decode(message: Message, out: DecodeResult) -> None:
    """One check or an array; a bad one is a `Reject` of its own."""
    document = any_json(message.body)
    if isinstance(document, list):
        each(document, out, _decode_one)
    else:
        _decode_one(document, out, "$")


def _decode_one(document: Any, out: DecodeResult, path: str) -> None:
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "object", shape(document))
    check = convert_fields(document, Check, out, path)
    time = epoch_time(check.time, f"{path}.time")
    _, moment = utc_moment(time)
    if time is None or moment is None:
        raise RejectedError("value", f"{path}.time", "POSIX seconds after 1970", check.time)
    certificate = check.certificate or Certificate()
    not_after, end = utc_moment(certificate.not_after, f"{path}.certificate.not_after")
    count_unknown(document, Check, out)
    out.events.append(
        Probe(
            id=identify("probe", check.probe, check.target, check.address, time),
            time=time,
            source="probe",
            probe=check.probe,
            status=check.status,
            target=check.target,
            site=check.site,
            rse=check.rse,
            operation=check.operation,
            protocol=check.target.partition("://")[0] if "://" in check.target else None,
            message=check.message,
            failure=check.failure,
            address=check.address,
            duration_s=check.duration_s,
            http_status=check.http_status,
            certificate_days_left=None if end is None else (end - moment).total_seconds() / _DAY_S,
            certificate_not_after=not_after,
            certificate_issuer=certificate.issuer,
            certificate_chain_ok=certificate.chain_ok,
            certificate_name_ok=certificate.name_ok,
        )
    )
