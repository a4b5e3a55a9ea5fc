"""What Rucio tells of itself: the metrics of its server and daemons, and what its probes push to a gateway.

Names, types and labels as Rucio 41.5 has them (lib/rucio/core/monitor.py: the module's path and a template) and rucio/probes
of 2026-06. The pages are those of prometheus_client, of histograms count and sum alone. The scraped process stands in the header
`instance`, which a scraper adds; a push says in `push` and `group` how and of which group it is.
"""

from collections import Counter, defaultdict
from json import dumps

from lakescope.simulator.agenda import Later
from lakescope.simulator.clock import HOUR, MINUTE, SECOND, http_text, posix
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake
from lakescope.simulator.options import Options
from lakescope.simulator.transfers import Deletion, Rule, Transfer
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire
from lakescope.simulator.wire.node_exporter import go_number

DESTINATION = "/push/rucio_metrics"
STATSD = "monitor.example.org:8125"
GATEWAY = "/push/metrics/job"
_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_UPTIME = 60 * HOUR
"""How long a process runs, on average, until it is started again."""
SUBMITTER, POLLER, FINISHER = "conveyor-submitter", "conveyor-poller", "conveyor-finisher"
PROCESSES = (
    *(
        "server",
        SUBMITTER,
        POLLER,
        FINISHER,
        "conveyor-throttler",
        "judge-evaluator",
        "reaper",
        "dark-reaper",
    ),
    *("undertaker", "transmogrifier", "necromancer", "hermes", "storage-consistency-actions"),
)
_READERS = {SUBMITTER: "QUEUED", POLLER: "SUBMITTED", FINISHER: "DONE.FAILED"}
"""Daemons that take requests from the queue, and of which states."""

Labels = tuple[tuple[str, str], ...]


class _Process:
    """Metrics of one process since its start (microseconds): name -> its kind, labels -> value."""

    def __init__(self, started: int) -> None:
        self.started = started
        self.kinds: dict[str, str] = {}
        self.values: dict[str, Counter[Labels]] = defaultdict(Counter)

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        self.kinds[f"{name}_total"] = "counter"
        self.values[f"{name}_total"][tuple(sorted(labels.items()))] += by  # type: ignore[assignment]

    def time(self, name: str, seconds: float, times: int = 1, **labels: str) -> None:
        self.kinds[name] = "histogram"
        key = tuple(sorted(labels.items()))
        self.values[f"{name}_count"][key] += times
        self.values[f"{name}_sum"][key] += round(seconds * times, 4)  # type: ignore[assignment]

    def set(self, name: str, value: float, **labels: str) -> None:
        self.kinds[name] = "gauge"
        self.values[name][tuple(sorted(labels.items()))] = value  # type: ignore[assignment]

    def page(self) -> str:
        lines: list[str] = []
        for name, kind in self.kinds.items():
            lines.append(f"# TYPE {name} {kind}\n")
            for part in ("_count", "_sum") if kind == "histogram" else ("",):
                lines += [
                    f"{name}{part}{_text(key)} {go_number(value)}\n"
                    for key, value in self.values[name + part].items()
                ]
        return "".join(lines)


def _text(labels: Labels) -> str:
    pairs = ",".join([f'{name}="{value}"' for name, value in labels])
    return f"{{{pairs}}}" if pairs else ""


class RucioMetrics(Dialect):
    """Counts what passes, as the daemons do; each process is scraped at an interval, and each probe runs then, but not
    more often than every ten minutes."""

    source = "rucio-metrics"
    format = "rucio_metrics"

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._options = options
        self._disturbances = disturbances
        self._lake = lake
        self._processes = {
            name: _Process(begin - int(self.chance.between(1, 40) * HOUR)) for name in PROCESSES
        }
        self._last_scrapes = dict.fromkeys(PROCESSES, begin)
        self._requests: Counter[tuple[str, str, str, str]] = Counter()
        """State, activity, FTS server, destination -> requests under way."""
        self._dark = {rse.name: self.chance.integer(0, 40) for rse in lake.disks}
        self._stuck = 0
        if interval := options.interval("metrics", begin):
            for name in PROCESSES:
                later(begin + int(self.chance.random() * interval), self._scrape, name)
            later(begin + int(self.chance.random() * interval), self._push, 0)
            later(begin + int(self.chance.random() * interval), self._sum_up, _Process(begin))

    # what happens in the lake

    def queued(self, us: int, transfer: Transfer) -> None:
        if not transfer.foreign:
            self._requests["queued", transfer.rule.activity, "no_fts_host", transfer.route.dst.name] += 1

    def _handed_over(self, transfer: Transfer) -> None:
        self._requests["queued", transfer.rule.activity, "no_fts_host", transfer.route.dst.name] -= 1

    def submitted(self, us: int, transfer: Transfer) -> None:
        if transfer.foreign:
            return
        host = _host(transfer)
        self._handed_over(transfer)
        self._requests["submitted", transfer.rule.activity, host, transfer.route.dst.name] += 1
        submitter = self._processes[SUBMITTER]
        submitter.count("rucio_transfertool_fts3_submission", host=host, state="success")
        submitter.time("rucio_transfertool_fts3_submit_transfer", self.chance.between(0.01, 0.08), host=host)
        submitter.count("rucio_daemons_conveyor_submitter_get_transfers_total_transfers")
        submitter.time(
            "rucio_daemons_conveyor_submitter_get_transfers_time_per_transfer",
            self.chance.between(0.002, 0.02),
        )

    def submission_failed(self, us: int, transfer: Transfer) -> None:
        if not transfer.foreign:
            self._handed_over(transfer)
            self._processes[SUBMITTER].count(
                "rucio_transfertool_fts3_submission", host=_host(transfer), state="failure"
            )

    def reported(self, us: int, transfer: Transfer) -> None:
        if transfer.foreign:
            return
        self._requests["submitted", transfer.rule.activity, _host(transfer), transfer.route.dst.name] -= 1
        poller, finisher = self._processes[POLLER], self._processes[FINISHER]
        poller.count("rucio_daemons_conveyor_poller_update_request_state", updated="True")
        poller.time("rucio_daemons_conveyor_poller_bulk_query_transfers", self.chance.between(0.01, 0.1))
        finisher.count("rucio_daemons_conveyor_finisher_handle_requests")
        finisher.time("rucio_daemons_conveyor_finisher_handle_requests_time", self.chance.between(0.01, 0.05))
        if transfer.error is not None:
            self._stuck += self.chance.random() < 0.02
        elif transfer.started:
            finisher.time("rucio_core_request_wait_time", (transfer.started - transfer.created) / SECOND)
            finisher.time("rucio_core_request_transfer_time", (transfer.ended - transfer.started) / SECOND)

    def lost(self, us: int, transfer: Transfer) -> None:
        self._processes[POLLER].count("rucio_daemons_conveyor_poller_transfer_lost")

    def deleted(self, us: int, deletion: Deletion) -> None:
        if deletion.dark:
            self._processes["dark-reaper"].count("rucio_daemons_reaper_dark_reaper_deleted_replicas")
            return
        reaper, rse = self._processes["reaper"], deletion.rse.name
        reaper.time("rucio_daemons_reaper_reaper_delete", deletion.seconds, scheme="davs", rse=rse)
        if deletion.reason is None and not deletion.missing:
            reaper.count("rucio_daemons_reaper_reaper_deletion_done")

    def rule_made(self, us: int, rule: Rule) -> None:
        self._processes["server"].time("rucio_core_rule_add_rule_total", self.chance.between(0.05, 0.4))
        judge = self._processes["judge-evaluator"]
        judge.time("rucio_core_rule_evaluate_did_attach_total", self.chance.between(0.1, 1.5))
        if self.chance.random() < 0.3:
            self._processes["transmogrifier"].count(
                "rucio_daemons_transmogrifier_transmogrifier_addnewrule_done"
            )

    # pages

    def _scrape(self, us: int, name: str) -> None:
        process, interval = self._processes[name], self._options.interval("metrics", us)
        elapsed, self._last_scrapes[name] = us - self._last_scrapes[name], us
        if self.chance.random() < elapsed / _UPTIME:
            process = self._processes[name] = _Process(us - SECOND)
        self._idle(name, process, us, max(elapsed, 0) / SECOND)
        if us >= self._begin:
            headers = {"content-type": _TYPE, "instance": f"rucio-{name}.example.org:8080", "date": _date(us)}
            headers["interval_s"] = f"{interval / SECOND:g}"
            self.send(us, self._write, (us, DESTINATION, headers, process.page()))
        self._later(us + interval, self._scrape, name)

    def _idle(self, name: str, process: _Process, us: int, seconds: float) -> None:
        """What grows by itself, and how things are."""
        chance = self.chance
        process.set("process_start_time_seconds", process.started / SECOND)
        process.set("process_resident_memory_bytes", 150_000_000 + chance.integer(0, 40) * 1_000_000)
        process.count("process_cpu_seconds", round(seconds * chance.between(0.02, 0.3), 2))
        if state := _READERS.get(name):
            rounds = max(1, int(seconds / 20))
            process.count(
                "rucio_core_request_get_next_requests", rounds, request_type="TRANSFER", state=state
            )
            process.time("rucio_core_request_get_and_mark_next", chance.between(0.01, 0.2), rounds)
        if chance.random() < 0.0008 * seconds / 60 and name != "server":
            exception = chance.pick(("DatabaseException", "TransferToolTimeout", "RequestException"))
            process.count("rucio_daemons_common_exceptions", exception=exception)
        match name:
            case "server":
                process.count("rucio_core_oidc_token_cache_hit", int(seconds * chance.between(0.5, 1.5)))
                process.count("rucio_core_oidc_token_cache_miss", int(seconds * chance.between(0.01, 0.06)))
                process.count("rucio_core_trace_trace_cnt", int(seconds * chance.between(0.1, 0.5)))
                process.count("rucio_core_oidc_JSONWebToken_invalid", chance.random() < 0.05)
                process.count("apache_accesses", int(seconds * chance.between(2, 9)))
            case "reaper":
                excluded = self._lake.disks[process.started // SECOND % len(self._lake.disks)]
                process.set("rucio_daemons_reaper_reaper_excluded_rses", 1, rse=excluded.name)
            case "conveyor-throttler":
                self._throttle(process)
            case "undertaker":
                deleted = chance.integer(0, 12)
                process.count("rucio_daemons_undertaker_undertaker_undertaker_delete_dids", deleted)
            case "transmogrifier":
                process.time(
                    "rucio_daemons_transmogrifier_transmogrifier_job_duration", chance.between(4, 30)
                )
            case "necromancer" if chance.random() < 0.02:
                process.count("rucio_daemons_badreplicas_necromancer_badfiles_lostfile")
            case "necromancer":
                process.count(
                    "rucio_daemons_badreplicas_necromancer_badfiles_recovering", chance.integer(0, 1)
                )
            case "hermes":
                is_lost = chance.random() < 0.01
                process.count("rucio_daemons_hermes_hermes_reconnect", is_lost, host="mb-escape.example.org")
            case "storage-consistency-actions":
                actions = "rucio_daemons_storage_consistency_actions_actions"
                for rse, dark in self._dark.items():
                    process.set(f"{actions}_dark_files_found", dark, rse=rse)
                    process.set(f"{actions}_dark_files_confirmed", dark // 2, rse=rse)
                    process.set(f"{actions}_miss_files_found", dark // 5, rse=rse)
            case _:
                pass

    def _throttle(self, process: _Process) -> None:
        for rse in self._lake.disks[:3]:
            active = waiting = 0
            for (state, _, _, destination), count in self._requests.items():
                if destination == rse.name:
                    active += count if state == "submitted" else 0
                    waiting += count if state == "queued" else 0
            limits = {"max_transfers": 200, "active": active, "waiting": waiting}
            limits["residual_capacity"] = max(0, 200 - active)
            for limit, value in limits.items():
                labels = {"activity": "all_activities", "rse": rse.name, "limit_attr": limit}
                process.set("rucio_daemons_conveyor_throttler_rse_transfer_limits", value, **labels)

    def _sum_up(self, us: int, statsd: _Process) -> None:
        """What Lakescope's statsd collector tells of itself."""
        statsd.count("lakescope_statsd_packets", self.chance.integer(50, 90))
        for what in ("dropped_packets", "malformed_lines", "refused_series"):
            statsd.count(f"lakescope_statsd_{what}", 0)
        if us >= self._begin:
            headers = {"content-type": _TYPE, "instance": STATSD, "date": _date(us)}
            self.send(us, self._write, (us, DESTINATION, headers, statsd.page()))
        self._later(us + self._options.interval("metrics", us), self._sum_up, statsd)

    # pushes

    def _push(self, us: int, number: int) -> None:
        """Every probe once."""
        chance, interval = self.chance, max(self._options.interval("metrics", us), 10 * MINUTE)
        if us >= self._begin:
            self._send_push(
                us,
                "check_messages_to_submit",
                rucio_probes_messages_to_submit_queues_messages=chance.integer(0, 900),
            )
            self._send_push(us, "check_unevaluated_dids", judge_waiting_dids=chance.integer(0, 60))
            self._send_push(us, "check_updated_dids", rucio_probes_judge_updated_dids=chance.integer(0, 80))
            self._send_push(
                us,
                "check_stuck_rules",
                judge_stuck_rules_with_missing_source_replica=2,
                judge_stuck_rules_without_missing_source_replica=3 + self._stuck,
            )
            self._send_push(us, "check_expired_dids", undertaker_expired_dids=chance.integer(0, 300))
            self._send_push(us, "check_new_dids", transmogrifier_new_dids=chance.integer(0, 40))
            self._send_push(us, "check_expired_rules", judge_expired_rules=chance.integer(0, 25))
            self._send_push(us, "check_unlocked_replicas", reaper_expired_replicas=chance.integer(0, 5_000))
            self._send_queues(us)
        self._later(us + interval, self._push, number + 1)

    def _send_queues(self, us: int) -> None:
        queues, rules = _Process(us), _Process(us)
        totals: Counter[Labels] = Counter()
        for (state, activity, host, _), count in self._requests.items():
            labels = {"activity": activity.replace(" ", "_"), "external_host": host, "state": state}
            totals[tuple(sorted(labels.items()))] += max(count, 0)
        for key, count in totals.items():
            queues.set("conveyor_queues_requests", count, **dict(key))
        for state, count in (
            ("ok", 18_000),
            ("replicating", 40),
            ("stuck", 5 + self._stuck),
            ("suspended", 1),
        ):
            rules.set("rucio_judge_rules_state_count", count, state=f"rules_{state}")
        for server in self._lake.fts:
            busy = sum(max(count, 0) for (state, *_), count in self._requests.items() if state == "submitted")
            rules.set("fts_submitted", busy, hostname=server.alias.replace(".", "_"))
        for rse in self._lake.disks[:4]:
            rules.set(
                "rucio_probes_requests_24hours_old", self._dark[rse.name] // 12, rse=rse.name, state="queued"
            )
        self._send_page(us, "check_transfer_queues_status", queues.page())
        self._send_page(us, "rucio_database", rules.page())

    def _send_push(self, us: int, job: str, **values: float) -> None:
        process = _Process(us)
        for name, value in values.items():
            process.set(name, value)
        self._send_page(us, job, process.page())

    def _send_page(self, us: int, job: str, page: str) -> None:
        headers = {"content-type": _TYPE, "date": _date(us), "push": "PUT", "group": dumps({"job": job})}
        self.send(us, self._write, (us, f"{GATEWAY}/{job}", headers, page))

    def _write(self, us: int, argument: tuple[int, str, dict[str, str], str]) -> Wire:
        _, destination, headers, page = argument
        return Wire(posix(us), self.source, self.format, destination, headers, page.encode())


def _host(transfer: Transfer) -> str:
    return transfer.fts.alias.replace(".", "_")


def _date(us: int) -> str:
    return http_text(us).replace("UTC", "GMT")
