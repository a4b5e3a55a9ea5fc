"""A small data lake in a real Rucio, all of its names of one test's own."""

from __future__ import annotations

from dataclasses import dataclass

from .rucio import Rucio

GIGABYTE = 10**9


@dataclass(frozen=True)
class File:
    """A file of the lake."""

    scope: str
    name: str
    size: int
    """In bytes."""

    @property
    def did(self) -> dict[str, str]:
        """As Rucio's client takes it."""
        return {"scope": self.scope, "name": self.name}


@dataclass(frozen=True)
class Lake:
    """What `make_lake` made."""

    account: str
    """No administrator; opened by a user of its name and Rucio's password."""
    scope: str
    rses: tuple[str, ...]
    hosts: dict[str, str]
    """RSE to the host in its URLs."""
    dataset: str
    files: tuple[File, ...]
    """The files of the dataset, each with one replica, at the first RSE."""

    def __getitem__(self, letter: str) -> str:
        """The RSE that ends with this letter."""
        return next(rse for rse in self.rses if rse.endswith(f"_{letter}"))


def make_lake(
    rucio: Rucio,
    name: str,
    *,
    letters: str = "ABC",
    links: str = "AB BA AC BC",
    files: int = 4,
    fts: str = "",
    storage: str = "",
    vo: str | None = None,
) -> Lake:
    """An account with its scope, one RSE a letter, each with attributes, limits and the account's quota, one-way links
    between them, and a dataset of `files` at the first. An RSE T is a tape.

    `name` begins every name. `fts` is the URL of the FTS that carries the transfers; `storage` the URL of a WebDAV
    server that deletes below /<host>/ (plain http: the transfers' URLs are davs). Without them there is neither.
    """

    def call(method: str, *arguments: object, **keywords: object) -> object:
        return rucio.client(method, *arguments, vo=vo, **keywords)

    account, scope = name.lower(), f"{name.lower()}-data"
    rses = tuple(f"{name.upper()}_{letter}" for letter in letters)
    hosts = {rse: f"{rse.lower().replace('_', '-')}.example.org" for rse in rses}
    call("add_account", account, "USER", f"{account}@example.org")
    call("add_identity", account, account, "USERPASS", f"{account}@example.org", password=rucio.password)
    call("add_scope", account, scope)
    for number, rse in enumerate(rses):
        is_tape = letters[number] == "T"
        call(
            "add_rse", rse, country_name="Switzerland", ISP="example", rse_type="TAPE" if is_tape else "DISK"
        )
        qos = "TAPE" if is_tape else ("FAST-DISK", "CHEAP-DISK")[number % 2]
        attributes = {
            "site": f"SITE-{number}",
            "qos": qos,
            **({"archive_timeout": 86_400} if is_tape else {}),
        }
        for key, value in {**attributes, **({"fts": fts} if fts else {})}.items():
            call("add_rse_attribute", rse, key, value)
        for protocol in _protocols(hosts[rse], storage):
            call("add_protocol", rse, protocol)
        call("set_rse_usage", rse, "storage", 10 * GIGABYTE, 90 * GIGABYTE)
        call("set_rse_limits", rse, "MinFreeSpace", GIGABYTE)
        call("set_local_account_limit", account, rse, (number + 1) * 100 * GIGABYTE)
    for link in links.split():
        source, destination = (f"{name.upper()}_{letter}" for letter in link)
        call("add_distance", source, destination, {"distance": 1})
    made = tuple(File(scope, f"file-{number:02}", (number + 1) * 1_000_000) for number in range(files))
    add_files(rucio, rses[0], made, vo=vo)
    call("add_dataset", scope, "dataset")
    call("attach_dids", scope, "dataset", [file.did for file in made])
    return Lake(account, scope, rses, hosts, "dataset", made)


def add_files(rucio: Rucio, rse: str, files: tuple[File, ...], vo: str | None = None) -> None:
    """Catalogue files as being at an RSE."""
    replicas = [{**file.did, "bytes": file.size, "adler32": f"{file.size:08x}"} for file in files]
    rucio.client("add_replicas", rse, replicas, vo=vo)


def _protocols(host: str, storage: str) -> list[dict[str, object]]:
    carried = dict.fromkeys(("read", "write", "third_party_copy_read", "third_party_copy_write"), 1)
    protocols = [("davs", host, 443, "/data/", carried if storage else carried | {"delete": 1})]
    if storage:
        server, port = storage.removeprefix("http://").split(":")
        protocols.append(("http", server, int(port), f"/{host}/data/", {"delete": 1}))
    return [
        {
            "scheme": scheme,
            "hostname": server,
            "port": port,
            "prefix": prefix,
            "impl": "rucio.rse.protocols.webdav.Default",
            "domains": {"wan": wan, "lan": {}},
        }
        for scheme, server, port, prefix, wan in protocols
    ]
