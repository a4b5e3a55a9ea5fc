"""Interventions ("what changed at 10:00"): written down as events, corrected and removed by further ones.

An annotation is known by an id that its first words make: who writes the same twice has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

from lakescope.app.viewer import Viewer
from lakescope.app.words import moment
from lakescope.core.contracts import SearchableSink
from lakescope.core.events import Annotation
from lakescope.core.revisions import latest
from lakescope.kpis.model import EventsQuery, KpiSink, UnsupportedError
from lakescope.pipeline.health import OWN
from lakescope.transformers._common import identify

DATASET = "annotations"
TEXT_MAX, NAME_MAX = 1000, 100
"""Characters of a text; of the name of a person, site, RSE or VO."""
LONGEST = timedelta(days=31)
"""Of an intervention."""
LISTED_MAX = 1000
_REVISIONS_MAX = 10_000
_NAMES = ("by", "site", "rse", "vo")


class Words(NamedTuple):
    """An annotation in a person's words; null: not known, in a correction: as before."""

    text: str | None = None
    at: str | None = None
    """Beginning: 2026-01-05T12:00, or so long ago (2h); null: now."""
    until: str | None = None
    site: str | None = None
    rse: str | None = None
    vo: str | None = None
    by: str | None = None


def create(words: Words, now: datetime) -> Annotation:
    """The first revision. Raises `ValueError` saying what was expected."""
    fields = _fields(words)
    if "text" not in fields:
        raise ValueError(f"the text is missing: expected 1 to {TEXT_MAX} characters")
    begin = _moment("at", words.at, now) if words.at else now.replace(microsecond=0)
    end = _moment("until", words.until, now) if words.until else None
    places = [fields.get(name) for name in ("site", "rse", "vo")]
    annotation = identify(DATASET, fields["text"], _rfc3339(begin), *places)[:12]
    return _event(annotation, 1, "noted", fields | {"begin": begin, "end": end}, now)


def correct(before: Mapping[str, Any], words: Words, now: datetime) -> Annotation:
    """The next revision, with the words that are given. Raises `ValueError` saying what was expected."""
    fields = {name: before.get(name) for name in ("text", "site", "rse", "vo")} | _fields(words)
    begin = _moment("at", words.at, now) if words.at else _read(before["time"])
    end = _moment("until", words.until, now) if words.until else _read(before.get("ended"))
    return _event(
        before["annotation"], before["revision"] + 1, "corrected", fields | {"begin": begin, "end": end}, now
    )


def remove(before: Mapping[str, Any], by: str | None, now: datetime) -> Annotation:
    """The last revision."""
    fields = {name: before.get(name) for name in ("text", "site", "rse", "vo")} | _fields(Words(by=by))
    ends = {"begin": _read(before["time"]), "end": _read(before.get("ended"))}
    return _event(before["annotation"], before["revision"] + 1, "removed", fields | ends, now)


def vo_for(viewer: Viewer, vo: str | None) -> str | None:
    """The VO of what a viewer writes down: theirs where they have one. Raises `ValueError` for another, or none."""
    if viewer.vos is None or vo in viewer.vos:
        return vo
    if vo is None and len(viewer.vos) == 1:
        return next(iter(viewer.vos))
    names = ", ".join(sorted(viewer.vos)) or "none"
    raise ValueError(f"expected a VO of yours ({names}), found {'none' if vo is None else repr(vo[:60])}")


def find_all(store: Any, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Those that begin, or last, in ``since <= time < until``, as they hold now, the newest first.

    `store`: a `KpiSink` that is a `SearchableSink`; of any other, or without the dataset, none. Raises `TransientError` or
    `RefusedError`.
    """
    options = getattr(store, "options", None)
    datasets = getattr(options, "datasets", None)
    if not isinstance(store, KpiSink) or not isinstance(store, SearchableSink):
        return []
    if datasets is not None and DATASET not in datasets:
        return []
    query = EventsQuery(
        dataset=DATASET, columns=("annotation",), since=since - LONGEST, until=until, limit=LISTED_MAX
    )
    (rows,) = store.answer([query])
    if isinstance(rows, UnsupportedError):
        return []
    ids = list(dict.fromkeys(str(row["annotation"]) for row in cast("list[Mapping[str, Any]]", rows)))
    events = store.find(DATASET, "annotation", ids, _REVISIONS_MAX) if ids else []
    return [
        one
        for one in latest(events)
        if _read(one["time"]) < until and (_read(one.get("ended")) or _read(one["time"])) >= since
    ]


def find_one(store: SearchableSink, annotation: str) -> dict[str, Any]:
    """One, as it holds now. Raises `KeyError` for one that is not there, or was removed."""
    valid = latest(store.find(DATASET, "annotation", [annotation], _REVISIONS_MAX))
    if not valid:
        raise KeyError(annotation)
    return valid[0]


def _fields(words: Words) -> dict[str, Any]:
    """What is given, checked."""
    limits = {"text": TEXT_MAX} | dict.fromkeys(_NAMES, NAME_MAX)
    fields: dict[str, Any] = {}
    for name, limit in limits.items():
        value = getattr(words, name)
        if value is None or not (text := value.strip()):
            continue
        if len(text) > limit:
            raise ValueError(f"{name} has {len(text)} characters: expected {limit} at most")
        if not all(one.isprintable() or (one in "\n\t" and name == "text") for one in text):
            raise ValueError(f"{name} has a control character: expected printable text")
        fields[name] = text
    return fields


def _event(annotation: str, revision: int, state: Any, fields: dict[str, Any], now: datetime) -> Annotation:
    begin, end = fields.pop("begin"), fields.pop("end")
    if end is not None and not begin <= end <= begin + LONGEST:
        raise ValueError(
            f"until is {_rfc3339(end)}: expected a time within {LONGEST.days} days of {_rfc3339(begin)}"
        )
    mark = {"noted": "", "corrected": "Corrected: ", "removed": "Removed: "}[state]
    places = ", ".join(str(fields[name]) for name in ("site", "rse", "vo") if fields.get(name))
    notes = "; ".join(filter(None, [places, f"by {fields['by']}" if fields.get("by") else ""]))
    return Annotation(
        id=identify("annotation", annotation, revision, state, fields["text"], _rfc3339(begin)),
        time=_rfc3339(begin),
        source=OWN,
        collector=OWN,
        annotation=annotation,
        revision=revision,
        state=state,
        noted=_rfc3339(now),
        ended=None if end is None else _rfc3339(end),
        ended_ms=None if end is None else round(end.timestamp() * 1000),
        summary=f"{mark}{' '.join(fields['text'].split())}{f' ({notes})' if notes else ''}",
        **fields,
    )


def _moment(name: str, text: str, now: datetime) -> datetime:
    try:
        return moment(text).replace(microsecond=0)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _read(text: Any) -> Any:
    """A time of an event; null stays null."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def _rfc3339(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
