"""pSConfig templates: which tests a perfSONAR mesh wants (perfSONAR 5.x, psconfig: client/psconfig, parsers/task_generator.py).

Body: one template as a server publishes it, ``{"addresses", "groups", "tests", "schedules", "hosts", "tasks", ..}``. Of
each task that is not disabled its group gives the pairs of hosts, its test the type, its schedule the interval. One
`ExpectedTest` event a pair and task, and a `Poll` for the template as a whole, as of Rucio's rules: a test that the
latest complete answer lacks is expected no more.

As the agents of pSConfig do, pairs are left out whose two ends are one host, that the group excludes, that have a
disabled address or host, or of which no end has an agent. An address in the eyes of another (``remote-addresses``,
labels) is the address that counts. latencybg without a schedule runs for ever and reports each
``packet-count * packet-interval``; a test of other types without one runs once, and has no interval.

What is not read is counted as filtered: groups by address classes (``address_class``: their filters may be programs) and
templates that are included by another (``include``: poll them by their own URL). More than `LARGEST` expected tests of
one template are refused, and its `Poll` is not complete.

`time` is the header ``date``, else when the body was received.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lakescope.core.events import ExpectedTest, Poll
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import any_json, epoch_time, host_of, identify, shape, utc_time
from lakescope.transformers.perfsonar.measures import duration_s

LARGEST = 250_000
"""Expected tests of one template: a full mesh of 500 hosts."""
_LATENCYBG_S = 60.0
"""Of its defaults: 600 packets, 0.1 s apart (pscheduler-test-latencybg)."""
_LONGEST_S = 1e9

Object = Mapping[str, Any]


class Moment(NamedTuple):
    """When a template was read, and from where."""

    time: str
    url: str | None


class End(NamedTuple):
    """An address of a group: its name in the template, what is chosen of it, and its description."""

    name: str
    label: str | None
    address: Object


@declare(maturity="experimental")
def decode(message: Message, out: DecodeResult) -> None:
    """One template; a task that cannot be read is a `Reject` of its own."""
    found = any_json(message.body)
    if not isinstance(found, dict):
        raise RejectedError("schema", "$", "a pSConfig template (an object)", shape(found))
    if not isinstance(found.get("tasks"), dict) or not isinstance(found.get("groups"), dict):
        expected = "a pSConfig template with addresses, groups, tests and tasks"
        raise RejectedError("unknown_kind", "$", expected, ", ".join(sorted(found)[:20]) or "an empty object")
    moment = _moment(message)
    if found.get("includes"):
        out.filtered["include"] += len(found["includes"]) if isinstance(found["includes"], list) else 1
    kept, rejects = len(out.events), len(out.rejects)
    for name, task in found["tasks"].items():
        try:
            for event in _tests(found, name, _object(task, f"$.tasks.{name}"), moment, out):
                if len(out.events) - kept >= LARGEST:
                    raise RejectedError(
                        "value", "$.tasks", f"at most {LARGEST} expected tests in a template", name
                    )
                out.events.append(event)
        except RejectedError as error:
            out.rejects.append(error.reject)
            if error.reject.path == "$.tasks":
                break
    if moment.url is not None:
        count = len(out.events) - kept
        out.events.append(_poll(message, moment, count, complete=len(out.rejects) == rejects))
    elif len(out.events) == kept and len(out.rejects) == rejects:
        out.filtered["empty"] += 1


def _poll(message: Message, moment: Moment, count: int, *, complete: bool) -> Poll:
    interval = message.headers.get("interval_s", "")
    return Poll(
        id=identify("psconfig", "poll", moment.url, moment.time),
        time=moment.time,
        source="psconfig",
        scope=str(moment.url),
        kind="expected_tests",
        count=count,
        complete=complete,
        interval_s=float(interval) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", interval) else None,
    )


def _moment(message: Message) -> Moment:
    date = message.headers.get("date")
    time = utc_time(date, "$.headers.date") if date else epoch_time(message.received)
    if time is None:
        raise RejectedError(
            "value", "$.headers.date", "a time after 1970, in `date` or of the reception", date
        )
    return Moment(time, message.headers.get("scope") or message.headers.get("url"))


def _tests(
    template: Object, name: str, task: Object, moment: Moment, out: DecodeResult
) -> Iterator[ExpectedTest]:
    """What one task wants. Raises `RejectedError` for a reference to what is not there."""
    if task.get("disabled") is True:
        out.filtered["disabled"] += 1
        return
    path = f"$.tasks.{name}"
    group = _referred(template, "groups", task.get("group"), f"{path}.group")
    test = _referred(template, "tests", task.get("test"), f"{path}.test")
    kind = test.get("type")
    if not isinstance(kind, str) or not kind:
        raise RejectedError("schema", f"$.tests.{task.get('test')}.type", "text", shape(kind))
    said = test.get("spec")
    spec: Object = said if isinstance(said, dict) else {}
    interval_s = _interval(template, task, kind, spec, path)
    version = spec.get("ip-version")
    swapped = "address[1]" in str(spec.get("source"))
    for first, second in _pairs(template, group, f"$.groups.{task.get('group')}", out):
        source, destination = (second, first) if swapped and second else (first, second)
        yield ExpectedTest(
            id=identify("psconfig", moment.url, name, kind, source, destination, version, moment.time),
            time=moment.time,
            source="psconfig",
            test=kind,
            task=name,
            src_host=source,
            dst_host=destination,
            ip_version=version if version in (4, 6) else None,
            interval_s=interval_s,
            per_second=1 / interval_s if interval_s else None,
            poll=moment.url,
        )


# --- pairs -----------------------------------------------------------------------------------------------


def _pairs(template: Object, group: Object, path: str, out: DecodeResult) -> Iterator[tuple[str, str | None]]:
    """Who tests whom, each pair once."""
    label = group.get("default-address-label")
    match group.get("type"):
        case "mesh":
            ends = _ends(template, group.get("addresses"), f"{path}.addresses", label, out)
            found = ((a, b) for a in ends for b in ends)
        case "disjoint":
            ends_a = _ends(template, group.get("a-addresses"), f"{path}.a-addresses", label, out)
            ends_b = _ends(template, group.get("b-addresses"), f"{path}.b-addresses", label, out)
            both = not group.get("unidirectional")
            found = (pair for a in ends_a for b in ends_b for pair in ((a, b), (b, a))[: 2 if both else 1])
        case "list":
            ends = _ends(template, group.get("addresses"), f"{path}.addresses", label, out)
            for end in ends:
                if (host := _host_seen(end, None)) and _has_agent(template, end):
                    yield host, None
            return
        case kind:
            raise RejectedError("value", f"{path}.type", "mesh, disjoint or list", shape(kind))
    excluded = _excluded(group)
    scope = group.get("excludes-self") or "host"
    seen: set[tuple[str, str]] = set()
    for a, b in found:
        if (a.name, b.name) in excluded or not (_has_agent(template, a) or _has_agent(template, b)):
            continue
        pair = _host_seen(a, b.name), _host_seen(b, a.name)
        if not pair[0] or not pair[1] or _is_self(a, b, scope) or pair in seen:
            continue
        seen.add((pair[0], pair[1]))
        yield pair[0], pair[1]


def _ends(template: Object, selectors: Any, path: str, label: Any, out: DecodeResult) -> list[End]:
    """The addresses that selectors name, without those that are disabled."""
    if not isinstance(selectors, list):
        raise RejectedError("schema", path, "an array of address selectors", shape(selectors))
    ends = []
    for index, selector in enumerate(selectors):
        found = _object(selector, f"{path}[{index}]")
        if found.get("disabled") is True:
            continue
        if "class" in found:
            out.filtered["address_class"] += 1
            continue
        name = found.get("name")
        address = _referred(template, "addresses", name, f"{path}[{index}].name")
        if not _is_disabled(template, address):
            ends.append(End(str(name), found.get("label") or label, address))
    return ends


def _host_seen(end: End, by: str | None) -> str | None:
    """The address as another one sees it, in small letters; null for one that is disabled or is not there."""
    address = end.address
    remote = address.get("remote-addresses")
    if by is not None and isinstance(remote, dict) and isinstance(remote.get(by), dict):
        address = remote[by]
    labels = address.get("labels")
    if end.label and isinstance(labels, dict) and isinstance(labels.get(end.label), dict):
        address = labels[end.label]
    text = address.get("address")
    return host_of(text) if isinstance(text, str) and address.get("disabled") is not True else None


def _is_self(a: End, b: End, scope: Any) -> bool:
    hosts = [str(one.address.get("host") or "").lower() for one in (a, b)]
    if scope == "host" and hosts[0] and hosts[0] == hosts[1]:
        return True
    return scope in ("host", "address") and a.address.get("address") == b.address.get("address")


def _excluded(group: Object) -> set[tuple[str, str]]:
    """Pairs of names that a group leaves out."""
    pairs = set()
    for one in group.get("excludes") or ():
        if isinstance(one, dict) and isinstance(one.get("local-address"), dict):
            local = one["local-address"].get("name")
            for target in one.get("target-addresses") or ():
                if isinstance(target, dict):
                    pairs.add((str(local), str(target.get("name"))))
    return pairs


def _host(template: Object, address: Object) -> Object:
    hosts, name = template.get("hosts"), address.get("host")
    found = hosts.get(name) if isinstance(hosts, dict) and isinstance(name, str) else None
    return found if isinstance(found, dict) else {}


def _is_disabled(template: Object, address: Object) -> bool:
    return address.get("disabled") is True or _host(template, address).get("disabled") is True


def _has_agent(template: Object, end: End) -> bool:
    return (
        end.address.get("no-agent") is not True and _host(template, end.address).get("no-agent") is not True
    )


# --- intervals -------------------------------------------------------------------------------------------


def _interval(template: Object, task: Object, kind: str, spec: Object, path: str) -> float | None:
    """Seconds between two results; null for a test that is not repeated, or by a calendar (repeat-cron)."""
    if task.get("schedule") is not None:
        schedule = _referred(template, "schedules", task["schedule"], f"{path}.schedule")
        repeat = schedule.get("repeat")
        if repeat is None:
            return None
        if not isinstance(repeat, str):
            raise RejectedError("schema", f"$.schedules.{task['schedule']}.repeat", "text", shape(repeat))
        seconds = duration_s(repeat, f"$.schedules.{task['schedule']}.repeat")
        return seconds if seconds and 0 < seconds <= _LONGEST_S else None
    if kind != "latencybg":
        return None
    count, apart_s = spec.get("packet-count", 600), spec.get("packet-interval", 0.1)
    if all(isinstance(one, (int, float)) and 0 < one < 1e6 for one in (count, apart_s)):
        return float(count * apart_s)
    return _LATENCYBG_S


# --- shapes ----------------------------------------------------------------------------------------------


def _object(found: Any, path: str) -> Object:
    if not isinstance(found, dict):
        raise RejectedError("schema", path, "object", shape(found))
    return found


def _referred(template: Object, room: str, name: Any, path: str) -> Object:
    """What a name stands for in a part of the template. Raises `RejectedError`."""
    known = template.get(room)
    found = known.get(name) if isinstance(known, dict) and isinstance(name, str) else None
    if not isinstance(found, dict):
        raise RejectedError("value", path, f"the name of one of the template's {room}", shape(name))
    return found
