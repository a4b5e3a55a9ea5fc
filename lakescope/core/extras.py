"""What an installation may lack: the packages that come with an extra, and what to install then."""

from __future__ import annotations

from importlib.util import find_spec

_EXTRAS = {
    "duckdb": "duckdb",
    "pyarrow": "duckdb",
    "opensearchpy": "opensearch",
    "attr": "grafana",
    "grafanalib": "grafana",
    "kafka": "kafka",
    "jinja2": "reports",
    "typst": "reports",
    "vl_convert": "pictures",
    "yaml": "alerts",
}
"""Module -> the extra that installs it (`pyproject.toml`)."""


class MissingExtraError(RuntimeError):
    """A package of an extra is not installed; `remedy` is the command that installs it."""

    def __init__(self, module: str):
        self.remedy = f"pip install 'lakescope[{_EXTRAS[module]}]'"
        super().__init__(f"the Python package {module} is not installed")


def missing(module: str) -> MissingExtraError | None:
    """Why a module of an extra cannot be imported; null if it can. Nothing is imported."""
    return None if find_spec(module) else MissingExtraError(module)


def explain(error: ModuleNotFoundError) -> MissingExtraError | None:
    """A failed import as a missing extra; null for one that belongs to none."""
    module = (error.name or "").partition(".")[0]
    return MissingExtraError(module) if module in _EXTRAS else None
