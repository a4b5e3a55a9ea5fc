"""test: cases as files, so that a bug report becomes a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lakescope.cli._common import console


def test(
    directory: Annotated[Path, typer.Argument(help="Folder of <format>/<case>/input.* and expected.jsonl.")],
    accept: Annotated[
        bool, typer.Option("--accept", help="Record the current results as expected; review the diff.")
    ] = False,
) -> None:
    """Run test cases: each body must give exactly the events and rejects recorded beside it. Exit code 1 if not.

    Example: lakescope test tests/cases
    """
    from lakescope.app.cases import find
    from lakescope.core.plugins import formats
    from lakescope.pipeline.normalise import Normaliser
    from lakescope.transformers.enrichment import Enrichment

    out = console()
    cases = list(find(directory))
    if not cases:
        raise RuntimeError(f"{directory}: no case: expected folders <format>/<case>/ with a file input.*")
    normaliser = Normaliser(formats(), Enrichment())
    failures = 0
    for case in cases:
        if accept:
            case.accept(normaliser)
            continue
        differences = case.differences(normaliser)
        if differences:
            failures += 1
            out.print(f"FAILED {case.format}/{case.path.name}", style="red")
            out.print("\n".join(differences), markup=False)
    out.print(
        f"{len(cases)} cases written" if accept else f"{len(cases) - failures} passed, {failures} failed"
    )
    raise typer.Exit(1 if failures else 0)
