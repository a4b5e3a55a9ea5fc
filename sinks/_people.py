"""Takes a person's name out of an event, as plain data. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lakescope.core.columns import columns
from lakescope.core.personal import FORGOTTEN, FREE_TEXTS, PERSONAL


class Forgetting:
    """Of events of one dataset."""

    def __init__(self, dataset: str, name: str) -> None:
        self.name, self.fields = name, PERSONAL.get(dataset, ())
        self.scopes = tuple(
            one.name
            for one in columns(dataset)
            if one.name in FREE_TEXTS and one.name.endswith("scope") and one.kind in ("keyword", "text")
        )
        self._word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])")

    @property
    def is_needed(self) -> bool:
        """Whether events of the dataset can be about somebody."""
        return bool(self.fields or self.scopes)

    @property
    def own_values(self) -> dict[str, str]:
        """Field -> its value in an event of theirs; one of them is enough."""
        return dict.fromkeys(self.fields, self.name) | dict.fromkeys(self.scopes, f"user.{self.name}")

    def clean(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The event without the name; null for one that is not theirs."""
        if all(event.get(field) != value for field, value in self.own_values.items()):
            return None
        forgotten = {field: FORGOTTEN for field in self.fields if event.get(field) == self.name}
        texts = {key: self.clean_text(one) for key, one in event.items() if key in FREE_TEXTS}
        return {**event, **texts, **forgotten}

    def clean_text(self, value: Any) -> Any:
        """A text, or a list or object of some, without the name."""
        match value:
            case str():
                return self._word.sub(FORGOTTEN, value)
            case list():
                return [self.clean_text(one) for one in value]
            case dict():
                return {key: self.clean_text(one) for key, one in value.items()}
        return value
