"""How much of everything: the shares and intervals of a simulation."""

from collections.abc import Mapping

import msgspec

from lakescope.simulator.clock import SECOND

_SHARES = (
    "noise",
    "staging",
    "foreign",
    "polled",
    "preparing",
    "failed",
    "submission_failed",
    "canceled",
    "lost",
    "silent",
    "skewed",
    "deletions",
    "notify",
    "repeated",
    "hangs",
)

_INTERVALS = (
    "optimizer",
    "throughput",
    "latency",
    "rtt",
    "trace",
    "clock",
    "hosts",
    "probes",
    "statistics",
    "availability",
    "rules",
    "usage",
    "accounts",
    "inside",
    "checks",
    "templates",
    "monitoring",
    "metrics",
    "downtimes",
    "sam",
    "srr",
)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Shares are 0..1; intervals are seconds, and with 0 that kind of message isn't sent.

    Of the requested rate: `noise`, `staging` from tape, `foreign` (FTS's own functional tests, which Rucio doesn't
    know); the rest is production. `accesses` by clients come on top, as a multiple of the rate.

    Of all attempts: `preparing` (a step of Rucio before it queues), `submission_failed`, `canceled` in FTS's queue,
    `lost` by FTS, `silent` (its process was killed, no CO ever comes), and `polled`, of which Rucio learns by polling
    FTS instead of listening to it. `failed` is how many fail over an average link while nothing is wrong. Of Rucio's
    reports, `skewed` have a start after their end.

    `deletions` of older files for each production file that arrives; `notify`, of the rules. Of all messages,
    `repeated` arrive twice, as brokers may let them at any time: 0 keeps counts plain, 0.001 is life-like.

    `hangs`: of the days, those on which one of Rucio's daemons hangs for some hours.

    `few_hosts`: of the hosts only one a site, and of each only the dozen metrics that dashboards show.

    Seconds: `noise_lifetime` until noise is deleted; between FTS's `optimizer` reports; between two runs of each
    perfSONAR test and pair (`throughput`, `latency`, `rtt`, `trace`, `clock`); between samples of `hosts`; between runs
    of the scripts (`probes`, `statistics`, `availability`); between questions to Rucio's API (`rules`, `usage`,
    `accounts`: their usage and quotas, and `inside`: requests, daemons, bad replicas); between Lakescope's own `checks`
    of each service; between polls of pSConfig's `templates` and of FTS's `monitoring`, of GOCDB's `downtimes`
    and of the storages' own reports (`srr`); between `sam`'s tests; between
    looks at Rucio's own `metrics`, whose probes run at most every ten minutes.

    Until `sparse_until` (POSIX seconds) the intervals named in `sparse` hold instead, and of transfers, data
    identifiers and rules only the ends are reported: a long past in few messages.
    """

    noise: float = 0.35
    staging: float = 0.03
    foreign: float = 0.02
    accesses: float = 0.3
    preparing: float = 0.06
    submission_failed: float = 0.003
    canceled: float = 0.002
    lost: float = 0.001
    silent: float = 0.001
    polled: float = 0.6
    failed: float = 0.05
    skewed: float = 0.0005
    deletions: float = 0.4
    notify: float = 0.3
    repeated: float = 0.0
    hangs: float = 1.0
    few_hosts: bool = False
    noise_lifetime: float = 3_600
    optimizer: float = 60
    throughput: float = 1_200
    latency: float = 60
    rtt: float = 300
    trace: float = 600
    clock: float = 3_600
    hosts: float = 60
    probes: float = 600
    statistics: float = 1_800
    availability: float = 600
    rules: float = 600
    usage: float = 1_800
    accounts: float = 3_600
    inside: float = 600
    checks: float = 300
    templates: float = 3_600
    monitoring: float = 300
    metrics: float = 60
    downtimes: float = 900
    sam: float = 600
    srr: float = 1_800
    sparse: Mapping[str, float] = {}
    sparse_until: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name == "sparse":
                continue
            if value < 0 or (name in _SHARES and value > 1):
                expected_range = "a share from 0 to 1" if name in _SHARES else "0 or more"
                raise ValueError(f"expected {name} to be {expected_range}, found {value}")
        if self.noise + self.staging + self.foreign > 1:
            raise ValueError("noise, staging and foreign are shares of one rate: expected 1 at most together")
        unknown = {name for name, seconds in self.sparse.items() if name not in _INTERVALS or seconds <= 0}
        if unknown:
            raise ValueError(
                f"expected intervals above 0 of {', '.join(_INTERVALS)}, found {', '.join(sorted(unknown))}"
            )

    def interval(self, name: str, us: int) -> int:
        """Microseconds of an interval at a moment (microseconds); 0: never."""
        own: float = getattr(self, name)
        return int((self.sparse.get(name, own) if self.is_sparse(us) and own else own) * SECOND)

    def is_sparse(self, us: int) -> bool:
        """Whether a moment (microseconds) is before `sparse_until`."""
        return us < self.sparse_until * SECOND
