"""The exposition formats of Prometheus, line by line: text 0.0.4 and OpenMetrics 1.0.

Line by line as Prometheus itself reads them (prometheus/prometheus, model/textparse): whether families are in order,
counters positive or histograms complete is not looked at, so one odd family does not cost the page. The strict parser of
prometheus_client refuses a page for these (caddyserver/caddy#3940).
"""

from __future__ import annotations

import re
from typing import NamedTuple

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_QUOTED_TEXT = r'"(?:[^"\\]|\\.)*+"'
_LINE = re.compile(
    rf"(?P<name>{NAME}+)?[ \t]*+(?:\{{(?P<labels>(?:[^\"{{}}]|{_QUOTED_TEXT})*+)\}}[ \t]*+|(?<=[ \t]))"
    r'(?P<value>\{\w+:[^"}]*+\}|[^ \t#{]++)(?:[ \t]++(?P<time>[^ \t#]++))?[ \t]*+(?:#.*)?'
)
"""A sample. An exemplar behind ``#`` is not kept.

Nothing is given back (``++``): the end of a name is no value of a line that was cut, and a long line that is no sample
is refused in one pass.
"""
_LABEL = re.compile(
    rf"[ \t]*(?:(?P<bare>{NAME})|(?P<quoted>{_QUOTED_TEXT}))[ \t]*(?:=[ \t]*(?P<value>{_QUOTED_TEXT})[ \t]*)?(?:,|$)"
)
_ESCAPE = re.compile(r'\\([\\"n])')
_TYPE = re.compile(rf"#[ \t]+TYPE[ \t]+(?P<name>{NAME}|{_QUOTED_TEXT})[ \t]+(?P<type>\w+)[ \t]*$")

CUMULATIVE_SUFFIXES = {
    "counter": ("", "_total"),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}
"""Type of a family -> endings of its samples that only grow until a reset; "": the family's own name."""
_ENDING = re.compile(r"_(?:total|bucket|count|sum)$")
_PART = re.compile(r"_(?:total|bucket|count|sum|created|gcount|gsum|info)$")


class Sample(NamedTuple):
    """One sample, as its line has it."""

    name: str
    labels: dict[str, str]
    """Without those that are empty: to Prometheus they are not there."""
    value: float | None
    """Null for a native histogram, which is no number."""
    time: float | None
    """POSIX milliseconds in the text format, seconds in OpenMetrics; null: it has none."""


class Family(NamedTuple):
    """What a sample belongs to."""

    name: str
    type: str
    """As the page says; ``untyped`` if it does not."""
    part: str
    """Ending of the sample's name behind the family's: ``_count``, ``_created``, ...; "": none."""


class LineError(ValueError):
    """A line that is no sample; the text says what is wrong with it."""


def parse_sample(line: str) -> Sample:
    """The sample of a line. Raises `LineError`."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise LineError("not of the form name{labels} value [time]")
    name, labels = _parse_labels(match["labels"]) if match["labels"] else (None, {})
    if (name is None) == (match["name"] is None):
        raise LineError("no name" if name is None else "two names")
    value = None if match["value"].startswith("{") else _parse_number(match["value"])
    time = None if match["time"] is None else _parse_number(match["time"])
    return Sample(name or match["name"], labels, value, time)


def _parse_labels(text: str) -> tuple[str | None, dict[str, str]]:
    """(the name of the metric, if it is quoted among them; the labels)."""
    metric: str | None = None
    labels: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if match is None:
            raise LineError(f"no label at {text[at:]!r}")
        at = match.end()
        name = match["bare"] or _unquote(match["quoted"])
        if match["value"] is None:
            if match["bare"] or metric is not None:
                raise LineError(f"label {name!r} has no value")
            metric = name
            continue
        if name in labels:
            raise LineError(f"label {name!r} is there twice")
        labels[name] = _unquote(match["value"])
    return metric, {name: value for name, value in labels.items() if value}


def _unquote(text: str) -> str:
    text = text[1:-1]
    return _ESCAPE.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], text) if "\\" in text else text


def _parse_number(text: str) -> float:
    """As Go's ParseFloat reads it, infinity beyond a double."""
    if "_" not in text:  # which Python takes between digits
        try:
            return float(text)
        except ValueError:
            pass
    raise LineError(f"{text!r} is no number")


class Types:
    """The types of the families, as far as the page has been read."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}

    def note(self, comment: str) -> None:
        """Takes a line that begins with ``#``."""
        if match := _TYPE.fullmatch(comment):
            name = match["name"]
            self._of[_unquote(name) if name.startswith('"') else name] = match["type"]

    def grows(self, name: str) -> bool:
        """Whether a sample of this name is a counter's, or a part of a histogram or summary that only grows."""
        if "" in CUMULATIVE_SUFFIXES.get(self._of.get(name, ""), ()):
            return True
        ending = _ENDING.search(name)
        return ending is not None and ending[0] in CUMULATIVE_SUFFIXES.get(
            self._of.get(name[: ending.start()], ""), ()
        )

    def family(self, name: str) -> Family:
        """What a sample of this name belongs to."""
        stem = name.removesuffix("_created")  # a family of its own in the text format of prometheus_client
        if (
            stem != name
            and (kind := self._of.get(stem) or self._of.get(f"{stem}_total")) in CUMULATIVE_SUFFIXES
        ):
            return Family(stem, kind or "", "_created")
        if (kind := self._of.get(name)) is not None:
            ending = "_total" if kind == "counter" and name.endswith("_total") else ""
            return Family(name.removesuffix(ending), kind, "")
        if match := _PART.search(name):
            kind = self._of.get(name[: match.start()])
            if kind is not None:
                return Family(name[: match.start()], kind, match[0])
        return Family(name, "untyped", "")

    def is_bound(self, name: str, label: str) -> bool:
        """Whether a label is a number: the bound of a histogram's bucket, or a summary's quantile."""
        return label == "le" if name.endswith("_bucket") else self._of.get(name) == "summary"
