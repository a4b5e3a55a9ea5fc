"""`[reports.NAME]` of the configuration."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from lakescope.core.options import Options, TimeZone
from lakescope.reports.model import KindName
from lakescope.reports.period import Day, Week
from lakescope.reports.schedule import Schedule


class ReportOptions(Options):
    """A report that is sent, when, and to whom."""

    kind: KindName = "weekly"
    """Which report: weekly, daily, or site, which is of one site over a week."""
    receivers: list[str] = Field(default=[], examples=[["mail"]])
    """Names of [alerts.receivers.NAME], of a type that takes reports: mail, slack, mattermost or webhook. Where there is no
    [alerts.subscriptions.NAME], they get all alerts, too. Without receivers the report is kept in the archive only."""
    vo: str | None = Field(default=None, min_length=1, examples=["escape"])
    """Only this VO; else all."""
    site: str | None = Field(default=None, min_length=1, examples=["CERN-PROD"])
    """Of kind site: which, as the topology has it."""
    at: str | None = Field(default=None, examples=["Mon 07:00"])
    """When `lakescope run` sends it: day of the week and time of day; of daily reports the time alone. Without it only
    `lakescope report send` does. Needs a sink that answers KPIs."""
    timezone: TimeZone = Field(default="UTC", examples=["Europe/Paris"])
    """Time zone of `at`. The report's own days and weeks are those of UTC."""

    @property
    def schedule(self) -> Schedule | None:
        """By `at`."""
        period = Day if self.kind == "daily" else Week
        return None if self.at is None else Schedule.parse(self.at, period, self.timezone)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.kind == "site" and self.site is None:
            raise ValueError('kind = "site" is the report of one site: add site = "CERN-PROD"')
        if self.kind != "site" and self.site is not None:
            raise ValueError(
                f'a {self.kind} report is of the whole lake: write kind = "site", or remove `site`'
            )
        if self.schedule is None and not self.receivers:
            raise ValueError('it is neither sent nor kept: add receivers = ["mail"] or at = "Mon 07:00"')
        return self
