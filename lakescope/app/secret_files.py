"""Secrets in files: ``${file:PATH}`` and ``${credential:NAME}`` of a configuration, and who else may read such a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

LONGEST_BYTES = 64 * 1024
"""Of a secret."""
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Where systemd puts a unit's credentials (systemd.exec, "LoadCredential="): in memory, for the unit's user alone."""


class SecretFileError(Exception):
    """A secret cannot be read from its file: what is wrong, and the remedy."""

    def __init__(self, text: str, remedy: str):
        self.text, self.remedy = text, remedy
        super().__init__(f"{text}; {remedy}")


def credential(name: str) -> Path:
    """The file of a credential that systemd gave to this unit. Raises `SecretFileError`."""
    directory = os.environ.get(CREDENTIALS)
    if directory is None:
        text = f"there are no credentials of systemd here: {CREDENTIALS} is not set"
        raise SecretFileError(
            text, f"write LoadCredential={name}:/etc/lakescope/{name} into the unit's [Service]"
        )
    if "/" in name or name.startswith("."):
        raise SecretFileError(
            f"expected a credential's name, found {name!r}", "write ${file:PATH} for a path"
        )
    return Path(directory) / name


def read_secret(path: Path) -> str:
    """The one line of a file, its end of line left out. Raises `SecretFileError`, in which nothing of the file is quoted."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_BYTES + 1)
    except OSError as error:
        remedy = f"write the secret into it, and let this user alone read it: chmod 600 {path}"
        raise SecretFileError(f"{path}: cannot be read: {error.strerror}", remedy) from error
    try:
        secret = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretFileError(f"{path}: expected text in UTF-8", "write one line of text into it") from None
    if not secret or len(secret.splitlines()) > 1 or len(content) > LONGEST_BYTES:
        text = f"{path}: expected one line, found {len(secret.splitlines())} and {len(content)} bytes"
        raise SecretFileError(text, "write the secret alone into it")
    return secret


def exposure(path: Path, what: str) -> str | None:
    """Whom else a file with a secret lets read, with the remedy; null for nobody, or a file that is not there.

    A credential of systemd is guarded by its folder.
    """
    directory = os.environ.get(CREDENTIALS)
    if directory is not None and path.is_relative_to(directory):
        return None
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    others = [who for bit, who in ((stat.S_IRGRP, "its group"), (stat.S_IROTH, "everybody")) if mode & bit]
    if not others:
        return None
    return (
        f"{path} holds {what}, and {others[-1]} may read it (mode {stat.S_IMODE(mode):04o}): chmod 600 {path}"
    )
