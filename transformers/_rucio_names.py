"""Names of Rucio's metrics: one component and one metric for what goes out by Prometheus, by statsd and from probes.

Rucio names a metric ``<module>.<template>`` (rucio/rucio lib/rucio/core/monitor.py, class _MultiMetric). statsd gets it with
the labels' values in their places, behind its scope: ``rucio.rucio.transfertool.fts3.fts01.submission.success``.
Prometheus gets it without the places, dots as ``_``: ``rucio_transfertool_fts3_submission_total{host,state}``. What of that
is the module cannot be seen, nor which part of a statsd name is a label: `MODULES` and `TEMPLATES` know it.
Probes (rucio/probes) have names of their own, with and without ``rucio_probes_`` before them: component ``probes``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

PROBES = "probes"

TEMPLATES: dict[str, str] = {
    "core.did": "",
    "core.nongrid_trace": "",
    "core.oidc": "",
    "core.replica": "",
    "core.request": "get_next.requests.{request_type}.{state} archive_request_per_activity.{activity}",
    "core.rule": "",
    "core.trace": "",
    "core.transfer": "",
    "core.credential": "",
    "core.opendata": "",
    "daemons.automatix.automatix": "",
    "daemons.badreplicas.necromancer": "",
    "daemons.cache.consumer": "reconnect.{host}",
    "daemons.common": "exceptions.{exception}",
    "daemons.conveyor.common": "",
    "daemons.conveyor.finisher": "",
    "daemons.conveyor.poller": "update_request_state.{updated}",
    "daemons.conveyor.preparer": "",
    "daemons.conveyor.receiver": "update_request_state.{updated} reconnect.{host}",
    "daemons.conveyor.stager": "",
    "daemons.conveyor.submitter": "",
    "daemons.conveyor.throttler": "rse_transfer_limits.{activity}.{rse}.{limit_attr}"
    " released_waiting_requests.{activity}.{rse}",
    "daemons.hermes.hermes": "reconnect.{host}",
    "daemons.judge.cleaner": "exceptions.{exception}",
    "daemons.judge.evaluator": "exceptions.{exception}",
    "daemons.judge.injector": "exceptions.{exception}",
    "daemons.judge.repairer": "exceptions.{exception}",
    "daemons.reaper.dark_reaper": "",
    "daemons.reaper.reaper": "delete.{scheme}.{rse} excluded_rses.{rse}",
    "daemons.storage.consistency.actions": "actions_dark_files_found.{rse} actions_dark_files_confirmed.{rse}"
    " actions_dark_files_deleted.{rse} actions_dark_files_deleted_counter.{rse} actions_miss_files_found.{rse}"
    " actions_miss_files_to_retransfer.{rse} actions_miss_files_to_retransfer_counter.{rse}",
    "daemons.tracer.kronos": "reconnect.{host}",
    "daemons.transmogrifier.transmogrifier": "addnewrule.errortype.{exception} addnewrule.activity.{activity}",
    "daemons.undertaker.undertaker": "delete_dids.exceptions.{exception}",
    "transfertool.fts3": "{host}.submission.{state} {host}.cancel.{state} {host}.update_priority.{state}"
    " {host}.query.{state} {host}.whoami.{state} {host}.version.{state} {host}.bulk_query.{state}"
    " {host}.query_details.{state} submit_transfer.{host}"
    " overwrite.check.{rsetype}.{rse} overwrite.ok.{rsetype}.{rse} overwrite.fail.{rsetype}.{rse}",
    "transfertool.globus_library": "",
    PROBES: "rules.count.{state} queues.requests.{state}.{activity}.{external_host} fts3.{hostname}.submitted"
    " {scope}.requests.{age}.{state}.{rse} {scope}.requests.{state}.{rse}"
    " judge.expiring_rules_number.{dst_rse} judge.rules_with_0_completion_volume.{rse} reaper.expired_rse_replicas.{rse}"
    " reaper.unlocked_rse_replicas.{rse}",
}
"""Module that has metrics (rucio 41.5.1; rucio/probes of 2026-06) -> its templates that have labels."""

_MODULES = {module.replace(".", "_"): module for module in sorted(TEMPLATES, key=len, reverse=True)}
_PROMETHEUS = re.compile(rf"rucio_(?P<module>{'|'.join(_MODULES)})_(?P<metric>.+)")
_OTHER_MODULE = re.compile(
    r"rucio_(?P<module>(?:core|daemons|transfertool|web|common|db|rse)_[a-z0-9]+)_(?P<metric>.+)"
)
_PROBE = re.compile(
    r"(?:rucio_)?(?P<metric>(?:judge|reaper|undertaker|transmogrifier|hermes|conveyor_queues|queues|fts_submitted|fts3_submitted"
    r"|requests|rules|rule_count|lock_count|file_count|not_ok_rules|not_OK_rules|stuck_cnt|replicating_cnt|replicating_rules"
    r"|messages_to_submit|missing_data|replicating_data|expected_number_of_files|space|db)(?:_.*)?)"
)
_STATSD = re.compile(
    rf"(?:.+\.)?rucio\.(?P<module>{'|'.join(re.escape(module) for module in _MODULES.values())})\.(?P<rest>.+)"
)
_OTHER_STATSD = re.compile(
    r"(?:.+\.)?rucio\.(?P<module>(?:core|daemons|transfertool|web|common)\.\w+)\.(?P<rest>.+)"
)
_SCOPED = re.compile(r"[^.]+\.(?P<rest>.+)")
_PLACE = re.compile(r"\{(\w+)\}")
_REQUEST_TYPES = r"(?:TRANSFER|UPLOAD|DOWNLOAD|STAGEIN|STAGEOUT)"
_FORMS = {
    "request_type": rf"{_REQUEST_TYPES}(?:\.{_REQUEST_TYPES})*",  # several are joined by the dot, too
    "age": r"\d+Hours_old",
}
_SAME = {
    "queues_requests": "conveyor_queues_requests",  # check_transfer_queues_status
    "rules_count": "judge_rules_state_count",  # check_rule_counts
    "fts3_submitted": "fts_submitted",  # check_fts_backlog
}
"""Probes that name a metric otherwise for statsd than for Prometheus: the latter's name is the one."""


class Name(NamedTuple):
    """What a metric is called in dataset ``rucio``."""

    component: str
    metric: str
    labels: dict[str, str]
    """Those that were a part of the name."""


@lru_cache(4096)
def of_prometheus(name: str, job: str | None = None) -> Name:
    """Of a family, its type's ending left out. A name that is not Rucio's: its first word, or the job that pushed it."""
    for pattern in (_PROMETHEUS, _OTHER_MODULE):
        if match := pattern.fullmatch(name):
            module = match["module"]
            return Name(_MODULES.get(module, module.replace("_", ".")), match["metric"], {})
    if match := _PROBE.fullmatch(name):
        return Name(PROBES, match["metric"], {})
    first, _, rest = name.removeprefix("rucio_").partition("_")
    if job is not None:
        return Name(job, name.removeprefix("rucio_"), {})
    return Name(first, rest, {}) if rest else Name("other", first, {})


@lru_cache(4096)
def of_statsd(name: str) -> Name:
    """Of a name with dots: scope, module, template with its labels' values."""
    match = _STATSD.fullmatch(name) or _OTHER_STATSD.fullmatch(name)
    if match is None:  # a probe of before 2025: no module, the scope alone
        scoped = _SCOPED.fullmatch(name)
        module, rest = PROBES, scoped["rest"].removeprefix("rucio.") if scoped else name
    else:
        module, rest = match["module"], match["rest"]
    for pattern, metric in _patterns(module):
        if matched := pattern.fullmatch(rest):
            return Name(module, _SAME.get(metric, metric), dict(matched.groupdict()))
    return Name(module, rest.replace(".", "_"), {})


@lru_cache
def _patterns(module: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """(a template with its places as groups, its name for Prometheus)."""
    return tuple((_pattern(template), _metric(template)) for template in TEMPLATES.get(module, "").split())


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACE.split(template)  # text, label, text, label, ...
    return re.compile(
        "".join(
            f"(?P<{part}>{_FORMS.get(part, '.+?')})" if index % 2 else re.escape(part)
            for index, part in enumerate(parts)
        )
    )


def _metric(template: str) -> str:
    """As Rucio makes it: the places leave the name with the dot before them."""
    texts = _PLACE.split(template)[::2]
    return "".join(text.rstrip(".").replace(".", "_") for text in texts).strip("_")
