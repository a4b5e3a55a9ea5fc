"""The data that all other rules stand on: whether it comes, is stored, and is true."""

from __future__ import annotations

from functools import partial

from lakescope.alerts.model import Absence, Baseline, Rule, Threshold, Volume
from lakescope.kpis.model import DAY, HOUR

_data = partial(Rule, owner="monitoring")

DATA: tuple[Rule, ...] = (
    _data(
        name="data_source_silent",
        title="A source is silent",
        kpi="events_received",
        condition=Absence(history_s=7 * DAY, least_windows=150),
        window_s=HOUR,
        for_s=600,
        by=("name",),
        filters={"stage": "collector"},
        volume=Volume("pipeline_reports", 1.0),  # a collector that was removed reports nothing
        severity="page",
        summary="Collector {name}: no event in {window}; in the seven days before, almost every hour had some",
        description="Lakescope's collector {name} has received nothing in the last {window}. Rules on its data say no data, and"
        " cannot fire. Look first at the collector's health, then at the source itself.",
    ),
    _data(
        name="data_indexing_low",
        title="Much less is stored than before",
        kpi="events_stored",
        condition=Baseline(
            history_s=7 * DAY, ratio_below=0.3, clear_ratio=0.5, least=1000.0, least_windows=48
        ),
        window_s=HOUR,
        for_s=1800,
        keep_s=HOUR,
        by=("name",),
        filters={"stage": "sink"},
        summary="Sink {name}: {value} events stored in {window}, usually {median}, threshold {threshold}",
        description="Sink {name} stored {value} events in the last {window}; in the seven days before it was"
        " {median} an hour. First check which collector brings less, then whether the store delays the writes.",
    ),
    _data(
        name="dead_letters_rising",
        title="Dead letters rise",
        kpi="dead_letters",
        condition=Baseline(history_s=7 * DAY, ratio_above=3.0, least=100.0, missing_is_zero=True),
        window_s=HOUR,
        keep_s=HOUR,
        by=("name",),
        summary="{name}: {value} events became dead letters in {window}, usually {median}, threshold {threshold}",
        description="{value} events of {name} could not be decoded or stored in the last {window}; in the seven days"
        " before it was {median} an hour. They are kept and can be replayed. Look first at their reasons: a source"
        " that changed its messages, or a store that refuses a field.",
    ),
    _data(
        name="store_behind",
        title="A store is behind",
        kpi="lag_p50",
        condition=Threshold(above=900.0, clear=300.0),
        window_s=1800,
        for_s=900,
        keep_s=1800,
        by=("name",),
        filters={"stage": "sink"},
        summary="Sink {name}: half of the events were stored {value} or longer after they happened, in {window}, threshold"
        " {threshold}",
        description="The median time from an event to its storage in sink {name} is {value} in the last {window}, so"
        " that alerts and dashboards look at the past. Look first at the sink's queue and retries: with none, the"
        " sources are late, or an archive is being reloaded.",
    ),
    _data(
        name="store_overflows",
        title="Events wait on disk for a store",
        kpi="overflow_age",
        condition=Threshold(above=1800.0, clear=300.0),
        window_s=600,
        keep_s=600,
        by=("name",),
        severity="page",
        summary="Sink {name}: the oldest event on disk has waited {value}, threshold {threshold}",
        description="The store of sink {name} is away or too slow: its oldest event has waited on Lakescope's disk for {value}."
        " Sources and other stores go on until the overflow is full, and until then these events are on that disk alone."
        " Look first at the sink's health, then at the store itself.",
    ),
    _data(
        name="hermes_backlog",
        title="Hermes does not send its messages",
        kpi="rucio_hermes_backlog",
        condition=Threshold(above=100_000.0, clear=20_000.0),
        window_s=HOUR,
        for_s=1800,
        keep_s=HOUR,
        owner="rucio",
        summary="{value} messages wait in Rucio's database for Hermes, threshold {threshold}",
        description="{value} messages wait for Rucio's daemon Hermes, so that everything Lakescope knows of"
        " transfers, deletions and rules is late. First check whether Hermes runs and reaches its broker.",
    ),
    _data(
        name="fts_messages_missing",
        title="Messages of FTS are missing",
        kpi="done_agreement",
        condition=Threshold(below=0.8, clear=0.9),
        window_s=6 * HOUR,
        late_s=1800,
        for_s=1800,
        keep_s=HOUR,
        volume=Volume("fts_copies", 100.0),
        summary="FTS reported {value} of the copies that Rucio reported as done in {window}, threshold {threshold}",
        description="Of the requests that Rucio reported as done in the last {window}, FTS reported {value} as copied. The other"
        " messages of FTS were lost, or one FTS server is not read. First compare FTS servers, then collectors.",
    ),
    _data(
        name="rucio_messages_missing",
        title="Messages of Rucio are missing",
        kpi="done_agreement",
        condition=Threshold(above=1.25, clear=1.1),
        window_s=6 * HOUR,
        late_s=1800,
        for_s=1800,
        keep_s=HOUR,
        volume=Volume("fts_copies", 100.0),
        summary="FTS reported {value} of the copies that Rucio reported as done in {window}, threshold {threshold}",
        description="FTS reported {volume} of Rucio's requests as copied in the last {window}: {value} of those that"
        " Rucio reported as done. Messages of Hermes were lost, or the conveyor-finisher is behind. Look first at"
        " Hermes and its backlog.",
    ),
    _data(
        name="hermes_messages_lost",
        title="Hermes reports less than Rucio counts",
        kpi="hermes_completeness_6h",
        condition=Threshold(below=0.9, clear=0.95),
        window_s=6 * HOUR,
        for_s=HOUR,
        keep_s=HOUR,
        volume=Volume("requests_done_6h", 200.0),
        summary="Hermes reported {value} of the {volume} transfers that Rucio itself counts as done in {window}, threshold"
        " {threshold}",
        description="Rucio counts {volume} transfers as done in the last {window}, of which Hermes's messages"
        " reported {value}. What is missing was lost between Rucio's database and Lakescope's store. Look first at"
        " Hermes's backlog, then at the broker, then at the dead letters.",
    ),
)
