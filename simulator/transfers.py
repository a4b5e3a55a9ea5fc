"""What moves in the lake: rules, the transfers they cause, and deletions.

Plain records, filled in as a transfer goes its way; the dialects under `wire/` only read them. Moments are
microseconds since 1970, 0 where the thing hasn't happened.
"""

from typing import Literal

import msgspec

from lakescope.simulator.errors import Error
from lakescope.simulator.lake import FtsServer, Protocol, Rse, Site, Vo

AccessKind = Literal["upload", "download", "touch", "get_sm", "put_sm"]

RETRIES = 3
"""Attempts after the first before Rucio lets a rule be stuck."""


class Route(msgspec.Struct, gc=False):
    """Source and destination with the protocols used between them, and what FTS counts there.

    `pace` is a file's usual throughput in bytes/s, `rtt` the round trip in seconds. FTS's optimiser reports
    `active`, `submitted` and, since its last report, the `done`, `failed`, `retried`, `bytes`, their `squares` and
    `busy` (microseconds).
    """

    src: Rse
    dst: Rse
    src_door: Protocol
    dst_door: Protocol
    pace: float
    rtt: float
    active: int = 0
    submitted: int = 0
    done: int = 0
    failed: int = 0
    retried: int = 0
    bytes: int = 0
    squares: float = 0.0
    busy: int = 0

    @property
    def channel(self) -> str:
        return f"{self.src_door.host}__{self.dst_door.host}"


class Rule(msgspec.Struct, gc=False):
    """A Rucio rule with its dataset (None: a single file, as noise has it).

    `notify` is Rucio's choice for the rule: N nothing, Y its completion, P its progress too. `job` groups files
    that are submitted together: (route, FTS job, moment of submission, number of files).
    """

    id: str
    vo: Vo
    account: str
    activity: str
    scope: str
    dataset: str | None
    datatype: str | None
    dst: Rse
    created: int
    files: int = 1
    done: int = 0
    bytes: int = 0
    notify: str = "N"
    stagein: bool = False
    functional: bool = False
    fts: FtsServer | None = None
    job: tuple[Route, str, int, int] | None = None


class Transfer(msgspec.Struct, gc=False):
    """One attempt to bring one file over; a retry is a new one that names its predecessor.

    `started` and `ended` bound FTS's process, `first_byte` and `last_byte` the copy within it; `archived` is when
    the tape had it; `reported` is when Rucio took note. `polled`: Rucio asked FTS's REST interface (whole seconds,
    `SCOPE [errno] text`), else it listened to FTS's messages. `foreign`: FTS's own test, unknown to Rucio.
    """

    rule: Rule
    route: Route
    fts: FtsServer
    request_id: str
    previous: str | None
    retry: int
    name: str
    size: int
    adler32: str
    md5: str | None
    src_url: str
    dst_url: str
    created: int
    polled: bool = True
    foreign: bool = False
    job_id: str = ""
    file_id: int = 0
    submitted: int = 0
    started: int = 0
    first_byte: int = 0
    last_byte: int = 0
    ended: int = 0
    archived: int = 0
    reported: int = 0
    error: Error | None = None
    canceled: bool = False


class Deletion(msgspec.Struct, gc=False):
    """A replica removed from a disk, or found missing, or not removed. `seconds` is how long it took.

    `unreachable`: the storage didn't answer at all, which Rucio reports in another form. `dark`: the file was
    known to the storage alone.
    """

    vo: Vo
    scope: str
    name: str
    rse: Rse
    url: str
    size: int
    datatype: str | None
    seconds: float
    reason: str | None = None
    missing: bool = False
    unreachable: bool = False
    dark: bool = False


class Access(msgspec.Struct, gc=False):
    """A client's or a pilot's access, which Rucio hears of by a trace; `site`, `host` and `address` are where the
    client runs. `error` is None on success."""

    kind: AccessKind
    vo: Vo
    account: str
    scope: str
    name: str
    dataset: str | None
    rse: Rse
    site: Site
    host: str
    address: str
    scheme: str
    size: int
    started: int
    ended: int
    error: str | None


class Watcher:
    """Hears what happens as it happens; a dialect overrides what its system speaks about."""

    def rule_made(self, us: int, rule: Rule) -> None: ...

    def queued(self, us: int, transfer: Transfer) -> None: ...

    def preparing(self, us: int, transfer: Transfer) -> None: ...

    def submitted(self, us: int, transfer: Transfer) -> None: ...

    def submission_failed(self, us: int, transfer: Transfer) -> None: ...

    def started(self, us: int, transfer: Transfer) -> None: ...

    def ended(self, us: int, transfer: Transfer) -> None: ...

    def archived(self, us: int, transfer: Transfer) -> None: ...

    def reported(self, us: int, transfer: Transfer) -> None: ...

    def lost(self, us: int, transfer: Transfer) -> None: ...

    def rule_advanced(self, us: int, rule: Rule) -> None: ...

    def deleted(self, us: int, deletion: Deletion) -> None: ...

    def accessed(self, us: int, access: Access) -> None: ...
