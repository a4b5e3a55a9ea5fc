"""What all tests share: the fixtures of the real servers, and which files begin."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests._install import ROOT, UV, run

# machines that others share are slow at times: that says nothing of the code
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

pytest_plugins = ["tests.servers.fixtures"]

ROOMS = {"alerts", "collectors", "dashboards", "kpis", "simulator", "sinks", "sync", "transformers"}


@pytest.fixture(scope="session", autouse=True)
def _one_name_a_module() -> Iterator[None]:
    """Fails the session's last test if something imported a room by its short name."""
    yield
    assert not ROOMS & sys.modules.keys(), (
        "import lakescope.NAME: a module under two names has two of each class"
    )


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--quiet", "--out-dir", folder, ROOT, cwd=folder)
    return folder


KNOWN_FAILURES = {
    "test_memory.py::test_large_arrays_and_dead_stores_take_the_stated_memory": "305 MB where 283 are stated",
}
"""End of a test's id, or what it begins with -> the fault of ours that makes it fail: to be mended, then taken from here."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks what is known to fail; it runs, and one that passes is shown as such."""
    for name, fault in KNOWN_FAILURES.items():
        if item.nodeid.endswith(name) or (name.endswith("[") and name in item.nodeid):
            item.add_marker(pytest.mark.xfail(reason=fault, strict=False))


_TESTS = Path(__file__).parent
_LONGEST = [
    "kpis/test_agreement.py",
    "dashboards/test_grafana_queries.py",
    "e2e/test_alerts.py",
    "e2e/test_delivery.py",
    "sync/accounts/test_rucio.py",
    "app/test_cli.py",
    "sync/test_rses.py",
    "app/test_doctor.py",
    "app/test_matrix.py",
    "sinks/test_plan.py",
    "e2e/test_rucio.py",
    "app/web/test_dashboards_page.py",
    "contract/test_collectors.py",
    "test_package.py",
    "contract/test_sinks.py",
    "app/web/test_syncs_page.py",
    "app/test_hard_times.py",
    "servers/test_servers.py",
    "reports/test_demo.py",
    "test_docs.py",
    "app/test_interventions.py",
    "app/test_secrets.py",
    "app/test_listeners.py",
    "collectors/test_senders.py",
    "app/web/test_openapi.py",
    "app/test_dashboards.py",
    "alerts/test_quiet_week.py",
    "pipeline/test_engine.py",
    "servers/test_rucio.py",
    "test_plugin_package.py",
    "dashboards/test_grafana_limits.py",
    "pipeline/test_dead_letters.py",
    "alerts/test_command.py",
    "e2e/test_kafka.py",
    "reports/test_weekly.py",
    "app/test_query.py",
    "alerts/test_incidents.py",
    "alerts/test_cases.py",
    "reports/test_month.py",
    "e2e/test_hosts.py",
    "pipeline/test_workers.py",
    "sinks/test_influxdb.py",
    "app/web/test_status_page.py",
    "dashboards/test_requests.py",
    "sinks/test_elasticsearch.py",
    "collectors/test_stomp_brokers.py",
    "collectors/test_http_siege.py",
    "app/test_trace.py",
    "app/test_access.py",
    "sinks/test_duckdb.py",
    "transformers/test_events.py",
    "collectors/test_http.py",
    "collectors/test_stomp.py",
    "alerts/test_prometheus.py",
    "app/web/test_incidents_page.py",
    "core/test_printable.py",
    "app/test_checks.py",
    "app/test_demo.py",
    "simulator/test_incidents.py",
    "transformers/test_psconfig.py",
    "core/test_framing.py",
    "transformers/test_hermes_history.py",
]
"""They begin, longest first: a long file that begins late runs alone at the end, while the other processes are idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order in which the processes take them (`--no-loadscope-reorder`)."""
    place = {_TESTS / file: number for number, file in enumerate(_LONGEST)}
    assert all(path.exists() for path in place), "a file of _LONGEST was moved: write its new place there"
    items.sort(key=lambda item: place.get(item.path, len(place)))
