"""dashboards: build them for Grafana, send them there, look at them without one, check them."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, console, emit, load_site, table

if TYPE_CHECKING:
    from lakescope.dashboards.model import Dashboard

app = typer.Typer(help="Dashboards as code: for Grafana, or as pictures.", no_args_is_help=True)


class Theme(enum.StrEnum):
    """How previews look."""

    light = "light"
    dark = "dark"
    both = "both"


class StoreType(enum.StrEnum):
    """What Grafana's data source is."""

    elasticsearch = "elasticsearch"
    opensearch = "opensearch"
    influxdb = "influxdb"
    monit = "monit"


Names = Annotated[list[str] | None, typer.Argument(help="Dashboards by name; without a name, all.")]
StoreOption = Annotated[
    StoreType,
    typer.Option("--store", help="Type of the store behind the data source; monit: MONIT's own layout."),
]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", help="uid of the data source in Grafana; else the uid that Lakescope gives it."),
]

SinceOption = Annotated[
    str | None,
    typer.Option(
        help="Start of the time range: 2026-01-05, 2026-01-05T12:00:00, or 7d, 12h ago; else the default of each dashboard."
    ),
]
UntilOption = Annotated[str, typer.Option(help="End of the time range, in the same form.")]
WhereOption = Annotated[
    list[str] | None, typer.Option("--where", help="Only VARIABLE=VALUE; may be repeated.")
]
GroupOption = Annotated[
    str | None,
    typer.Option("--group-by", help="Dimension of the panels whose grouping can be chosen, such as dst_rse."),
]
FilterOption = Annotated[
    list[str] | None,
    typer.Option("--filter", help="Only DIMENSION=VALUE, or all but DIMENSION!=VALUE; may be repeated."),
]
SinkOption = Annotated[
    str | None, typer.Option("--store", help="Name of the sink that answers; else the first that can.")
]

THEMES: dict[Theme, tuple[Literal["light", "dark"], ...]] = {
    Theme.light: ("light",),
    Theme.dark: ("dark",),
    Theme.both: ("light", "dark"),
}


@app.command()
def build(
    out: Annotated[Path, typer.Option("--out", help="Directory; created if missing.")],
    names: Names = None,
    store: StoreOption = StoreType.elasticsearch,
    source: SourceOption = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Write the dashboards as files for Grafana's provisioning.

    Example: lakescope dashboards build --store influxdb --out grafana/dashboards
    """
    from lakescope.dashboards.grafana import write

    paths = write(out, _select_dashboards(names, config), store.value, source)
    for one in paths.values():
        for missing in one.left_out:
            emit(f"left out: {missing}")
    emit(f"{len(paths)} dashboards in {out}")


@app.command()
def push(
    url: Annotated[str, typer.Option("--url", help="URL of Grafana.", envvar="GRAFANA_URL")],
    names: Names = None,
    store: StoreOption = StoreType.elasticsearch,
    source: SourceOption = None,
    folder: Annotated[str, typer.Option(help="Folder in Grafana; created if missing.")] = "Lakescope",
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with a service account's token; else the variable GRAFANA_TOKEN."),
    ] = None,
    ca_file: Annotated[Path | None, typer.Option(help="CA certificate file for Grafana's TLS.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change without changing it.")
    ] = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Create or update the dashboards in a running Grafana; other dashboards are left unchanged.

    The token comes from the variable GRAFANA_TOKEN, or from a file.
    Example: lakescope dashboards push --url https://grafana.example.org --dry-run
    """
    from lakescope.core.options import Tls
    from lakescope.dashboards.grafana import build as built
    from lakescope.dashboards.grafana.push import Grafana

    documents = [built(dashboard, store.value, source) for dashboard in _select_dashboards(names, config)]
    with Grafana(url, _token(token_file), tls=Tls(ca_file=ca_file)) as grafana:
        for result in grafana.push(documents, title=folder, dry_run=dry_run):
            emit(f"{result.change}: {result.uid}")
            if dry_run and result.difference:
                emit(result.difference.rstrip())


@app.command()
def preview(
    out: Annotated[Path, typer.Option("--out", help="Directory; created if missing.")],
    names: Names = None,
    since: SinceOption = None,
    until: UntilOption = "0s",
    where: WhereOption = None,
    group_by: GroupOption = None,
    filters: FilterOption = None,
    theme: Annotated[Theme, typer.Option(help="light, dark or both.")] = Theme.both,
    store: SinkOption = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Draw the dashboards from a store, without Grafana: self-contained HTML and PNG.

    Example: lakescope dashboards preview --out pictures --since 7d lake transfers
    """
    from lakescope.app.client import SelectionText, client_of
    from lakescope.dashboards.pages.preview import preview as draw

    selection = SelectionText(since, until, where or (), group_by, filters or ())
    answers = client_of(configuration(config)).dashboards(_select_dashboards(names, config), selection, store)
    for path in draw(answers, out, THEMES[theme]):
        emit(str(path))


@app.command()
def publish(
    page: Annotated[Literal["status"], typer.Argument(help="Which page.")],
    out: Annotated[Path, typer.Option("--out", help="Directory of its files; created if missing.")],
    title: Annotated[str, typer.Option(help="The lake's name, as its title.")] = "Data lake",
    store: SinkOption = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Write a static page that a community can show without a login: the state of the lake and of its sites.

    It has open incidents and the last 7 days, and no account, no file name, no error message and no script.
    A web server shows the directory.
    Example: lakescope dashboards publish status --out /var/www/lake
    """
    from datetime import UTC, datetime

    import msgspec

    from lakescope.app.client import client_of
    from lakescope.reports.forms.status_page import status_page
    from lakescope.reports.writing import replace_files

    status = client_of(configuration(config)).lake_status(store, datetime.now(UTC))
    document = msgspec.json.format(msgspec.json.encode(status), indent=1)
    contents = {"status.json": document, "index.html": status_page(status, title).encode()}
    for path in replace_files(contents, out):
        emit(str(path))


@app.command()
def check(
    names: Names = None,
    since: SinceOption = None,
    until: UntilOption = "0s",
    where: WhereOption = None,
    group_by: GroupOption = None,
    filters: FilterOption = None,
    store: SinkOption = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Query every panel from a store and list those that it cannot answer or that have no data. Exit code 1 if there are any.

    Example: lakescope dashboards check --since 7d
    """
    from lakescope.app.client import SelectionText, client_of
    from lakescope.dashboards.pages.pictures import is_empty

    summary = table("dashboard", "panel", "what")
    panels = faults = 0
    selection = SelectionText(since, until, where or (), group_by, filters or ())
    for one in client_of(configuration(config)).dashboards(
        _select_dashboards(names, config), selection, store
    ):
        for picture in one.pictures:
            panels += 1
            notes = [picture["refused"]] if "refused" in picture else picture.get("notes", [])
            nothing = picture["kind"] != "events" and is_empty(picture)  # that nothing failed is no fault
            text = "; ".join(notes) or ("no data" if nothing else "")
            if text:
                faults += 1
                summary.add_row(one.dashboard.name, picture["title"], text)
    if faults:
        console().print(summary)
    console().print(f"{panels - faults} of {panels} panels show all they should")
    raise typer.Exit(1 if faults else 0)


def _select_dashboards(names: list[str] | None, config: Path) -> list[Dashboard]:
    """The named dashboards, or all. Raises `RuntimeError` for a name that is none."""
    from lakescope.dashboards.definitions import DASHBOARDS

    load_site(config)
    for name in names or ():
        if name not in DASHBOARDS:
            raise RuntimeError(f"no dashboard {name!r}; there are {', '.join(DASHBOARDS)}")
    return [DASHBOARDS[name] for name in names or DASHBOARDS]


def _token(file: Path | None) -> Any:
    """Grafana's token, from a file or the environment: never from the command line, which others can read."""
    import os

    from pydantic import SecretStr

    text = file.read_text() if file else os.environ.get("GRAFANA_TOKEN", "")
    if not text.strip():
        raise RuntimeError("no token: set GRAFANA_TOKEN, or name a file with --token-file")
    return SecretStr(text.strip())
