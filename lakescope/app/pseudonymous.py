"""What a store answers to viewers who see pseudonyms instead of people's names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from lakescope.app.pseudonyms import Pseudonyms
from lakescope.core.personal import PERSONAL
from lakescope.kpis.model import (
    Condition,
    EventsQuery,
    KpiSink,
    Query,
    Report,
    ReportsQuery,
    StoreAnswer,
    StoreQuery,
    UnsupportedError,
)


def answer_with_pseudonyms(
    sink: KpiSink, queries: Sequence[StoreQuery], pseudonyms: Pseudonyms
) -> list[StoreAnswer | UnsupportedError]:
    """As `KpiSink.answer`; filters may name pseudonyms that answers had before, and no names."""
    revealed_queries = [_reveal(query, pseudonyms) for query in queries]
    asked_queries = [one for one in revealed_queries if not isinstance(one, UnsupportedError)]
    answers = iter(sink.answer(asked_queries) if asked_queries else [])
    return [
        one if isinstance(one, UnsupportedError) else _hide(query, next(answers), pseudonyms)
        for query, one in zip(queries, revealed_queries, strict=True)
    ]


def _reveal(query: StoreQuery, pseudonyms: Pseudonyms) -> StoreQuery | UnsupportedError:
    fields = PERSONAL.get(query.dataset, ())

    def of(condition: Condition) -> Condition:
        value = condition.value
        if condition.operator == "any" or isinstance(value, bool) or value is None:
            return condition
        texts: tuple[str, ...] = (value,) if isinstance(value, str) else value
        for text in texts:
            if pseudonyms.names_somebody(text, is_personal=condition.field in fields):
                raise UnsupportedError(
                    f"{condition.field}: expected a pseudonym, as answers have them: names need the right `people`"
                )
        real_texts = tuple(map(pseudonyms.reveal, texts))
        return condition._replace(value=real_texts[0] if isinstance(value, str) else real_texts)

    try:
        if isinstance(query, Query):
            filters = {
                name: of(Condition(name, "in", (values,) if isinstance(values, str) else tuple(values))).value
                for name, values in query.filters.items()
            }
            return replace(query, filters=filters, narrowing=tuple(map(of, query.narrowing)))
        # a text is searched for the names that its event has, also where nobody asked for these
        columns = tuple(dict.fromkeys((*query.columns, *fields)))
        return replace(query, columns=columns, conditions=tuple(map(of, query.conditions)))
    except UnsupportedError as error:
        return error


def _hide(
    query: StoreQuery, answer: StoreAnswer | UnsupportedError, pseudonyms: Pseudonyms
) -> StoreAnswer | UnsupportedError:
    rows: Iterable[Any] = answer if not isinstance(answer, UnsupportedError) else ()
    match query:
        case _ if isinstance(answer, UnsupportedError):
            return answer
        case ReportsQuery():
            reports: list[Report] = [
                one._replace(values=pseudonyms.hide(one.values, query.dataset)) for one in rows
            ]
            return reports
        case EventsQuery():
            columns = ("time", *query.columns)
            hidden_events = [pseudonyms.hide(one, query.dataset) for one in rows]
            return [{name: one.get(name) for name in columns} for one in hidden_events]
        case Query():
            hidden_rows = [pseudonyms.hide(one, query.dataset) for one in rows]
            names = [*(["time"] if query.bin_s else []), *query.by]
            # the names' order would tell something of them
            return sorted(hidden_rows, key=lambda row: [(row[name] is None, row[name]) for name in names])
