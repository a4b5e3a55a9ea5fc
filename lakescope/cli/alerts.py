"""alerts: the rules, what they find now, and who is notified."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, console, emit, table
from lakescope.core.printable import rfc3339

if TYPE_CHECKING:
    from lakescope.app.backtest import Backtest
    from lakescope.app.client import Client

app = typer.Typer(help="Alerts: rules, incidents, and who is notified of them.", no_args_is_help=True)


@app.command("list")
def list_(
    format: Annotated[Literal["table", "json"], typer.Option(help="table or json (one array).")] = "table",
    config: ConfigOption = CONFIG,
) -> None:
    """List the rules with their states: those of the running instance's last round, else as of now.

    Example: lakescope alerts list
    """
    from lakescope.kpis.units import format_value

    document = _client(config).alerts()
    if format == "json":
        _emit(document["rules"])
        return
    rows = table("rule", "state", "groups>", "firing>", "severity", "owner", "complete>", "what")
    for one in sorted(document["rules"], key=lambda one: ORDER.index(one["state"])):
        complete = one["completeness"]
        rows.add_row(
            one["rule"],
            one["state"],
            str(one["groups"]),
            str(one["firing"]),
            one["severity"],
            one["owner"],
            "-" if complete is None else format_value(complete, "ratio"),
            one["title"] + (f" ({one['reason']})" if one["reason"] else ""),
        )
    console().print(rows)
    for alert in document["alerts"]:
        owner = f" (acknowledged by {alert['acknowledged']['by']})" if alert["acknowledged"] else ""
        muted = f" (not sent: {alert['muted_by']})" if alert["muted_by"] else ""
        words = f"{alert['annotations']['summary']}{owner}{muted}"
        emit(f"{alert['key']}  {alert['severity']}  {alert['began']}  {' '.join(words.split())}")
    if document["fault"]:
        raise RuntimeError(f"the store does not answer, so all is unknown: {document['fault']}")


ORDER = ("firing", "clearing", "unknown", "pending", "covered", "no data", "no baseline", "ok", "disabled")
"""States of rules, those that somebody should look at first."""


@app.command()
def check(
    rule: Annotated[str, typer.Argument(help="Name of a rule.")],
    format: Annotated[Literal["table", "json"], typer.Option(help="table or json (one object).")] = "table",
    limit: Annotated[int, typer.Option(min=1, help="Most groups, the nearest to firing first.")] = 20,
    config: ConfigOption = CONFIG,
) -> None:
    """Show a rule's values now, how far each group is from firing, and its last changes.

    Example: lakescope alerts check transfer_efficiency_link
    """
    from lakescope.kpis.units import format_value

    document = _client(config).alert(rule)
    if format == "json":
        _emit(document)
        return
    state = document["state"] + (f": {document['reason']}" if document["reason"] else "")
    typer.echo(f"{rule}: {document['title']}: {state}")
    if document["groups"]:
        rows = table("where", "state", "value>", "threshold>", "to firing>", "complete>", "since")
        for one in document["groups"][:limit]:
            complete = one["completeness"]
            rows.add_row(
                _where(one["labels"]),
                one["state"] + (f" (in {one['covered_by']})" if one["covered_by"] else ""),
                one["text"]["value"],
                one["text"]["threshold"],
                one["text"]["distance"],
                "-" if complete is None else format_value(complete, "ratio"),
                one["since"] or "",
            )
        console().print(rows)
        if (more := len(document["groups"]) - limit) > 0:
            typer.echo(f"and {more} further from firing: --limit {len(document['groups'])}")
    for one in document["transitions"]:
        emit(f"{one['at']}  {one['state']}  {_where(one['labels'])}")


KeyArgument = Annotated[
    str, typer.Argument(help="Key of an alert, as `lakescope alerts list` has it, or id of an incident.")
]
ByOption = Annotated[str, typer.Option(help="Your name.")]


@app.command()
def acknowledge(
    key: KeyArgument,
    by: ByOption,
    note: Annotated[str, typer.Option(help="What you know, and what you do.")] = "",
    false_alarm: Annotated[
        bool, typer.Option("--false-alarm", help="Nothing was wrong; reports count it as such.")
    ] = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Say that somebody works on an alert or incident, or that it is a false alarm: it is not escalated any more.

    Example: lakescope alerts acknowledge 1f0c9a7b2d3e4f5a6b7c --by Ada --note "the disk is replaced"
    """
    _tell(_client(config).act(key, "acknowledge", {"by": by, "note": note, "false_alarm": false_alarm}))


@app.command()
def silence(
    key: KeyArgument,
    by: ByOption,
    reason: Annotated[str, typer.Option(help="Why nobody shall be notified.")] = "",
    until: Annotated[
        str, typer.Option(help="End (UTC): 2026-01-05T12:00, or 30min, 4h, 2d from now; now ends a silence.")
    ] = "4h",
    config: ConfigOption = CONFIG,
) -> None:
    """Notify nobody of an alert or incident until a time. Who was notified before is reminded then, if it is still open.

    Example: lakescope alerts silence 1f0c9a7b2d3e4f5a6b7c --by Ada --until 2d --reason "the disk comes on Monday"
    """
    import time

    from lakescope.app.words import duration

    if until == "now":
        _tell(_client(config).act(key, "silence/end", {}))
        return
    end = until
    if not until[:4].isdigit() or "-" not in until:
        try:
            end = rfc3339(time.time() + duration(until))
        except ValueError as error:
            raise RuntimeError(str(error)) from error
    _tell(_client(config).act(key, "silence", {"by": by, "reason": reason, "until": end}))


def _tell(alert: Mapping[str, Any]) -> None:
    acknowledgement, silence = alert["acknowledged"], alert["silence"]
    as_false = " as a false alarm" if acknowledgement and acknowledgement["false_alarm"] else ""
    emit(
        f"{' '.join(alert['annotations']['summary'].split())}: "
        + (f"acknowledged by {acknowledgement['by']}{as_false}, " if acknowledgement else "")
        + (f"silenced by {silence['by']} until {silence['until']}" if silence else "not silenced")
    )


@app.command()
def evaluate(
    once: Annotated[bool, typer.Option("--once", help="One round, then end.")] = False,
    at: Annotated[
        str | None,
        typer.Option(help="One round as of a time: 2026-01-05T12:00:00, or 2h ago. Only with --once."),
    ] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Evaluate the rules, look for incidents and notify receivers, as `lakescope run` does, until Ctrl-C.

    For stores that other Lakescopes write to. Exit code 1: the store or a receiver did not answer.

    Example: lakescope alerts evaluate --once
    """
    import signal
    import threading

    from lakescope.app.assembly import evaluating
    from lakescope.app.rounds import TICK_S
    from lakescope.app.tasks import Task
    from lakescope.app.words import moment

    if at is not None and not once:
        raise RuntimeError("--at is about one round: add --once")
    stop = threading.Event()
    with evaluating(configuration(config)) as rounds:
        if once:
            if at is not None:
                try:
                    time = moment(at).timestamp()
                except ValueError as error:
                    raise RuntimeError(str(error)) from error
                rounds.clock = lambda: time
            typer.echo(rounds(stop))
            return
        task = Task("alerts", TICK_S, rounds)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        task.start()
        typer.echo("alerts are evaluated")
        stop.wait()
        task.stop()


@app.command()
def explain(
    rule: Annotated[str, typer.Argument(help="Name of a rule.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Explain a rule: what it asks, when it fires and clears, who would be notified, and what it does without data.

    Example: lakescope alerts explain transfer_efficiency_link
    """
    from lakescope.alerts import explain
    from lakescope.alerts.routing import subscriptions_of
    from lakescope.app.rules import rules_of
    from lakescope.core.options import closest

    configured = configuration(config)
    rules = rules_of(configured.settings)
    if rule not in rules:
        suggestion = closest(rule, rules)
        remedy = f"did you mean {suggestion}?" if suggestion else "see `lakescope alerts list`"
        raise RuntimeError(f"there is no rule {rule!r}; {remedy}")
    subscriptions = subscriptions_of(configured.settings.alerts.subscriptions, configured.receivers)
    rows = table("", rule)
    for subject, words in explain.explain(rules[rule], subscriptions):
        rows.add_row(subject, words)
    console().print(rows)


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder to write to.", metavar="DIR")],
    for_: Annotated[
        Literal["prometheus"], typer.Option("--for", help="What the files are for.")
    ] = "prometheus",
    config: ConfigOption = CONFIG,
) -> None:
    """Write the rules and subscriptions as files of Prometheus and Alertmanager. Exit code 1: one cannot do all of it.

    Example: lakescope alerts build --for prometheus --out alerts
    """
    from functools import partial

    from lakescope.alerts.prometheus.files import write_files
    from lakescope.alerts.routing import subscriptions_of
    from lakescope.app.links import template_links
    from lakescope.app.rules import rules_of

    configured = configuration(config)
    alerts = configured.settings.alerts
    receivers = {name: plugin.options for name, plugin in configured.receivers.items()}
    paths, faults = write_files(
        out,
        rules_of(configured.settings).values(),
        receivers,
        subscriptions_of(alerts.subscriptions, receivers),
        partial(template_links, alerts),
    )
    for path in paths:
        typer.echo(path)
    if alerts.url is None:
        lost = "dashboards" if alerts.runbooks else "dashboards and runbooks"
        typer.echo(f"without [alerts] url there are no links to {lost}", err=True)
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)


@app.command()
def backtest(
    rule: Annotated[
        str | None, typer.Argument(help="Name of a rule; without it all that are enabled.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="The rule's threshold instead of its own, as in [alerts.rules.NAME] of the configuration."
        ),
    ] = None,
    since: Annotated[
        str, typer.Option(help="First round: 2026-01-05, 2026-01-05T12:00:00, or 7d, 12h ago.")
    ] = "30d",
    until: Annotated[str, typer.Option(help="Last round, likewise.")] = "0s",
    step: Annotated[
        str,
        typer.Option(
            help="From one round to the next: 5min as in the running instance, 10min or 15min. An alert may open and end by a"
            " step later than it would, and what lasts less than a step may be missed."
        ),
    ] = "15min",
    store: Annotated[
        str | None, typer.Option(help="The sink to ask; else that of [alerts], or the first that can answer.")
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="table or json (one object).")] = "table",
    config: ConfigOption = CONFIG,
) -> None:
    """Show when rules would have fired over the past, who would have been notified, and for how long.

    Each round judges as the running instance does, by what the store has now. Nothing is sent or written.

    Example: lakescope alerts backtest transfer_efficiency_link --threshold 0.3 --since 7d
    """
    from lakescope.alerts.routing import subscriptions_of
    from lakescope.app.backtest import Span, backtest, choose_rules
    from lakescope.app.client import Stores
    from lakescope.app.rules import rules_of
    from lakescope.app.words import duration, moment
    from lakescope.core.contracts import RefusedError, TransientError

    configured = configuration(config)
    alerts = configured.settings.alerts
    try:
        span = Span.of(moment(since).timestamp(), moment(until).timestamp(), duration(step))
        rules = choose_rules(rules_of(configured.settings), rule, threshold)
        subscriptions = subscriptions_of(alerts.subscriptions, configured.receivers)
        with Stores(configured).open_store(store or alerts.store) as (_, sink):
            result = backtest(rules, subscriptions, sink, span)
    except (ValueError, RefusedError, TransientError) as error:
        raise RuntimeError(str(error)) from error
    if format == "json":
        _emit(result)
    else:
        _print_backtest(result)


def _print_backtest(result: Backtest) -> None:
    from lakescope.kpis.units import duration_text, format_value

    if result.alerts:
        rows = table("opened", "lasted>", "severity", "rule", "where", "notified", "summary")
        for one in result.alerts:
            receivers = dict.fromkeys(sent.receiver for sent in one.notified)
            lasted = duration_text(round(one.open_s))
            rows.add_row(
                rfc3339(one.opened),
                lasted if one.ended is not None else f"{lasted}, still open",
                one.severity,
                one.rule,
                _where(one.labels),
                ", ".join(receivers) or "nobody",
                one.summary,
            )
        console().print(rows)
    pages = sum(one.severity == "page" for one in result.alerts)
    typer.echo(
        f"{pages} pages and {len(result.alerts) - pages} tickets of {len(result.rules)} rules in {result.rounds} rounds,"
        f" one every {duration_text(result.step_s)}, from {rfc3339(result.since)} to {rfc3339(result.until)}"
    )
    for rule in result.rules:
        if rule.judged < 1:
            typer.echo(
                f"{rule.rule}: judged in {format_value(rule.judged, 'ratio')} of the rounds; else {rule.not_judged}"
            )
    for limit in result.limits:
        typer.echo(f"not known: {limit}")


@app.command()
def test(
    directory: Annotated[Path, typer.Argument(help="Folder of <rule>/<case>/case.toml.")],
    config: Annotated[
        Path | None,
        typer.Option(
            "-c", "--config", help="Rules as this configuration has them; else Lakescope's.", metavar="FILE"
        ),
    ] = None,
) -> None:
    """Run cases of rules: tables of events on a simulated clock, and when a rule must fire. Exit code 1: one differs.

    Example: lakescope alerts test tests/cases/alerts
    """
    from lakescope.alerts.catalogue import RULES
    from lakescope.app.alert_cases import find, run_all
    from lakescope.app.rules import rules_of

    rules = RULES if config is None else rules_of(configuration(config).settings)
    cases = [*find(directory)]
    if not cases:
        raise RuntimeError(f"{directory}: no case: expected folders <rule>/<case>/ with a file case.toml")
    failures = 0
    for case, differences in run_all(cases, rules):
        if differences:
            failures += 1
            typer.echo(f"FAILED {case.rule}/{case.path.name}")
            typer.echo("".join(f"  {one}\n" for one in differences), nl=False)
    typer.echo(f"{len(cases) - failures} passed, {failures} failed")
    raise typer.Exit(1 if failures else 0)


def _client(config: Path) -> Client:
    from lakescope.app.client import client_of

    return client_of(configuration(config))


def _where(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in labels.items()) or "all"


def _emit(document: Any) -> None:
    import msgspec

    emit(msgspec.json.encode(document).decode())


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
