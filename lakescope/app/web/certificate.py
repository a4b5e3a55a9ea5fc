"""The certificate that a server shows, read again when its files change."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

from lakescope.core.options import Tls

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""From one look at the files to the next."""

_Version = tuple[tuple[int, int, int], ...]


class ServerCertificate:
    """PEM files: the certificate with its chain, and its key (null: in the same file). Raises `OSError` naming one that cannot
    be used."""

    def __init__(self, cert_file: Path, key_file: Path | None) -> None:
        self.files = Tls(cert_file=cert_file, key_file=key_file)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.set_alpn_protocols(["http/1.1"])
        self._version = self._look()
        self._load()

    async def watch(self) -> None:
        """Without end: connections from then on are shown what is in the files."""
        while True:
            await asyncio.sleep(LOOK_S)
            await asyncio.to_thread(self.renew)

    def renew(self) -> None:
        """Reads the files if they have changed. What cannot be used, as a key that does not belong to the certificate yet, leaves
        the old one in place, and is tried again."""
        try:
            version = self._look()
            if version == self._version:
                return
            self._load()
        except OSError as error:
            log.warning("certificate_not_renewed file=%s error=%s", error.filename, error.strerror or error)
            return
        self._version = version
        log.info("certificate_renewed file=%s", self.files.cert_file)

    def _load(self) -> None:
        self.files.context()  # a context of its own finds what is wrong, before the one in use has half of it
        assert self.files.cert_file is not None
        self.context.load_cert_chain(self.files.cert_file, self.files.key_file, password="")

    def _look(self) -> _Version:
        """Inode, size and time of change of each file."""
        files = filter(None, (self.files.cert_file, self.files.key_file))
        return tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in (file.stat() for file in files))
