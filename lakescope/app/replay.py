"""Dead letters, tried again: decoded by today's formats, written to the sink that refused them (or to all)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from lakescope.core.contracts import Sink, TransientError
from lakescope.pipeline.dead_letters import DeadLetters, Letter
from lakescope.pipeline.delivery import deliver, give_up
from lakescope.pipeline.normalise import Normaliser
from lakescope.pipeline.transform import SinkInput, Transform


class ReplayResult(msgspec.Struct, frozen=True):
    """What became of one letter: gone when `stored`, else still there, and why."""

    id: str
    stored: bool
    text: str


def replay(
    letters: Iterable[Letter],
    dead_letters: DeadLetters,
    normaliser_of: Callable[[str], Normaliser],
    lanes: Mapping[str, SinkInput],
    sinks: Mapping[str, Sink],
) -> Iterable[ReplayResult]:
    """Tries each letter once. Idempotent: what was stored before is found under its id."""
    for letter in letters:
        selected_lanes = {name: lane for name, lane in lanes.items() if letter.sink in (None, name)}
        if not selected_lanes:
            yield ReplayResult(
                letter.id, False, f"there is no sink {letter.sink!r} in the configuration any more"
            )
            continue
        batch = Transform(normaliser_of(letter.collector), selected_lanes)([letter.message()])
        rejects = list(batch.rejects)
        try:
            for name, parcel in batch.parcels.items():
                rejects += deliver(parcel.chunks, sinks[name].write, give_up).values()
        except TransientError as error:
            yield ReplayResult(letter.id, False, f"try again later: {error}")
            continue
        if rejects:
            dead_letters.add(letter.collector, letter.sink, [(letter.message(), rejects)])
            yield ReplayResult(letter.id, False, str(rejects[0]))
        else:
            dead_letters.drop([letter.id])
            yield ReplayResult(letter.id, True, f"{batch.datasets.total()} events stored")
