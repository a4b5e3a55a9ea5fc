"""The simulated week, of tests/kpis."""

from __future__ import annotations

from tests.kpis.conftest import lake

__all__ = ["lake"]
