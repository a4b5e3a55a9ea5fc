"""Every number defined once, and compiled to each store's query language."""

from kpis.catalogue import CATALOGUE
from kpis.model import Kpi, Query, UnsupportedError

__all__ = ["CATALOGUE", "Kpi", "Query", "UnsupportedError"]
