"""Errors that count against no site and no service: only who asked for the transfer can do something."""

from __future__ import annotations

import re

_OF_USERS = tuple(
    (re.compile(pattern, re.IGNORECASE), remedy)
    for pattern, remedy in (
        (
            r"(?:proxy|credentials?|delegation|token)\b.{0,40}\bexpired|expired\b.{0,20}\b(?:proxy|token|credentials?)",
            "the proxy or token with which the transfer was asked for has expired: renew or delegate it again",
        ),
        (
            # not "because the no-progress timeout was exceeded", "because it stayed in the queue for too long": FTS's
            r"cancell?ed by (?:the )?user|^(?:\w+ )?(?:job|transfer|operation) (?:was )?cancell?ed\.?$|^operation_cancell?ed$",
            "it was cancelled: ask for it again if it is still wanted",
        ),
        (
            r"exists and overwrite is not enabled",
            "a file of that name is at the destination already: delete it there, or allow to overwrite it",
        ),
        (
            r"insufficient\s?(?:quota|accountlimit)|AccountLimit",
            "the account's quota is used up: free space, or ask for more",
        ),
        (
            r"RSE\s?expression|InsufficientTargetRSEs",
            "the rule's RSE expression finds no RSE that fits: change the rule",
        ),
        (
            r"invalid url|unsupported protocol|not a valid uri",
            "the address is none that a transfer can use: correct it",
        ),
    )
)
_OF_HOSTS = re.compile(r"certificate (?:verify failed|has expired)|CRL", re.IGNORECASE)


def user_remedy(error: str | None) -> str | None:
    """What the user can do about an error or its template; null: it is not the user's own.

    The texts are those of FTS and gfal2 ("Transfer canceled by the user", "Destination file exists and overwrite is not
    enabled") and of Rucio's exceptions.
    """
    if not error or _OF_HOSTS.search(error):
        return None
    return next((remedy for pattern, remedy in _OF_USERS if pattern.search(error)), None)
