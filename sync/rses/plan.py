"""How Rucio's RSEs differ from what CRIC says of them, as a plan. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from lakescope.sync.options import RsesOptions
from lakescope.sync.plan import Change, Kind, Plan
from lakescope.sync.rses.cric import LIMITS, Reading
from lakescope.sync.rses.lake import Lake, Rse, pair_name

_TYPES = ("rse", "property", "attribute", "protocol", "limit", "distance")


def make_plan(
    reading: Reading,
    rucio: Lake,
    options: RsesOptions,
    *,
    source: str,
    target: str,
    remove: bool = False,
    deleted: frozenset[str] = frozenset(),
    files: Mapping[str, int] | None = None,
) -> Plan:
    """What would make Rucio as CRIC says.

    `remove`: whether what Rucio has alone is removed. `deleted`: RSEs that Rucio had once: their names are taken for good.
    `files`: RSE -> files on it, of RSEs that Rucio has alone; one with files is never removed.
    """
    differ = _Differences(reading, rucio, options, remove=remove, deleted=deleted, files=files or {})
    lines = [*differ.rses(), *differ.distances()]
    # first what is there, then what hangs on it; removals in the other direction, behind all else
    order = {name: number for number, name in enumerate(_TYPES)}
    actions = [one for one in lines if one.kind in ("create", "change")]
    removals = [one for one in lines if one.kind == "remove"]
    notes = [one for one in lines if not one.is_action]
    actions.sort(key=lambda one: (order[one.type], one.kind != "create"))
    removals.sort(key=lambda one: -order[one.type])
    pairs = len(rucio.distances or {})
    return Plan(
        sync="rses",
        source=source,
        target=target,
        changes=[*actions, *removals, *notes, *differ.own_lines()],
        existing={"rse": len(rucio.rses), "distance": pairs},
    )


class _Differences:
    def __init__(
        self,
        reading: Reading,
        rucio: Lake,
        options: RsesOptions,
        *,
        remove: bool,
        deleted: frozenset[str],
        files: Mapping[str, int],
    ) -> None:
        self.cric, self.rucio, self.options = reading.lake, rucio, options
        self.lines, self.unreadable_sources = reading.lines, reading.unreadable_sources
        self.deleted, self.files = deleted, files
        self.remove = remove
        self.faulty = {(one.type, one.object) for one in self.lines if one.kind == "invalid"}
        sites = set(options.exclude_sites)
        of_sites = {name for name, one in self.cric.rses.items() if one.site in sites}
        of_sites |= {name for name, one in rucio.rses.items() if one.site in sites}
        self.excluded = {*options.exclude_rses, *of_sites}
        self.untouched = {*self.excluded, *reading.inactive, *reading.unreadable, *deleted}

    def own_lines(self) -> Iterator[Change]:
        """Of the source's faults, but for what is excluded."""
        return (one for one in self.lines if one.object not in self.excluded)

    def rses(self) -> Iterator[Change]:
        for name, rse in self.cric.rses.items():
            if name in self.excluded:
                continue
            if name in self.deleted:
                note = (
                    "it was removed from Rucio before, which keeps its name; only a restore in Rucio brings it back"
                    " (rucio.core.rse.restore_rse), or take another name in CRIC"
                )
                yield Change(kind="invalid", type="rse", object=name, note=note)
            elif name in self.rucio.rses:
                yield from self._parts(rse, self.rucio.rses[name])
            else:
                first = {key: value for key, value in rse.properties.items() if key != "qos_class"}
                yield Change(kind="create", type="rse", object=name, after=first)
                yield from self._parts(rse, Rse(name=name, properties=first))
        for name, rse in sorted(self.rucio.rses.items()):
            if name not in self.cric.rses and name not in self.untouched:
                yield self._alone(rse)

    def _alone(self, rse: Rse) -> Change:
        count = self.files.get(rse.name, 0)
        note = f"it has {count} files: only an empty RSE is removed" if count else ""
        kind: Kind = "remove" if self.remove and not count else "extra"
        return Change(kind=kind, type="rse", object=rse.name, before=rse.properties, note=note)

    def _parts(self, cric: Rse, rucio: Rse) -> Iterator[Change]:
        name = cric.name
        for key, value in cric.properties.items():
            yield from self._part("property", name, key, rucio.properties.get(key), value)
        excluded = self.options.exclude_attributes
        for key in sorted({*cric.attributes, *rucio.attributes}):
            if not any(fnmatchcase(key, pattern) for pattern in excluded):
                yield from self._part(
                    "attribute", name, key, rucio.attributes.get(key), cric.attributes.get(key)
                )
        for address in sorted({*cric.protocols, *rucio.protocols}):
            before, after = rucio.protocols.get(address), cric.protocols.get(address)
            yield from self._part("protocol", name, address, before, after, _differing(before, after))
        for key in sorted({*cric.limits, *rucio.limits}):
            if key in cric.limits or key in LIMITS:
                yield from self._part("limit", name, key, rucio.limits.get(key), cric.limits.get(key))

    def _part(
        self, type_: str, name: str, part: str, before: Any, after: Any, note: str = ""
    ) -> Iterator[Change]:
        if before == after:
            return
        kind: Kind = "create" if before is None else "change"
        if after is None:
            # what CRIC says of it may be what could not be read
            is_clear = self.remove and (type_, name) not in self.faulty
            kind = "remove" if is_clear else "extra"
        yield Change(kind=kind, type=type_, object=name, part=part, before=before, after=after, note=note)

    def distances(self) -> Iterator[Change]:
        ours = self.cric.distances
        if ours is None or self.rucio.distances is None:
            return
        for pair, value in ours.items():
            if not self.untouched.intersection(pair):
                yield from self._part("distance", pair_name(*pair), "", self.rucio.distances.get(pair), value)
        for pair, value in sorted(self.rucio.distances.items()):
            if pair[0] in self.unreadable_sources:
                continue
            # a distance to an RSE that Rucio has alone goes with the RSE
            if (
                pair not in ours
                and not self.untouched.intersection(pair)
                and set(pair) <= self.cric.rses.keys()
            ):
                yield from self._part("distance", pair_name(*pair), "", value, None)


def _differing(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    """Which fields of a protocol differ: the whole is too long for a table."""
    if before is None or after is None:
        return ""
    texts = []
    for key, value in after.items():
        if key == "domains":
            for domain, operations in value.items():
                for name, priority in operations.items():
                    if (old := before["domains"][domain][name]) != priority:
                        texts.append(f"{domain}.{name}: {old} to {priority}")
        elif before.get(key) != value:
            texts.append(f"{key}: {before.get(key)!r} to {value!r}")
    return "; ".join(texts)
