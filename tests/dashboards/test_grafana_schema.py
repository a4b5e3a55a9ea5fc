"""Grafana's own schemas take every dashboard: grafana-foundation-sdk's models and the types of @grafana/schema."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.grafana import STORES, Store, build
from lakescope.dashboards.grafana.extension import Json
from tests.servers.fixtures import require

with warnings.catch_warnings():  # the classic model is what provisioning and /api/dashboards/db take
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models import dashboard as sdk

SCHEMA = Path(__file__).parent / "schema"
BEYOND = {
    ".annotations.list[].textField",
    ".annotations.list[].timeEndField",
    ".annotations.list[].timeField",
}
"""What a data source keeps beside the schema (annotationQuery of both plugins reads it there)."""
PASSED_ON = {".panels[].targets[].metrics[].settings.tdigest"}
"""What Grafana passes on to the store as it is."""


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_sdk_reads_and_writes_it(name: str, store: Store) -> None:
    """Nothing is lost or changed on the way through the SDK's models, which know every key."""
    plugins.register_default_plugins()
    document = build(DASHBOARDS[name], store).document
    back = json.loads(json.dumps(sdk.Dashboard.from_json(document).to_json(), cls=JSONEncoder))
    assert set(_lost(document, back)) <= BEYOND | PASSED_ON


def _lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Paths of what is not there any more, or is another."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in after:
                yield from _lost(value, after[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _lost(one, other, f"{path}[]")
    elif before != after:
        yield f"{path}: {before!r} became {after!r}"


@pytest.fixture(scope="module")
def tsc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with TypeScript and @grafana/schema, by the versions of schema/package-lock.json."""
    require("node")
    folder = tmp_path_factory.mktemp("schema")
    for name in ("package.json", "package-lock.json", "tsconfig.json", "check.ts"):
        shutil.copy(SCHEMA / name, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"npm cannot get @grafana/schema: {done.stderr[-500:]}")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def test_typescript_takes_it(tsc: Path) -> None:
    """All dashboards of all stores in one compilation."""
    found = _compile(tsc, [build(one, store).document for store in STORES for one in DASHBOARDS.values()])
    assert not found, found[:3000]


def test_typescript_would_say_so(tsc: Path) -> None:
    """The types do catch an unknown key, a wrong word and a wrong type."""
    document = build(DASHBOARDS["lake"], "opensearch").document
    stat, another, third = [panel for panel in document["panels"] if panel["type"] == "stat"][:3]
    stat["options"]["graphMode"] = "sparkling"
    another["fieldConfig"]["defaults"]["thresholds"]["mode"] = "relative"
    third["gridpos"] = third.pop("gridPos")
    document["graphTooltip"] = "shared"
    found = _compile(tsc, [document])
    assert all(word in found for word in ("sparkling", "relative", "gridpos", "DashboardCursorSync")), found[
        :3000
    ]


def _compile(folder: Path, documents: list[Json]) -> str:
    """TypeScript's complaints."""
    lines = ["import type * as check from './check';"]
    lines += [
        f"export const v{i}: check.{type_} = {json.dumps(value, indent=1)};"
        for i, (type_, value) in enumerate(part for document in documents for part in _parts(document))
    ]
    (folder / "documents.ts").write_text("\n".join(lines))
    done = subprocess.run(
        [folder / "node_modules/.bin/tsc", "--pretty", "false"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert bool(done.returncode) == bool(done.stdout), done.stderr
    return done.stdout


def _parts(document: Json) -> Iterator[tuple[str, Json]]:
    """Type and value: the frame, its rows and panels, and what is of a panel's own type."""
    frame = {key: value for key, value in document.items() if key != "panels"}
    annotations = [
        {key: value for key, value in one.items() if f".annotations.list[].{key}" not in BEYOND}
        | {"target": {"refId": one["target"]["refId"]}}  # the rest is the data source's own
        for one in document["annotations"]["list"]
    ]
    variables = [  # of an interval, and not in this type (but in the SDK's)
        {key: value for key, value in one.items() if key not in ("auto", "auto_count", "auto_min")}
        for one in document["templating"]["list"]
    ]
    yield "Frame", frame | {"annotations": {"list": annotations}, "templating": {"list": variables}}
    for panel in document["panels"]:
        if panel["type"] == "row":
            yield "Row", panel
            continue
        name = panel["type"].replace("-", "")
        yield "Panel", {key: value for key, value in panel.items() if key != "options"}
        yield f"{name}Options", panel["options"]
        custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom")
        if custom is not None:
            yield f"{name}Custom", custom
