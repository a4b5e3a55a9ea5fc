"""backup, restore, compact, forget: what Lakescope has stored."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, emit


def backup(
    name: Annotated[str | None, typer.Argument(help="Name of its folder; without it the time.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Copy what Lakescope keeps on its own disk into `backups/` of the data directory, beside a running instance or without one.

    DuckDB files, the push spool, overflows, dead letters, alerts, incidents and reports. Take the folder to another machine.
    Other stores have backups of their own.

    Example: lakescope backup before-upgrade
    """
    from lakescope.app.client import client_of

    emit(client_of(configuration(config)).back_up(name or f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"))


def restore(
    folder: Annotated[Path, typer.Argument(help="The folder that `lakescope backup` printed.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Bring a backup back into an empty data directory, while no instance runs. Nothing that is there is replaced.

    Example: lakescope restore /mnt/backups/before-upgrade
    """
    from lakescope.app.backup import restore as bring_back

    for path in bring_back(configuration(config), folder):
        emit(str(path))


def compact(config: ConfigOption = CONFIG) -> None:
    """Write DuckDB's file anew without the room of what was deleted, while no instance runs; the old one stays until then.

    Needed only where `retention_days` became much shorter: else new events take the room of the old ones. The disk must have
    room for both files.

    Example: lakescope compact
    """
    from lakescope.app.compact import compact as write_anew

    for path, before, after in write_anew(configuration(config)):
        emit(f"{path}: {before / 1e6:,.0f} MB before, {after / 1e6:,.0f} MB now")


def forget(
    account: Annotated[str, typer.Argument(help="The account's name; or a subject's hash, a client's host.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Take an account's name out of what is stored, while no instance runs: `forgotten` stands in its place, numbers stay.

    Changes DuckDB, Elasticsearch and OpenSearch, what waits for them (push spool, overflow), dead letters, reports, alerts,
    incidents and what synchronisations keep, and prints what was changed where. Exit code 1 where the name may still be, as in
    InfluxDB, in files of JSON lines or in a backup.

    Example: lakescope forget jdoe
    """
    from lakescope.app.forget import ELSEWHERE
    from lakescope.app.forget import forget as take_out

    steps = list(take_out(configuration(config), account))
    for step in steps:
        emit(f"{'changed' if step.is_done else 'NOT REACHED'}  {step.place}: {step.text}")
    if any(not step.is_done and step.place != ELSEWHERE for step in steps):
        raise typer.Exit(1)
