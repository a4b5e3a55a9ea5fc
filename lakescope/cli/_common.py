"""What the commands share: the configuration option, output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakescope.core.printable import escape_unprintable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lakescope.app.config import Configuration

ConfigOption = Annotated[
    Path,
    typer.Option("-c", "--config", help="The configuration file.", metavar="FILE", envvar="LAKESCOPE_CONFIG"),
]
CONFIG = Path("lakescope.toml")


def configuration(path: Path) -> Configuration:
    """The configuration; a fault of it ends the command with exit code 2 (see `lakescope.cli.main`)."""
    from lakescope.app.config import load_file

    return load_file(path)


def load_site(path: Path) -> None:
    """A site's own KPIs and dashboards, those of a configuration too if there is one."""
    if path.exists():
        configuration(path)
        return
    from lakescope.app import site
    from lakescope.core.places import ConfigurationError

    if problems := site.load():
        raise ConfigurationError(problems)


def console(*, err: bool = False) -> Console:
    """Where tables and lines go, control characters of their texts written out; plain where no terminal watches."""
    from rich.console import Console

    class Safe(Console):
        """Every text, in a table too, passes here; rich itself lets escape sequences through."""

        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(escape_unprintable(text), **options)

    stream = sys.stderr if err else sys.stdout
    # into a pipe or a log a table is as wide as it is
    width = None if stream.isatty() else 1000
    return Safe(stderr=err, highlight=False, markup=False, emoji=False, width=width)


def table(*columns: str, title: str | None = None) -> Table:
    """A table in the house's form; columns that end in ``>`` are numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    result = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        result.add_column(
            column.rstrip(">"),
            justify="right" if column.endswith(">") else "left",
            overflow="fold",
            min_width=3,
        )
    return result


def ago(seconds: float | None) -> str:
    """A duration as a person says it: 3 s, 5 min, 2 h, 4 d."""
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def emit(line: str) -> None:
    """One line or more on the standard output, control characters written out."""
    sys.stdout.write(escape_unprintable(line) + "\n")


def fields(document: dict[str, Any], *names: str) -> list[str]:
    """Values of a document as table cells, ``-`` for unknown."""
    return ["-" if document.get(name) is None else str(document[name]) for name in names]
