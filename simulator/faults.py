"""Faults of any shape, beside the incidents that every simulation has: what the alerts are measured with.

A `Fault` makes a share of the copies fail that match one of its places; a `Burst` is an extra load of one account. Both
are plain data, so that whoever measures brings kinds of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from lakescope.simulator.chance import Chance
from lakescope.simulator.clock import SECOND
from lakescope.simulator.errors import Template
from lakescope.simulator.transfers import Transfer

Attribute = str
"""site, src_site, dst_site, rse, src_rse, dst_rse, protocol, endpoint, vo, account or activity; ``site`` and ``rse``: at
either end."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Copies that fail: from `begin` until `end` (POSIX seconds, end excluded) a `share` of those at `places`.

    The share grows from 0 over `ramp_s` seconds; with `flap_s` the fault is there for so many seconds and away for as
    many. Of the errors one is drawn evenly.
    """

    kind: str
    places: tuple[Mapping[Attribute, str], ...]
    """Attribute -> value: a copy is hit if it has all of one of them."""
    begin: float
    end: float
    errors: tuple[Template, ...]
    share: float = 1.0
    ramp_s: float = 0.0
    flap_s: float = 0.0
    is_innocent: bool = False
    """Nothing that anybody should be called for."""

    def share_at(self, us: int) -> float:
        """Of the copies that begin at a moment (microseconds)."""
        now = us / SECOND
        if not self.begin <= now < self.end or (self.flap_s and (now - self.begin) // self.flap_s % 2):
            return 0.0
        return self.share * min(1.0, (now - self.begin) / self.ramp_s) if self.ramp_s else self.share

    def hits(self, transfer: Transfer) -> bool:
        """Whether a copy is at one of its places."""
        return any(
            all(value in _values(transfer, name) for name, value in place.items()) for place in self.places
        )

    def hits_place(self, place: Mapping[str, str | None]) -> bool:
        """The same for where an event says that it was: src_site, dst_site, src_rse, ..."""
        ends = {"site": ("src_site", "dst_site"), "rse": ("src_rse", "dst_rse")}
        return any(
            all(
                value in [place.get(field) for field in ends.get(name, (name,))]
                for name, value in one.items()
            )
            for one in self.places
        )


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """`files` more copies of one account between two RSEs, evenly from `begin` until `end` (POSIX seconds)."""

    kind: str
    vo: str
    account: str
    activity: str
    src_rse: str
    dst_rse: str
    files: int
    begin: float
    end: float


class Faults:
    """What acts on a copy at a moment."""

    def __init__(self, seed: int, faults: Sequence[Fault]) -> None:
        self._chance = Chance("faults", seed)
        self._faults = faults

    def __bool__(self) -> bool:
        return bool(self._faults)

    def error(self, us: int, transfer: Transfer) -> Template | None:
        """Why a copy fails that begins at a moment (microseconds), if it does."""
        for fault in self._faults:
            share = fault.share_at(us)
            if share and fault.hits(transfer) and self._chance.random() < share:
                return self._chance.pick(fault.errors)
        return None


def _values(transfer: Transfer, attribute: Attribute) -> tuple[str, ...]:
    route, rule = transfer.route, transfer.rule
    src, dst = route.src, route.dst
    match attribute:
        case "site":
            return src.site.name, dst.site.name
        case "src_site":
            return (src.site.name,)
        case "dst_site":
            return (dst.site.name,)
        case "rse":
            return src.name, dst.name
        case "src_rse":
            return (src.name,)
        case "dst_rse":
            return (dst.name,)
        case "protocol":
            return (route.dst_door.scheme,)
        case "endpoint":
            return (transfer.fts.alias,)
        case "vo":
            return (rule.vo.name,)
        case "account":
            return (rule.account,)
        case "activity":
            return (rule.activity,)
    raise ValueError(f"a fault's place has no attribute {attribute!r}")
