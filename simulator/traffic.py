"""What becomes of every request: queued, submitted, copied, failed and tried again, reported, deleted.

One step a function; each plans the next on the agenda and tells the watchers. Incidents act where they would in
life: on the start of a copy, its speed and its end. Nothing here knows how any system words its messages.
"""

from collections.abc import Sequence

from lakescope.simulator.agenda import Later
from lakescope.simulator.chance import Chance
from lakescope.simulator.clock import HOUR, MINUTE, SECOND
from lakescope.simulator.demand import MEAN_FILES, Demand, path
from lakescope.simulator.fate import Fate
from lakescope.simulator.faults import Burst, Fault
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake, Rse
from lakescope.simulator.options import Options
from lakescope.simulator.removals import Removals
from lakescope.simulator.rhythm import production_factor
from lakescope.simulator.routes import Routes
from lakescope.simulator.transfers import RETRIES, Route, Rule, Transfer, Watcher

_BUSIEST_NOISE = 12
"""Noise transfers an hour and pair at most: beyond that a higher rate becomes production."""

_NEVER = 1e19


class Traffic:
    """Runs the lake's transfers from `begin` (microseconds) on; `rate` is new requests an hour on average."""

    def __init__(
        self,
        lake: Lake,
        seed: int,
        rate: float,
        options: Options,
        disturbances: Disturbances,
        routes: Routes,
        later: Later,
        watchers: Sequence[Watcher],
        begin: int,
        faults: Sequence[Fault] = (),
        bursts: Sequence[Burst] = (),
    ) -> None:
        self._lake = lake
        self._options = options
        self._disturbances = disturbances
        self._later = later
        self._watchers = watchers
        self._chance = Chance("traffic", seed)
        self._demand = Demand(lake, seed, options.notify)
        self._fate = Fate(seed, options, disturbances, faults)
        self._removals = Removals(seed, options, disturbances, later, watchers)
        self._routes = routes
        self._file_ids = dict.fromkeys((server.alias for server in lake.fts), 48_000_000)
        self._start_flows(rate, begin)
        for burst in bursts:
            self._plan(burst)

    def _start_flows(self, rate: float, begin: int) -> None:
        options, pairs = self._options, len(self._lake.disks) * (len(self._lake.disks) - 1)
        noise = min(rate * options.noise, pairs * _BUSIEST_NOISE)
        staging_rate = rate * options.staging if self._lake.tapes else 0.0
        foreign = rate * options.foreign
        production = max(rate - noise - staging_rate - foreign, 0.0) / MEAN_FILES
        self._gaps = [
            HOUR / each if each > 0 else _NEVER for each in (noise, production, staging_rate, foreign)
        ]
        makers = (self._make_noise, self._make_production, self._make_staging, self._make_foreign)
        for make, gap in zip(makers, self._gaps, strict=True):
            self._later(begin + int(gap * self._chance.random()), make, None)

    def _plan(self, burst: Burst) -> None:
        vo = next(vo for vo in self._lake.vos if vo.name == burst.vo)
        src, dst = self._lake.rse(burst.src_rse), self._lake.rse(burst.dst_rse)
        rule = self._demand.rule(int(burst.begin * SECOND), vo, burst.account, burst.activity, dst)
        rule.files = burst.files
        for number in range(burst.files):
            at = burst.begin + (burst.end - burst.begin) * number / burst.files
            self._later(int(at * SECOND), self._make_file, (rule, src, number))

    # What is asked for

    def _make_noise(self, us: int, _: None) -> None:
        src, dst = self._demand.noise_pair()
        rule = self._demand.noise_rule(us, dst)
        self._queue(us, self._transfer(us, rule, self._routes.draw(src, dst), 0))
        self._later(us + int(self._gaps[0] * self._chance.between(0.7, 1.3)), self._make_noise, None)

    def _make_production(self, us: int, _: None) -> None:
        rule, src = self._demand.production_rule(us)
        for watcher in self._watchers:
            watcher.rule_made(us, rule)
        at = us
        for number in range(rule.files):
            at += int(self._chance.exponential(0.4) * SECOND) + 2_000
            self._later(at, self._make_file, (rule, src, number))
        gap = self._chance.exponential(self._gaps[1]) / production_factor(us)
        self._later(us + int(gap), self._make_production, None)

    def _make_file(self, us: int, plan: tuple[Rule, Rse, int]) -> None:
        rule, src, number = plan
        self._queue(us, self._transfer(us, rule, self._routes.draw(src, rule.dst), number))

    def _make_staging(self, us: int, _: None) -> None:
        rule, tape = self._demand.staging_rule(us)
        for watcher in self._watchers:
            watcher.rule_made(us, rule)
        transfer = self._transfer(us, rule, self._routes.draw(tape, rule.dst), 0)
        transfer.dst_url = transfer.src_url  # a recall brings the file online where it is
        self._queue(us, transfer)
        gap = self._chance.exponential(self._gaps[2]) / production_factor(us)
        self._later(us + int(gap), self._make_staging, None)

    def _make_foreign(self, us: int, _: None) -> None:
        src, dst = self._chance.shuffle(self._lake.disks)[:2]
        transfer = self._transfer(us, self._demand.noise_rule(us, dst), self._routes.draw(src, dst), 0)
        transfer.foreign = True
        self._submit(us, transfer)
        self._later(us + int(self._chance.exponential(self._gaps[3])), self._make_foreign, None)

    def _transfer(self, us: int, rule: Rule, route: Route, number: int) -> Transfer:
        demand = self._demand
        name = demand.file_name(rule, number)
        size = demand.size(rule)
        adler32, md5 = demand.checksums()
        where = path(rule.scope, name)
        return Transfer(
            rule,
            route,
            self._lake.fts_for(route.dst),
            self._chance.hex(32),
            None,
            0,
            name,
            size,
            adler32,
            md5,
            route.src_door.base + where,
            route.dst_door.base + where,
            us,
            self._chance.random() < self._options.polled,
        )

    # What becomes of it

    def _queue(self, us: int, transfer: Transfer) -> None:
        transfer.created = us
        for watcher in self._watchers:
            watcher.queued(us, transfer)
        chance = self._chance
        if chance.random() < self._options.preparing:
            us += int(chance.exponential(5) * SECOND)
            for watcher in self._watchers:
                watcher.preparing(us, transfer)
        self._later(self._submission(us, transfer), self._submit, transfer)

    def _submission(self, us: int, transfer: Transfer) -> int:
        """When Rucio hands the transfer to FTS: together with its rule's other files on that route, if any wait."""
        rule, chance = transfer.rule, self._chance
        if rule.job and rule.job[0] is transfer.route and rule.job[2] > us and not transfer.retry:
            route, job_id, at, files = rule.job
            if files < 200:
                rule.job = (route, job_id, at, files + 1)
                transfer.job_id = job_id
                return at
        at = us + int((2 + chance.exponential(12)) * SECOND)
        transfer.job_id = chance.uuid()
        rule.job = (transfer.route, transfer.job_id, at, 1)
        return at

    def _submit(self, us: int, transfer: Transfer) -> None:
        chance, options = self._chance, self._options
        transfer.submitted = us
        if not transfer.foreign and chance.random() < options.submission_failed:
            for watcher in self._watchers:
                watcher.submission_failed(us, transfer)
            self._retry(us, transfer)
            return
        transfer.job_id = transfer.job_id or chance.uuid()
        alias = transfer.fts.alias
        self._file_ids[alias] += 1
        transfer.file_id = self._file_ids[alias]
        transfer.route.submitted += 1
        for watcher in self._watchers:
            watcher.submitted(us, transfer)
        self._wait(us, transfer)

    def _wait(self, us: int, transfer: Transfer) -> None:
        """FTS's queue: longer over a degraded link; nothing leaves it while the server is stalled."""
        chance, site = self._chance, transfer.route.src.site
        slow = self._disturbances.link(site, transfer.route.dst.site, us)
        begin = us + int((1 + chance.exponential(25 if slow else 7)) * SECOND)
        stall = self._disturbances.stall_of(transfer.fts, begin)
        if stall:
            begin = self._after(stall.end)
        if chance.random() < self._options.canceled * (20 if stall else 1):
            self._later(begin, self._cancel, transfer)
        elif transfer.rule.stagein:
            self._later(begin, self._recall, transfer)
        else:
            self._later(begin, self._start, transfer)

    def _after(self, posix_seconds: float) -> int:
        """A moment in the burst of the three minutes after a stall."""
        return int(posix_seconds * SECOND) + int(self._chance.between(0.5, 180) * SECOND)

    def _start(self, us: int, transfer: Transfer) -> None:
        transfer.route.submitted -= 1
        transfer.route.active += 1
        self._fate.decide(us, transfer)
        for watcher in self._watchers:
            watcher.started(us, transfer)
        if not transfer.foreign and self._chance.random() < self._options.lost:
            transfer.ended = us + int(self._chance.between(20, 60) * MINUTE)
            self._later(transfer.ended, self._lose, transfer)
        else:
            self._later(transfer.ended, self._end, transfer)

    def _recall(self, us: int, transfer: Transfer) -> None:
        self._fate.recall(us, transfer)
        for watcher in self._watchers:
            watcher.started(us, transfer)
        transfer.route.submitted -= 1
        transfer.route.active += 1
        self._later(transfer.ended, self._end, transfer)

    def _cancel(self, us: int, transfer: Transfer) -> None:
        """FTS gives the transfer up before it ran: it has no start."""
        transfer.route.submitted -= 1
        transfer.route.active += 1
        transfer.canceled = True
        transfer.ended = us
        transfer.error = self._fate.canceled(transfer)
        self._end(us, transfer)

    def _lose(self, us: int, transfer: Transfer) -> None:
        transfer.route.active -= 1
        for watcher in self._watchers:
            watcher.lost(us, transfer)
        self._retry(us, transfer)

    def _end(self, us: int, transfer: Transfer) -> None:
        self._count(transfer)
        for watcher in self._watchers:
            watcher.ended(us, transfer)
        if transfer.route.dst.kind == "TAPE" and not transfer.error:
            transfer.archived = us + int((2 + self._chance.exponential(8)) * MINUTE)
            self._later(transfer.archived, self._archive, transfer)
        elif not transfer.foreign:
            self._later(self._report_time(us, transfer), self._report, transfer)

    def _count(self, transfer: Transfer) -> None:
        route = transfer.route
        route.active -= 1
        if transfer.error:
            route.failed += 1
            route.retried += 1 if transfer.retry else 0
        else:
            route.done += 1
            route.bytes += transfer.size
            route.squares += float(transfer.size) * transfer.size
            route.busy += transfer.ended - transfer.started

    def _archive(self, us: int, transfer: Transfer) -> None:
        for watcher in self._watchers:
            watcher.archived(us, transfer)
        if not transfer.foreign:
            self._later(self._report_time(us, transfer), self._report, transfer)

    def _report_time(self, us: int, transfer: Transfer) -> int:
        """When Rucio hears of the end: by its next poll or by FTS's message; after a stall only."""
        stall = self._disturbances.stall_of(transfer.fts, us)
        if stall:
            us = self._after(stall.end)
        wait = self._chance.between(2, 40) if transfer.polled else self._chance.between(1, 20)
        return us + int(wait * SECOND)

    def _report(self, us: int, transfer: Transfer) -> None:
        transfer.reported = us
        if transfer.error is None:
            transfer.rule.done += 1
        for watcher in self._watchers:
            watcher.reported(us, transfer)
        if transfer.error:
            self._retry(us, transfer)
            return
        if not transfer.rule.functional:
            for watcher in self._watchers:
                watcher.rule_advanced(us, transfer.rule)
        self._removals.plan(us, transfer)

    def _retry(self, us: int, failed_transfer: Transfer) -> None:
        """Rucio asks again with a new request, up to its limit."""
        if failed_transfer.retry >= RETRIES or failed_transfer.foreign:
            return
        again = Transfer(
            failed_transfer.rule,
            failed_transfer.route,
            failed_transfer.fts,
            self._chance.hex(32),
            failed_transfer.request_id,
            failed_transfer.retry + 1,
            failed_transfer.name,
            failed_transfer.size,
            failed_transfer.adler32,
            failed_transfer.md5,
            failed_transfer.src_url,
            failed_transfer.dst_url,
            0,
            failed_transfer.polled,
        )
        self._later(us + int((15 + self._chance.exponential(90)) * SECOND), self._queue, again)
