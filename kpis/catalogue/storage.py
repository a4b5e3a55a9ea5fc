"""Storage elements, full and filling."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import are_known, empty_hours
from lakescope.kpis.model import Condition, DaysLeft, Kpi, Part, Ratio, Remainder

STORAGE = ("rse", "site", "country", "qos", "vo")
_DIMENSIONS = ("rse", "scope", "account", "experiment", "usage_source", "storage_service")


def _counts_of(*fields: str) -> tuple[Condition, ...]:
    """Counts of just that: of a scope, of an account at an RSE, ... They overlap, so that no two kinds may be added."""
    return (
        *are_known(*fields),
        *(Condition(field, "unknown") for field in _DIMENSIONS if field not in fields),
    )


WHOLE_RSE = _counts_of("rse")

_HAS_SIZE = are_known("free", "total")  # Rucio tells what is used apart from them
_last = partial(Part, kind="last", series=("rse",))
_GROWTH = Part(kind="growth", field="used", series=("rse",))

_storage = partial(
    Kpi,
    dataset="storage",
    where=WHOLE_RSE,
    dimensions=STORAGE,
    null="no RSE has reported, or its last report is stale",
)

_PARTS = (
    ("expired", "Bytes that Rucio may delete now"),
    ("obsolete", "Bytes of replicas that Rucio deletes first"),
    ("unavailable", "Bytes of replicas that cannot be read now"),
    ("unlocked", "Bytes that no rule protects"),
    ("static", "Size of the RSE as configured"),
    ("min_free_space", "Space that Rucio keeps free"),
)
"""Parts and limits of an RSE by Rucio's usage sources: none may be added to what is used, nor to another."""

# a scope's name begins with its experiment's, which the event has too
_SCOPE, _SCOPE_AT_RSE = (
    tuple(one for one in _counts_of(*fields) if one.field != "experiment")
    for fields in (("scope",), ("scope", "rse"))
)


def _shares(
    name: str, what: str, where: tuple[Condition, ...], series: tuple[str, ...], dimensions: tuple[str, ...]
) -> tuple[Kpi, ...]:
    """Bytes and files of the shares in the lake of one kind."""
    share = partial(Kpi, dataset="storage", where=where, dimensions=(*dimensions, "vo"), good="neutral")
    null = f"no usage of {what} has been reported, or the last report is stale"
    last = partial(Part, kind="last", series=series)
    meaning = f"last reported value per {what}."
    return (
        share(
            name=f"{name}_used",
            meaning=f"Bytes used: {meaning}",
            unit="bytes",
            value=last(field="used"),
            null=null,
        ),
        share(
            name=f"{name}_files",
            meaning=f"Files: {meaning}",
            unit="count",
            value=last(field="files"),
            null=null,
        ),
    )


_REPORTED_SHARE = are_known("share")
SHARE = ("share", "storage_service", "media", "rse", "site", "country", "qos", "vo")
_of_share = partial(
    Kpi,
    dataset="storage",
    where=_REPORTED_SHARE,
    dimensions=SHARE,
    null="no storage service reports a share, or its last report is stale",
)
_share = partial(Part, kind="last", series=("storage_service", "share"), over="max")
"""Of several shares the greatest value: they may overlap, so that no sum of them means anything."""
_SERVICE = (*are_known("storage_service"), Condition("share", "unknown"))
_of_service = partial(
    Kpi,
    dataset="storage",
    where=_SERVICE,
    dimensions=("storage_service", "media", "site", "vo"),
    null="no storage service reports on itself, or its last report is stale",
)
_service = partial(Part, kind="last", series=("storage_service", "media"))

_OF_GLOBAL = (*are_known("account", "rse"), Condition("usage_source", "=", "global"))
_AVAILABILITY = (*are_known("rse"), Condition("usage_source", "=", "availability"))
_ACCOUNT = ("account", "rse")
_QUOTA = partial(Part, kind="last", series=_ACCOUNT, where=are_known("used", "total"))

KPIS = (
    _storage(
        name="storage_used",
        meaning="Used space: last reported value per RSE.",
        unit="bytes",
        good="neutral",
        value=_last(field="used"),
    ),
    _storage(
        name="storage_free",
        meaning="Free space: last reported value per RSE.",
        unit="bytes",
        good="up",
        value=_last(field="free"),
    ),
    _storage(
        name="storage_total",
        meaning="Total space in bytes: last reported value per RSE.",
        unit="bytes",
        good="neutral",
        value=_last(field="total"),
    ),
    _storage(
        name="storage_files",
        meaning="Number of files: last reported value per RSE.",
        unit="count",
        good="neutral",
        value=_last(field="files"),
    ),
    _storage(
        name="storage_fullness",
        meaning="Share of the total space that is in use, for the RSEs that report total and free space.",
        unit="ratio",
        good="down",
        value=Remainder(Ratio(_last(field="free", where=_HAS_SIZE), _last(field="total", where=_HAS_SIZE))),
        null="no RSE reports its size",
        warning=0.85,
        critical=0.95,
    ),
    _storage(
        name="storage_growth",
        meaning="Used space at the end of the time range minus used space at its beginning.",
        unit="bytes",
        good="neutral",
        signed=True,
        value=_GROWTH,
    ),
    _storage(
        name="days_to_full",
        meaning="Days until free space runs out if used space keeps growing as in the time range.",
        unit="days",
        good="up",
        value=DaysLeft(_last(field="free"), _GROWTH),
        null="no growth, or no RSE reports free space",
        warning=30.0,
        critical=7.0,
    ),
    *(
        Kpi(
            name=f"storage_{source}",
            meaning=f"{what} (usage source {source}): last reported value per RSE.",
            unit="bytes",
            good="neutral",
            dataset="storage",
            where=(
                *(one for one in WHOLE_RSE if one.field != "usage_source"),
                Condition("usage_source", "=", source),
            ),
            value=_last(field="used"),
            dimensions=STORAGE,
            null=f"Rucio has no usage source {source} for the RSE",
        )
        for source, what in _PARTS
    ),
    *_shares("scope", "scope", _SCOPE, ("scope",), ("scope", "experiment")),
    *_shares(
        "scope_rse",
        "scope, RSE and QoS class",
        _SCOPE_AT_RSE,
        ("scope", "rse", "qos"),
        ("scope", "experiment", "rse", "site", "country", "qos"),
    ),
    *_shares("experiment", "experiment", _counts_of("experiment"), ("experiment",), ("experiment",)),
    *_shares("account", "account and RSE", _counts_of(*_ACCOUNT), _ACCOUNT, (*_ACCOUNT, "site", "country")),
    Kpi(
        name="account_fullness",
        meaning="Share of the quota that is in use, for accounts that have a quota on an RSE.",
        unit="ratio",
        good="down",
        dataset="storage",
        where=_counts_of(*_ACCOUNT),
        value=Ratio(_QUOTA(field="used"), _QUOTA(field="total")),
        dimensions=(*_ACCOUNT, "site", "country", "vo"),
        null="no account has a quota, or the last report is stale",
        warning=0.9,
        critical=1.0,
    ),
    _of_share(
        name="share_used",
        meaning="Used space of a share as its storage service reports it (SRR); of several shares that of the fullest,"
        " since shares may overlap.",
        unit="bytes",
        good="neutral",
        value=_share(field="used"),
    ),
    _of_share(
        name="share_total",
        meaning="Size of a share as its storage service reports it (SRR); of several shares that of the largest, since"
        " shares may overlap.",
        unit="bytes",
        good="neutral",
        value=_share(field="total"),
    ),
    _of_share(
        name="share_free",
        meaning="Free space of a share as its storage service reports it (SRR); of several shares that of the one with"
        " the least.",
        unit="bytes",
        good="up",
        value=_share(field="free", over="min"),
    ),
    _of_share(
        name="share_files",
        meaning="Files in a share as its storage service reports them (SRR); of several shares the most.",
        unit="count",
        good="neutral",
        value=_share(field="files"),
    ),
    _of_service(
        name="service_used",
        meaning="Used space of a whole storage service as it reports it (SRR), over all its shares.",
        unit="bytes",
        good="neutral",
        value=_service(field="used"),
    ),
    _of_service(
        name="service_total",
        meaning="Size of a whole storage service as it reports it (SRR), over all its shares.",
        unit="bytes",
        good="neutral",
        value=_service(field="total"),
    ),
    Kpi(
        name="storage_report_age",
        meaning="Age of what a storage service reports of itself (SRR) when it was read: of several the oldest.",
        unit="seconds",
        good="down",
        dataset="storage",
        where=are_known("storage_service"),
        value=Part(kind="last", field="age_s", series=("storage_service", "share"), over="max"),
        dimensions=("storage_service", "share", "site", "rse"),
        null="no storage service reports when its numbers are from",
        warning=6 * 3600.0,
        critical=48 * 3600.0,
    ),
    Kpi(
        name="account_global_fullness",
        meaning="Share of the quota that is in use, for accounts that have a quota over all RSEs of an expression.",
        unit="ratio",
        good="down",
        dataset="storage",
        where=_OF_GLOBAL,
        value=Ratio(_QUOTA(field="used"), _QUOTA(field="total")),
        dimensions=_ACCOUNT,
        null="no account has such a quota, or the last report is stale",
        warning=0.9,
        critical=1.0,
    ),
    *(
        Kpi(
            name=f"storage_not_{field}",
            meaning=f"RSEs that are closed for {what} in Rucio ({setting} is off).",
            unit="count",
            good="down",
            dataset="storage",
            where=_AVAILABILITY,
            value=_last(
                field=field, over="count", where=are_known(field), state=(Condition(field, "=", False),)
            ),
            dimensions=STORAGE,
            null="Rucio's list of RSEs is not polled, or the last report is stale",
        )
        for field, what, setting in (
            ("readable", "reading", "availability_read"),
            ("writable", "writing", "availability_write"),
            ("deletable", "deletion", "availability_delete"),
        )
    ),
    Kpi(
        name="storage_reserved",
        meaning="Space that Rucio keeps free by its limit MinFreeSpace: last reported value per RSE.",
        unit="bytes",
        good="neutral",
        dataset="storage",
        where=(
            *(one for one in WHOLE_RSE if one.field != "usage_source"),
            Condition("usage_source", "=", "MinFreeSpace"),
        ),
        value=_last(field="used"),
        dimensions=STORAGE,
        null="Rucio has no limit MinFreeSpace for the RSE",
    ),
    empty_hours("storage", "event of a storage element", ("rse", "site")),
)
