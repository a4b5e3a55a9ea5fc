"""What the lake is asked to move: noise between all pairs, production by rules and datasets, recalls from tape."""

import hashlib
import math

from lakescope.simulator.chance import SIZES, Chance, Table, WeightedChoice, lognormal_table
from lakescope.simulator.lake import Lake, Rse, Vo
from lakescope.simulator.transfers import Rule

NOISE_BYTES = 100_000_000
NOISE_SCOPE = "ESCAPE_CERN_TEAM-noise"
NOISE_ACTIVITY = "Functional Test"
NOISE_ACCOUNT = "crosnes"
STAGING_ACTIVITY = "Staging"

_MEDIAN_BYTES = 650_000_000
_MEDIAN_FILES = 5
_MOST_FILES = 200
_FILES: Table = lognormal_table(1.0)

MEAN_FILES = math.fsum(min(1 + int(_MEDIAN_FILES * value), _MOST_FILES) for value in _FILES) / len(_FILES)
"""Files of a production rule on average."""

_ACTIVITIES: WeightedChoice[str] = WeightedChoice(
    [
        ("Data Consolidation", 0.24),
        ("Production Input", 0.2),
        ("Production Output", 0.22),
        ("User Subscriptions", 0.18),
        ("T0 Export", 0.1),
        ("Analysis Input", 0.04),
        ("Data Rebalancing", 0.02),
    ]
)
_TEAMS = {
    "SKA": ("SKA_SKAO_TEAM", "SKA_SKAO_BARNSLEY-testing"),
    "CTA": ("CTA_LAPP_FRANCE_TEAM", "CTA_DL0"),
    "LSST": ("LSST_CCIN2P3_TEAM", "LSST_CCIN2P3_GOUNON-testing"),
    "KM3NET": ("KM3NET_CPPM_TEAM",),
    "ATLAS": ("ATLAS_LAPP_SP", "ATLAS_DESY_OPENDATA"),
    "VIRGO": ("VIRGO_EGO_CERN_TEAM",),
    "FAIR": ("FAIR_GSI_TEAM", "FAIR_GSI_SZUBA"),
    "CMS": ("CMS_INFN_DCIANGOT",),
    "LOFAR": ("LOFAR_ASTRON_GRANGE",),
    "MAGIC": ("MAGIC_PIC_BRUZZESE", "MAGIC_PIC_DATA"),
}
_DATATYPES = {
    "T0 Export": "RAW",
    "Production Input": "AOD",
    "Production Output": "DERIVED",
    "Data Consolidation": "DERIVED",
}
_STREAMS = ("raw", "cal", "img", "evt", "sim", "dl1")
_SUFFIXES = {"RAW": "fits.fz", "AOD": "root", "DERIVED": "h5"}
_NOTIFY: WeightedChoice[str] = WeightedChoice([("Y", 0.6), ("P", 0.4)])


class Demand:
    """Draws what is asked for; when and whether it succeeds is for `traffic.py`."""

    def __init__(self, lake: Lake, seed: int, notify: float) -> None:
        self._lake = lake
        self._chance = Chance("demand", seed)
        self._notify = notify
        self._vos: WeightedChoice[Vo] = WeightedChoice([(vo, vo.weight) for vo in lake.vos])
        self._anywhere: WeightedChoice[Rse] = WeightedChoice(
            [(rse, math.sqrt(rse.volume)) for rse in lake.disks]
        )
        self._origins = [rse for rse in lake.disks if rse.site.name == "CERN-PROD"] or list(lake.disks[:1])
        self._safe = [rse for rse in lake.disks if rse.qos == "SAFE"] or list(lake.disks)
        pairs = [(a, b) for a in lake.disks for b in lake.disks if a is not b]
        self._pairs = self._chance.shuffle(pairs)
        self._next_pair = 0
        self._runs = 0

    def noise_pair(self) -> tuple[Rse, Rse]:
        """The next ordered pair of disk RSEs; all pairs come before any repeats."""
        pair = self._pairs[self._next_pair]
        self._next_pair = (self._next_pair + 1) % len(self._pairs)
        return pair

    def noise_rule(self, us: int, dst: Rse) -> Rule:
        vo = self._lake.vos[0]
        return Rule(
            self._chance.hex(32),
            vo,
            NOISE_ACCOUNT,
            NOISE_ACTIVITY,
            NOISE_SCOPE,
            None,
            None,
            dst,
            us,
            functional=True,
            bytes=NOISE_BYTES,
        )

    def production_rule(self, us: int) -> tuple[Rule, Rse]:
        """A rule on a dataset, and the RSE whence most of its files come."""
        chance = self._chance
        activity = _ACTIVITIES.draw(chance)
        src, dst = self._ends(activity)
        rule = self._dataset_rule(us, activity, dst)
        rule.files = min(1 + int(_MEDIAN_FILES * chance.draw(_FILES)), _MOST_FILES)
        return rule, src

    def staging_rule(self, us: int) -> tuple[Rule, Rse]:
        """A recall of a file from tape to the disk beside it."""
        tape = self._chance.pick(self._lake.tapes)
        disk = self._lake.rse(tape.name.removesuffix("-TAPE"))
        rule = self._dataset_rule(us, STAGING_ACTIVITY, disk)
        rule.stagein = True
        return rule, tape

    def _dataset_rule(self, us: int, activity: str, dst: Rse) -> Rule:
        vo = self._vos.draw(self._chance)
        return self.rule(us, vo, None, activity, dst)

    def rule(self, us: int, vo: Vo, account: str | None, activity: str, dst: Rse) -> Rule:
        """A rule on a new dataset of a VO; of one of its accounts, if none is given."""
        chance = self._chance
        experiment = chance.pick(vo.experiments)
        self._runs += 1
        dataset = f"{chance.pick(_STREAMS)}.run{self._runs:06d}.{chance.hex(6)}"
        datatype = _DATATYPES.get(activity, "DERIVED")
        notify = _NOTIFY.draw(chance) if chance.random() < self._notify else "N"
        return Rule(
            chance.hex(32),
            vo,
            account or chance.pick(vo.accounts),
            activity,
            chance.pick(_TEAMS[experiment]),
            dataset,
            datatype,
            dst,
            us,
            notify=notify,
        )

    def _ends(self, activity: str) -> tuple[Rse, Rse]:
        chance = self._chance
        src = self._anywhere.draw(chance)
        dst = self._anywhere.draw(chance)
        if activity == "T0 Export":
            src = chance.pick(self._origins)
            dst = chance.pick(self._lake.tapes) if self._lake.tapes and chance.random() < 0.3 else dst
        elif activity == "Data Consolidation":
            dst = chance.pick(self._safe)
        while dst.name == src.name:
            dst = chance.pick(self._lake.disks)
        return src, dst

    def size(self, rule: Rule) -> int:
        """Bytes of one more file of a rule, which it counts as its own: heavy-tailed, up to 200 GB."""
        if rule.functional:
            return NOISE_BYTES
        size = min(int(_MEDIAN_BYTES * self._chance.draw(SIZES)), 200_000_000_000)
        rule.bytes += size
        return size

    def file_name(self, rule: Rule, number: int) -> str:
        if rule.dataset is None:
            return f"noise_{self._chance.hex(12)}_{rule.created // 1_000_000}.dat"
        return f"{rule.dataset.replace('.', '_')}_{number:04d}.{_SUFFIXES.get(rule.datatype or '', 'dat')}"

    def checksums(self) -> tuple[str, str | None]:
        """Adler-32, and an MD5 for four files of ten."""
        return self._chance.hex(8), self._chance.hex(32) if self._chance.random() < 0.4 else None


def scopes(lake: Lake) -> list[tuple[str, float]]:
    """The experiments' scopes with the share of the lake's data in each, in a fixed order."""
    names = [scope for vo in lake.vos for experiment in vo.experiments for scope in _TEAMS[experiment]]
    names = list(dict.fromkeys(names))
    weights = [1 / (2 + position) for position in range(len(names))]
    return [(name, weight / math.fsum(weights)) for name, weight in zip(names, weights, strict=True)]


def path(scope: str, name: str) -> str:
    """Where Rucio's hash algorithm puts a file below an RSE's prefix."""
    digest = hashlib.md5(f"{scope}:{name}".encode(), usedforsecurity=False).hexdigest()
    return f"{scope.replace('.', '/')}/{digest[:2]}/{digest[2:4]}/{name}"
