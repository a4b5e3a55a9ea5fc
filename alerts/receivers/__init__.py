"""Receivers: where notifications go. One module a kind of receiver."""
