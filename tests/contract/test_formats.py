"""The contract of formats that plugins are given (`lakescope.testing`), kept by Lakescope's own.

That of sinks and of collectors: test_sinks.py, test_collectors.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lakescope.core.plugins import available
from lakescope.testing import FormatContract

CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize("name", [name for name in available("formats") if (CASES / name).is_dir()])
class TestFormats(FormatContract):
    """Every format with its cases."""

    cases = CASES

    @pytest.fixture(autouse=True)
    def _chosen(self, name: str) -> None:
        self.format = name  # type: ignore[misc]
