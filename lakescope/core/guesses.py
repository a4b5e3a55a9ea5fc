"""Wrong tokens slow their sender down: after so many from one address within a minute it waits until that minute is over."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

WRONG_MAX = 60
"""Wrong tokens of one address within `WINDOW_S`."""
WINDOW_S = 60.0
ADDRESSES_MAX = 10_000
"""Addresses that are remembered; the one that was wrong longest ago is forgotten first."""


class Guesses:
    """Counts wrong tokens; on one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """How long nobody at an address is listened to (seconds); 0: a token of theirs may be looked at."""
        count, begin = self._windows.get(_place(address), (0, 0.0))
        left = begin + WINDOW_S - self._clock()
        return math.ceil(left) if count >= WRONG_MAX and left > 0 else 0

    def count(self, address: str) -> None:
        """A wrong token more."""
        place, now = _place(address), self._clock()
        count, begin = self._windows.pop(place, (0, now))
        self._windows[place] = (count + 1, begin) if now - begin < WINDOW_S else (1, now)
        if len(self._windows) > ADDRESSES_MAX:
            self._windows.popitem(last=False)


def _place(address: str) -> str:
    """Of IPv6 the network of 64 bits: a host there has as many addresses as it likes."""
    try:
        one = ip_address(address)
    except ValueError:
        return address
    return str(int(one) >> 64) if isinstance(one, IPv6Address) and one.ipv4_mapped is None else address


def refusal(wait_s: int) -> str:
    """The sentence that goes with 429."""
    return f"too many wrong tokens came from this address: try again in {wait_s} s"
