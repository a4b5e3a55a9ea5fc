"""A KPI's value for people: units and levels."""

from __future__ import annotations

from typing import get_args

import pytest

from lakescope.kpis import CATALOGUE
from lakescope.kpis.model import Unit
from lakescope.kpis.units import DASH, format_value, level_of, scale_of


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (None, "bytes", DASH),
        (0.973, "ratio", "97.3 %"),
        (1.0, "ratio", "100 %"),
        (0.99999, "ratio", ">99.9 %"),
        (0.0004, "ratio", "0.04 %"),
        (9999, "count", "9999"),
        (12_345, "count", "12.3 k"),
        (1.5, "count", "1.5"),
        (12.3e12, "bytes", "12.3 TB"),
        (999_960, "bytes", "1 MB"),
        (0, "bytes", "0 B"),
        (-3.2e12, "bytes", "-3.2 TB"),
        (1.2e9, "bytes/s", "1.2 GB/s"),
        (1e10, "bits/s", "10 Gb/s"),
        (0.0123, "seconds", "12.3 ms"),
        (0, "seconds", "0 s"),
        (192, "seconds", "3.2 min"),
        (276_480, "seconds", "3.2 d"),
        (12, "days", "12 d"),
        (12_300, "1/s", "12.3 k/s"),
    ],
)
def test_values_are_said_as_people_say_them(value: float | None, unit: Unit, said: str) -> None:
    assert format_value(value, unit) == said


def test_every_unit_has_its_name() -> None:
    names = {unit: scale_of(1.0, unit)[1] for unit in get_args(Unit)}
    assert names == {
        "ratio": "%", "count": "", "bytes": "B", "bytes/s": "B/s", "bits/s": "b/s", "seconds": "s", "days": "d", "1/s": "/s",
    }  # fmt: skip


def test_networks_are_counted_in_bits_and_storage_in_bytes() -> None:
    rates = {kpi.name: kpi.unit for kpi in CATALOGUE.values() if kpi.unit in ("bytes/s", "bits/s")}
    for name, unit in rates.items():
        assert unit == ("bits/s" if CATALOGUE[name].dataset in ("network", "hosts") else "bytes/s"), name
    assert rates["network_throughput"] == "bits/s" and rates["transfer_throughput"] == "bytes/s"


def test_levels_are_those_of_the_bounds() -> None:
    efficiency, loss = CATALOGUE["transfer_efficiency"], CATALOGUE["network_loss"]
    assert [level_of(efficiency, v) for v in (0.9, 0.8, 0.79, 0.5, 0.49, None)] == [
        "good", "good", "warning", "warning", "critical", None,
    ]  # fmt: skip
    assert [level_of(loss, v) for v in (0.001, 0.002, 0.03)] == ["good", "warning", "critical"]
    assert level_of(CATALOGUE["transfers_done"], 1.0) is None
