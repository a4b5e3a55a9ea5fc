"""What is asked about, a rule, a data identifier or an FTS job, and the events that belong to it.

Where these are too many to be looked at as a whole, some of the files stand for all, and of rules the latest reports.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, get_args

from lakescope.app.trace import LIMIT, Event, Lookup, Span, TooManyError, event_order

Kind = Literal["rule", "did", "fts_job"]
SAMPLE = 1_000
"""Files that stand for all, at most."""
_LATEST_DAYS = (30.0, 7.0, 1.0, 0.25, 1 / 24)
"""Of how many days reports of rules are looked at, where those of the whole range are too many."""


class Subject(NamedTuple):
    """What is asked about."""

    kind: Kind
    value: str
    """A rule's id, ``scope:name``, or an FTS job's id."""

    @classmethod
    def parse(cls, kind: str, value: str) -> Subject:
        """Raises `ValueError` saying what was expected."""
        if kind not in get_args(Kind):
            raise ValueError(f"expected one of {', '.join(get_args(Kind))}, found {kind[:40]!r}")
        value = value.strip()
        if kind == "did" and not all(value.partition(":")):
            raise ValueError(f"expected SCOPE:NAME, found {value[:100]!r}")
        if kind == "rule":
            value = value.replace("-", "").lower()
            if not re.fullmatch("[0-9a-f]{32}", value):
                raise ValueError(f"expected a rule's id of 32 hexadecimal characters, found {value[:100]!r}")
        if not value:
            raise ValueError("expected the id of an FTS job, found an empty text")
        return cls(kind, value)  # type: ignore[arg-type]


Find = Callable[[str, str, Iterable[str]], list[Event]]


def _naming(find: Find, subject: Subject) -> list[Event]:
    """The transfers' events that name what is asked about."""
    match subject.kind:
        case "rule":
            return find("transfers", "rule_id", [subject.value])
        case "did":
            name = subject.value.partition(":")[2]
            events = [*find("transfers", "name", [name]), *find("transfers", "parent_name", [name])]
            return [event for event in events if _is_named(event, subject)]
        case _:
            return find("transfers", "job_id", [subject.value])


def _is_named(event: Event, subject: Subject) -> bool:
    match subject.kind:
        case "rule":
            return bool(event.get("rule_id") == subject.value)
        case "did":
            did = tuple(subject.value.split(":", 1))
            return did in ((event.get("scope"), event.get("name")), _parent(event))
        case _:
            return bool(event.get("job_id") == subject.value)


def _parent(event: Event) -> tuple[Any, Any]:
    return event.get("parent_scope"), event.get("parent_name")


def find_transfers(lookup: Lookup, subject: Subject) -> tuple[list[Event], str]:
    """What was reported of its transfers in order of time, and a sentence where some stand for all. Raises `TooManyError`."""
    try:
        return _transfers(lookup, subject), ""
    except TooManyError as error:
        return _sample(lookup, subject, error)


def _transfers(lookup: Lookup, subject: Subject) -> list[Event]:
    """All that was reported of them, in order of time. Raises `TooManyError`."""
    events = _of_requests(lookup, _naming(lookup.find, subject))
    jobs = {event["job_id"] for event in events.values() if event.get("job_id")}
    names = {(event.get("scope"), event.get("name")) for event in events.values()}
    for event in lookup.find("transfers", "job_id", jobs):  # FTS may name no request
        if not event.get("request_id") and (event.get("scope"), event.get("name")) in names:
            events[event["id"]] = event
    return sorted(events.values(), key=event_order)


def _of_requests(lookup: Lookup, own: Iterable[Event]) -> dict[str, Event]:
    events = {event["id"]: event for event in own}
    requests = {event["request_id"] for event in events.values() if event.get("request_id")}
    return events | {event["id"]: event for event in lookup.find("transfers", "request_id", requests)}


def _sample(lookup: Lookup, subject: Subject, error: TooManyError) -> tuple[list[Event], str]:
    """All that was reported of some files, each whole, and a sentence that says which. Raises `error` where one file is
    too much.

    Of a job's files FTS's events without a request are left out: a job may have hundreds of others.
    """
    naming = _naming(lookup.first, subject)
    # by a hash of the name: neighbours fail alike
    names = sorted({event["name"] for event in naming if event.get("name")}, key=_shuffled)
    sample = names[:SAMPLE]
    while sample:
        try:
            of_files = lookup.find("transfers", "name", sample)
            events = _of_requests(lookup, (event for event in of_files if _is_named(event, subject)))
        except TooManyError:
            sample = sample[: len(sample) // 2]
            continue
        more = " or more" if len(naming) >= LIMIT else ""
        text = f"Too many to look at all: counted are {len(sample):,} files, chosen at random of {len(names):,}{more}"
        return sorted(events.values(), key=event_order), text
    raise error


def _shuffled(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=8).digest()


def find_rules(lookup: Lookup, subject: Subject, transfers: Sequence[Event]) -> tuple[list[Event], str]:
    """The reports of its rules in order of time, and a sentence where they are the latest only. Raises `TooManyError`."""
    try:
        return _rules_within(lookup, subject, transfers), ""
    except TooManyError as error:
        until = lookup.span.until or datetime.now(UTC)
        for days in _LATEST_DAYS:
            since = until - timedelta(days=days)
            if lookup.span.since is not None and since <= lookup.span.since:
                continue
            try:
                latest = Lookup(lookup.store, Span(since, lookup.span.until))
                rules = _rules_within(latest, subject, transfers)
            except TooManyError:
                continue
            return rules, f"Of rules only reports since {since:%Y-%m-%d %H:%M} UTC are looked at"
        raise error


def _rules_within(lookup: Lookup, subject: Subject, transfers: Sequence[Event]) -> list[Event]:
    values = {event["rule_id"] for event in transfers if event.get("rule_id")}
    rules = lookup.find("rules", "rule_id", {subject.value} if subject.kind == "rule" else values)
    if subject.kind == "did":
        scope, _, name = subject.value.partition(":")
        rules += [event for event in lookup.find("rules", "name", {name}) if event.get("scope") == scope]
    return sorted(rules, key=event_order)
