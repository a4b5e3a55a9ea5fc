"""The API keeps its own description: whatever a client sends, it is answered, and never by a fault of the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from tests.contract._bodies import hermes, ndjson
from tests.e2e._lakescope import Lakescope, until

CONFIGURATION = '[collectors.push]\ntype = "http"\n[sinks.lake]\ntype = "duckdb"\n'
FAULTS = (500, 502, 504)
"""501 and 503 say what an instance lacks, or cannot do now."""
ENDLESS = "/api/tap"
"""It answers until the client leaves."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with Lakescope(tmp_path_factory.mktemp("openapi"), CONFIGURATION) as lakescope:
        lakescope.start()
        httpx.post(
            f"{lakescope.url}/push/hermes",
            content=ndjson([*hermes(50), b"{"]),
            headers={"content-type": "application/x-ndjson"},
            trust_env=False,
        ).raise_for_status()
        until(lambda: lakescope.drained(51), 30, lakescope.brief)
        yield schemathesis.openapi.from_url(f"{lakescope.url}/api/openapi.json").exclude(path=ENDLESS)
        assert lakescope.process is not None
        assert lakescope.process.poll() is None
        assert "Traceback" not in lakescope.log.read_text()


def test_whatever_is_sent_is_answered(api: Any) -> None:
    routes = [result.ok() for result in api.get_all_operations()]
    assert len(routes) > 20
    for route in routes:

        @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=route.as_strategy())
        def answers(case: schemathesis.Case) -> None:
            answer = case.call(timeout=30)
            assert answer.status_code not in FAULTS, f"{case.as_curl_command()}: {answer.text[:500]}"

        answers()
