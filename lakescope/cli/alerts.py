"""alerts notify: what gets alerts to people."""

from __future__ import annotations

from typing import Annotated

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration

app = typer.Typer(help="Alerts: rules, incidents, and who is notified of them.", no_args_is_help=True)


@app.command()
def notify(
    receivers: Annotated[
        list[str] | None, typer.Argument(help="Names of [alerts.receivers.NAME]; all by default.")
    ] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Send a test alert, opened and resolved at once, to receivers. Exit code 1: one did not take it.

    Example: lakescope alerts notify chat
    """
    import time
    from contextlib import closing

    from lakescope.alerts.model import Alert, Notification
    from lakescope.app.assembly import open_receivers
    from lakescope.core.contracts import RefusedError, TransientError

    opened = open_receivers(configuration(config))
    names = receivers or list(opened)
    if unknown := [name for name in names if name not in opened]:
        raise RuntimeError(f"no receiver {unknown[0]!r}; there are {', '.join(opened) or 'none'}")
    if not names:
        raise RuntimeError("there are no receivers; add [alerts.receivers.NAME] to the configuration")
    now = time.time()
    labels = {"rule": "test", "severity": "ticket", "owner": "monitoring"}
    texts = {
        "summary": "Test of Lakescope's notifications",
        "description": "Nothing is wrong: somebody ran `lakescope alerts notify`.",
    }
    alert = Alert(
        rule="test", labels=labels, annotations=texts, severity="ticket", began=now, opened=now, ended=now
    )
    has_failed = False
    for name, receiver in opened.items():
        with closing(receiver):
            if name not in names:
                continue
            try:
                receiver.send([Notification(event="opened", alert=alert, at=now)])
                receiver.send([Notification(event="resolved", alert=alert, at=now)])
                typer.echo(f"{name}: taken")
            except (TransientError, RefusedError) as error:
                has_failed = True
                typer.echo(f"{name}: {error}", err=True)
    if has_failed:
        raise typer.Exit(1)
