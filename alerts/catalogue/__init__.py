"""The rules of Lakescope, each defined once. Names are a contract: routes, silences and runbooks refer to them."""

from __future__ import annotations

from lakescope.alerts.catalogue.data import DATA
from lakescope.alerts.catalogue.fts import FTS
from lakescope.alerts.catalogue.network import NETWORK
from lakescope.alerts.catalogue.rucio import RUCIO
from lakescope.alerts.catalogue.storage import STORAGE
from lakescope.alerts.catalogue.syncs import SYNCS
from lakescope.alerts.catalogue.transfers import TRANSFERS
from lakescope.alerts.model import Rule

RULES: dict[str, Rule] = {
    rule.name: rule for rule in (*TRANSFERS, *RUCIO, *FTS, *DATA, *NETWORK, *STORAGE, *SYNCS)
}
"""Every rule by name."""
