"""libfaketime of Debian: the clock of one process, which tests can jump."""

from __future__ import annotations

from ._install import LIBRARIES, Install

LIBRARY = LIBRARIES / "faketime/libfaketimeMT.so.1"
"""To be preloaded by a process of several threads."""

INSTALL = Install("faketime", lambda: {"libfaketime": LIBRARY})
