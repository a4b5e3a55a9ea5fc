"""The engine: batches from collectors through the transform stage into every sink, then the acknowledgement.

    collector -> Inbox -> Transform -> one Lane a sink -> stored? -> DeadLetters -> acknowledge

See docs/architecture.md for the promises and how each is kept.
"""

from lakescope.pipeline.contracts import (
    Chunk,
    Collector,
    Encoder,
    Finding,
    Health,
    Outcome,
    RefusedError,
    Searchable,
    Sink,
    TransientError,
)
from lakescope.pipeline.inbox import Inbox

__all__ = [
    "Chunk",
    "Collector",
    "Encoder",
    "Finding",
    "Health",
    "Inbox",
    "Outcome",
    "RefusedError",
    "Searchable",
    "Sink",
    "TransientError",
]
