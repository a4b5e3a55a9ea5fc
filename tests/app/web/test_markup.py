"""What the server writes into pages: texts of others are as visible as they are harmless."""

from __future__ import annotations

from typing import Any

import pytest

from lakescope.app.sync import LatestAccounts
from lakescope.app.web import accounts, syncs, topology
from lakescope.sync.accounts.state import AccountsPlan, AccountState
from lakescope.sync.plan import Change
from lakescope.sync.topology import Snapshot

NAME = "<b>\u202eCIP\u200b\x07"
WRITTEN = r"&lt;b&gt;\u202eCIP\u200b\u0007"


def plan() -> LatestAccounts:
    note: dict[str, Any] = {"object": NAME, "part": NAME, "note": NAME}
    changes = [
        Change(kind="change", type="attribute", before=NAME, after=NAME, **note),
        Change(kind="invalid", type="user", **note),
    ]
    account = AccountState(name=NAME, email=NAME, identities={NAME: "X509"}, attributes={NAME: NAME})
    return LatestAccounts(
        0.0,
        AccountsPlan(
            sync="accounts", source=NAME, target=NAME, changes=changes, existing={}, accounts=[account]
        ),
    )


def snapshot() -> Snapshot:
    place: dict[str, Any] = {"latitude": 41, "longitude": 2}
    record = place | {"site": NAME, "state": NAME, "protocols": [{"scheme": NAME, "hostname": NAME}]}
    document = {"rses": {NAME: record}, "distances": {NAME: {NAME: NAME}}}
    return Snapshot(version=1, at="2026-01-05T10:00:00Z", source=NAME, document=document)


PAGES = {
    "syncs": lambda: syncs._plan("accounts", plan()),
    "accounts": lambda: accounts._page(plan(), [], ""),
    "topology": lambda: topology._page(snapshot(), [], topology._drift(plan())),
}


@pytest.mark.parametrize("name", PAGES)
def test_what_cannot_be_seen_is_written_out(name: str) -> None:
    html = PAGES[name]()
    assert not {"\u202e", "\u200b", "\x07"} & set(html) and "<b>" not in html
    assert html.casefold().count(WRITTEN.casefold()) >= 5
