"""What the catalogue's files share."""

from __future__ import annotations

from lakescope.kpis.model import Condition, Kpi, Part

RUCIO = Condition("source", "=", "rucio")  # the lake's own view; FTS tells the same transfers a second time
FTS = Condition("source", "=", "fts")
DONE = Condition("ok", "=", True)
FAILED = Condition("ok", "=", False)
ENDED = Condition("ok", "known")  # done, failed or lost

NO_USER_ERROR = Condition("user_error", "not", True)  # only who asked for the transfer can mend those

EFFICIENCY = Part(kind="share", field="ok")


def are_known(*fields: str) -> tuple[Condition, ...]:
    """All of them known: what both parts of a ratio must have in common."""
    return tuple(Condition(field, "known") for field in fields)


def empty_hours(dataset: str, what: str, dimensions: tuple[str, ...], noise: bool | None = None) -> Kpi:
    """How long nothing was heard of a dataset, or of a part of it that was heard at another time."""
    return Kpi(
        name=f"{dataset}_empty_hours",
        meaning=f"Whole hours without any {what}.",
        unit="count",
        good="down",
        dataset=dataset,
        value=Part(kind="empty_hours"),
        dimensions=dimensions,
        null="never null",
        noise=noise,
    )
