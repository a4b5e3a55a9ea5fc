"""`[reports.NAME]` of the configuration."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from lakescope.core.options import Options
from lakescope.reports.model import KindName


class ReportOptions(Options):
    """A report that is sent, and to whom."""

    kind: KindName = "weekly"
    """Which report: weekly, daily, or site, which is of one site over a week."""
    receivers: list[str] = Field(min_length=1, examples=[["mail"]])
    """Names of [alerts.receivers.NAME], of a type that takes reports: mail, slack, mattermost or webhook. Where there is no
    [alerts.subscriptions.NAME], they get all alerts, too."""
    vo: str | None = Field(default=None, min_length=1, examples=["escape"])
    """Only this VO; else all."""
    site: str | None = Field(default=None, min_length=1, examples=["CERN-PROD"])
    """Of kind site: which, as the topology has it."""

    @model_validator(mode="after")
    def _has_its_site(self) -> Self:
        if self.kind == "site" and self.site is None:
            raise ValueError('kind = "site" is the report of one site: add site = "CERN-PROD"')
        if self.kind != "site" and self.site is not None:
            raise ValueError(
                f'a {self.kind} report is of the whole lake: write kind = "site", or remove `site`'
            )
        return self
