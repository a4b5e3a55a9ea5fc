"""What is a community's own, where its configuration does not say otherwise."""

from __future__ import annotations

FUNCTIONAL_ACTIVITIES = ("Functional Test", "Functional Tests", "functional-testing", "Functional Testing")
"""Activities of noise traffic: Rucio's and FTS's own names."""
FUNCTIONAL_SCOPES = ("-noise",)
"""Endings of noise traffic's scopes: ESCAPE's."""
RUCIO_VO = "def"
"""Rucio's name of the VO of an instance that has only one (lib/rucio/common/constants.py): no VO's name."""
