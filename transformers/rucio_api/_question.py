"""What a question to Rucio asks for, by its URL."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote

from lakescope.transformers._answers import Question

_ENDINGS = {
    ("rules",): "rules",
    ("rses",): "rses",
    ("rses", "*", "usage"): "usage",
    ("rses", "*", "limits"): "limits",
    ("accounts", "usage"): "accounts",
    ("usage", "global"): "global_usage",
    ("requests", "metrics"): "requests",
    ("requests", "list"): "open_requests",
    ("heartbeats",): "heartbeats",
    ("bad", "summary"): "bad_replicas",
    ("replicas", "suspicious"): "suspicious",
    ("replicas", "rse", "*"): "datasets",
}
"""How a URL's path ends -> what it asks for."""


def kind_of(question: Question) -> str | None:
    """What it asks for; null if that is not known, or read nowhere here."""
    path = (question.scope or "").partition("?")[0].rstrip("/").split("/")
    for ending, kind in _ENDINGS.items():
        names = path[-len(ending) :]
        if len(names) == len(ending) and all(
            part in ("*", name) for part, name in zip(ending, names, strict=True)
        ):
            return kind
    return None


def name_behind(word: str, question: Question) -> str | None:
    """What the URL is about: the part of its path behind ``word``, an RSE or an account."""
    path = (question.scope or "").partition("?")[0].split("/")
    return unquote(path[path.index(word) + 1]) if word in path[:-1] else None


def parameter(name: str, question: Question) -> str | None:
    """A parameter of the URL, the first of that name."""
    return next(iter(parse_qs((question.scope or "").partition("?")[2]).get(name, ())), None)
