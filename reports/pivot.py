"""A table of pairs as a matrix."""

from __future__ import annotations

from msgspec import structs

from lakescope.reports.model import Cell, Column, Table

DASH = "\N{EN DASH}"


MOST = 20
"""Names down and across: more are not read on paper nor on a telephone."""


def pivot(table: Table) -> Table:
    """First column down, second across, third in the cells; the `MOST` names that come first in the table, sorted by name,
    unknown last.

    A pair without a row has an empty cell; rows of other names count as left out.
    """
    down, across = (
        sorted(
            list(dict.fromkeys(row[i] for row in table.rows))[:MOST],
            key=lambda name: (name is None, str(name)),
        )
        for i in (0, 1)
    )
    cells = {(row[0], row[1]): row[2] for row in table.rows}
    value = table.columns[2]
    corner = f"{table.columns[0].title} \\ {table.columns[1].title}"
    return structs.replace(
        table,
        title=table.title + (f" [{value.query}]" if value.query else ""),
        columns=[
            Column(title=corner, dimension=table.columns[0].dimension),
            *(Column(title="unknown" if name is None else str(name), unit=value.unit) for name in across),
        ],
        rows=[
            [
                name if name is None else str(name),
                *(cells.get((name, other), Cell(value=None, text="")) for other in across),
            ]
            for name in down
        ],
        more=table.more + sum(row[0] not in down or row[1] not in across for row in table.rows),
        pivot=False,
    )
