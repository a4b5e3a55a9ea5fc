"""Dashboards as code: definitions of layout, text and KPI names, and what is built from them."""
