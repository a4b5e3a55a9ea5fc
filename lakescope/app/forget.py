"""Takes an account's name out of what Lakescope has stored, while no instance runs, and says what it cannot reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lakescope.app.assembly import open_dead_letters, open_sinks
from lakescope.app.config import Configuration
from lakescope.app.lock import lock
from lakescope.core.contracts import ForgettingSink, RefusedError, TransientError
from lakescope.core.messages import Message, Reject
from lakescope.core.personal import FORGOTTEN
from lakescope.core.state_files import write_private
from lakescope.pipeline.dead_letters import DeadLetters
from lakescope.pipeline.overflow import find_remainders

SHORTEST = 3
"""Characters of a name: a shorter one would be found in words."""


class Step(NamedTuple):
    """What was done at one place."""

    place: str
    is_done: bool
    """False: the name may still be there."""
    text: str


def forget(configuration: Configuration, name: str) -> Iterator[Step]:
    """Puts `FORGOTTEN` in the place of a name, place by place. Raises `RuntimeError` for a name that is too short, or where an
    instance runs."""
    if len(name) < SHORTEST or name == FORGOTTEN:
        raise RuntimeError(f"expected a name of {SHORTEST} characters or more, found {name!r}")
    data_dir = configuration.settings.data_dir
    word = re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])")
    with lock(data_dir):
        for sink in configuration.sinks:
            yield _of_sink(configuration, sink, name)
        yield from _of_letters(configuration, name, word)
        yield from _of_files(data_dir, word)
        for sentence in find_remainders(data_dir, ()):
            yield Step(
                sentence.partition(":")[0],
                False,
                "events wait there: run Lakescope until they are stored, then forget again",
            )
        for path in sorted((data_dir / "backups").glob("*")):
            yield Step(
                str(path), False, "a backup is as it was: delete it, or forget again after it was restored"
            )
    yield Step(
        "push spool, sources, brokers, logs, mails and chats",
        False,
        "are not Lakescope's to change; what is read again comes back",
    )


def _of_sink(configuration: Configuration, sink_name: str, name: str) -> Step:
    plugin = configuration.sinks[sink_name]
    place = f"sink {sink_name} ({plugin.type})"
    (sink,) = open_sinks(configuration._replace(sinks={sink_name: plugin})).values()
    try:
        if not isinstance(sink, ForgettingSink):
            return Step(place, False, "cannot change what it has stored: its retention has to end it")
        changed = sink.forget(name)
    except (TransientError, RefusedError) as error:
        return Step(place, False, f"failed, try again: {error}")
    finally:
        sink.close()
    return Step(
        place, True, ", ".join(f"{dataset} {count}" for dataset, count in changed.items()) or "nothing"
    )


def _of_letters(configuration: Configuration, name: str, word: re.Pattern[str]) -> Iterator[Step]:
    dead = open_dead_letters(configuration.settings)
    try:
        count = _change_letters(dead, name, word)
        yield Step("dead letters", True, f"{count} letters" if count else "nothing")
        for path in dead.files():
            yield Step(
                str(path),
                False,
                "letters that have moved there: take them back with `lakescope dead-letters restore`",
            )
    finally:
        dead.close()


def _change_letters(dead: DeadLetters, name: str, word: re.Pattern[str]) -> int:
    """Each body with the name becomes another letter, as the id is made of the body."""
    in_bytes = re.compile(rb"(?<![A-Za-z0-9])" + re.escape(name.encode()) + rb"(?![A-Za-z0-9])")
    count = 0
    for letter in dead.letters():
        message, texts = letter.message(), (letter.expected or "", letter.found or "")
        body = in_bytes.sub(FORGOTTEN.encode(), message.body)
        headers = {key: word.sub(FORGOTTEN, value) for key, value in message.headers.items()}
        clean = [word.sub(FORGOTTEN, text) for text in texts]
        if (body, headers, clean) == (message.body, dict(message.headers), list(texts)):
            continue
        reject = Reject(letter.reason, letter.path, clean[0] or None, clean[1] or None)  # type: ignore[arg-type]
        dead.drop([letter.id])
        new = Message(body, message.format, headers, message.received)
        dead.add(letter.collector, letter.sink, [(new, [reject])])
        count += 1
    return count


def _of_files(data_dir: Path, word: re.Pattern[str]) -> Iterator[Step]:
    """Reports, alerts and incidents, which are JSON: a name is a word of its texts."""
    for place, paths in (
        ("archive of reports", sorted((data_dir / "reports").glob("*/*/*/*.json"))),
        ("alerts and incidents", [data_dir / "alerts.json", data_dir / "incidents.json"]),
    ):
        count = 0
        for path in paths:
            if not path.exists():
                continue
            text = path.read_text()
            clean = word.sub(FORGOTTEN, text)
            if clean != text:
                write_private(path, clean.encode())
                count += 1
        yield Step(place, True, f"{count} files" if count else "nothing")
