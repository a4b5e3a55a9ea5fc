"""What each account uses, and how much of its quota."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Number, Panel, Row
from lakescope.dashboards.variables import ACCOUNT, RSE, SITE, VO

_AT_RSE = ("account", "rse")

ACCOUNTS = Dashboard(
    name="accounts",
    title="Accounts and quotas",
    question="Who uses how much, and whose quota is nearly full?",
    variables=(VO, ACCOUNT, RSE, SITE),
    group="account",
    since="7d",
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(
                    title="Used by all accounts",
                    kind="stat",
                    width=8,
                    height=4,
                    numbers=(Number(kpi="account_used"),),
                ),
                Panel(title="Files", kind="stat", width=8, height=4, numbers=(Number(kpi="account_files"),)),
                Panel(
                    title="Quota in use",
                    kind="stat",
                    width=8,
                    height=4,
                    numbers=(Number(kpi="account_fullness"),),
                ),
                Panel(
                    title="Quota in use by account and RSE",
                    kind="matrix",
                    width=24,
                    height=10,
                    numbers=(Number(kpi="account_fullness", by=_AT_RSE),),
                    link=links.STORAGE,
                ),
            ),
        ),
        Row(
            title="Accounts",
            panels=(
                Panel(
                    title="By account",
                    kind="table",
                    width=8,
                    height=10,
                    numbers=(
                        Number(kpi="account_used", by=("account",), label="used"),
                        Number(kpi="account_files", by=("account",), label="files"),
                        Number(kpi="account_fullness", by=("account",), label="of quota"),
                    ),
                ),
                Panel(
                    title="By account and RSE",
                    kind="table",
                    width=16,
                    height=10,
                    numbers=(
                        Number(kpi="account_fullness", by=_AT_RSE, label="of quota"),
                        Number(kpi="account_used", by=_AT_RSE, label="used"),
                        Number(kpi="account_files", by=_AT_RSE, label="files"),
                    ),
                    link=links.STORAGE,
                ),
                Panel(
                    title="Used by {group}",
                    kind="stacked",
                    grouped=True,
                    numbers=(Number(kpi="account_used", by=("account",)),),
                ),
                Panel(
                    title="Quota in use by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="account_fullness", by=("account",)),),
                ),
                Panel(
                    title="Quotas over several RSEs",
                    kind="table",
                    width=24,
                    height=6,
                    numbers=(Number(kpi="account_global_fullness", by=_AT_RSE, label="of quota"),),
                    text="The RSE is Rucio's RSE expression. Asked for only if `ask` of the collector rucio has global_usage.",
                ),
            ),
        ),
    ),
)
