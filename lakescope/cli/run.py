"""run: the pipelines, the HTTP API and the status page."""

from __future__ import annotations

import gc
import signal
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, console, table

if TYPE_CHECKING:
    from fastapi import FastAPI

    from lakescope.app.assembly import Assembly
    from lakescope.app.config import Configuration
    from lakescope.app.listeners import Listener
    from lakescope.app.web.app import Part
    from lakescope.app.web.certificate import ServerCertificate


def run(
    config: ConfigOption = CONFIG,
    workers: Annotated[
        int,
        typer.Option("--workers", min=1, help="Number of processes that decode and encode; 1: this process."),
    ] = 1,
) -> None:
    """Run the pipelines, the HTTP API and the status page, until SIGTERM or Ctrl-C.

    Ends by itself when every collector's source has ended (files that are not followed) and all is stored.
    Exit code 1 if a stop came before that, and something had to be left to its source.

    Example: lakescope run -c lakescope.toml
    """
    import logging

    from lakescope.app.checks import check
    from lakescope.app.secrets import exposures

    log_to_stderr()
    loaded_configuration = configuration(config)
    check(loaded_configuration)
    for sentence in exposures(loaded_configuration):
        logging.getLogger(__name__).warning("secret_exposed %s", sentence)
    is_drained = serve(loaded_configuration, workers=workers)
    raise typer.Exit(0 if is_drained else 1)


def serve(
    configuration: Configuration,
    *,
    workers: int = 1,
    seconds: float | None = None,
    on_start: Any = None,
    on_stop: Any = None,
) -> bool:
    """Runs until a signal, the sources' end or `seconds`; prints the summary. True if all was drained."""
    from lakescope.app.lock import lock

    with lock(configuration.settings.data_dir):
        return _serve(configuration, workers, seconds, on_start, on_stop)


def _serve(
    configuration: Configuration, workers: int, seconds: float | None, on_start: Any, on_stop: Any
) -> bool:
    import secrets
    from functools import partial

    from lakescope.app.assembly import Assembly
    from lakescope.app.instance import announcement
    from lakescope.app.web.server import Server, on_demand

    # kafka-python makes some objects a record that Python's search for cycles goes over: a fifth of the CPU with its defaults
    gc.set_threshold(10_000, 20, 50)
    settings = configuration.settings
    assembly = Assembly(configuration, workers=workers)
    secret = secrets.token_urlsafe(32)
    listeners: dict[Part, Listener | None] = {
        "http": settings.http,
        "push": settings.push,
        "metrics": settings.metrics,
    }
    servers = [
        Server(on_demand(partial(_create_app, assembly, secret, part)), one.host, one.port, _certificate(one))
        for part, one in listeners.items()
        if one is not None
    ]
    server = servers[0]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, partial(_on_signal, stop))
    out = console()
    assembly.start()
    for one in servers:
        one.start()
    with announcement(settings.data_dir, server.url, secret, settings.http.cert_file):
        out.print(f"lakescope is running: {server.url}/", style="bold")
        if len(servers) > 1:
            out.print(f"  also at: {', '.join(one.url for one in servers[1:])}")
        out.print(
            f"  collectors: {', '.join(configuration.collectors)}   sinks: {', '.join(configuration.sinks)}"
        )
        out.print(f"  data: {settings.data_dir}   stop: Ctrl-C")
        if on_start:
            on_start(server.url, assembly.engine)
        _wait(assembly, stop, seconds)
        if on_stop:
            on_stop()
        is_drained = assembly.stop()
        for one in servers:
            one.stop()
    _summary(assembly, out)
    assembly.engine.dead_letters.close()
    if not is_drained:
        out.print(
            "not everything could be stored in time; the sources will give the rest again", style="yellow"
        )
    return is_drained


def _create_app(assembly: Assembly, secret: str, part: Part) -> FastAPI:
    from lakescope.app.web.app import create_app

    return create_app(assembly, secret, part)


def _certificate(listener: Listener) -> ServerCertificate | None:
    """What it shows. Raises `RuntimeError` with the remedy for files that cannot be used."""
    from lakescope.app.web.certificate import ServerCertificate

    if listener.cert_file is None:
        return None
    try:
        return ServerCertificate(listener.cert_file, listener.key_file)
    except OSError as error:
        text = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise RuntimeError(
            f"{text}; name a certificate and its key in PEM that this user may read"
        ) from error


def _on_signal(stop: threading.Event, number: int, frame: Any) -> None:
    if stop.is_set():  # the second time somebody means it
        raise SystemExit(128 + number)
    stop.set()


def _wait(assembly: Assembly, stop: threading.Event, seconds: float | None) -> None:
    import time

    end = None if seconds is None else time.monotonic() + seconds
    while not stop.wait(0.2):
        if end is not None and time.monotonic() >= end:
            return
        if assembly.engine.wait(0) and assembly.engine.is_idle:
            return  # the sources have ended, and a sink that is away is waited for


def _summary(assembly: Assembly, out: Any) -> None:
    summary = table("collector", "sink", "received>", "stored>", "dead>", "filtered>", "in flight>")
    for row in assembly.status.balance():
        numbers = (f"{row[key]:,}" for key in ("received", "stored", "dead", "filtered", "in_flight"))
        summary.add_row(row["collector"], row["sink"], *numbers)
    out.print(summary)
    for cause in assembly.engine.dead_letters.summary():
        out.print(f"dead letters: {cause.count} {cause.reason} from {cause.collector}: {cause.example}")


def log_to_stderr() -> None:
    import logging

    from lakescope.core.printable import escape_unprintable

    class OneLine(logging.Formatter):
        """No text of a message or an answer adds a line or reaches the terminal as a command."""

        def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
            return super().formatMessage(record).replace("\n", "\\n")

        def format(self, record: logging.LogRecord) -> str:
            return escape_unprintable(super().format(record))

    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s level=%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("httpx", "httpcore", "elastic_transport", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
