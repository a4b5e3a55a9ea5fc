"""Nesting of any depth: the body may come through the JSON decoder and fail a step further on."""

from __future__ import annotations

import pytest

from lakescope.core.messages import Format
from lakescope.transformers import collectd, perfsonar, push, telegraf
from tests.transformers.properties import holds

BODIES = [
    b"[%s]",
    b'{"metrics": [%s]}',
    b'{"name": "a", "fields": {"x": %s}, "tags": {"host": "a"}}',
    b'{"producer": "a", "type": "b", "x": %s}',
    b'{"producer": "a", "type": "sam_gfal", "status": "x", "error_code": %s}',
    b'{"test": {"type": "rtt"}, "id": "a", "result": {"succeeded": false, "error": %s}}',
    b'{"test": {"type": "trace"}, "id": "a", "result": {"succeeded": true, "paths": %s}}',
    b'{"meta": {"source": "a", "event-type": "failures"}, "datapoints": {"1774037671": %s}}',
    b'[{"labels": %s}]',
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:24].decode())
@pytest.mark.parametrize("format", [collectd.decode, perfsonar.decode, push.decode, telegraf.decode])
def test_any_depth(format: Format, body: bytes) -> None:
    # each one: where the interpreter's limit strikes depends on how deep the test itself runs
    for depth in (*range(10, 800, 50), *range(800, 1000)):
        holds(format, body % (b"[" * depth + b"]" * depth))
