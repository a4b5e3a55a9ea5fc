"""What Rucio is asked, and which right each call needs (rucio/core/permission/generic.py; a VO's own policy may differ)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from lakescope.core.framing import split_json

Name = Literal[
    "rses",
    "rules",
    "requests",
    "heartbeats",
    "bad_replicas",
    "suspicious",
    "usage",
    "limits",
    "accounts",
    "open_requests",
    "global_usage",
    "datasets",
]
Topic = Name | Literal["qos_attribute"]
USUAL: tuple[Name, ...] = (
    *("rses", "rules", "requests", "heartbeats", "bad_replicas", "suspicious"),
    *("usage", "limits", "accounts", "open_requests"),
)
"""All that costs a large lake little: not a call for each account, nor a line for each dataset."""

_ANY = "any account may, in Rucio's own policy"
_ADMIN = "root, or an account with the attribute admin"
RIGHTS: dict[Topic, str] = {
    "rses": _ANY,
    "rules": _ANY,
    "usage": _ANY,
    "limits": _ANY,
    "accounts": _ANY,
    "bad_replicas": _ANY,
    "suspicious": _ANY,
    "datasets": _ANY,
    "qos_attribute": _ANY,
    "requests": _ADMIN,
    "open_requests": _ADMIN,
    "global_usage": f"{_ADMIN}, or admin of a country",
    "heartbeats": "root",
}


class Question(NamedTuple):
    """One request."""

    name: Topic
    path: str
    """Below the server's address, with its query."""
    scope: str
    """The same without what moves with the clock: the answer replaces the earlier one to the same scope."""
    cut: bool = False
    """Whether its lines mean the same in pieces."""


class Lake(msgspec.Struct):
    """What earlier answers say that there is to ask about."""

    rses: list[str] = []
    links: list[tuple[str, str]] = []
    """In use: with requests that are queued, or were done or failed in six hours."""
    accounts: list[str] = []
    qos: dict[str, str] = {}
    """RSE -> QoS class, of those that have one."""


def first(ask: Sequence[Name], states: Sequence[str], days: int, now: float) -> Iterator[Question]:
    """What needs no earlier answer."""
    since = datetime.fromtimestamp(now, UTC) - timedelta(days=days)
    for name in ask:
        match name:
            case "rses":
                yield _plain(name, "rses/")
            case "rules":
                for state in states:
                    path = f"rules/?state={state}"
                    yield Question(name, path, path, cut=True)
            case "requests":
                yield _plain(name, "requests/metrics")
            case "heartbeats":
                yield _plain(name, "heartbeats")
            case "bad_replicas":
                path = "replicas/bad/summary?{}"
                yield Question(name, path.format(f"from_date={since:%Y-%m-%d}"), path.format(f"days={days}"))
            case "suspicious":
                path = "replicas/suspicious?nattempts=1&{}"
                yield Question(
                    name, path.format(f"younger_than={since:%Y-%m-%dT00:00:00}"), path.format(f"days={days}")
                )


def further(ask: Sequence[Name], lake: Lake) -> Iterator[Question]:
    """What is asked of each RSE, link or account."""
    of_rse = {
        "usage": "rses/{}/usage",
        "limits": "rses/{}/limits",
        "accounts": "rses/{}/accounts/usage",
        "datasets": "replicas/rse/{}",
    }
    for name in ask:
        if name in of_rse:
            for rse in lake.rses:
                yield _plain(name, of_rse[name].format(quote(rse, safe="")))
        elif name == "open_requests":
            for src, dst in lake.links:
                pair = f"src_rse={quote(src, safe='')}&dst_rse={quote(dst, safe='')}"
                yield _plain(name, f"requests/list?{pair}&request_states=Q,S")
        elif name == "global_usage":
            for account in lake.accounts:
                yield _plain(name, f"accounts/{quote(account, safe='')}/usage/global")


def of_attributes(lake: Lake) -> Iterator[Question]:
    """The attributes of each RSE, for its QoS class."""
    for rse in lake.rses:
        yield _plain("qos_attribute", f"rses/{quote(rse, safe='')}/attr/")


def _plain(name: Topic, path: str) -> Question:
    return Question(name, path, path)


T = TypeVar("T")


class _Rse(msgspec.Struct):
    rse: str


class _Link(msgspec.Struct):
    src_rse: str
    dst_rse: str
    files: dict[str, Any] = {}


class _Account(msgspec.Struct):
    account: str


def rses_in(body: bytes) -> list[str]:
    """The names in a list of RSEs."""
    return [line.rse for line in _lines(body, _Rse)]


def links_in(body: bytes) -> list[tuple[str, str]]:
    """The links in use in ``/requests/metrics``."""
    return [(line.src_rse, line.dst_rse) for line in _lines(body, _Link) if line.files]


def accounts_in(body: bytes) -> list[str]:
    """The names in a list of accounts."""
    return [line.account for line in _lines(body, _Account)]


def attribute_in(body: bytes, attribute: str) -> str | None:
    """Its value in the attributes of an RSE, as text; null for none. Raises `ValueError` for an answer of another form."""
    try:
        value = msgspec.json.decode(body, type=dict[str, Any]).get(attribute)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"expected an RSE's attributes, a JSON object: {error}") from None
    # whoever adds it without a value gets true: a mark, not the name of a class
    return str(value) if value and isinstance(value, (str, int)) and value is not True else None


def _lines(body: bytes, kind: type[T]) -> Iterator[T]:
    """What can be read; of what cannot, the format gives an account."""
    for piece in split_json(body):
        try:
            record = msgspec.json.decode(piece)
            yield from [
                msgspec.convert(one, kind) for one in (record if isinstance(record, list) else [record])
            ]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
