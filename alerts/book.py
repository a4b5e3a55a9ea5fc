"""What people are shown of an incident, and what they do with it: acknowledge it, silence it.

Pages and commands read an `IncidentBook`; whoever evaluates implements it. Times are POSIX seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from lakescope.alerts.model import Acknowledgement, Owner, Severity, Silence

Finding = Literal["confirms", "clears", "neutral"]


class Evidence(Struct, frozen=True, kw_only=True):
    """What another source says of an incident's place."""

    source: str
    """What was asked: probes, network, hosts, FTS queue, storage, downtime."""
    finding: Finding
    """Of the culprit; neutral: it has no data, or speaks of neither."""
    text: str
    """One sentence with its numbers."""


class Example(Struct, frozen=True, kw_only=True):
    """One of the failed transfers."""

    time: float
    error: str
    request_id: str | None = None


class IncidentRecord(Struct, frozen=True, kw_only=True):
    """One incident, open or ended."""

    id: str
    culprit: str
    """As people read it: ``destination PIC``."""
    patterns: tuple[tuple[tuple[str, str], ...], ...] = ()
    """The same as attribute and value (`lakescope.alerts.search.Pattern`); several: links that fail alike."""
    severity: Severity
    owner: Owner = "lake"
    began: float
    """When the data first shows it."""
    opened: float
    """When it was confirmed, and people were notified."""
    ended: float | None = None
    attempts: float
    """Of the last window that showed it."""
    failures: float
    expected: float
    """Failures that there would be if nothing were wrong."""
    error: str | None = None
    """Template of the error of most failures."""
    error_class: str | None = None
    evidence: tuple[Evidence, ...] = ()
    example: Example | None = None
    runbook: str | None = None
    """URL, or path in the documentation."""
    muted_by: str | None = None
    """Why nobody is notified: a downtime or a greater incident."""
    acknowledged: Acknowledgement | None = None
    silence: Silence | None = None
    """The last one; it may be over."""


class IncidentBook(Protocol):
    """The incidents of an instance. Its methods may be called from any thread."""

    def incidents(self, since: float) -> Sequence[IncidentRecord]:
        """The open ones, and those that ended after `since`."""

    def incident(self, id: str) -> IncidentRecord | None:
        """One of them, however old, as long as it is known."""

    def acknowledge(self, id: str, acknowledgement: Acknowledgement) -> IncidentRecord:
        """What it is then. Replaces an earlier one; survives a restart. Raises `KeyError` for an unknown id."""

    def silence(self, id: str, silence: Silence | None) -> IncidentRecord:
        """The same for a silence; null ends it."""
