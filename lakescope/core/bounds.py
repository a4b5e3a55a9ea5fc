"""Impossible measurements: numbers beyond the bounds that stand beside the events' fields become null, and count.

A count of -5, a throughput of 1e9999, a delay since 1970: what no instrument can have measured says nothing, and
one of them is enough to ruin an average. The rest of the event is kept. Long texts are cut in the same pass: an
error may quote a whole page, and stores keep so much of no text that they index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from lakescope.core.columns import types_of
from lakescope.core.events import DATASETS, LONGEST_TEXT, Event, Host, Text


class Bound(NamedTuple):
    """Least and greatest possible value."""

    least: float
    greatest: float


@cache
def bounds(dataset: type[Event]) -> Mapping[str, Bound]:
    """Field -> its bound, of the fields that have one (`lakescope.core.events`)."""
    bounds: dict[str, Bound] = {}
    for name, hint in types_of(dataset).items():
        for part in (hint, *get_args(hint)):
            if get_origin(part) is Annotated and part.__metadata__[0].ge is not None:
                number, meta = get_args(part)
                bounds[name] = Bound(number(meta.ge), number(meta.le))  # of the field's type: compared faster
    return bounds


QUANTITIES: Mapping[str, Bound] = {
    "load1": Bound(0, 1e6),
    "cpu_busy": Bound(0, 1e15),
    "cpu_idle": Bound(0, 1e15),
    **dict.fromkeys(
        ("memory_used", "memory_available", "memory_total", "disk_used", "disk_free", "disk_total"),
        Bound(0, 2**63 - 1),
    ),
    **dict.fromkeys(("network_received", "network_sent"), Bound(0, 2**64 - 1)),
    "clock_offset": Bound(-1e9, 1e9),
}
"""Of a host's value, by its `quantity`; other metrics may be anything, but for Prometheus's and Telegraf's counters."""


def clear_impossible(events: Iterable[Event], impossible: Counter[str]) -> None:
    """Makes numbers beyond their bounds null, and counts them in `impossible` by ``dataset.field``. Cuts long texts."""
    for event in events:
        if _FAULTY[type(event)](event):
            _clear(event, impossible)


def _clear(event: Event, impossible: Counter[str]) -> None:
    bounds = dict(_BOUNDS[type(event)])
    if isinstance(event, Host):
        bounds["value"] = _host_bound(event)
    for name, (least, greatest) in bounds.items():
        value = getattr(event, name)
        if value is not None and not least <= value <= greatest:
            setattr(event, name, None)
            impossible[f"{event.dataset}.{name}"] += 1
    for name in _TEXTS[type(event)]:
        text = getattr(event, name)
        if text is not None:
            setattr(event, name, text[:LONGEST_TEXT])


def _host_bound(event: Host) -> Bound:
    bound = QUANTITIES.get(event.quantity or "", _BOUNDS[Host]["value"])
    if (
        event.type == "counter" and event.source != "collectd"
    ):  # whose derives are signed (collectd-data, "DERIVE")
        return Bound(max(bound.least, 0), bound.greatest)
    return bound


def _is_faulty_host(event: Event) -> bool:
    assert isinstance(event, Host)
    if event.value is None:
        return False
    least, greatest = _host_bound(event)
    return not least <= event.value <= greatest


def _check(dataset: type[Event]) -> Callable[[Event], bool]:
    """Whether an event holds an impossible number or a long text: one expression a dataset, as all go through it."""
    tests = [
        f"((v := e.{name}) is not None and not (v >= {bound.least!r} and v <= {bound.greatest!r}))"
        for name, bound in _BOUNDS[dataset].items()
    ]
    tests += [f"((v := e.{name}) is not None and len(v) > {LONGEST_TEXT})" for name in _TEXTS[dataset]]
    # as a condition, and no chains of comparisons: so the interpreter compares without making a value of each
    check: Any = eval(f"lambda e: True if {' or '.join(tests) or False} else False")  # noqa: S307 - our own names
    return check  # type: ignore[no-any-return]


_TEXTS = {
    dataset: [name for name, hint in types_of(dataset).items() if Text in (hint, *get_args(hint))]
    for dataset in DATASETS.values()
}
_BOUNDS = {dataset: bounds(dataset) for dataset in DATASETS.values()}
_FAULTY = {dataset: _check(dataset) for dataset in DATASETS.values()} | {Host: _is_faulty_host}
