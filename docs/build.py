"""Writes docs/reference/ from the code: what is derived cannot drift.

python -m docs.build           writes the pages
python -m docs.build --check   exit code 1 and a diff if a page is stale
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer
from prometheus_client.metrics import MetricWrapperBase

import lakescope.app.config
import lakescope.core.events
import lakescope.core.messages
import lakescope.kpis as numbers
import lakescope.pipeline.metrics
from lakescope.alerts.catalogue import RULES
from lakescope.alerts.model import Absence, Baseline, BurnRate, Rule, Threshold
from lakescope.app.config import Settings, toml_value
from lakescope.app.restriction import SHARED
from lakescope.cli import app
from lakescope.core.columns import Column, Kind, columns, tags
from lakescope.core.events import DATASETS, Event
from lakescope.core.messages import traits
from lakescope.core.options import Options
from lakescope.core.plugins import Room, available, load
from lakescope.kpis.model import DAY, Comparison
from lakescope.kpis.units import duration_text, text_of
from lakescope.pipeline.metrics import Metrics

REFERENCE = Path(__file__).parent / "reference"
WIDTH = 100

KINDS: dict[Kind, str] = {
    "keyword": "text",
    "text": "long text",
    "time": "time",
    "integer": "integer",
    "float": "number",
    "boolean": "true or false",
    "labels": "table of text",
    "object": "table",
    "keywords": "list of text",
}

EXAMPLE_OPTIONS: dict[str, dict[str, Any]] = {
    "stomp": {"username": "lakescope", "password": "${STOMP_PASSWORD}"},
    "http": {"token": "${PUSH_TOKEN}"},
    "kafka": {"username": "lakescope", "password": "${KAFKA_PASSWORD}", "topics": ["rucio.events"]},
    "rucio": {"username": "lakescope", "password": "${RUCIO_PASSWORD}"},
    "elasticsearch": {"username": "lakescope", "password": "${ES_PASSWORD}"},
    "influxdb": {"database": "lakescope"},
    "monit": {"username": "lakescope", "password": "${MONIT_PASSWORD}"},
}
"""Plugin -> options that its example shows beside those that it must have."""

REMEDIES: dict[str, str] = {
    "not_json": "Look at the body: `lakescope dead-letters show ID`. Most often the sender is cut short, or the collector's"
    " `format` is the wrong one. Mend that, then drop the letters: a body that is no JSON will not become one.",
    "not_text": "The sender does not write UTF-8. Mend the sender; drop the letters.",
    "not_unpacked": "Unpack a copy of the body by hand to see whether it is damaged. If it is whole, let the sender send less at"
    " a time; drop the letters.",
    "schema": "The path names the field. Either the source has changed its messages or the body is of another format."
    " If the message is right, report it with the body as a case: see CONTRIBUTING.md. Replay after the upgrade.",
    "value": "The path names the field, `found` the value: a time in the year 20000, a negative size. Mend the source;"
    " if the value is legitimate, report it as a case.",
    "unknown_kind": "The format reads this source, but not this kind of message. Report it with the body as a case;"
    " replay after the upgrade. Until then a `selector` (stomp) can leave such messages out.",
    "not_allowed": "The header `sender` of the letter names who pushed it; `expected` what its token covers. If it may push this,"
    " add the VO or producer to its token (`tokens`, or `oidc.groups`, of the collector) and let it push again: a replay keeps"
    " the rights that the sender had. Else find out who has the token; drop the letters.",
    "too_large": "A store refused one event for its size. Raise the store's own limit, then replay; or drop the letter.",
    "decoder_error": "A bug in Lakescope: `found` names the exception. Report it with the body as a case; replay after the"
    " upgrade.",
    "sink_error": "A bug in Lakescope: `found` names the exception, the log has the same line. Report it; replay after the"
    " upgrade.",
    "refused": "The store's own words are in `expected` and `found`. A mapping conflict or a field type conflict means that"
    " the index or the database holds another type under that name: run `lakescope setup`, mend the store, then replay"
    " with `--sink NAME`.",
}
"""Reason -> what an operator does about it."""


# --- pages ------------------------------------------------------------------------------------------------


def events() -> str:
    """Every dataset and field."""
    common = {*Event.__struct_fields__}
    page = [
        "# Events",
        prose(lakescope.core.events),
        "Datasets: " + ", ".join(f"[{d}](#{d})" for d in DATASETS) + ".",
    ]
    some = columns("transfers")
    tag = Column("dataset", "keyword", True)
    page += ["## Every event", _fields(Event, [tag, *(column for column in some if column.name in common)])]
    for dataset, struct in DATASETS.items():
        own = [column for column in columns(dataset) if column.name not in common]
        page += [
            f"## {dataset}",
            inspect.getdoc(struct) or "",
            _fields(struct, own),
        ]
    return "\n\n".join(page)


def _fields(struct: type[Event], columns_shown: Iterable[Column]) -> str:
    hints = get_type_hints(struct)
    tag_names = tags("transfers" if struct is Event else struct.dataset)
    meanings = {"dataset": "its kind, one of those below; says which other fields there are"} | meanings_of(
        struct
    )
    rows = []
    for column in columns_shown:
        values = _values(hints.get(column.name))
        kind = " or ".join(f"`{value}`" for value in values) if 0 < len(values) < 5 else KINDS[column.kind]
        value_list = f"; one of {', '.join(f'`{value}`' for value in values)}" if len(values) >= 5 else ""
        is_tag = "yes" if column.name in tag_names else ""
        rows.append(
            (
                f"`{column.name}`",
                kind,
                "" if column.required else "yes",
                is_tag,
                meanings[column.name] + value_list,
            )
        )
    return table(("field", "type", "can be null", "tag", "meaning"), rows)


_MEANING = re.compile(r"^    (\w+): .*?  #: (.*)$", re.MULTILINE)


def meanings_of(struct: type[Event]) -> dict[str, str]:
    """Field of an event -> the comment behind it."""
    return dict(_MEANING.findall("".join(map(inspect.getsource, (*Event.__mro__[:2], struct)))))


def _values(hint: Any) -> tuple[Any, ...]:
    """What a closed set allows; empty for an open one."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return next((found for arg in get_args(hint) if (found := _values(arg))), ())


def collectors() -> str:
    """Every collector and its options."""
    intro = "A collector is one transport: it brings messages and acknowledges them once they are safe."
    return _plugins("collectors", intro, '[sinks.store]\ntype = "duckdb"')


def sinks() -> str:
    """Every sink and its options."""
    intro = "A sink is one store: it writes events, idempotently by their ids where the store can."
    return _plugins("sinks", intro, '[collectors.push]\ntype = "http"')


def receivers() -> str:
    """Every receiver and its options."""
    intro = "A receiver is notified of alerts: which ones, [subscriptions](configuration.md) say. [How to](../how-to/alerts.md)."
    companion = '[collectors.push]\ntype = "http"\n\n[sinks.store]\ntype = "duckdb"'
    return _plugins("receivers", intro, companion)


def _plugins(room: Room, intro: str, companion: str) -> str:
    heading = f"alerts.{room}" if room == "receivers" else room
    page = [
        f"# {room.capitalize()}",
        f"{intro} In the configuration each is a table `[{heading}.NAME]` with a `type`.",
    ]
    for name in _ours(room):
        plugin = load(room, name)
        page += [f"## {name}", prose(import_module(plugin.__module__)), _options(plugin.Options)]
        mine = [f"[{heading}.mine]", f'type = "{name}"']
        for option, field in plugin.Options.model_fields.items():
            if field.is_required() or option in EXAMPLE_OPTIONS.get(name, ()):
                mine.append(
                    f"{option} = {toml_value(EXAMPLE_OPTIONS.get(name, {}).get(option) or field.examples[0])}"
                )
        page.append(fence("toml", "\n".join([*mine, "", companion])))
    return "\n\n".join(page)


EXPERIMENTAL = (
    "**Experimental**: shown against the documented form of the bodies, not yet against a real sample. Keep the bodies"
    " of your own system, and report what is read wrongly as a case."
)


def formats() -> str:
    """Every format: the promise of its module."""
    page = [
        "# Formats",
        "A format is one dialect: it turns a message's body into events, wherever the body came from.",
    ]
    for name in _ours("formats"):
        decode = load("formats", name)
        mark = [EXPERIMENTAL] if traits(decode).maturity == "experimental" else []
        page += [f"## {name}", *mark, prose(import_module(decode.__module__))]
    return "\n\n".join(page)


def kpis() -> str:
    """Every number: what it means, of what, by what."""
    page = [
        "# KPIs",
        prose(import_module("lakescope.kpis.model")),
        "`lakescope query NAME --by DIMENSION --since 7d` asks for one, as does `GET /api/kpis/NAME`.",
        table(
            ("KPI", "unit", "meaning"),
            [(f"[`{kpi.name}`](#{kpi.name})", kpi.unit, kpi.meaning) for kpi in numbers.CATALOGUE.values()],
        ),
    ]
    page.append("## What each store answers")
    page.append("DuckDB answers everything exactly.")
    page += [prose(import_module(f"kpis.{store}")) for store in ("elasticsearch", "influxql")]
    page += ["## Comparisons of KPIs", prose(import_module("lakescope.kpis.comparisons"))]
    page += ["## Availability, reliability and downtimes", prose(import_module("lakescope.kpis.timelines"))]
    for kpi in numbers.CATALOGUE.values():
        page += [f"## {kpi.name}", kpi.meaning, "\n".join(_kpi(kpi))]
    return "\n\n".join(page)


def _kpi(kpi: numbers.Kpi) -> Iterator[str]:
    better = {"up": "; more is better", "down": "; less is better", "neutral": ""}[kpi.good]
    yield f"- unit: {kpi.unit}{better}"
    if isinstance(kpi.value, Comparison):
        yield f"- compares: {_comparison_text(kpi.value)}"
    yield f"- of: [{kpi.dataset}](events.md#{kpi.dataset})"
    if kpi.noise is not None:
        yield f"- functional tests: {'counted' if kpi.noise else 'left out'}, unless asked otherwise"
    bounds = [
        f"{name} at {bound}"
        for name, bound in (("warning", kpi.warning), ("critical", kpi.critical))
        if bound is not None
    ]
    if bounds:
        yield f"- bounds: {', '.join(bounds)}"
    yield f"- by: {', '.join(f'`{name}`' for name in kpi.dimensions)}"
    yield f"- no value means: {kpi.null}"


def _comparison_text(value: Comparison) -> str:
    names = [
        f"[`{one.name}`](#{one.name})" if one.name in numbers.CATALOGUE else one.meaning
        for one in (value.of, value.to)
    ]
    when = ", which is of the way back" if value.is_way_back else ""
    if value.shift_s:
        when = f", which is of the same range {value.shift_s // DAY} days earlier"
    elif value.baseline_s:
        when = f", which is of the {value.baseline_s // DAY} days before the range"
    per = f"; matched by {', '.join(f'`{name}`' for name in value.per)}, then added up" if value.per else ""
    return f"{names[0]} and {names[1]}{when} ({value.operation}){per}; null where one of them has no value"


def alerts() -> str:
    """Every rule of the catalogue."""
    rows = [
        (
            f"`{rule.name}`",
            rule.title,
            condition_text(rule),
            duration_text(rule.window_s),
            duration_text(rule.for_s) if rule.for_s else "",
            rule.severity,
            rule.owner,
            f"[runbook](../runbooks/{rule.name}.md)",
        )
        for rule in RULES.values()
    ]
    return "\n\n".join(
        [
            "# Alerts",
            prose(import_module("lakescope.alerts.model")),
            "A rule whose data does not come says no data, and never fires. Each group is an alert of its own. An alert fires"
            " once its condition has held for the time under *for*; where *ends* is named, it ends only at that value or better.",
            table(("rule", "what", "condition", "window", "for", "severity", "owner", "runbook"), rows),
        ]
    )


def condition_text(rule: Rule) -> str:
    """When a rule is abnormal, in words."""
    kpi = numbers.CATALOGUE[rule.kpi]
    value = f"[`{kpi.name}`](kpis.md#{kpi.name})"

    def text(number: float | None) -> str:
        return text_of(kpi, number).lstrip("+")

    match rule.condition:
        case Threshold(above=above, below=below, clear=clear, unsigned=unsigned):
            ends = f"; ends at {text(clear)}" if clear is not None else ""
            limits = [
                f"{word} {text(limit)}"
                for word, limit in (("above", above), ("below", below))
                if limit is not None
            ]
            words = f"{value}{' without its sign' if unsigned else ''} {' and '.join(limits)}{ends}"
        case Baseline() as baseline:
            ratios = [
                f"{word} {ratio:g} times"
                for word, ratio in (("above", baseline.ratio_above), ("below", baseline.ratio_below))
                if ratio is not None
            ]
            ends = f"; ends at {baseline.clear_ratio:g} times" if baseline.clear_ratio is not None else ""
            least = f" and by at least {text(baseline.least)}" if baseline.least else ""
            words = (
                f"{value} {' or '.join(ratios)} the median of the {duration_text(baseline.history_s)} before,"
                f" by {baseline.deviations:g} standard deviations{least}{ends}"
            )
        case BurnRate(target=target, rate=rate, short_s=short_s):
            words = f"budget of {value} (target {target:.3%}) used at {rate:g} times the even rate, {duration_text(short_s)} too"
        case Absence(history_s=history_s, least_windows=least_windows):
            words = f"no {value}, which had some in {least_windows} or more windows of the {duration_text(history_s)} before"
    by = f", by {', '.join(f'`{name}`' for name in rule.by)}" if rule.by else ""
    if rule.volume is not None:
        volume = text_of(numbers.CATALOGUE[rule.volume.kpi], rule.volume.least)
        by += f"; with [`{rule.volume.kpi}`](kpis.md#{rule.volume.kpi}) of at least {volume}"
    if rule.peers is not None:
        by += f"; abnormal with {rule.peers.least} or more others it is one alert, of the {rule.peers.label}"
    return words + by


def configuration() -> str:
    """The settings beside the plugins' own options."""
    page = ["# Configuration", prose(lakescope.app.config)]
    page.append(
        "Collectors have [their own options](collectors.md), sinks [theirs](sinks.md), receivers of alerts"
        " [theirs](receivers.md)."
    )
    page.append(_options(Settings))
    page += [
        "## The smallest that runs",
        fence("toml", '[collectors.push]\ntype = "http"\n\n[sinks.store]\ntype = "duckdb"'),
    ]
    return "\n\n".join(page)


def metrics() -> str:
    """What /metrics answers."""
    registry = Metrics()
    rows = []
    for metric in vars(registry).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.collect()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            rows.append((name, family.type, metric._labelnames, family.documentation))
    rows += [(lag.name, lag.type, lag._labelnames, lag.documentation) for lag in registry.lag.collect()]
    rows += [
        (f"{lost.name}_total", lost.type, lost._labelnames, lost.documentation)
        for lost in registry.losses.collect()
    ]
    rows += [
        (gauge.name, gauge.type, gauge._labelnames, gauge.documentation)
        for gauge in registry.overflows.collect()
    ]
    rows += [
        (
            f"{one.name}_total" if one.type == "counter" else one.name,
            one.type,
            one._labelnames,
            one.documentation,
        )
        for one in registry.tokens.collect()
    ]
    shown = [
        (f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), text)
        for name, kind, labels, text in rows
    ]
    intro = "`GET /metrics` answers these in the Prometheus text format."
    head = ("metric", "type", "labels", "meaning")
    return "\n\n".join(["# Metrics", intro, prose(lakescope.pipeline.metrics), table(head, shown)])


def cli() -> str:
    """Every command, in its own words."""
    page = ["# Commands", "Exit codes: 0 done, 1 the work found faults, 2 usage or configuration."]
    for context in commands():
        help_text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
        page += [f"## {context.command_path}", fence("text", help_text)]
    return "\n\n".join(page)


def commands() -> Iterator[Any]:
    """click's context of `lakescope` and of every command below it."""

    def walk(name: str, command: Any, parent: Any) -> Iterator[Any]:
        context = command.context_class(
            command, parent, name, terminal_width=WIDTH, max_content_width=WIDTH, **command.context_settings
        )
        yield context
        for part, inner in getattr(command, "commands", {}).items():
            yield from walk(part, inner, context)

    return walk("lakescope", typer.main.get_command(app), None)


def errors() -> str:
    """Every reason of a dead letter, from the comments beside it."""
    page = ["# Errors", "What was not stored lies in the dead letters with one of these reasons: a closed list, and the"
            " label `reason` of `lakescope_dead_events_total`. The reason names the place in the body (`$.payload.bytes`),"
            " what was expected there and what was found."]  # fmt: skip
    page.append("See [dead letters](../how-to/dead-letters.md) for how to look, mend and replay.")
    for reason, meaning in reasons().items():
        page += [f"## {reason}", meaning[0].upper() + meaning[1:] + ".", f"What to do: {REMEDIES[reason]}"]
    return "\n\n".join(page)


def reasons() -> dict[str, str]:
    """Reason -> the comment beside it in lakescope/messages.py."""
    source = inspect.getsource(lakescope.core.messages).partition("Reason = Literal[")[2].partition("]\n")[0]
    return dict(re.findall(r'^    "(\w+)",  # (.+)$', source, re.MULTILINE))


def access() -> str:
    """Who gets what, as an instance answered."""
    from docs.access import VO  # which starts one
    from docs.access import table as answers

    shared = ", ".join(f"`{name}`" for name in sorted(SHARED))
    text = (
        "Rights are those of `[access]` in the [configuration](configuration.md). **own VOs**: the route answers from events of"
        " the viewer's VOs alone, with the right `shared` also from events without a VO of the datasets that belong to the whole"
        f" lake ({shared}; of storage the totals). An empty cell: refused, with status 401 or 403. Readers of all VOs see"
        " everything; events without a VO of any other dataset are theirs alone. Who lacks the right `people` gets"
        " [pseudonyms](../privacy.md) for people.\n\n"
        f"The table is made by asking an instance; its VO is `{VO}`. A test asks every route as everybody here over events of"
        " several VOs, and looks for the others' in the answers. A push route asks for the tokens of its collector first,"
        " where it has some; the table is of one that has none."
    )
    return "\n\n".join(["# Access", "Which route answers whom.", text, table(*answers())])


PAGES: dict[str, Callable[[], str]] = {
    f"{page.__name__}.md": page
    for page in (
        events,
        collectors,
        sinks,
        receivers,
        formats,
        kpis,
        alerts,
        configuration,
        metrics,
        cli,
        errors,
        access,
    )
}


# --- pieces -----------------------------------------------------------------------------------------------


def prose(module: Any) -> str:
    """A module's docstring as Markdown: indented blocks become fenced, double backticks single."""
    paragraphs = []
    for block in re.split(r"\n\s*\n", inspect.getdoc(module) or ""):
        if all(line.startswith("    ") for line in block.splitlines()):
            paragraphs.append(fence("text", dedent(block)))
        else:
            paragraphs.append(inline(re.sub(r"::$", ":", block)))
    return "\n\n".join(paragraphs)


def inline(text: str) -> str:
    """Text as Markdown: its code spans kept, everything else taken literally."""
    spans = re.split(r"(`[^`]+`)", text.replace("``", "`"))
    return "".join(span if span.startswith("`") else span.replace("<", "&lt;") for span in spans)


def fence(language: str, text: str) -> str:
    """A fenced block."""
    return f"```{language}\n{text}\n```"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[inline(" ".join(cell.split())).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _options(model: type[Options]) -> str:
    schema = model.model_json_schema()
    head = ("option", "type", "default", "meaning")
    return table(head, _rows(schema, schema.get("$defs", {}), ""))


def _rows(schema: dict[str, Any], defs: dict[str, Any], prefix: str) -> Iterator[Sequence[str]]:
    for name, field in schema["properties"].items():
        tables = [one["$ref"] for one in (field, *field.get("anyOf", ())) if "$ref" in one]
        if tables:  # one, or null
            yield from _rows(defs[tables[0].rpartition("/")[2]], defs, f"{prefix}{name}.")
            continue
        if "$ref" in (table_of := field.get("additionalProperties", {})):
            yield from _rows(defs[table_of["$ref"].rpartition("/")[2]], defs, f"{prefix}{name}.NAME.")
            continue
        if "$ref" in (one_of := field.get("items", {})):
            yield from _rows(defs[one_of["$ref"].rpartition("/")[2]], defs, f"{prefix}{name}[].")
            continue
        default = field.get("default")
        default_text = f"`{toml_value(default)}`" if default not in (None, {}, []) else ""
        default_or_required = "required" if name in schema.get("required", ()) else default_text
        yield f"`{prefix}{name}`", _type(field), default_or_required, field.get("description", "")


def _type(field: dict[str, Any]) -> str:
    """A JSON schema's type in words, with its bounds."""
    if "anyOf" in field:
        return _type(next(option for option in field["anyOf"] if option["type"] != "null"))
    if "enum" in field:
        return " or ".join(f"`{toml_value(value)}`" for value in field["enum"])
    if field["type"] == "array":
        return f"list of {_type(field['items'])}"
    if field["type"] == "object":
        return f"table of {_type(field['additionalProperties'])}"
    plain = {"string": "text", "boolean": "true or false"}.get(field["type"], field["type"])
    kind = {"path": "path", "password": "secret"}.get(field.get("format", ""), plain)
    bounds = {
        "minimum": "{} or more",
        "exclusiveMinimum": "above {}",
        "maximum": "{} or less",
        "minLength": "{} characters or more",
        "pattern": "matching `{}`",
    }
    return ", ".join([kind, *(text.format(field[key]) for key, text in bounds.items() if key in field)])


def _ours(room: Room) -> list[str]:
    """The plugins of this project: another package may have brought its own into the environment."""
    return [name for name, entry in available(room).items() if entry.dist and entry.dist.name == "lakescope"]


# --- command ----------------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Writes the pages, or with --check compares them. The exit code."""
    stale = []
    for name, page in PAGES.items():
        path = REFERENCE / name
        text = f"<!-- Generated by `make docs` from the code: do not edit. -->\n\n{page()}\n"
        old = path.read_text() if path.exists() else ""
        if text == old:
            continue
        stale.append(name)
        if "--check" in arguments:
            diff = difflib.unified_diff(
                old.splitlines(),
                text.splitlines(),
                f"docs/reference/{name}",
                "from the code",
                lineterm="",
                n=0,
            )
            sys.stderr.write("\n".join([*list(diff)[:40], ""]))
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if "--check" in arguments and stale:
        sys.stderr.write(f"docs/reference is stale ({', '.join(stale)}): run `make docs`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
