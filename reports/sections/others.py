"""What else needs attention, without tables: for a short report."""

from __future__ import annotations

from lakescope.reports.desk import Desk
from lakescope.reports.model import ORDER, Section, worst
from lakescope.reports.sections import services, storage, transfers
from lakescope.reports.sections._common import count_text, sentence

SUBJECTS = (
    transfers.efficiency,
    transfers.errors,
    storage.storage,
    storage.rules,
    storage.deletions,
    services.network,
    services.services,
)
SENTENCES = 12
"""The worst of them."""


def others(desk: Desk) -> Section:
    """The findings of the subjects that have no section of their own here."""
    sections = [make(desk) for make in SUBJECTS]
    findings = sorted(
        (finding for section in sections for finding in section.findings),
        key=lambda one: (ORDER[one.state], -one.weight),
    )
    healthy = [section.title.lower() for section in sections if section.state == "good"]
    more = len(findings) - SENTENCES
    return Section(
        name="others",
        title="Other subjects",
        state=worst([section.state for section in sections]),
        sentences=[
            *(finding.sentence for finding in findings[:SENTENCES]),
            *(
                [sentence(f"And {count_text(more, 'finding')} more: see the weekly report.")]
                if more > 0
                else []
            ),
            *([sentence(f"Nothing to report: {', '.join(healthy)}.", state="good")] if healthy else []),
        ],
        findings=findings,
        notes=tuple(dict.fromkeys(note for section in sections for note in section.notes)),
    )
