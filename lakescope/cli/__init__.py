"""The ``lakescope`` command. Exit codes: 0 success, 1 errors in the data, 2 usage or configuration.

One file a group of commands; each imports what it needs when it is called, so that ``--help`` and
``normalise`` start fast.
"""

from __future__ import annotations

import os
import sys

import typer

from lakescope.cli import (
    access,
    alerts,
    backup,
    cases,
    dashboards,
    dead_letters,
    demo,
    doctor,
    incidents,
    interventions,
    normalise,
    prepare,
    query,
    report,
    run,
    simulate,
    sync,
    watch,
)
from lakescope.core.extras import explain
from lakescope.core.printable import escape_unprintable

app = typer.Typer(
    name="lakescope",
    help="Monitoring and telemetry pipeline for Rucio data lakes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run.run)
app.command()(demo.demo)
app.command()(normalise.normalise)
app.command()(prepare.setup)
app.command()(prepare.validate)
app.command()(doctor.doctor)
app.command()(prepare.plugins)
app.add_typer(prepare.config, name="config")
app.command()(watch.tap)
app.command()(watch.top)
app.command()(watch.trace)
app.add_typer(access.app, name="access")
app.add_typer(dead_letters.app, name="dead-letters")
app.command(name="replay")(dead_letters.replay_file)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(backup.compact)
app.command()(backup.forget)
app.command(name="test")(cases.test)
app.command()(query.query)
app.command()(incidents.incidents)
app.command()(interventions.annotate)
app.add_typer(interventions.app, name="annotations")
app.add_typer(alerts.app, name="alerts")
app.add_typer(dashboards.app, name="dashboards")
app.add_typer(report.app, name="report")
app.add_typer(sync.app, name="sync")
app.command()(simulate.simulate)


def main() -> None:
    """Entry point of the console script."""
    # for the matrices of the incident search threads of their own cost more than they bring, and take processors from the stream
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except RuntimeError as error:  # what a person can mend: the configuration, a port taken, nothing running
        print(f"error: {escape_unprintable(str(error))}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except ModuleNotFoundError as error:
        missing_extra = explain(error)
        if missing_extra is None:
            raise
        print(f"error: {missing_extra}: {missing_extra.remedy}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except BrokenPipeError:  # `lakescope tap | head`
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # a data directory or a certificate that is not there, or not ours
        text = f"error: {escape_unprintable(str(error))}; see data_dir and tls in the configuration"
        print(text, file=sys.stderr)  # noqa: T201
        sys.exit(2)
