"""What lies on the storage: space, growth and when it is full, quotas, rules that are stuck, deletions."""

from __future__ import annotations

from collections.abc import Sequence

from lakescope.reports.desk import Answer, Desk, ask_for, asks_for
from lakescope.reports.model import Cell, Column, Finding, Section, Table, worst
from lakescope.reports.sections._common import (
    ALL_ROWS,
    change_cell,
    findings_of,
    refusals,
    sentence,
    table_of,
)

_OF_ALL = ("storage_used", "storage_total", "storage_fullness")
SPACE = asks_for((*_OF_ALL, "storage_growth", "days_to_full"), "rse")
_TITLES = ("Used", "Total", "Fill level", "Growth", "Full in")
LEAST_DELETIONS = 20
"""Attempts below which an efficiency is no finding."""


def storage(desk: Desk) -> Section:
    """Space by RSE, QoS class, account and experiment."""
    by_rse, by_qos, (quotas, accounts, experiments, before) = desk.ask_groups(
        SPACE,
        asks_for(_OF_ALL, "qos"),
        [
            ask_for("account_fullness", "account", "rse"),
            ask_for("account_used", "account"),
            ask_for("experiment_used", "experiment"),
            ask_for("experiment_used", "experiment", weeks_ago=1),
        ],
    )
    findings = [
        *space_findings(desk, by_rse),
        *findings_of(quotas, "Account {}: ", " of its quota is in use.", "Delete data of the account, or raise its quota.", 0.1),
    ]  # fmt: skip
    return Section(
        name="storage",
        title="Storage",
        state=worst([one.state for one in findings]) or ("good" if by_rse[0].values else None),
        tables=[
            space_table(by_rse),
            table_of("storage_by_qos", "By QoS class", list(zip(_TITLES, by_qos, strict=False))),
            table_of("quotas", "Accounts closest to their quota", [("Fill level of the quota", quotas)]),
            table_of("accounts", "By account", [("Used", accounts)]),
            _with_change("experiments", "By experiment", "Used", experiments, before),
        ],
        findings=findings,
        notes=refusals(*by_rse, *by_qos, quotas, accounts, experiments),
    )


def space_findings(desk: Desk, space: Sequence[Answer]) -> list[Finding]:
    """Which RSEs are full, or soon will be. `space`: the answers to `SPACE`, by RSE."""
    *_, fullness, _, days = space
    growth = f" at the growth of this {desk.period.noun}."
    action = "Delete or move data, or add space."
    return [
        *findings_of(days, "RSE {}: full in ", growth, action, 0.5),
        *findings_of(fullness, "RSE {}: ", " of its space is in use.", action, 0.3),
    ]


def space_table(space: Sequence[Answer]) -> Table:
    """All RSEs."""
    return table_of("storage", "By RSE", list(zip(_TITLES, space, strict=True)), rows=ALL_ROWS)


def _with_change(name: str, title: str, heading: str, answer: Answer, before: Answer) -> Table:
    table = table_of(name, title, [(heading, answer)])
    former = before.values
    keys = [tuple(row[: len(answer.question.by)]) for row in table.rows]
    rows = [
        [*row, change_cell(answer, answer.values[key], former.get(key)) or Cell(value=None, text="")]  # type: ignore[index,arg-type]
        for key, row in zip(keys, table.rows, strict=True)
    ]
    return Table(
        name=name,
        title=title,
        columns=[*table.columns, Column(title="Change in a week")],
        rows=rows,
        more=table.more,
    )


def rules(desk: Desk) -> Section:
    """Which rules are stuck, why and for how long."""
    (total, before, oldest), by_error, by_rse, by_account = desk.ask_groups(
        [ask_for("rules_stuck"), ask_for("rules_stuck", weeks_ago=1), ask_for("oldest_stuck_rule")],
        *(asks_for(_STUCK, dimension) for dimension in ("error_template", "rse", "account")),
    )
    titles = ("Stuck rules", "Locks given up", "Oldest")
    findings = []
    if total.value and oldest.value and oldest.value > 7 * 86_400:
        findings.append(
            Finding(
                state="warning",
                sentence=sentence(
                    "Stuck rules: ", total.total, ", the oldest for ", oldest.total, ".", state="warning",
                ),
                action="Repair the rules, or delete them: see why they are stuck.",
                weight=0.2,
            )
        )  # fmt: skip
    sentences = []
    if total.value is not None:
        sentences.append(
            sentence("Stuck rules: ", total.total, f", {desk.period.before} ", before.total, ".")
        )
    if oldest.value is not None:
        sentences.append(sentence("The oldest one has been stuck for ", oldest.total, "."))
    return Section(
        name="rules",
        title="Stuck rules",
        state=worst([one.state for one in findings]),
        sentences=sentences,
        tables=[
            table_of(
                "rules_by_error", "By error", list(zip(titles, by_error, strict=True)), with_zeros=False
            ),
            table_of(
                "rules_by_rse", "By RSE expression", list(zip(titles, by_rse, strict=True)), with_zeros=False
            ),
            table_of(
                "rules_by_account", "By account", list(zip(titles, by_account, strict=True)), with_zeros=False
            ),
        ]
        if total.value
        else [],
        findings=findings,
        notes=refusals(total, oldest, *by_error, *by_rse, *by_account),
    )


_STUCK = ("rules_stuck", "rules_stuck_locks", "oldest_stuck_rule")


def deletions(desk: Desk) -> Section:
    """What was deleted, and where it fails."""
    kpis = ("deletions_done", "deletion_volume", "deletion_efficiency", "deletions_ended")
    done, size, share, ended = desk.ask(*asks_for(kpis, "rse"))
    findings = findings_of(
        share,
        "Deletions on {}: efficiency ",
        " attempts.",
        "See why deletions fail there.",
        0.1,
        attempts=ended,
        least=LEAST_DELETIONS,
    )
    return Section(
        name="deletions",
        title="Deletions",
        state=worst([one.state for one in findings]) or ("good" if share.values else None),
        tables=[
            table_of("deletions", "By RSE", [("Deleted", done), ("Volume", size), ("Efficiency", share)], rows=ALL_ROWS)
        ],
        findings=findings,
        notes=refusals(done, size, share, ended),
    )  # fmt: skip
