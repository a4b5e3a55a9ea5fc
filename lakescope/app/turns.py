"""Whose turn it is, by the last event of a transfer: the site's, FTS's, Rucio's, the user's."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from lakescope.core.user_errors import user_remedy

Who = Literal["site", "FTS", "Rucio", "user", "nobody"]


WAITING = frozenset(("queued", "waiting", "preparing", "staging", "staging_requested"))
_UNDER_WAY = frozenset(("submitted", "ready", "started", "active", "staging", "archiving", "already"))
_NO_SOURCE = re.compile(r"no[_ ]sources?\b|missing sources?|no replicas?\b", re.I)
_AT_DESTINATION = re.compile(
    r"\(destination\)|no space|Insufficient Storage|dst_|overwrite|quota exceeded", re.I
)
_AT_SOURCE = re.compile(r"\(source|rejected GET|no such file", re.I)


class Turn(NamedTuple):
    """Who can do something next, where, and which report says so."""

    who: Who
    where: str
    why: str


def turn_of(event: dict[str, Any]) -> Turn:
    """Whose turn it is after that event, the last one of its transfer.

    By the event itself (queued: Rucio; submitted: FTS), then by errors that only the user can mend, then by
    `error_scope`, which FTS tells, and at last by what the text says of an end.
    """
    name, text, scope = str(event.get("event")), str(event.get("error") or ""), event.get("error_scope")
    ends = (_end(event, "src"), _end(event, "dst"))
    if event.get("ok"):
        return Turn("nobody", "", "it arrived")
    if event.get("ok") is None and name in WAITING and not text:
        return Turn("Rucio", "", f"{name} in Rucio, and not yet handed to FTS")
    if event.get("ok") is None and name in _UNDER_WAY and not text:
        return Turn("FTS", str(event.get("endpoint") or ""), f"FTS has it: {name}")
    if remedy := user_remedy(text):
        return Turn("user", str(event.get("account") or ""), remedy)
    if name in ("canceled", "cancelled"):
        return Turn(
            "user", str(event.get("account") or ""), "it was cancelled: ask for it again if still wanted"
        )
    if name == "submission_failed":
        return Turn("Rucio", "", "it could not be handed to FTS: " + (text or "Rucio says no reason"))
    if scope in ("AGENT", "GENERAL_FAILURE"):
        return Turn("FTS", str(event.get("endpoint") or ""), f"the error is FTS's own (error scope {scope})")
    if scope in ("SOURCE", "STAGING"):
        return Turn("site", ends[0], f"the error is of the source (error scope {scope})")
    if scope in ("DESTINATION", "ARCHIVING"):
        return Turn("site", ends[1], f"the error is of the destination (error scope {scope})")
    if _NO_SOURCE.search(text):
        return Turn(
            "site", ends[0], "no readable source is left: the site mends it, or its owner declares it lost"
        )
    if _AT_DESTINATION.search(text):
        return Turn("site", ends[1], "the error's text names the destination")
    if _AT_SOURCE.search(text):
        return Turn("site", ends[0], "the error's text names the source")
    if name == "lost":
        return Turn("Rucio", "", "FTS no longer knows it: Rucio asks for it again")
    if scope == "TRANSFER":
        where = " or ".join(dict.fromkeys(ends))
        return Turn(
            "site",
            where,
            "it broke between both ends (error scope TRANSFER): which of them fails with others, too?",
        )
    return Turn(
        "Rucio", "", "the error names no end: Rucio tries again" if text else "no reason was reported"
    )


def _end(event: dict[str, Any], side: str) -> str:
    place = event.get(f"{side}_rse") or event.get(f"{side}_host")
    site = event.get(f"{side}_site")
    if place and site and site != place:
        return f"{place} ({site})"
    return str(place or site or f"the {'source' if side == 'src' else 'destination'}")
