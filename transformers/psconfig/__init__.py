"""pSConfig templates: which tests a perfSONAR mesh wants (perfSONAR 5.x, psconfig: client/psconfig, parsers/task_generator.py).

Body: one template as a server publishes it, ``{"addresses", "groups", "tests", "schedules", "hosts", "tasks", ..}``. Of
each task that is not disabled its group gives the pairs of hosts, its test the type, its schedule the interval. One
`ExpectedTest` event a pair and task, and a `Poll` for the template as a whole, as of Rucio's rules: a test that the
latest complete answer lacks is expected no more.

Groups are read as the agents of pSConfig do (`lakescope.transformers.psconfig.groups`). latencybg without a schedule runs for
ever and reports each ``packet-count * packet-interval``; a test of other types without one runs once, and has no interval.

What is not read is counted as filtered: address classes whose filter is a jq program or asks the agent (``address_class``), and
templates that are included by another (``include``: poll them by their own URL). More than `LARGEST` expected tests of
one template are refused, and its `Poll` is not complete.

`time` is the header ``date``, else when the body was received.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lakescope.core.events import ExpectedTest, Poll
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import any_json, epoch_time, identify, shape, utc_time
from lakescope.transformers.perfsonar.measures import duration_s
from lakescope.transformers.psconfig.groups import Object, object_of, pairs, referred

LARGEST = 250_000
"""Expected tests of one template: a full mesh of 500 hosts."""
_LATENCYBG_S = 60.0
"""Of its defaults: 600 packets, 0.1 s apart (pscheduler-test-latencybg)."""
_LONGEST_S = 1e9


class Moment(NamedTuple):
    """When a template was read, and from where."""

    time: str
    url: str | None


@declare(maturity="experimental")
def decode(message: Message, out: DecodeResult) -> None:
    """One template; a task that cannot be read is a `Reject` of its own."""
    template = any_json(message.body)
    if not isinstance(template, dict):
        raise RejectedError("schema", "$", "a pSConfig template (an object)", shape(template))
    if not isinstance(template.get("tasks"), dict) or not isinstance(template.get("groups"), dict):
        expected = "a pSConfig template with addresses, groups, tests and tasks"
        raise RejectedError(
            "unknown_kind", "$", expected, ", ".join(sorted(template)[:20]) or "an empty object"
        )
    moment = _moment(message)
    if template.get("includes"):
        out.filtered["include"] += len(template["includes"]) if isinstance(template["includes"], list) else 1
    events_before, rejects = len(out.events), len(out.rejects)
    for name, task in template["tasks"].items():
        try:
            for event in _tests(template, name, object_of(task, f"$.tasks.{name}"), moment, out):
                if len(out.events) - events_before >= LARGEST:
                    raise RejectedError(
                        "value", "$.tasks", f"at most {LARGEST} expected tests in a template", name
                    )
                out.events.append(event)
        except RejectedError as error:
            out.rejects.append(error.reject)
            if error.reject.path == "$.tasks":
                break
    if moment.url is not None:
        count = len(out.events) - events_before
        out.events.append(_poll(message, moment, count, complete=len(out.rejects) == rejects))
    elif len(out.events) == events_before and len(out.rejects) == rejects:
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
    group = referred(template, "groups", task.get("group"), f"{path}.group")
    test = referred(template, "tests", task.get("test"), f"{path}.test")
    kind = test.get("type")
    if not isinstance(kind, str) or not kind:
        raise RejectedError("schema", f"$.tests.{task.get('test')}.type", "text", shape(kind))
    document = test.get("spec")
    spec: Object = document if isinstance(document, dict) else {}
    interval_s = _interval(template, task, kind, spec, path)
    version = spec.get("ip-version")
    swapped = "address[1]" in str(spec.get("source"))
    for first, second in pairs(template, group, f"$.groups.{task.get('group')}", out):
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


# --- intervals -------------------------------------------------------------------------------------------


def _interval(template: Object, task: Object, kind: str, spec: Object, path: str) -> float | None:
    """Seconds between two results; null for a test that is not repeated, or by a calendar (repeat-cron)."""
    if task.get("schedule") is not None:
        schedule = referred(template, "schedules", task["schedule"], f"{path}.schedule")
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
