"""setup, validate, plugins, config: everything before the first run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, console, emit, table

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from lakescope.app.config import Configuration

config = typer.Typer(
    help="Show the effective configuration, or a sample to start from.", no_args_is_help=True
)


def setup(
    config: ConfigOption = CONFIG,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only tell what would change: exit code 0 nothing, 1 something.")
    ] = False,
) -> None:
    """Create what the stores need: templates, databases, retention. It can be repeated at any time.

    A feature that a server lacks is a warning. With --plan nothing is written; exit code 2 where a store cannot be asked.

    Example: lakescope setup --plan -c lakescope.toml
    """
    from lakescope.app.assembly import open_sinks
    from lakescope.app.checks import check
    from lakescope.core.contracts import RefusedError, TransientError

    loaded_configuration = configuration(config)
    check(loaded_configuration)
    out = console()
    has_failed = False
    if plan:
        raise typer.Exit(_plan(loaded_configuration, out))
    for name, sink in open_sinks(loaded_configuration).items():
        try:
            for finding in sink.setup():
                out.print(f"{finding.level:9} {name}: {finding.text}", style=_STYLES[finding.level])
                has_failed |= finding.level == "error"
        except (TransientError, RefusedError) as error:
            out.print(f"error     {name}: {error}", style="red")
            has_failed = True
        finally:
            sink.close()
    raise typer.Exit(1 if has_failed else 0)


_STYLES = {
    "done": "green",
    "ok": "green",
    "change": "green",
    "unchanged": "dim",
    "warning": "yellow",
    "error": "red",
}


def _plan(configuration: Configuration, out: Console) -> int:
    """Prints what `setup` would change; the exit code."""
    from lakescope.app.lock import holder
    from lakescope.core.contracts import (
        Finding,
        Installation,
        PlanningSink,
        RefusedError,
        TransientError,
    )
    from lakescope.core.plugins import load

    data_dir = configuration.settings.data_dir
    levels = set()
    for plugin in configuration.sinks.values():
        kind = load("sinks", plugin.type)
        findings: list[Finding] = []
        try:
            if isinstance(kind, PlanningSink):
                installation = Installation(plugin.name, data_dir, holder(data_dir) is not None)
                findings += kind.plan(plugin.options, installation)
            else:
                findings.append(
                    Finding("unchanged", f"type {plugin.type} prepares nothing that could be planned")
                )
        except (TransientError, RefusedError) as error:
            findings.append(Finding("error", str(error)))
        for finding in findings:
            levels.add(finding.level)
            out.print(f"{finding.level:9} {plugin.name}: {finding.text}", style=_STYLES[finding.level])
    return 2 if "error" in levels else 1 if "change" in levels else 0


def validate(config: ConfigOption = CONFIG) -> None:
    """Check a configuration; errors name file, line, expected value and remedy. Exit code 2 for an error.

    Example: lakescope validate -c lakescope.toml
    """
    from lakescope.app.checks import check
    from lakescope.app.secrets import exposures
    from lakescope.pipeline.overflow import find_remainders

    settings = configuration(config)
    check(settings)
    for sentence in (*exposures(settings), *find_remainders(settings.settings.data_dir, settings.sinks)):
        emit(f"warning: {sentence}")
    emit(f"{config}: valid; collectors: {len(settings.collectors)}, sinks: {len(settings.sinks)}")


def plugins(
    name: Annotated[
        str | None, typer.Argument(help="Show the options of one collector, sink or receiver.")
    ] = None,
) -> None:
    """List collectors, formats, sinks and receivers of alerts, or the options of one.

    Example: lakescope plugins stomp
    """
    from lakescope.core.plugins import PluginError, Room, available, load

    out = console()
    if name is None:
        for room in ("collectors", "formats", "sinks", "receivers"):
            plugin_table = table("name", "what it is", title=room)
            for plugin in available(room):
                try:
                    plugin_table.add_row(plugin, _summary(load(room, plugin)))
                except PluginError as error:
                    plugin_table.add_row(plugin, str(error))
            out.print(plugin_table)
        return
    rooms: tuple[Room, ...] = ("collectors", "sinks", "receivers")
    matches = [(room, load(room, name)) for room in rooms if name in available(room)]
    if not matches:
        raise RuntimeError(f"no collector, sink or receiver {name!r}; `lakescope plugins` lists them")
    for room, plugin in matches:
        out.print(f"{room[:-1]} {name}: {_summary(plugin)}")
        plugin_table = table("option", "type", "default", "what it is")
        for option, kind, default, text in options(plugin.Options):
            plugin_table.add_row(option, kind, default, text)
        out.print(plugin_table)


@config.command()
def show(config: ConfigOption = CONFIG) -> None:
    """Print the effective configuration as TOML, defaults filled in, secrets masked.

    Example: lakescope config show -c lakescope.toml
    """
    import tomli_w

    emit(tomli_w.dumps(configuration(config).document()).rstrip())


@config.command()
def sample(
    collector: Annotated[str, typer.Option(help="Type of the collector.")] = "stomp",
    sink: Annotated[str, typer.Option(help="Type of the sink.")] = "elasticsearch",
) -> None:
    """Print a configuration to start from: every option of a collector and a sink, what marks functional tests, and the
    experiments; options with defaults are comments.

    Example: lakescope config sample --collector http --sink duckdb > lakescope.toml
    """
    from lakescope.app.config import Experiments, FunctionalTests
    from lakescope.core.plugins import load

    for place, kind, model in (
        ("collectors.mine", collector, load("collectors", collector).Options),
        ("sinks.store", sink, load("sinks", sink).Options),
        ("functional_tests", None, FunctionalTests),
        ("experiments", None, Experiments),
    ):
        emit("\n".join([f"[{place}]", *([f'type = "{kind}"'] if kind else []), *_sample_options(model), ""]))


def _sample_options(model: type[BaseModel]) -> Iterator[str]:
    """Every option with its description, in TOML."""
    from lakescope.app.config import toml_value
    from lakescope.core.options import Options, descriptions

    texts = descriptions(model)
    for option, field in model.model_fields.items():
        example = field.examples[0] if field.examples else field.get_default(call_default_factory=True)
        if isinstance(example, Options):
            continue  # a table of its own, such as tls: see `lakescope plugins`
        off = "" if field.is_required() else "# "
        example_text = "..." if example is None else toml_value(example)
        text = texts.get(option, "").replace("\n", "\n# ")
        yield f"# {text}\n{off}{option} = {example_text}"


def options(model: Any, prefix: str = "") -> list[tuple[str, str, str, str]]:
    """(option, type, default, description) of an options model, nested ones with a dot."""
    from pydantic import BaseModel

    from lakescope.core.options import descriptions

    rows, texts = [], descriptions(model)
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            rows += options(kind, f"{prefix}{name}.")
            continue
        default = field.get_default(call_default_factory=True)
        default_text = "required" if field.is_required() else "" if default is None else str(default)
        text = texts.get(name, "").replace("\n", " ").replace("`", "")
        rows.append((prefix + name, _type_name(kind), default_text, text))
    return rows


def _type_name(kind: Any) -> str:
    text = str(kind) if getattr(kind, "__args__", None) else getattr(kind, "__name__", str(kind))
    for noise in ("typing.", "pydantic.types.", "pathlib._local.", "pathlib."):
        text = text.replace(noise, "")
    return text.replace(" | None", "").replace("SecretStr", "secret").replace("Literal", "")


def _summary(plugin: Any) -> str:
    """First line of what documents it: a format's module, a collector's or sink's."""
    import sys

    from lakescope.core.messages import traits

    text = sys.modules[plugin.__module__].__doc__ or plugin.__doc__ or ""
    mark = "(experimental) " if traits(plugin).maturity == "experimental" else ""
    return mark + text.strip().splitlines()[0].replace("`", "")
