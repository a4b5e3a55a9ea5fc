"""Tables of pairs as matrices."""

from __future__ import annotations

from lakescope.reports.model import Cell, Column, Table
from lakescope.reports.pivot import MOST, pivot


def table(pairs: list[tuple[str | None, str | None, float]]) -> Table:
    return Table(
        name="efficiency",
        title="Efficiency",
        columns=[Column(title="Source"), Column(title="Destination"), Column(title="Value", query=7)],
        rows=[[src, dst, Cell(value=value, text=f"{value:g}")] for src, dst, value in pairs],
        pivot=True,
    )


def texts(one: Table) -> list[list[str | None]]:
    return [[cell.text if isinstance(cell, Cell) else cell for cell in row] for row in one.rows]


def test_names_are_sorted_and_a_missing_pair_is_empty() -> None:
    matrix = pivot(table([("B", "A", 1), ("A", None, 2), (None, "A", 3)]))
    assert [column.title for column in matrix.columns] == ["Source \\ Destination", "A", "unknown"]
    assert texts(matrix) == [["A", "", "2"], ["B", "1", ""], [None, "3", ""]]
    assert matrix.more == 0


def test_of_many_names_the_first_ones_of_the_table_stay() -> None:
    names = [f"S{number:02d}" for number in range(MOST + 5)]
    matrix = pivot(table([(name, "D", 1.0) for name in reversed(names)]))
    assert [row[0] for row in matrix.rows] == names[5:]
    assert matrix.more == 5
