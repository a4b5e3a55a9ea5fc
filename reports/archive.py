"""The reports of closed periods, as they were computed: ``<kind>/<VO or all>/<period>/<revision>.json``.

A file is a `Report` and never changes; every form is drawn from it. A period has another revision only where a number or a
sentence differs from the last one, which its `corrections` list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import structs

from lakescope.core.state_files import DAMAGE, write
from lakescope.reports.differences import differences
from lakescope.reports.model import Heading, Report
from lakescope.reports.period import PERIODS
from lakescope.reports.place import Place
from lakescope.reports.writing import as_json, read_json

_NUMBER = re.compile(r"[1-9][0-9]{0,5}\.json")
_FOLDER = re.compile(r"[A-Za-z0-9_~%-][A-Za-z0-9_~%.-]*")


class Entry(Heading, frozen=True, kw_only=True):
    """A revision in a list."""

    corrections: Sequence[msgspec.Raw] = ()


class Listing(NamedTuple):
    """All that can be read, and what cannot."""

    entries: list[Entry]
    """By kind, site and VO; of these the newest period and revision first."""
    faults: list[str]
    """Each names a file and the remedy."""


class Archive:
    """The folder of reports below a data directory; it is created by the first report. One process writes at a time: whoever
    calls `keep` holds a lock on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, report: Report) -> Report:
        """The last revision of the report's period, which is a new one if this has another number or sentence than the last.

        Raises `ValueError` for a period that was not over when the report was computed, `RuntimeError` where the last revision
        is damaged, and `OSError`.
        """
        end = PERIODS[report.kind].parse(report.period.name).until
        if datetime.fromisoformat(report.computed) < end:
            raise ValueError(
                f"{report.period.name} is not over, and a report that is kept is of a whole period: keep it after"
                f" {end:%Y-%m-%d %H:%M} UTC"
            )
        place = Place.of_report(report)
        last = self.latest(place)
        if last is None:
            new = structs.replace(report, revision=1, corrections=[])
        elif corrections := differences(last, report):
            new = structs.replace(report, revision=last.revision + 1, corrections=corrections)
        else:
            return last
        path = self._path(place, new.revision)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, as_json(new))
        return new

    def latest(self, place: Place) -> Report | None:
        """The last revision; null where there is none. Raises `RuntimeError` for a damaged one."""
        revisions = self.revisions(place)
        return self.read(place, revisions[-1]) if revisions else None

    def revisions(self, place: Place) -> list[int]:
        """Numbers of the files that are there, in order."""
        folder = self._folder(place)
        names = [path.name for path in folder.iterdir()] if folder is not None and folder.is_dir() else []
        return sorted(int(name.removesuffix(".json")) for name in names if _NUMBER.fullmatch(name))

    def read(self, place: Place, revision: int) -> Report:
        """A revision. Raises `RuntimeError` for a damaged file and for one that is another report, `LookupError` for none."""
        if revision not in self.revisions(place):
            raise LookupError(f"there is no report {'/'.join(place)}, revision {revision}")
        path = self._path(place, revision)
        try:
            report = read_json(path.read_bytes())
        except DAMAGE as error:
            raise RuntimeError(_fault(path, str(error))) from error
        except OSError as error:
            raise RuntimeError(_unreadable(path, error)) from error
        self._check(path, Place.of_report(report), report.revision)
        return report

    def listing(self) -> Listing:
        """Every revision of every report; one that cannot be read stops no other."""
        entries, faults = [], []
        for path in self._paths():
            try:
                entry = msgspec.json.decode(path.read_bytes(), type=Entry)
                self._check(path, Place.of_report(entry), entry.revision)
                entries.append(entry)
            except DAMAGE as error:
                faults.append(_fault(path, str(error)))
            except RuntimeError as error:
                faults.append(str(error))
            except OSError as error:
                faults.append(_unreadable(path, error))
        entries.sort(key=lambda one: (one.period.since, one.revision), reverse=True)
        entries.sort(key=lambda one: (list(PERIODS).index(one.kind), one.site or "", one.vo or ""))
        return Listing(entries, sorted(faults))

    def _paths(self) -> Iterator[Path]:
        """Files in the folders of kinds; a draft that a killed process left is none."""
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder.is_dir() and folder.name.partition(".")[0] in PERIODS:
                yield from (path for path in folder.glob("*/*/*") if not path.name.endswith(".json.new"))

    def _check(self, path: Path, place: Place, revision: int) -> None:
        if path != self._path(place, revision):
            own = "/".join((*place, f"{revision}.json"))
            raise RuntimeError(_fault(path, f"it is the report {own}"))

    def _path(self, place: Place, revision: int) -> Path:
        return self.folder.joinpath(*place, f"{revision}.json")

    def _folder(self, place: Place) -> Path | None:
        """Null for names that no report has, such as those that lead out of the archive."""
        return self.folder.joinpath(*place) if all(map(_FOLDER.fullmatch, place)) else None


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path}: cannot be read: {error.strerror}; give Lakescope's user the right to read it"


def _fault(path: Path, reason: str) -> str:
    remedy = "move it out of the archive, or put the file of a backup in its place"
    return f"{path}: expected a revision of a report: {reason}; {remedy}"
