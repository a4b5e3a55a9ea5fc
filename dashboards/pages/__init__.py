"""Lakescope's own pages of the dashboards, and the same as files: answers -> pictures -> charts, HTML, PNG."""
