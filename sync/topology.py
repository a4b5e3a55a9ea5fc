"""CRIC's documents as this instance has them: fetched, checked, kept as versions.

    URL or file -> `fetch` -> `Snapshots.update`: refused, or a version -> enrichment, `lakescope sync rses`

A document that is no JSON, has no records, or lacks more than a fifth of those of the version before is refused: the version
before stays. `topology/NAME.json` in the data directory is the version of now, `topology/history.jsonl` what each version
changed.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from lakescope.core import state_files
from lakescope.core.http import http_client, mask
from lakescope.core.options import Tls
from lakescope.core.printable import rfc3339
from lakescope.sync.plan import Change, SyncError

Name = Literal["rses", "services", "sites"]
LOSS = 0.2
"""Largest share of the records that may be gone from one version to the next."""
MAX_BYTES = 64 * 2**20
CHANGES_MAX = 1000
"""Most changes of a version that the history keeps; the rest is counted."""


class SourceError(SyncError):
    """The source did not answer, or its answer cannot be true."""


class Snapshot(msgspec.Struct, kw_only=True):
    """One version of a document."""

    version: int
    at: str
    """When it was fetched (UTC)."""
    source: str
    document: dict[str, Any]


class Version(msgspec.Struct, kw_only=True):
    """What a version changed."""

    version: int
    name: str
    at: str
    source: str
    changes: list[Change]
    more: int = 0
    """Changes beyond those."""


def fetch(source: str | Path, tls: Tls | None = None, timeout_s: float = 60.0) -> bytes:
    """The content of a URL or file. Raises `SourceError`."""
    if isinstance(source, Path):
        try:
            return source.read_bytes()
        except OSError as error:
            raise SourceError(f"{source}: expected CRIC's JSON: {error.strerror}") from error
    import httpx

    tls = tls or Tls()
    try:
        with http_client(tls=tls, timeout_s=timeout_s, headers={"accept": "application/json"}) as client:
            with client.stream("GET", source) as response:
                if not response.is_success:
                    to = mask(response.headers.get("location", ""))
                    redirect = f", a redirect to {to}: give that address" if to else ""
                    raise SourceError(f"{source} answered {response.status_code}{redirect}")
                content = bytearray()
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > MAX_BYTES:
                        raise SourceError(
                            f"{source}: expected {MAX_BYTES} bytes at most, found more: is it CRIC's address?"
                        )
            return bytes(content)
    except httpx.HTTPError as error:
        text = f"{source}: no answer: {type(error).__name__}: {mask(str(error))}"
        raise SourceError(tls.explain(text)) from error


def decode(content: bytes, name: Name, source: str) -> dict[str, Any]:
    """A document of CRIC. Raises `SourceError` for what is none."""
    if content.lstrip()[:1] == b"<":
        raise SourceError(
            f"{source}: expected CRIC's JSON, found a web page: a login page or a proxy is in between; open the address in a"
            " browser without a session"
        )
    try:
        document = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise SourceError(
            f"{source}: expected CRIC's JSON, found {len(content)} bytes that are none or cut short: {error}"
        ) from error
    if not isinstance(document, dict):
        raise SourceError(
            f"{source}: expected a JSON object as CRIC answers, found {type(document).__name__}"
        )
    records = records_of(document)
    if not isinstance(records, dict) or not records:
        raise SourceError(f"{source}: expected {name}, found none; is it the address of CRIC's {name}?")
    return document


def records_of(document: Mapping[str, Any]) -> Any:
    """The records of a document by name: RSEs lie under ``rses`` with the preset, at its top without."""
    return document.get("rses", document)


class Snapshots:
    """The versions of a data directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def latest(self, name: Name) -> Snapshot | None:
        """The version of now; null before the first."""
        return state_files.read(
            self.path(name), Snapshot, "the topology", "the topology is empty until its source is read again"
        )

    def path(self, name: Name) -> Path:
        """The file of the version of now."""
        return self._directory / f"{name}.json"

    def update(
        self, name: Name, document: dict[str, Any], source: str, at: float, *, accept_loss: bool = False
    ) -> Snapshot:
        """Makes a document the version of now, if it differs; returns that version.

        Raises `SourceError` where more than `LOSS` of its records are gone, unless `accept_loss`.
        """
        with self._locked():
            last = self.latest(name)
            if last is not None and last.source == source and not accept_loss:
                check_loss(last, document)
            changes = list(differences(name, last.document if last else {}, document))
            if last is not None and not changes and last.source == source:
                return last
            snapshot = Snapshot(
                version=last.version + 1 if last else 1, at=rfc3339(at), source=source, document=document
            )
            if last is not None:  # the first version changes nothing: there was none before
                entry = Version(
                    version=snapshot.version,
                    name=name,
                    at=snapshot.at,
                    source=source,
                    changes=changes[:CHANGES_MAX],
                    more=max(0, len(changes) - CHANGES_MAX),
                )
                with (self._directory / "history.jsonl").open("ab") as file:
                    file.write(msgspec.json.encode(entry) + b"\n")
            state_files.write(self.path(name), msgspec.json.encode(snapshot))
            return snapshot

    def history(self) -> list[Version]:
        """What each version changed, the oldest first. A line that was cut short or is damaged is left out. Raises
        `DamagedStateError` for a file that cannot be read."""
        path = self._directory / "history.jsonl"
        try:
            lines = path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise state_files.DamagedStateError(
                f"{path}: expected the history of the topology: {error.strerror}; give Lakescope's user the right to read it"
            ) from error
        versions = []
        for line in lines:
            try:
                versions.append(msgspec.json.decode(line, type=Version))
            except state_files.DAMAGE:
                continue
        return versions

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two processes may read the source at once: an instance, and a command beside it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def check_loss(last: Snapshot, document: Mapping[str, Any]) -> None:
    """Raises `SourceError` where a document lacks more than `LOSS` of the records of the version before."""
    before, now = records_of(last.document), records_of(document)
    lost = sorted(before.keys() - now.keys())
    if len(lost) > LOSS * len(before):
        examples = ", ".join(lost[:5]) + (", ..." if lost[5:] else "")
        raise SourceError(
            f"{last.source}: {len(lost)} of {len(before)} records are gone ({examples}), more than {LOSS:.0%}:"
            f" version {last.version} of {last.at} stays; if they shall be gone: lakescope sync topology --accept-loss"
        )


def differences(name: Name, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """What a version changes: records, their fields, and of RSEs their protocols and distances, one by one."""
    type_ = name.removesuffix("s")
    old, new = records_of(before), records_of(after)
    for key in sorted({*old, *new}):
        if key not in new:
            yield Change(kind="remove", type=type_, object=key)
        elif key not in old:
            yield Change(kind="create", type=type_, object=key)
        else:
            fields_before, fields_after = _fields(old[key]), _fields(new[key])
            for field in sorted({*fields_before, *fields_after}):
                one, other = fields_before.get(field), fields_after.get(field)
                if one != other:
                    yield Change(kind="change", type=type_, object=key, part=field, before=one, after=other)
    yield from _distances(before.get("distances"), after.get("distances"))


def _fields(record: Any) -> dict[str, Any]:
    """Field -> value, one for each protocol; when CRIC wrote the record last says nothing of it."""
    if not isinstance(record, Mapping):
        return {"": record}
    fields = {
        key: value for key, value in record.items() if key not in ("updated_at", "last_update", "protocols")
    }
    protocols = record.get("protocols") or {}
    for number, one in enumerate(protocols if isinstance(protocols, list) else ()):
        if isinstance(one, Mapping):
            fields[f"protocol {one.get('scheme')}://{one.get('hostname')}:{one.get('port')}"] = one
        else:
            fields[f"protocol {number}"] = one
    if isinstance(protocols, Mapping):
        fields |= {f"protocol {label}": one for label, one in protocols.items()}
    return fields


def _distances(before: Any, after: Any) -> Iterator[Change]:
    old, new = _pairs(before), _pairs(after)
    for pair in sorted({*old, *new}):
        if old.get(pair) != new.get(pair):
            yield Change(
                kind="change", type="distance", object=pair, before=old.get(pair), after=new.get(pair)
            )


def _pairs(distances: Any) -> dict[str, Any]:
    if not isinstance(distances, Mapping):
        return {}
    return {
        f"{source} -> {destination}": value.get("distance", value.get("ranking"))
        if isinstance(value, Mapping)
        else value
        for source, ends in distances.items()
        if isinstance(ends, Mapping)
        for destination, value in ends.items()
    }
