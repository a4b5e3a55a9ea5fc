"""The lag of storing: what counts, and what is a past that is played again."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from lakescope.pipeline.metrics import Lag


def test_a_past_that_is_played_again_is_no_lag() -> None:
    now = datetime.now(UTC)
    lag = Lag()
    lag.since = f"{now - timedelta(hours=1):%FT%T}"
    lag.observe("store", Counter({f"{now - timedelta(days=5):%FT%T}": 1000}))
    assert lag.quantiles("store", [0.99]) == [None]
    lag.observe("store", Counter({f"{now - timedelta(minutes=30):%FT%T}": 1}))
    (value,) = lag.quantiles("store", [0.99])
    assert value is not None
    assert 1800 <= value < 3600
