"""What the collectors share: their common options."""

from __future__ import annotations

from pydantic import Field, field_validator

from lakescope.core.options import Options, closest
from lakescope.core.plugins import available


class CollectorOptions(Options):
    """Options of every collector."""

    vo: str | None = Field(default=None, examples=["escape"])
    """Virtual organisation of messages that name none."""


class OneFormat(CollectorOptions):
    """Options of a collector whose messages are all of one format."""

    format: str = Field(examples=["hermes"])
    """Name of the format that reads the bodies (`lakescope plugins` lists them)."""

    @field_validator("format")
    @classmethod
    def _check_format(cls, name: str) -> str:
        if name not in available("formats"):
            suggestion = closest(name, available("formats"))
            question = f" - did you mean {suggestion!r}?" if suggestion else ""
            raise ValueError(f"no format {name!r}; there are {', '.join(available('formats'))}{question}")
        return name
