"""What Rucio's REST API answers to a poller: rules that are not satisfied, the usage of RSEs and of accounts there.

Forms as Rucio 41 writes them (`core/rule.py`: `list_rules`, `core/rse.py`: `get_rse_usage`, `core/account_limit.py`:
`get_local_account_usage`): one JSON object a line, times like HTTP's, null where Rucio doesn't know, the columns of its
tables. An answer without lines is empty.
"""

from json import dumps
from typing import Any, Literal

import msgspec

from lakescope.simulator.agenda import Later
from lakescope.simulator.chance import Chance
from lakescope.simulator.clock import DAY, HOUR, MINUTE, SECOND, http_text, posix
from lakescope.simulator.demand import scopes
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake, Rse
from lakescope.simulator.options import Options
from lakescope.simulator.transfers import RETRIES, Rule, Transfer
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/rucio_api"
SERVER = "https://rucio.example.org"

State = Literal["REPLICATING", "STUCK", "SUSPENDED"]
_STATES: tuple[State, ...] = ("STUCK", "REPLICATING", "SUSPENDED")
LETTERS: dict[State, str] = {"STUCK": "S", "REPLICATING": "R", "SUSPENDED": "U"}
"""How a question names a state."""
_OLD_RULES = 5
"""Rules that were stuck for long when the window begins: their files are gone, or nobody has looked. The first is
suspended, and of the second no copy is left: it stays stuck."""
_UPDATED = 10 * MINUTE
"""How often a storage's own numbers are renewed, while it answers."""


class _Open(msgspec.Struct, gc=False):
    """A rule that is not satisfied: its locks given up, those that the judge has had repaired, since when."""

    rule: Rule
    changed: int
    stuck: int = 0
    repaired: int = 0
    stuck_at: int = 0
    error: str | None = None
    suspended: bool = False

    @property
    def state(self) -> State:
        return "SUSPENDED" if self.suspended else "STUCK" if self.stuck else "REPLICATING"

    @property
    def satisfied(self) -> int:
        return self.rule.done + self.repaired


class RucioApi(Dialect):
    """Follows the rules on datasets from their making to their satisfaction; asks in rounds.

    A lock is stuck once Rucio has given its file up. The judge tries again after an hour or several, and succeeds
    unless the destination is still in trouble.
    """

    source = "rucio-api"
    format = "rucio_api"

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._disturbances = disturbances
        self._options = options
        self._open: dict[str, _Open] = {}
        self._shares = {
            rse.name: _shares(Chance(self.source, "accounts", seed, rse.name), lake) for rse in lake.rses
        }
        self._add_old_rules(Chance(self.source, "old rules", seed), lake, begin)
        for act, interval, about in (
            (self._ask_rules, "rules", [None]),
            (self._ask_usage, "usage", lake.rses),
            (self._ask_accounts, "accounts", lake.rses),
        ):
            every = options.interval(interval, begin)
            for each in about if every else ():
                later(begin + int(self.chance.random() * every), self._ask, (act, each, interval))

    def _ask(self, us: int, plan: tuple[Any, Any, str]) -> None:
        act, about, interval = plan
        act(us, about)
        self._later(us + self._options.interval(interval, us), self._ask, plan)

    def _answer(self, us: int, path: str, lines: list[dict[str, Any]]) -> None:
        body = "".join(f"{dumps(line)}\n" for line in lines)
        self.send(us + int(self.chance.between(0.05, 0.6) * SECOND), self._write, (us, path, body))

    def _write(self, us: int, answer: tuple[int, str, str]) -> Wire:
        poll_us, path, body = answer
        date = http_text(poll_us).replace("UTC", "GMT")
        headers = {"content-type": "application/x-json-stream", "date": date, "scope": f"{SERVER}/{path}"}
        return Wire(posix(us), self.source, self.format, DESTINATION, headers, body.encode())

    # Rules

    def _add_old_rules(self, chance: Chance, lake: Lake, begin: int) -> None:
        names = [name for name, _ in scopes(lake)]
        for number in range(_OLD_RULES):
            vo = chance.pick(lake.vos)
            rule = Rule(
                chance.hex(32),
                vo,
                chance.pick(vo.accounts),
                "User Subscriptions",
                chance.pick(names),
                f"old.run{chance.integer(1, 999_999):06d}.{chance.hex(6)}",
                "DERIVED",
                chance.pick(lake.disks),
                begin - int(chance.between(0.3, 12) * DAY),
                files=chance.integer(4, 60),
            )
            stuck = chance.integer(1, 3)
            rule.done = rule.files - stuck
            open_ = _Open(rule, rule.created + HOUR, stuck, stuck_at=rule.created + HOUR, error=_NO_SOURCES)
            open_.suspended = number == 0
            self._open[rule.id] = open_
            if number > 1:
                self._later(begin + int(chance.between(2, 60) * HOUR), self._repair, open_)

    def rule_made(self, us: int, rule: Rule) -> None:
        self._open[rule.id] = _Open(rule, us)

    def reported(self, us: int, transfer: Transfer) -> None:
        if transfer.error:
            self._given_up(us, transfer, transfer.error.text)
        elif open_ := self._open.get(transfer.rule.id):
            open_.changed = us
            self._close(open_)

    def lost(self, us: int, transfer: Transfer) -> None:
        self._given_up(us, transfer, "FTS does not know the transfer any more")

    def submission_failed(self, us: int, transfer: Transfer) -> None:
        self._given_up(us, transfer, "SUBMISSION_FAILED")

    def _given_up(self, us: int, transfer: Transfer, error: str) -> None:
        open_ = self._open.get(transfer.rule.id)
        if open_ is None or transfer.retry < RETRIES:
            return
        open_.changed, open_.error = us, f"RequestErrMsg.TRANSFER_FAILED:{error}"[:255]
        open_.stuck += 1
        if open_.stuck == 1:
            open_.stuck_at = us
            self._later(us + self._patience(), self._repair, open_)

    def _patience(self) -> int:
        return int((0.7 + self.chance.exponential(1.5)) * HOUR)

    def _repair(self, us: int, open_: _Open) -> None:
        now, rse = self._disturbances, open_.rule.dst
        if now.down(rse.site, us) or now.certificate(rse.site, us) or now.full(rse, us):
            self._later(us + self._patience(), self._repair, open_)
            return
        open_.repaired += open_.stuck
        open_.stuck, open_.stuck_at, open_.error, open_.changed = 0, 0, None, us
        self._close(open_)

    def _close(self, open_: _Open) -> None:
        if open_.satisfied >= open_.rule.files:
            self._open.pop(open_.rule.id, None)

    def _ask_rules(self, us: int, _: None) -> None:
        """One question a state: ``GET /rules/?state=S``."""
        for state in _STATES:
            rules = [each for each in self._open.values() if each.state == state]
            self._answer(us, f"rules/?state={LETTERS[state]}", [_rule(each) for each in rules])

    # Usage

    def _ask_usage(self, us: int, rse: Rse) -> None:
        """``GET /rses/<rse>/usage``: Rucio's catalogue counts; the storage tells of itself while it answers."""
        used = self._used(us, rse)
        updated = us // _UPDATED * _UPDATED
        if down := self._disturbances.down(rse.site, us):
            updated = min(updated, int(down.begin * SECOND))
        stored = min(rse.volume, int(self._used(updated, rse) * 1.002))
        expired = used // 23
        self._answer(
            us,
            f"rses/{rse.name}/usage",
            [
                _usage(rse, "rucio", used, None, used // 700_000_000, us - 40 * SECOND),
                _usage(rse, "storage", stored, rse.volume - stored, None, updated),
                _usage(rse, "expired", expired, None, expired // 700_000_000, us // DAY * DAY),
            ],
        )

    def _ask_accounts(self, us: int, rse: Rse) -> None:
        """``GET /rses/<rse>/accounts/usage``: together what the catalogue has there; the last has no quota."""
        used = self._used(us, rse)
        *limited, last = self._shares[rse.name].items()
        lines = [
            _account(rse, account, int(used * share), int(rse.volume * min(1.0, 1.3 * share)))
            for account, share in limited
        ]
        account, _ = last
        rest = used - sum(line["used_bytes"] for line in lines)
        self._answer(us, f"rses/{rse.name}/accounts/usage", [*lines, _account(rse, account, rest, None)])

    def _used(self, us: int, rse: Rse) -> int:
        return min(rse.volume, int(rse.volume * self._disturbances.used_share(rse, us)))


def _shares(chance: Chance, lake: Lake) -> dict[str, float]:
    """The accounts that have data on an RSE, each with its share of it."""
    accounts = chance.shuffle([account for vo in lake.vos for account in vo.accounts])[: chance.integer(3, 5)]
    weights = [chance.between(1, 5) for _ in accounts]
    return {account: weight / sum(weights) for account, weight in zip(accounts, weights, strict=True)}


_NO_SOURCES = "RequestErrMsg.NO_SOURCES:NO_SOURCES"


def _rule(open_: _Open) -> dict[str, Any]:
    rule = open_.rule
    return {
        "error": open_.error,
        "locks_replicating_cnt": rule.files - open_.satisfied - open_.stuck,
        "purge_replicas": False,
        "rse_expression": rule.dst.name,
        "locks_stuck_cnt": open_.stuck,
        "ignore_availability": False,
        "copies": 1,
        "source_replica_expression": None,
        "ignore_account_limit": False,
        "subscription_id": None,
        "expires_at": None,
        "activity": rule.activity,
        "priority": 3,
        "id": rule.id,
        "weight": None,
        "grouping": "DATASET",
        "comments": None,
        "account": rule.account,
        "locked": False,
        "notification": {"N": "NO", "Y": "YES", "P": "PROGRESS"}[rule.notify],
        "child_rule_id": None,
        "scope": rule.scope,
        "state": open_.state,
        "stuck_at": http_text(open_.stuck_at) if open_.stuck_at else None,
        "eol_at": None,
        "name": rule.dataset,
        "locks_ok_cnt": open_.satisfied,
        "did_type": "DATASET",
        "split_container": False,
        "meta": None,
        "deleted_at": None,
        "updated_at": http_text(open_.changed),
        "created_at": http_text(rule.created),
        "bytes": rule.bytes or None,
    }


def _usage(rse: Rse, source: str, used: int, free: int | None, files: int | None, us: int) -> dict[str, Any]:
    return {
        "rse_id": rse.id,
        "source": source,
        "used": used,
        "free": free,
        "total": used + (free or 0),
        "files": files,
        "updated_at": http_text(us),
        "rse": rse.name,
    }


def _account(rse: Rse, account: str, used: int, quota: int | None) -> dict[str, Any]:
    return {
        "rse_id": rse.id,
        "rse": rse.name,
        "account": account,
        "used_files": used // 700_000_000,
        "used_bytes": used,
        "quota_bytes": quota,
    }
