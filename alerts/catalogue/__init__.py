"""Alert rules as code, each by its name. Names are a contract: runbooks, subscriptions and silences refer to them."""

from __future__ import annotations

from lakescope.alerts.model import Rule

RULES: dict[str, Rule] = {}
"""Every rule by name."""
