# ruff: noqa: E501  (one text a line, so that a search finds it)
"""Kinds of faults that the figures are reported for: seeds from 1000. The search was not tuned with them.

Other places than in `benchmarks.alerts_kinds` (a door of an RSE, one VO at one site, a protocol of the whole lake, one direction of
a link, one site's links to three others, ...), and other texts: those of gfal2, davix, XRootD, StoRM, dCache and FTS as their users report them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from benchmarks.alerts_days import Kind, Places, any_site, both_ways, fault_kind, some_sites
from lakescope.simulator import Lake
from lakescope.simulator.errors import Template
from lakescope.simulator.faults import Fault

_BEFORE, _DURING, _AFTER = "TRANSFER_PREPARATION", "TRANSFER", "TRANSFER_FINALIZATION"


def _texts(*texts: tuple[str, str, int, str], most: int = 3) -> Callable[[Random], tuple[Template, ...]]:
    """One to `most` of them: a fault does not say all."""
    templates = [Template(*one) for one in texts]
    return lambda random: tuple(random.sample(templates, min(random.randint(1, most), len(templates))))


_NO_ANSWER = {
    scope: (
        (scope, _BEFORE, 110, f"{scope} CHECKSUM Result curl error (28): Timeout was reached after 1 attempts"),
        (scope, _BEFORE, 5, f"{scope} CHECKSUM HTTP 503 : Service Unavailable ({{{end}_host}}), retry after {{seconds}}"),
        (scope, _BEFORE, 110, f"{scope} [ERROR] Query response negative: [3012] Internal timeout at {{{end}_host}}:1094"),
        (scope, _BEFORE, 70, f"{scope} SRM_INTERNAL_ERROR httpg://{{{end}_host}}:8444/srm/managerv2: database connection pool exhausted"),
    )
    for scope, end in (("SOURCE", "src"), ("DESTINATION", "dst"))
}  # fmt: skip
_ONE_ERROR = {scope: _texts(*texts) for scope, texts in _NO_ANSWER.items()}
_WRITES = _texts(
    ("DESTINATION", _BEFORE, 13, "DESTINATION MAKE_PARENT HTTP 403 : Permission refused, {dst_url}"),
    ("DESTINATION", _DURING, 5, "TRANSFER [ERROR] Server responded with an error: [3007] Unable to create {path}; read-only file system"),
    ("TRANSFER", _DURING, 5, "TRANSFER ERROR: Copy failed (3rd pull). Last attempt: HTTP 500 : disk server {pool} is read only"),
)  # fmt: skip
_READS = _texts(
    ("SOURCE", _BEFORE, 5, "SOURCE [ERROR] Server responded with an error: [3003] pool manager: no pool online for {src_path}"),
    ("SOURCE", _BEFORE, 13, "SOURCE CHECKSUM HTTP 401 : Authentication Error (token audience {src_host})"),
)  # fmt: skip
_NETWORK = _texts(
    ("TRANSFER", _DURING, 110, "TRANSFER ERROR: Copy failed (3rd push). Last attempt: Result (Neon): Could not read status line: Connection timed out"),
    ("TRANSFER", _DURING, 104, "TRANSFER ERROR: Copy failed (3rd pull). Last attempt: Transfer failure: TPC stalled: no data for {seconds} s from {src_host}"),
    ("TRANSFER", _DURING, 104, "TRANSFER [FATAL] Stream ioctl error: socket timeout {hex8}"),
)  # fmt: skip
_MAPPING = _texts(
    ("DESTINATION", _BEFORE, 13, "DESTINATION srm-ifce err: Permission denied, err: [SE][Mkdir][SRM_AUTHORIZATION_FAILURE] httpg://{dst_host}:8444/srm/managerv2: no mapping for the VOMS attributes"),
    ("DESTINATION", _BEFORE, 13, "DESTINATION MAKE_PARENT HTTP 401 : Authentication Error after 1 attempts"),
)  # fmt: skip
_VOMS = _texts(
    ("GENERAL_FAILURE", _BEFORE, 13, "Error validating VOMS attribute certificate on {fts}: CRL of the issuing CA is out of date"),
    ("GENERAL_FAILURE", _BEFORE, 13, "GSS failure: the attribute authority's signing certificate has expired ({fts})"),
)  # fmt: skip
_TLS = _texts(
    ("TRANSFER", _DURING, 5, "TRANSFER ERROR: Copy failed (3rd pull). Last attempt: Transfer failure: TLS handshake failed: unsafe legacy renegotiation disabled"),
    ("TRANSFER", _DURING, 5, "TRANSFER [FATAL] TLS error: sslv3 alert handshake failure ({dst_host}:{port})"),
)  # fmt: skip
_AGENT = _texts(
    ("GENERAL_FAILURE", "TRANSFER_SERVICE", 5, "INIT Failed to load the plugins on {fts}: cannot allocate memory"),
    ("GENERAL_FAILURE", "TRANSFER_SERVICE", 110, "Transfer process {number} of {fts} was stopped: no heartbeat of the agent for {seconds} seconds"),
)  # fmt: skip
_SUMS = _texts(
    ("DESTINATION", _AFTER, 5, "DESTINATION CHECKSUM MISMATCH User defined checksum and destination ADLER32 do not match {hex8} != {other8} (pool {pool})"),
)  # fmt: skip


def _site_dark(random: Random, lake: Lake, begin: float, end: float) -> list[Fault]:
    """A power cut: both ends, the share growing within ten minutes."""
    site = any_site(random, lake)
    return [
        Fault(
            kind="site_dark",
            places=({end_: site},),
            begin=begin,
            end=end,
            errors=tuple(Template(*one) for one in _NO_ANSWER[scope]),
            ramp_s=600.0,
        )
        for end_, scope in (("src_site", "SOURCE"), ("dst_site", "DESTINATION"))
    ]


def _rse(end: str) -> Callable[[Random, Lake], Places]:
    return lambda random, lake: ({end: random.choice(lake.disks).name},)


def _door(end: str) -> Callable[[Random, Lake], Places]:
    def place(random: Random, lake: Lake) -> Places:
        rse = random.choice(lake.disks)
        return ({end: rse.name, "protocol": random.choice(rse.protocols[:2]).scheme},)

    return place


def _star(random: Random, lake: Lake) -> Places:
    """From one site to three others and back: a part of its uplink."""
    hub, *rays = some_sites(random, lake, 4)
    return both_ways([(hub, ray) for ray in rays])


def _one_way(random: Random, lake: Lake) -> Places:
    first, second = some_sites(random, lake, 2)
    return ({"src_site": first, "dst_site": second},)


def _vo_at_site(random: Random, lake: Lake) -> Places:
    return ({"vo": random.choice(lake.vos).name, "dst_site": any_site(random, lake)},)


KINDS: dict[str, Kind] = {
    "site_dark": _site_dark,
    "rse_read_only": fault_kind("rse_read_only", _rse("dst_rse"), _WRITES, 0.7),
    "pools_offline": fault_kind("pools_offline", _rse("src_rse"), _READS, 0.4),
    "write_door": fault_kind("write_door", _door("dst_rse"), _ONE_ERROR["DESTINATION"], 0.7),
    "link_one_way": fault_kind("link_one_way", _one_way, _NETWORK, 0.6),
    "path_star": fault_kind("path_star", _star, _NETWORK, 0.5),
    "vo_certificate": fault_kind("vo_certificate", lambda r, k: ({"vo": r.choice(k.vos).name},), _VOMS, 0.8),
    "vo_at_site": fault_kind("vo_at_site", _vo_at_site, _MAPPING),
    "protocol": fault_kind("protocol", lambda r, k: ({"protocol": r.choice(("root", "davs"))},), _TLS, 0.5),
    "endpoint": fault_kind("endpoint", lambda r, k: ({"endpoint": r.choice(k.fts).alias},), _AGENT, 0.3),
    "slow_rse": fault_kind("slow_rse", _rse("dst_rse"), _SUMS, 0.6, ramp_s=3 * 3600.0),
    "flapping": fault_kind("flapping", lambda r, k: ({"src_site": any_site(r, k)},), _ONE_ERROR["SOURCE"], 0.7, flap_s=900.0),
}  # fmt: skip
