"""doctor: what is wrong with an installation."""

from __future__ import annotations

from typing import Annotated

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, console


def doctor(
    config: ConfigOption = CONFIG,
    timeout: Annotated[
        float, typer.Option(help="Longest time of the whole (seconds).", metavar="SECONDS", min=1)
    ] = 30.0,
) -> None:
    """Try everything that a configuration names, with the configured rights: one line each, with the remedy.

    Logs in to each source, store and receiver, reads one event, writes one and removes it; looks at clocks, disks, certificates
    and versions. It takes nothing from a source, notifies nobody, and can run beside an instance. Exit code 1 where something is
    wrong. `validate` reads files only.

    Example: lakescope doctor -c lakescope.toml
    """
    from collections import Counter

    from lakescope.app.doctor import examine

    out = console()
    styles = {"ok": "green", "warning": "yellow", "error": "red"}
    counts: Counter[str] = Counter()
    for part, finding in examine(configuration(config), timeout):
        counts[finding.level] += 1
        remedy = f"; {finding.remedy}" if finding.remedy else ""
        out.print(f"{finding.level:8} {part}: {finding.text}{remedy}", style=styles.get(finding.level))
    out.print(f"{counts['error']} errors, {counts['warning']} warnings, {counts['ok']} sound")
    raise typer.Exit(1 if counts["error"] else 0)
