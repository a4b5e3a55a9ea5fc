"""`[sync]` of the configuration."""

from __future__ import annotations

from pydantic import Field

from lakescope.core.options import Options
from lakescope.core.rucio import RucioServer
from lakescope.sync.accounts.options import AccountsOptions
from lakescope.sync.schedule import Schedule

CONCURRENCY = 8
"""Calls to Rucio at a time, unless somebody says another number: it has several workers, which mostly wait for their database."""


class RsesOptions(Schedule):
    """When RSEs are synchronised, and what is left alone."""

    exclude_rses: tuple[str, ...] = Field(default=(), examples=[["EULAKE-2"]])
    """RSEs that are neither created nor changed nor removed, whatever CRIC says."""
    exclude_sites: tuple[str, ...] = Field(default=(), examples=[["LAPP-T2"]])
    """Sites whose RSEs are left alone likewise."""
    exclude_attributes: tuple[str, ...] = Field(default=(), examples=[["greedyDeletion"]])
    """RSE attributes that are set in Rucio by hand, as names or patterns (``quota_*``): neither written nor removed."""
    space_source: str = Field(default="storage", min_length=1, max_length=255)
    """Name of the usage in Rucio that gets an RSE's total space (`space` in CRIC). Where a probe reports the storage's usage
    under that name, give another one, such as ``cric``."""


class SyncOptions(Options):
    """Synchronisations into Rucio."""

    rucio: RucioServer | None = None
    """The Rucio that is written to. Its account needs the right to (in Rucio's generic policy the attribute ``admin``)."""
    concurrency: int = Field(default=CONCURRENCY, ge=1, le=64)
    """Calls to Rucio at a time, when a plan is made and when it is applied; 1: one after the other."""
    rses: RsesOptions = RsesOptions()
    """RSEs from CRIC."""
    accounts: AccountsOptions | None = None
    """Accounts from INDIGO IAM."""
