"""State in a file: whole or not at all, whatever ends the process or the machine."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

T = TypeVar("T")
KEY_BYTES = 32

log = logging.getLogger(__name__)


DAMAGE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a file that is not what was written there."""


class DamagedStateError(RuntimeError):
    """A file of state is not what was written there, or cannot be read. Names it, and the remedy."""


def write(path: Path, content: bytes) -> None:
    """Replaces the file, if it has another content: most ticks change nothing. Raises `OSError`."""
    if path.exists() and path.read_bytes() == content:
        return
    draft = path.with_name(f"{path.name}.new")
    with draft.open("wb") as file:
        _fill(file, content)
    draft.replace(path)


def write_private(path: Path, content: bytes) -> None:
    """Replaces a file that only this user may read. Raises `OSError`."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)  # one that another process left may have other rights
    with open(draft, "xb", opener=private) as file:
        _fill(file, content)
    draft.replace(path)


def private(path: str, flags: int) -> int:
    """An opener for `open`: a file that it makes only this user may read."""
    return os.open(path, flags, 0o600)


def _fill(file: BinaryIO, content: bytes) -> None:
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def private_key(path: Path, loss: str) -> bytes:
    """32 random bytes that only this user may read, made at the first call. A file that has not 32 bytes is moved away, with a
    warning that says what follows (`loss`), and a new one is made. Raises `OSError`."""
    try:
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
    except FileNotFoundError:
        pass
    else:
        away = path.with_name(f"{path.name}.damaged")
        path.replace(away)
        text = "error=%s: expected a key of %d bytes, found %d; it is %s now, and a new one was made: %s"
        log.warning(f"key_damaged {text}", path, KEY_BYTES, len(key), away, loss)
    key = secrets.token_bytes(KEY_BYTES)
    write_private(path, key)
    return key


def read(
    path: Path, kind: type[T], what: str, loss: str = "people are notified again of all that is abnormal"
) -> T | None:
    """What `write` left there; null where there is no file yet. Raises `DamagedStateError` for one that is damaged, not ours or
    not readable, with what follows without it (`loss`)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedStateError(
            f"{path}: expected the state of {what}: {error.strerror}; give Lakescope's user the right to read it, or move it"
            f" away: mv {path} {path}.damaged; then {loss}"
        ) from error
    except DAMAGE as error:
        raise DamagedStateError(
            f"{path}: expected the state of {what}: {error}; move it away: mv {path} {path}.damaged;"
            f" then {loss}"
        ) from error
