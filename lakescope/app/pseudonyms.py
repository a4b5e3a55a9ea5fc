"""Pseudonyms for people, for viewers without the right `people`: the same one for the same person, wherever and whenever.

A pseudonym is a keyed hash of the name; the key is in the data directory and nowhere else. With it, or with a list of all
accounts and the key, a pseudonym can be led back to a person, so that pseudonyms are personal data still (GDPR, article 4
(5)); without it they cannot.

Whoever sees a pseudonym can ask for more about it, as for an account by its name: those that this process has given are
remembered. A name itself is refused as a filter, since an answer would confirm whose it is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from lakescope.core.personal import FREE_TEXTS, PERSONAL, USER_SCOPE
from lakescope.core.state_files import private_key

FILE = "pseudonyms.key"
PREFIX = "person-"
REMEMBERED = 100_000
SHORTEST = 3
"""Characters of a name that is looked for in other texts: a shorter one would be found in words."""

_KEY_LOSS = (
    "people have other pseudonyms from now on than in what was noted before; a copy of the file that you have, and a restart,"
    " bring the old ones back"
)
_PSEUDONYM = re.compile(rf"{PREFIX}[0-9a-f]{{12}}")


class Pseudonyms:
    """From names to pseudonyms and, as far as it has given them, back. From any thread."""

    def __init__(self, data_dir: Path, service_accounts: Collection[str] = ()) -> None:
        """`service_accounts`: names that are nobody's."""
        self._path = data_dir / FILE
        self._services = frozenset(service_accounts)
        self._names: dict[str, str] = {}
        self._lock = threading.Lock()

    @cached_property
    def _key(self) -> bytes:
        return private_key(self._path, _KEY_LOSS)

    def of(self, name: str) -> str:
        """The pseudonym of a name; a service account and a pseudonym stay as they are."""
        if not name or name in self._services or _PSEUDONYM.fullmatch(name):
            return name
        digest = hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
        pseudonym = f"{PREFIX}{digest[:12]}"
        with self._lock:
            self._names[pseudonym] = name
            if len(self._names) > REMEMBERED:
                del self._names[next(iter(self._names))]
        return pseudonym

    def reveal(self, text: str) -> str:
        """The text with the names of the pseudonyms that it holds."""
        return _PSEUDONYM.sub(lambda match: self._names.get(match[0], match[0]), text)

    def names_somebody(self, text: str, *, is_personal: bool) -> bool:
        """Whether a text that somebody asks for is, or holds, a name instead of its pseudonym."""
        if is_personal:
            return bool(text) and self.of(text) != text
        return any(self.of(name) != name for name in USER_SCOPE.findall(text))

    def hide(self, row: Mapping[str, Any], dataset: str) -> dict[str, Any]:
        """A row of a dataset's fields with pseudonyms in the place of names, also where its texts hold them among others."""
        fields = PERSONAL.get(dataset, ())
        names = [str(row[field]) for field in fields if row.get(field)]
        return {
            key: self.of(str(value))
            if key in fields and value
            else self.hide_in(value, names)
            if key in FREE_TEXTS
            else value
            for key, value in row.items()
        }

    def hide_in(self, value: Any, names: Iterable[str] = ()) -> Any:
        """A value, or all texts in it, without these names and without those of users' scopes."""
        if isinstance(value, str):
            for name in names:
                if len(name) >= SHORTEST and name in value:
                    value = _whole(name).sub(self.of(name), value)
            return (
                USER_SCOPE.sub(lambda match: f"user.{self.of(match[1])}", value)
                if "user." in value
                else value
            )
        if isinstance(value, Mapping):
            return {key: self.hide_in(one, names) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.hide_in(one, names) for one in value)
        return value


@lru_cache(maxsize=4096)
def _whole(name: str) -> re.Pattern[str]:
    """The name, and not as a part of another word."""
    return re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])")
