"""Benchmarks: ratios to a limit and to peers, measured in one run. See benchmarks/README.md."""
