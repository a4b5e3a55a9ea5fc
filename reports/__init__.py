"""Reports: the health of a data lake over a closed period, computed from KPIs and drawn in several forms."""
