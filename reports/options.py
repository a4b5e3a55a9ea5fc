"""`[reports.NAME]` of the configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lakescope.core.options import Options


class ReportOptions(Options):
    """A report that is sent, and to whom."""

    kind: Literal["weekly"] = "weekly"
    """Which report."""
    receivers: list[str] = Field(min_length=1, examples=[["mail"]])
    """Names of [alerts.receivers.NAME], of a type that takes reports: mail, slack, mattermost or webhook. Where there is no
    [alerts.subscriptions.NAME], they get all alerts, too."""
    vo: str | None = Field(default=None, min_length=1, examples=["escape"])
    """Only this VO; else all."""
