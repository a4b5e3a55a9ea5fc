"""Which fields of events are about people: accounts, certificate subjects, clients' hosts (docs/privacy.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping

PERSONAL: Mapping[str, tuple[str, ...]] = {
    "transfers": ("account", "user"),
    "dids": ("account",),
    "rules": ("account",),
    "traces": ("account", "host"),
    "storage": ("account",),
    "rucio": ("account",),
}
"""Dataset -> fields that hold a person's account, subject or host and nothing else."""

FREE_TEXTS = frozenset(
    {
        *("scope", "name", "parent_scope", "parent_name", "child_scope", "child_name", "file", "path"),
        *("url", "src_url", "dst_url", "error", "error_template", "message", "labels", "series", "data"),
    }
)
"""Fields of any dataset in which a person's name may stand beside others: scopes, files, URLs, error messages."""

USER_SCOPE = re.compile(r"\buser\.([\w-]+)")
"""Rucio's scopes of users are named after their accounts, wherever a text names one."""

FORGOTTEN = "forgotten"
"""What stands in the place of a name that `lakescope forget` took away: the same for all, so that it leads to nobody."""
