"""report: what people read on Monday, each morning, and of one site; from a store or of a simulated week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, emit
from lakescope.core.printable import escape_unprintable

if TYPE_CHECKING:
    from lakescope.app.config import Configuration
    from lakescope.app.reports import ReportText
    from lakescope.reports.model import Report
    from lakescope.reports.sending import Dispatch

app = typer.Typer(help="Reports on the health of the data lake.", no_args_is_help=True)

OutOption = Annotated[Path, typer.Option("--out", help="Directory of the files; created if missing.")]
WeekOption = Annotated[
    str | None, typer.Option(help="ISO week, such as 2026-W47; else the last one that is over.")
]
VoOption = Annotated[str | None, typer.Option(help="Only this VO; else all.")]
StoreOption = Annotated[
    str | None, typer.Option(help="Name of the sink that answers; else the first that can.")
]
DemoOption = Annotated[bool, typer.Option("--demo", help="Of a simulated week, without a configuration.")]
KeepOption = Annotated[
    bool,
    typer.Option(
        "--keep",
        help="Keep it in the archive below data_dir. A period that is there already is written from it, without a store.",
    ),
]
RecomputeOption = Annotated[
    bool,
    typer.Option(
        "--recompute",
        help="Compute it anew, and keep another revision if a number or sentence differs from the last one.",
    ),
]


class Mode(NamedTuple):
    """Where a report comes from."""

    demo: bool
    keep: bool
    recompute: bool


@app.callback()
def report() -> None:
    """Reports on the health of the data lake."""


@app.command()
def weekly(
    out: OutOption,
    week: WeekOption = None,
    vo: VoOption = None,
    store: StoreOption = None,
    demo: DemoOption = False,
    keep: KeepOption = False,
    recompute: RecomputeOption = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Write the weekly report of the data lake's health. The files are complete, or there are none.

    Weeks begin on Monday at 00:00 UTC. Each number of the report names the query that repeats it.
    Example: lakescope report weekly --week 2026-W47 --out reports/2026-W47
    """
    from lakescope.app.reports import ReportText

    _write(_report(ReportText("weekly", week, vo), store, config, Mode(demo, keep, recompute)), out)


@app.command()
def daily(
    out: OutOption,
    day: Annotated[
        str | None, typer.Option(help="Day, such as 2026-11-25; else the last one that is over.")
    ] = None,
    vo: VoOption = None,
    store: StoreOption = None,
    demo: DemoOption = False,
    keep: KeepOption = False,
    recompute: RecomputeOption = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Write the short report of a day: state, what to do, incidents and the ten worst links. report.txt is for chats.

    Days begin at 00:00 UTC. The day is compared with the same day of the week before.
    Example: lakescope report daily --day 2026-11-25 --out reports/2026-11-25
    """
    from lakescope.app.reports import ReportText

    _write(_report(ReportText("daily", day, vo), store, config, Mode(demo, keep, recompute)), out)


@app.command()
def site(
    site: Annotated[str, typer.Argument(help="Its name, as the topology has it.")],
    out: OutOption,
    week: WeekOption = None,
    vo: VoOption = None,
    store: StoreOption = None,
    demo: DemoOption = False,
    keep: KeepOption = False,
    recompute: RecomputeOption = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Write the report of one site over a week, for its administrators. Other sites are in it as peers only.

    As source, as destination, incidents, storage, network, services and downtimes.
    Example: lakescope report site CERN-PROD --week 2026-W47 --out reports/CERN-PROD
    """
    from lakescope.app.reports import ReportText

    _write(_report(ReportText("site", week, vo, site), store, config, Mode(demo, keep, recompute)), out)


@app.command()
def send(
    kind: Annotated[Literal["weekly", "daily", "site"], typer.Argument(help="Which report.")],
    week: WeekOption = None,
    day: Annotated[str | None, typer.Option(help="Of the daily report: day, such as 2026-11-25.")] = None,
    vo: Annotated[str | None, typer.Option(help="Only the reports of this VO.")] = None,
    site: Annotated[str | None, typer.Option(help="Only the reports of this site.")] = None,
    store: StoreOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing; list who does not have the report yet.")
    ] = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Send the reports of [reports.NAME] to those of their receivers who do not have them yet.

    The last revision of the archive; a period that is not there yet is computed and kept.
    Exit code 1: somebody did not get one; the same command tries only those again.
    Example: lakescope report send weekly --week 2026-W47 --dry-run
    """
    from contextlib import ExitStack, closing

    from lakescope.app.assembly import open_receivers
    from lakescope.app.lock import lock
    from lakescope.app.reports import ReportText
    from lakescope.reports.sending import Dispatch

    if (wrong := week if kind == "daily" else day) is not None:
        raise RuntimeError(f"{wrong!r}: a {kind} report takes {'--day' if kind == 'daily' else '--week'}")
    configured = configuration(config)
    folder = configured.settings.data_dir / "reports"
    has_failed = False
    for (one_vo, one_site), names in _receivers(configured, kind, vo, site).items():
        text = ReportText(kind, day if kind == "daily" else week, one_vo, one_site)
        report = _latest(text, store, configured, dry_run)
        emit(f"{report.period.name}, {one_vo or 'all VOs'}, revision {report.revision}: {report.title}")
        with ExitStack() as stack:
            receivers = open_receivers(configured, names)
            for one in receivers.values():
                stack.enter_context(closing(one))
            if not dry_run:
                stack.enter_context(lock(folder))
            has_failed |= _dispatch(Dispatch(report, folder / "sent.json"), receivers, dry_run)
    if has_failed:
        raise typer.Exit(1)


def _receivers(
    configured: Configuration, kind: str, vo: str | None, site: str | None
) -> dict[tuple[str | None, str | None], list[str]]:
    """VO and site -> names of the receivers of that report, for those that were asked for or all that are configured."""
    reports = [
        one
        for one in configured.settings.reports.values()
        if one.kind == kind and vo in (None, one.vo) and site in (None, one.site)
    ]
    if not reports:
        places = {"VO": vo, "site": site}
        of = "".join(f" of the {name} {value!r}" for name, value in places.items() if value is not None)
        own = "".join(f', {name.lower()} = "{value}"' for name, value in places.items() if value is not None)
        kind_text = "" if kind == "weekly" else f'kind = "{kind}", '
        raise RuntimeError(
            f'there is no {kind} report{of} to send; add [reports.NAME] with {kind_text}receivers = ["NAME"]{own}'
        )
    names: dict[tuple[str | None, str | None], list[str]] = {}
    for one in reports:
        names.setdefault((one.vo, one.site), []).extend(one.receivers)
    return names


def _dispatch(dispatch: Dispatch, receivers: Mapping[str, Any], dry_run: bool) -> bool:
    """Sends it and says what became of it. Whether somebody did not get it."""
    if dry_run:
        for name, receiver in receivers.items():
            recipients = dispatch.missing(name, receiver)
            emit(f"{name}: would be sent{_to(name, recipients)}" if recipients else f"{name}: has it")
        return False
    has_failed = False
    for outcome in dispatch.send(receivers):
        if outcome.sent:
            emit(f"{outcome.receiver}: sent{_to(outcome.receiver, outcome.sent)}")
        for fault in outcome.faults:
            has_failed = True
            typer.echo(f"{outcome.receiver}: not sent: {escape_unprintable(fault)}", err=True)
        if not outcome.sent and not outcome.faults:
            emit(f"{outcome.receiver}: has it")
    if has_failed:
        report = dispatch.report
        option = "--day" if report.kind == "daily" else "--week"
        repeat = f"lakescope report send {report.kind} {option} {report.period.name}"
        typer.echo(f"`{repeat}` tries again those who did not get it", err=True)
    return has_failed


def _to(receiver: str, recipients: Sequence[str]) -> str:
    return "" if list(recipients) == [receiver] else f" to {', '.join(recipients)}"


def _write(report: Report, out: Path) -> None:
    from lakescope.reports.writing import write

    written = write(report, out)
    for path in written.paths:
        emit(str(path))
    if missing_extra := written.missing:
        typer.echo(f"without HTML, mail and PDF: {missing_extra}: {missing_extra.remedy}", err=True)


def _report(text: ReportText, store: str | None, config: Path, mode: Mode) -> Report:
    """Computed, or from the archive."""
    if mode.demo:
        if text.period or store or mode.keep or mode.recompute:
            option = "--day" if text.kind == "daily" else "--week"
            raise RuntimeError(
                "--demo is of one simulated week and its own store:"
                f" leave out {option}, --store, --keep and --recompute"
            )
        from lakescope.app.report_demo import demo_report

        return demo_report(text)
    from lakescope.app.client import client_of

    configured = configuration(config)
    now = datetime.now(UTC)
    if mode.keep or mode.recompute:
        return _archive(text, store, configured, now, recompute=mode.recompute)
    return client_of(configured).report(text, store, now)


def _archive(
    text: ReportText, store: str | None, configured: Configuration, now: datetime, *, recompute: bool
) -> Report:
    """The last revision of the archive, which may become another one. Says on stderr which it is, and why."""
    from lakescope.app.client import client_of
    from lakescope.app.reports import keep

    def compute(text: ReportText) -> Report:
        return client_of(configured).report(text, store, now)

    try:
        report, before = keep(
            text, configured.settings.data_dir / "reports", compute, now, recompute=recompute
        )
    except ValueError as error:
        raise RuntimeError(str(error)) from error
    number = report.revision
    if before is None or before.revision < number:
        count = len(report.corrections)
        more = f": {count} {'difference' if count == 1 else 'differences'} to the one before" if count else ""
        _note(f"revision {number}, new{more}")
    elif recompute:
        _note(f"revision {number} stays: no number and no sentence differs")
    else:
        _note(f"revision {number}, of the archive; --recompute computes it anew")
    return report


def _latest(text: ReportText, store: str | None, configured: Configuration, dry_run: bool) -> Report:
    """The last revision, which is computed and kept where there is none; with `dry_run` nothing is kept."""
    from lakescope.app.client import client_of
    from lakescope.app.reports import keep, look

    now = datetime.now(UTC)
    client, folder = client_of(configured), configured.settings.data_dir / "reports"

    def compute(text: ReportText) -> Report:
        return client.report(text, store, now)

    try:
        return look(text, folder, compute, now) if dry_run else keep(text, folder, compute, now).report
    except ValueError as error:
        raise RuntimeError(str(error)) from error


def _note(text: str) -> None:
    typer.echo(escape_unprintable(text), err=True)
