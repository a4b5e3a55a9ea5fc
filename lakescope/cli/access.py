"""access: tokens for people, scripts and senders."""

from __future__ import annotations

import hashlib
import secrets
from datetime import date, datetime
from typing import Annotated

import typer

from lakescope.cli._common import emit

app = typer.Typer(no_args_is_help=True, help="Make tokens for people, scripts and senders.")

TOKEN_BYTES = 32
"""256 bits: nobody guesses one, so that a plain hash keeps it."""


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="Whose it is, as journals show it.")],
    role: Annotated[
        str,
        typer.Option("--role", help="reader (looks), operator (acknowledges, silences, replays) or admin."),
    ] = "reader",
    vo: Annotated[
        list[str] | None,
        typer.Option("--vo", help="A VO whose events it shows; several times. Without: all VOs."),
    ] = None,
    shared: Annotated[
        bool, typer.Option(help="Whether it shows what belongs to no VO: hosts, network, storage totals.")
    ] = True,
    collector: Annotated[
        str | None,
        typer.Option(
            "--collector", help="Make it a sender's, who pushes to this http collector and sees nothing."
        ),
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option("--expires", formats=["%Y-%m-%d"], help="Last day on which it is taken."),
    ] = None,
) -> None:
    """Make a random token. It is shown once, on stderr; on stdout is the table for the configuration, which has its hash alone.

    Example: lakescope access token grafana >> lakescope.toml
    """
    from lakescope.app.access import Rights
    from lakescope.app.config import toml_value

    options: dict[str, object] = {}
    if collector is None:
        options["role"] = role
        options |= {"vos": vo} if vo else {"all_vos": True}
        options["shared"] = shared
        try:
            Rights.model_validate(options)
        except ValueError:
            raise typer.BadParameter(f"expected reader, operator or admin, found {role!r}") from None
    elif vo:
        options["vos"] = vo
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    place = "access" if collector is None else f"collectors.{_key(collector)}"
    lines = [f"[{place}.tokens.{_key(name)}]", f'sha256 = "{hashlib.sha256(secret.encode()).hexdigest()}"']
    lines += [f"{option} = {toml_value(value)}" for option, value in options.items()]
    if expires is not None:
        lines.append(f"expires = {date.isoformat(expires.date())}")
    emit("\n".join(lines))
    typer.echo(f"\nThe token of {name}, shown only here:\n\n    {secret}\n", err=True)


def _key(name: str) -> str:
    """A key of TOML, quoted where it must be."""
    from lakescope.app.config import toml_value

    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else toml_value(name)
