"""What statsd lines add up to: totals of counters and timers since the start, the last values of gauges, sizes of sets.

A line is ``name:value|type`` (statsd/statsd docs/metric_types.md), one or more to a packet:

    c       counter; ``|@0.1`` after it: one in ten was sent, so it counts tenfold
    ms, h   timer (milliseconds), histogram (any unit); ``|@0.1`` likewise
    g       gauge; with a sign before it the value is added to what was there
    s       set: how many different values an interval had

A name may hold ``:`` and ``|``, as Rucio's expressions of RSEs do. The page of an interval is in the exposition format that
the format `rucio_metrics` reads, and has what changed in it alone. A series that is new begins with 0 at the interval's
begin, so that its first counts are an increase, too, also after a restart.
"""

from __future__ import annotations

import re
from collections import Counter
from math import isfinite

NAME_MAX = 500
"""Characters of a name."""
MEMBERS_MAX = 10_000
"""Different values of a set in an interval that are counted."""
FORGET_S = 3600.0
"""A series that nothing was sent of for so long begins anew (seconds)."""
_LINE = re.compile(
    r"(?P<name>.+):(?P<value>[^:|]+)\|(?P<type>c|g|ms|h|d|s)(?:\|@(?P<rate>[0-9.eE+-]+))?(?:\|#(?P<tags>.*))?"
)
_TYPES = {"c": "counter", "g": "gauge", "ms": "timer", "h": "timer", "d": "timer", "s": "set"}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class LineError(ValueError):
    """A line that is none of statsd; the text says why."""


class _Series:
    """One name's state."""

    __slots__ = ("count", "is_new", "members", "type", "updated", "value")

    def __init__(self, type_: str) -> None:
        self.type = type_
        self.value = 0.0
        self.count = 0.0
        self.members: set[str] = set()
        self.updated = 0.0
        self.is_new = True


class Totals:
    """Of one collector. `losses` says what was not counted, and why."""

    def __init__(self, series_max: int, now: float) -> None:
        self.series_max = series_max
        self.losses: Counter[str] = Counter(malformed_lines=0, refused_series=0)
        self.packets = 0
        self.last_fault = ""
        self._series: dict[str, _Series] = {}
        self._changed: dict[str, _Series] = {}
        self._page_start = now

    def add(self, packet: bytes, now: float) -> None:
        """All lines of a packet; those that are none are counted, and the last of them is remembered."""
        self.packets += 1
        for line in packet.split(b"\n"):
            if not line.strip():
                continue
            try:
                self._add_line(line.strip(b"\r").decode(), now)
            except UnicodeDecodeError:
                self._refuse(f"no UTF-8: {line[:80]!r}")
            except LineError as error:
                self._refuse(f"{error}: {line[:80].decode(errors='replace')!r}")

    def page(self, now: float, own: dict[str, int]) -> bytes:
        """What has changed since the last page, and Lakescope's `own` totals."""
        lines: list[str] = []
        for name, total in own.items():
            family = f"lakescope_statsd_{name}"
            lines += [f"# TYPE {family}_total counter", f"{family}_total {total}"]
        start_ms = round(self._page_start * 1000)
        for name, series in self._changed.items():
            _write(lines, name.translate(_ESCAPES), series, start_ms if series.is_new else None)
            series.is_new = False
            series.members = set()
        self._changed = {}
        self._page_start = now
        self._forget(now)
        return "\n".join([*lines, ""]).encode()

    def _add_line(self, line: str, now: float) -> None:
        match = _LINE.fullmatch(line)
        if match is None:
            raise LineError("not of the form name:value|type")
        name, text, type_ = match["name"], match["value"], _TYPES[match["type"]]
        if len(name) > NAME_MAX or not name.isprintable():
            raise LineError(f"expected a printable name of {NAME_MAX} characters at most")
        rate = _number(match["rate"]) if match["rate"] else 1.0
        if not 0 < rate <= 1:
            raise LineError("expected a rate above 0 and up to 1")
        value = 0.0 if type_ == "set" else _number(text)
        if type_ == "counter" and value < 0:
            raise LineError("expected a counter that grows")
        series = self._of(name, type_)
        series.updated = now
        self._changed[name] = series
        match type_:
            case "counter":
                series.value += value / rate
            case "gauge":
                series.value = series.value + value if text[0] in "+-" else value
            case "timer":
                series.value += (value / 1000 if match["type"] == "ms" else value) / rate
                series.count += 1 / rate
            case _ if len(series.members) < MEMBERS_MAX:
                series.members.add(text)

    def _of(self, name: str, type_: str) -> _Series:
        series = self._series.get(name)
        if series is None:
            if len(self._series) >= self.series_max:
                self.losses["refused_series"] += 1
                raise LineError(f"more than {self.series_max} names (option max_series)")
            series = self._series[name] = _Series(type_)
        elif series.type != type_:
            raise LineError(f"it was a {series.type} before")
        return series

    def _refuse(self, fault: str) -> None:
        self.losses["malformed_lines"] += 1
        self.last_fault = fault

    def _forget(self, now: float) -> None:
        for name in [name for name, one in self._series.items() if now - one.updated > FORGET_S]:
            del self._series[name]


def _write(lines: list[str], name: str, series: _Series, begun_ms: int | None) -> None:
    """The samples of a series, `name` escaped."""
    if series.type == "timer":
        lines.append(f'# TYPE "{name}" summary')
        values = {f"{name}_count": series.count, f"{name}_sum": series.value}
    else:
        lines.append(f'# TYPE "{name}" {"counter" if series.type == "counter" else "gauge"}')
        values = {name: float(len(series.members)) if series.type == "set" else series.value}
    for sample, value in values.items():
        if begun_ms is not None and series.type in ("counter", "timer"):
            lines.append(f'{{"{sample}"}} 0 {begun_ms}')
        lines.append(f'{{"{sample}"}} {value!r}')


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if "_" in text or not isfinite(number):
        raise LineError("expected a number")
    return number
