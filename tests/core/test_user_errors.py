"""Which errors are the user's own: real texts of FTS, gfal2 and Rucio."""

from __future__ import annotations

import pytest

from lakescope.core.user_errors import user_remedy


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("Transfer canceled by the user", "cancelled"),
        ("Job canceled by the user", "cancelled"),
        ("DESTINATION [17] Destination file exists and overwrite is not enabled", "overwrite"),
        ("The proxy has expired", "delegate it again"),
        ("Token expired", "delegate it again"),
        ("InsufficientAccountLimit: There is not enough quota left", "quota"),
        ("InvalidRSEExpression: RSE Expression resulted in an empty set", "RSE expression"),
        ("Invalid URL: gsiftp//x", "address"),
    ],
)
def test_the_users_own(error: str, words: str) -> None:
    assert words in str(user_remedy(error))


@pytest.mark.parametrize(
    "error",
    [
        "TRANSFER Transfer canceled because the no-progress timeout of 600 seconds was exceeded",
        "TRANSFER Transfer canceled because the gsiftp performance marker timeout of <NUM> seconds expired",
        "Transfer canceled because it stayed in the queue for too long",
        "certificate verify failed: certificate has expired",
        "DESTINATION MAKE_PARENT mkdir: File exists",
        "SOURCE CHECKSUM HTTP 404 : File not found",
        "",
        None,
    ],
)
def test_of_a_site_or_a_service(error: str | None) -> None:
    assert user_remedy(error) is None
