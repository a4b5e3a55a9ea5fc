"""Every number defined once, and compiled to each store's query language."""

from lakescope.kpis.catalogue import CATALOGUE
from lakescope.kpis.model import Kpi, Query, UnsupportedError

__all__ = ["CATALOGUE", "Kpi", "Query", "UnsupportedError"]
