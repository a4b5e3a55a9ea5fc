"""The rules of alerts as a site has configured them."""

from __future__ import annotations

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.configured import configure
from lakescope.alerts.model import Rule
from lakescope.app.config import Settings


def rules_of(settings: Settings) -> dict[str, Rule]:
    """Name -> rule: the catalogue's, the site's own, and those of its objectives, with its changes; disabled ones too.

    The site's own are those that the configuration's reading has put beside the catalogue's (`lakescope.app.site`).
    """
    return configure(RULES, settings.alerts, settings.objectives)[0]
