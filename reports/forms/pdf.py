"""A report as PDF, set by Typst (https://typst.app), which the package ``typst`` brings whole: compiler and fonts."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from lakescope.dashboards.theme import LIGHT
from lakescope.reports.forms.pictures import Drawing


def pdf(layout: Mapping[str, Any], drawings: Sequence[tuple[str, Drawing]], time: datetime) -> bytes:
    """`layout`: of reports/forms/layout.py; `time`: of its making, so that the same report gives the same bytes.

    Strangers' texts reach the template as data (JSON), never as Typst's markup.
    """
    import typst

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        colours = {name: getattr(LIGHT, name) for name in ("ink", "muted", "line", "edge")}
        (root / "report.json").write_text(json.dumps({**layout, "theme": colours}))
        (root / "report.typ").write_text((Path(__file__).parent / "report.typ").read_text())
        for _, one in drawings:
            (root / f"{one.name}.svg").write_text(one.svg)
        document = typst.compile(
            root / "report.typ", root=root, format="pdf", timestamp=int(time.timestamp())
        )
    assert isinstance(document, bytes)
    return document
