"""One simulated stretch that many tests look at."""

from datetime import UTC, datetime, timedelta

import pytest

from lakescope.simulator import Lake, Options, Wire, make_lake, simulate

START = datetime(2026, 3, 18, 10, tzinfo=UTC)


@pytest.fixture(scope="session")
def lake() -> Lake:
    return make_lake()


@pytest.fixture(scope="session")
def start() -> datetime:
    return START


@pytest.fixture(scope="session")
def quiet(lake: Lake) -> list[Wire]:
    """Two hours without an incident, in which rare events are less rare and frequent ones less frequent."""
    end = START + timedelta(hours=2)
    options = Options(
        latency=240, hosts=120, staging=0.1, lost=0.01, canceled=0.01, submission_failed=0.01, deletions=1
    )
    return list(simulate(lake, seed=7, start=START, end=end, rate=450, incidents=(), options=options))
