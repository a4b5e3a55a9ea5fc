"""What all tests share: the fixtures of the real servers."""

import sys
from collections.abc import Iterator

import pytest

pytest_plugins = ["tests.servers.fixtures"]

ROOMS = {"collectors", "dashboards", "kpis", "simulator", "sinks", "transformers"}


@pytest.fixture(scope="session", autouse=True)
def _one_name_a_module() -> Iterator[None]:
    """Fails the session's last test if something imported a room by its short name."""
    yield
    assert not ROOMS & sys.modules.keys(), (
        "import lakescope.NAME: a module under two names has two of each class"
    )
