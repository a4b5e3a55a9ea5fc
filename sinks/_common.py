"""What the sinks share: their common options, and how those that answer KPIs go about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import Field, SecretStr, field_validator, model_validator

from lakescope.core.columns import columns, kinds
from lakescope.core.events import DATASETS
from lakescope.core.filters import parse_filters
from lakescope.core.http import http_client
from lakescope.core.options import Options, Tls, check_url
from lakescope.kpis.model import StoreAnswer, StoreQuery, UnsupportedError

if TYPE_CHECKING:
    import httpx

CompiledQuery = TypeVar("CompiledQuery")


Days = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class SinkOptions(Options):
    """Options of every sink."""

    datasets: list[str] | None = Field(default=None, examples=[["transfers", "deletions"]])
    """Which datasets this sink takes; without it all."""
    vos: list[str] | None = Field(default=None, min_length=1, examples=[["escape"]])
    """Of which VOs this sink takes events; empty text (`""`) stands for events without a VO, such as those of hosts. Without it
    all."""
    where: list[str] = Field(default=[], examples=[["dst_site=CERN-PROD", "activity!=Functional Test"]])
    """Which events this sink takes by their fields, as `lakescope query --where` narrows: `field=value` and `field!=value`, any
    of a field's wanted values, none of the others; without a value: null. A field that a dataset does not have is null."""
    sample: dict[str, Share] = Field(default={}, examples=[{"hosts": 0.1}])
    """Dataset -> share of its events that this sink takes, chosen by their id: its counts and sums are low by as much. Without it
    all."""
    mask: list[str] = Field(default=[], examples=[["account", "client_host"]])
    """Fields that this sink gets as null. Its `datasets` must be ones whose events may lack them."""

    overflow_bytes: int | None = Field(default=None, ge=2**20, examples=[10 * 2**30])
    """How much may wait on disk for this sink while it is away or slow (bytes, about). Until then it holds back neither sources
    nor other sinks, and what waits is on this disk alone. Without it what waits stays at the sources."""

    @field_validator("where")
    @classmethod
    def _check_where(cls, texts: list[str]) -> list[str]:
        for name in parse_filters(texts).names:
            if name != "dataset" and not any(name in kinds(dataset) for dataset in DATASETS):
                raise ValueError(f"no dataset has a field {name[:60]!r}; see docs/reference/events.md")
        return texts

    @field_validator("datasets", "sample", "retention_days", check_fields=False)
    @classmethod
    def _check_datasets(cls, names: Any) -> Any:
        for name in () if names is None or isinstance(names, int) else names:
            if name not in DATASETS:
                raise ValueError(f"no dataset {name!r}; there are {', '.join(DATASETS)}")
        return names

    @model_validator(mode="after")
    def _check_mask(self) -> Self:
        for name in self.mask:
            places = {
                dataset: column.required
                for dataset in self.datasets or DATASETS
                for column in columns(dataset)
                if column.name == name
            }
            if not places:
                raise ValueError(
                    f"cannot mask {name[:60]!r}: no dataset of this sink has it; see docs/reference/events.md"
                )
            if always := [dataset for dataset, required in places.items() if required]:
                text = f"cannot mask {name!r}: events of {', '.join(always)} always have it"
                raise ValueError(
                    f"{text}; give `datasets` without them" if len(always) < len(places) else text
                )
        return self

    @field_validator("url", "urls", check_fields=False)
    @classmethod
    def _are_urls(cls, urls: Any) -> Any:
        for url in [urls] if isinstance(urls, str) else urls:
            check_url(url, ("http", "https"), "https://store.example.org:9200")
        return urls


class ExpiringOptions(SinkOptions):
    """Options of a sink that deletes old events itself."""

    retention_days: dict[str, Days] = Field(default={}, examples=[{"hosts": 30, "transfers": 730}])
    """Dataset -> days after which its events are deleted, by their time; looked at every hour. By default never."""

    def ends(self, now: datetime) -> Iterator[tuple[str, datetime]]:
        """(dataset, time before which its events are deleted)."""
        for dataset, days in self.retention_days.items():
            yield dataset, now - timedelta(days=days)


class HttpSinkOptions(SinkOptions):
    """Options of every sink that speaks plain HTTP."""

    username: str | None = Field(default=None, examples=["lakescope"])
    """User for basic authentication."""
    password: SecretStr | None = Field(default=None, examples=["${STORE_PASSWORD}"])
    """Password for basic authentication."""
    tls: Tls = Tls()
    """TLS towards the server."""
    timeout_s: float = Field(default=30.0, gt=0)
    """Longest wait for an answer (seconds)."""

    def client(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Client:
        """With these credentials and TLS; it follows no redirects and tries nothing twice."""
        login = (self.username, self.password) if self.username else None
        return http_client(url, tls=self.tls, timeout_s=self.timeout_s, headers=headers, login=login)


def answer_each(
    queries: Sequence[StoreQuery],
    compile_: Callable[[StoreQuery], CompiledQuery],
    run: Callable[[Sequence[tuple[StoreQuery, CompiledQuery]]], Sequence[StoreAnswer | UnsupportedError]],
) -> list[StoreAnswer | UnsupportedError]:
    """An `KpiSink` sink's answer: `compile_` each query, then `run` those that it does not refuse, together."""
    answers: list[Any] = []
    compiled_queries: dict[int, tuple[StoreQuery, CompiledQuery]] = {}
    for place, query in enumerate(queries):
        try:
            compiled_queries[place] = query, compile_(query)
            answers.append(None)
        except UnsupportedError as error:
            answers.append(error)
    if compiled_queries:
        for place, answer in zip(compiled_queries, run(list(compiled_queries.values())), strict=True):
            answers[place] = answer
    return answers
