"""XRootD of Debian: a data server with a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from ._install import Install
from ._process import HOST, Server, free_port
from ._tls import Authority, Pair

_PROGRAM = "/usr/bin/xrootd"
_USER = "nobody"
"""It refuses to run as root."""

INSTALL = Install("xrootd", lambda: {"xrootd-server": _PROGRAM})


class Xrootd(Server):
    """A data server on a free loopback port; with a pair it has TLS, for clients that want it."""

    name: ClassVar[str] = "xrootd"

    def __init__(
        self, directory: Path, *, pair: Pair | None = None, authority: Authority | None = None
    ) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.pair = pair
        self.authority = authority

    def command(self) -> list[str]:
        work = self.directory / "work"
        (work / "data").mkdir(parents=True, exist_ok=True)
        lines = [
            "all.role server",
            f"xrd.port {self.port}",
            "all.export /",
            f"oss.localroot {work}/data",
            f"all.adminpath {work}/admin",
            f"all.pidpath {work}/admin",
        ]
        if self.pair is not None and self.authority is not None:
            kept = [
                shutil.copy(path, work)
                for path in (self.pair.certificate, self.pair.key, self.authority.certificate)
            ]
            certificate, key, ca = kept
            lines += [f"xrd.tls {certificate} {key}", f"xrd.tlsca certfile {ca}", "xrootd.tls capable all"]
        (work / "xrootd.cfg").write_text("\n".join(lines) + "\n")
        as_root = os.getuid() == 0
        if as_root:
            user = pwd.getpwnam(_USER)
            for path in (work, *work.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)
            for parent in work.parents:  # of pytest's folders only root may pass
                if parent.stat().st_uid == 0 and str(parent).startswith("/tmp/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        return [_PROGRAM, *(("-R", _USER) if as_root else ()), "-c", str(work / "xrootd.cfg"), "-I", "v4"]

    def is_ready(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False
