"""Rucio's own metrics: pages of its servers and daemons, pushes of its probes, and what the statsd collector sums up.

Prometheus text 0.0.4 or OpenMetrics (`lakescope.transformers._exposition`); OpenMetrics is what says so in the header
``content-type`` or ends in ``# EOF``. Rucio's server calls its page text/html, so its type is not looked at. Component and
metric: `lakescope.transformers._rucio_names`. One `RucioMetric` event a sample; a quoted name with dots is one of statsd.

Left out, and counted as filtered: the buckets of histograms ("bucket"; count and sum, which make the average, stay), when a
counter began ("created"), samples of native histograms. More than `SERIES_MAX` series of one metric or `SAMPLES_MAX` samples
on a page are left out as well: a label with a request's id in it must not fill a store.

The time of a sample is its own; that of the last push of its group, where the page is a Pushgateway's (its
``push_time_seconds``); else when the page was received. A pushed gauge that nobody sets any more so becomes stale.

Headers, from the collector: ``instance`` (host:port or URL) and ``url`` of a page that was read, with ``interval_s``; or
``group`` (JSON: the grouping labels, ``job`` among them) of one that was pushed, with ``push`` (PUT, POST or DELETE). A page
and a PUT are complete: a `Poll` event says so, and a series of an earlier one that it lacks has ended. A DELETE ends them
all. A POST, and what the statsd collector sums up, adds to what is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Literal, get_args

import msgspec

from lakescope.core.events import Poll, RucioMetric
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import epoch_time, identify, identify_series, text_of, utc_time
from lakescope.transformers._exposition import Family, LineError, Sample, Types, parse_sample
from lakescope.transformers._rucio_names import PROBES, Name, of_prometheus, of_statsd
from lakescope.transformers.quantities import series_of

SOURCE = "rucio-metrics"
PUSHED = "rucio-probes"
"""Source of what was pushed: a probe has an interval of its own, not that of the pages."""
SERIES_MAX = 5_000
"""Of one metric on a page: ATLAS's throttler has some 100 RSEs, 10 activities and 4 limits."""
SAMPLES_MAX = 50_000
"""Of a page: Rucio's own have some thousand."""
REJECTS_MAX = 100
"""Of a page's lines that are told one by one."""
_LINE = "a sample or a comment of the exposition format"
_LEFT_OUT = {"_bucket": "bucket", "_created": "created"}
_PARTS: dict[str, Literal["count", "sum"]] = {"_count": "count", "_sum": "sum"}
Kind = Literal["counter", "gauge", "histogram", "summary", "unknown"]
_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
_STATES = {
    "A": "submission_failed",
    "D": "done",
    "F": "failed",
    "G": "submitting",
    "L": "lost",
    "M": "mismatch_scheme",
    "N": "no_sources",
    "O": "only_tape_sources",
    "P": "preparing",
    "Q": "queued",
    "S": "submitted",
    "U": "suspend",
    "W": "waiting",
}
"""Letters of Rucio's database (lib/rucio/db/sqla/constants.py, RequestState), which some probes send."""
_FIELDS = {
    "rse": ("rse", "dst_rse", "dest_rse"),
    "activity": ("activity",),
    "account": ("account",),
    "state": ("state", "requests_state"),
    "endpoint": ("host", "external_host", "hostname"),
    "exception": ("exception",),
    "protocol": ("scheme",),
    "limit_attr": ("limit_attr",),
}
"""Field -> the labels that fill it, the first that is there."""


@declare(framing="whole")
def decode(message: Message, out: DecodeResult) -> None:
    """One page or push. Raises `RejectedError` if no line of it is a sample and some should be."""
    page = _Page(message)
    if page.push == "DELETE":
        out.events.append(page.answer(0, complete=True))
        return
    text = text_of(message.body)
    if "openmetrics" in message.headers.get("content-type", "") or text.rstrip().endswith("# EOF"):
        page.time_unit_s = 1.0
    pushes = _Pushes(text)
    if pushes:
        page.poll = None
    decoded = DecodeResult()
    for number, line in _sample_lines(text, page.types, decoded.filtered):
        try:
            sample = parse_sample(line)
            family = page.types.family(sample.name)
            if rule := _LEFT_OUT.get(family.part) or (
                None if sample.value is not None else "native_histogram"
            ):
                decoded.filtered[rule] += 1
            else:
                decoded.events.append(page.event(sample, family, pushes.time_of(sample.labels)))
        except LineError as error:
            _reject(RejectedError("schema", f"$.line[{number}]", _LINE, f"{error}: {line}"), decoded)
        except RejectedError as error:
            _reject(
                RejectedError(error.reject.reason, f"$.line[{number}]", error.reject.expected, line), decoded
            )
    if decoded.rejects and not decoded.events:
        first = decoded.rejects[0]
        raise RejectedError(first.reason, first.path, first.expected, first.found)
    if page.poll and page.push != "POST":
        decoded.events.append(page.answer(len(decoded.events), complete=not decoded.rejects))
    out.events += decoded.events
    out.rejects += decoded.rejects
    out.filtered += decoded.filtered


def _reject(error: RejectedError, out: DecodeResult) -> None:
    if len(out.rejects) < REJECTS_MAX:
        out.rejects.append(error.reject)
    else:
        out.filtered["malformed_line"] += 1


def _sample_lines(text: str, types: Types, filtered: Counter[str]) -> Iterator[tuple[int, str]]:
    """Number and text of each sample's line within the bounds; a page of any length is read line by line."""
    counts: Counter[str] = Counter()
    samples = number = start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end].strip(" \t\r")
        start, number = end + 1, number + 1
        if line.startswith("#"):
            types.note(line)
        elif line:
            name = line.partition("{")[0]
            counts[name] += 1
            if samples >= SAMPLES_MAX:
                filtered[f"more_than_{SAMPLES_MAX}_samples_on_a_page"] += 1
            elif counts[name] > SERIES_MAX and not name.endswith("_bucket"):
                filtered[f"more_than_{SERIES_MAX}_series_of_a_metric"] += 1
            else:
                samples += not name.endswith("_bucket")
                yield number, line


class _Page:
    """What the samples of one body have in common."""

    def __init__(self, message: Message):
        headers = message.headers
        self.types = Types()
        self.time_unit_s = 0.001
        self.push = headers.get("push")
        self.group = _group(headers)
        self.source = PUSHED if self.group else SOURCE
        date = headers.get("date")
        time = utc_time(date, "$.headers.date") if date else epoch_time(message.received)
        if time is None:
            raise RejectedError("value", "$.headers.date", "when the page was read or pushed", date)
        self.received = time
        self.interval_s = _interval(headers.get("interval_s"))
        if self.group:
            self.instance = self.group.get("instance") or self.group["job"]
            self.scope = "push:" + ",".join(f"{name}={self.group[name]}" for name in sorted(self.group))
        else:
            self.instance = headers.get("instance", "").rpartition("://")[2].partition("/")[0].lower()
            self.scope = headers.get("url") or headers.get("instance", "")
        if not self.instance:
            expected = "the server or daemon, host:8080 or its URL: the collector sets this header"
            raise RejectedError(
                "schema", "$.headers.instance", expected, headers.get("instance") or "no such header"
            )
        self.poll = None if self.push and not self.group else self.scope  # what statsd summed up has no end

    def event(self, sample: Sample, family: Family, pushed: str | None) -> RucioMetric:
        """The event of a sample. Raises `RejectedError` if its time is none."""
        time = pushed or self.received
        if sample.time is not None:
            time = epoch_time(sample.time * self.time_unit_s) or ""
            if not time:
                raise RejectedError(
                    "value", "$", "a time after 1970, of the sample or of its reception", sample.time
                )
        is_statsd = "." in family.name
        job = self.group.get("job") if self.group else sample.labels.get("job")
        name = of_statsd(family.name) if is_statsd else of_prometheus(family.name, job)
        labels = sample.labels | name.labels | self.group
        part = _PARTS.get(family.part)
        quantile = family.type == "summary" and "quantile" in labels
        value = sample.value if sample.value is not None and isfinite(sample.value) else None
        return RucioMetric(
            id=identify_series(SOURCE, self.scope, time, sample.name, labels=labels),
            time=time,
            source=self.source,
            vo=labels.get("vo"),
            component=name.component,
            metric=name.metric,
            kind=_KINDS.get(family.type, "unknown"),
            part="quantile" if quantile else part,
            instance=self.instance,
            series=series_of(f"{name.component}.{name.metric}{family.part if part else ''}", labels),
            value=value,
            unit=_unit(name, family),
            job=job,
            labels=labels or None,
            poll=self.poll if time == self.received else None,
            **_fields(labels),
        )

    def answer(self, count: int, *, complete: bool) -> Poll:
        """That all series of the page or group were told: what an earlier one had beside them has ended."""
        return Poll(
            id=identify(SOURCE, "poll", self.scope, self.received),
            time=self.received,
            source=self.source,
            scope=self.scope,
            kind="metrics",
            count=count,
            complete=complete,
            interval_s=self.interval_s,
        )


def _group(headers: Mapping[str, str]) -> dict[str, str]:
    """The grouping labels of a push, ``job`` among them; none of a page that was read. Empty ones are none."""
    text = headers.get("group")
    if text is None:
        return {}
    try:
        group = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise RejectedError(
            "schema", "$.headers.group", "grouping labels as a JSON object of text", str(error)
        ) from None
    if not group.get("job"):
        raise RejectedError("schema", "$.headers.group", 'a label "job"', text)
    return {name: value for name, value in group.items() if value}


def _interval(text: str | None) -> float | None:
    try:
        seconds = float(text) if text else 0.0
    except ValueError:
        return None
    return seconds if 0 < seconds < 1e9 else None


def _fields(labels: Mapping[str, str]) -> dict[str, str]:
    fields = {}
    for field, names in _FIELDS.items():
        for name in names:
            if value := labels.get(name):
                fields[field] = value
                break
    if state := fields.get("state"):
        fields["state"] = _STATES.get(state, state.lower().removeprefix("rules_"))
    return fields


def _unit(name: Name, family: Family) -> Literal["seconds", "bytes"] | None:
    """Rucio's histograms and statsd's timers are of seconds; else what the name ends in says it."""
    if family.part == "_count":
        return None
    if family.name.endswith(("_bytes", "_volume")):
        return "bytes"
    is_timer = family.type in ("histogram", "summary") and (name.component != PROBES or "." in family.name)
    return "seconds" if is_timer or family.name.endswith("_seconds") else None


class _Pushes:
    """When each group of a Pushgateway's page was pushed: its own sample ``push_time_seconds`` with the group's labels."""

    def __init__(self, text: str):
        self._times: dict[tuple[str, ...], dict[tuple[str, ...], str]] = {}
        """Names of the grouping labels -> their values -> time."""
        at = text.find("push_time_seconds{")
        while at >= 0:
            end = text.find("\n", at)
            if not at or text[at - 1] == "\n":
                self._note(text[at : end if end >= 0 else None])
            at = text.find("push_time_seconds{", at + 1)

    def __bool__(self) -> bool:
        return bool(self._times)

    def _note(self, line: str) -> None:
        try:
            sample = parse_sample(line.strip(" \t\r"))
            time = epoch_time(sample.value)
        except (LineError, RejectedError):
            return  # the page's own loop tells it
        if time is not None:
            names = tuple(sorted(sample.labels))
            self._times.setdefault(names, {})[tuple(sample.labels[name] for name in names)] = time

    def time_of(self, labels: Mapping[str, str]) -> str | None:
        """Of the group that has most of these labels; null: it is of none."""
        best: tuple[int, str] | None = None
        for names, times in self._times.items():
            time = times.get(tuple(labels.get(name, "") for name in names))
            if time is not None and (best is None or len(names) > best[0]):
                best = len(names), time
        return best[1] if best else None
