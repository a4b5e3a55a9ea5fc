"""Writes the files of Prometheus and Alertmanager into a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lakescope.alerts.model import Rule
from lakescope.alerts.prometheus.routes import TEMPLATES, alertmanager_of
from lakescope.alerts.prometheus.rules import Links, rule_files
from lakescope.alerts.routing import Subscription
from lakescope.core.options import Options

_HEAD = "# Written by `lakescope alerts build --for prometheus`: changes are overwritten.\n"


def write_files(
    out: Path,
    rules: Iterable[Rule],
    receivers: Mapping[str, Options],
    subscriptions: Mapping[str, Subscription],
    links: Links,
) -> tuple[list[Path], list[str]]:
    """The files that were written, and one sentence for each thing that Alertmanager cannot do.

    `alertmanager.yml` has the receivers' secrets: its owner alone may read it. Rule files of an earlier run that are no
    longer of any rule are removed. Raises `OSError`.
    """
    for folder in ("rules", "templates"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    files = rule_files(rules, links)
    for stale in (out / "rules").glob("*.yml"):
        if stale.name not in files and stale.read_text().startswith(_HEAD):
            stale.unlink()
    paths = [_write(out / "rules" / name, document) for name, document in files.items()]
    document, faults = alertmanager_of(receivers, subscriptions)
    secret = out / "alertmanager.yml"
    secret.touch(mode=0o600)
    secret.chmod(0o600)
    template = out / "templates" / "lakescope.tmpl"
    template.write_text(TEMPLATES)
    return [*paths, _write(secret, document), template], faults


def _write(path: Path, document: dict[str, Any]) -> Path:
    import yaml

    path.write_text(_HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120))
    return path
