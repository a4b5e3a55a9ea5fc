"""Whose a token is, and a browser's session."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from fastapi.concurrency import run_in_threadpool

from lakescope.app.access import HTTP_TOKEN, AccessOptions, TokenOptions
from lakescope.app.viewer import OWNER, Viewer
from lakescope.app.web.oidc_login import OidcLogin, name_of
from lakescope.core import state_files
from lakescope.core.issuer import Issuer, RefusedTokenError, groups_of, looks_like_jwt

log = logging.getLogger(__name__)

_SIGNATURE = "HS256"
_LOSS = (
    "all sessions that began before are refused, since which of them have ended is not known; log in again"
)


class Identities:
    """Everybody who may come in."""

    def __init__(
        self, access: AccessOptions, http_token: str | None, local_secret: str, session_key: bytes
    ) -> None:
        self._access = access
        self._issuer = Issuer(access.oidc) if access.oidc else None
        self.oidc = OidcLogin(access.oidc, access, self._issuer) if access.oidc and self._issuer else None
        """Null where no issuer is configured."""
        self.has_tokens = http_token is not None or bool(access.tokens)
        self.is_open = http_token is None and not access.is_configured
        """Whether nobody needs to say who they are."""
        self._entries: dict[str, tuple[Viewer, TokenOptions | None]] = {
            options.sha256: (options.viewer(name), options) for name, options in access.tokens.items()
        }
        if http_token is not None:
            self._entries[_hash(http_token.encode())] = (OWNER._replace(name=HTTP_TOKEN), None)
        self._long = {options.sha256 for options in access.tokens.values()}
        if local_secret:
            self._long.add(_hash(local_secret.encode()))
            self._entries[_hash(local_secret.encode())] = (OWNER, None)
        # a short token could be guessed from its hash, were that in a cookie
        self._session_key = session_key
        self._references = {self._reference(digest): digest for digest in self._entries}

    def is_beyond_guessing(self, token: bytes) -> bool:
        """Whether it is of a command on this machine or of the table of tokens, which have 256 bits: wrong tokens of others
        behind the same proxy do not keep it out. The token of `[http]` may be a word that somebody has chosen."""
        return _hash(token) in self._long

    async def of_token(self, token: bytes) -> Viewer:
        """Whoever shows a token. Raises `RefusedTokenError` or `SilentIssuerError`.

        The hash is looked up, not compared: how long that takes tells nothing of a token.
        """
        digest = _hash(token)
        if (
            digest in self._entries
            or self._issuer is None
            or not self._issuer.options.audience
            or not looks_like_jwt(token)
        ):
            return self._of_hash(digest)
        # away from the event loop: the issuer may have to be asked
        claims = await run_in_threadpool(self._issuer.verify, token.decode())
        return self._of_groups(name_of(claims), groups_of(claims))

    def of_session(self, session: Mapping[str, Any]) -> Viewer:
        """Whoever began it, with their rights of now. Raises `RefusedTokenError`."""
        if "groups" in session:
            return self._of_groups(session["name"], session["groups"])
        return self._of_hash(self._references.get(str(session.get("token")), ""))

    def session_of(self, token: bytes) -> dict[str, Any]:
        """What a session must keep of a token that was shown. Raises `RefusedTokenError`."""
        digest = _hash(token)
        self._of_hash(digest)
        return {"token": self._reference(digest)}

    def _reference(self, digest: str) -> str:
        return hmac.new(self._session_key, digest.encode(), "sha256").hexdigest()

    def _of_groups(self, name: str, groups: Iterable[str]) -> Viewer:
        viewer = self._access.viewer_of(name, groups)
        if viewer is None:
            raise RefusedTokenError(f"no group of {name} may come in here")
        return viewer

    def _of_hash(self, digest: str) -> Viewer:
        if digest not in self._entries:
            raise RefusedTokenError("this token is not known here")
        viewer, options = self._entries[digest]
        if options is not None and options.has_expired(time.time()):
            raise RefusedTokenError(f"the token {viewer.name} was valid until {options.expires}")
        return viewer


class _Ended(msgspec.Struct):
    """What `sessions-ended.json` has. Times are POSIX seconds."""

    sessions: dict[str, float]
    """Id -> when it would have ended anyway."""
    begun_until: float = 0.0
    """Whatever began until then is refused."""


class Sessions:
    """Logins of browsers: cookies that this instance has signed, with an end.

    A logout ends one at once, at each address of the instance and over a restart: `sessions-ended.json` has the ids until they
    would have ended anyway, and no name. If that file is damaged, nobody knows who has left: all that began before are refused.
    What ends a departure is for this process: the issuer takes its code once.
    """

    def __init__(self, data_dir: Path, seconds: float) -> None:
        self.key = state_files.private_key(data_dir / "session.key", "all have to log in again")
        self.seconds = seconds
        # cookies know no ports: two instances on one host must not take each other's
        self.cookie = f"lakescope_{hashlib.sha256(self.key).hexdigest()[:8]}"
        self._path = data_dir / "sessions-ended.json"
        self._stamp: tuple[int, int] | None = (
            None  # of the file as it was read: another address may have written it
        )
        self._ended = _Ended({})
        self._lock = threading.Lock()

    def begin(self, content: Mapping[str, Any], *, purpose: str = "session", seconds: float = 0.0) -> str:
        """The cookie's value, signed; whoever has it can read `content`."""
        import jwt  # brings cryptography

        now = time.time()
        frame = {
            "exp": now + (seconds or self.seconds),
            "aud": purpose,
            "jti": secrets.token_urlsafe(12),
            "begun": now,
        }
        return jwt.encode(dict(content) | frame, self.key, _SIGNATURE)

    def read(self, value: str, *, purpose: str = "session") -> dict[str, Any] | None:
        """The content of a cookie that is ours and has not ended."""
        if not value:
            return None
        import jwt  # brings cryptography

        try:
            claims: dict[str, Any] = jwt.decode(
                value, self.key, [_SIGNATURE], audience=purpose, options={"require": ["exp", "jti", "begun"]}
            )
        except jwt.InvalidTokenError:
            return None
        with self._lock:
            self._read_ended()
            has_ended = claims["jti"] in self._ended.sessions or claims["begun"] <= self._ended.begun_until
        return None if has_ended else claims

    def end(self, value: str, *, purpose: str = "session") -> None:
        """Logs out. Raises `OSError` where that cannot be written; it then holds until a restart."""
        claims = self.read(value, purpose=purpose)
        if claims is None:
            return
        now = time.time()
        with self._lock:
            sessions = self._ended.sessions
            self._ended.sessions = {one: end for one, end in sessions.items() if end > now}
            self._ended.sessions[claims["jti"]] = claims["exp"]
            if purpose == "session":
                self._write()

    def _read_ended(self) -> None:
        """With the lock held."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return
        if (stamp := (status.st_mtime_ns, status.st_ino)) != self._stamp:
            self._stamp = stamp
            try:
                ended = state_files.read(self._path, _Ended, "sessions that have ended", _LOSS) or _Ended({})
            except state_files.DamagedStateError as error:
                log.error("sessions_ended_damaged error=%s", error)
                self._ended.begun_until = time.time()
                with suppress(
                    OSError
                ):  # it is found damaged again after a restart then, and as much is refused
                    self._write()
                return
            self._ended.sessions |= ended.sessions
            self._ended.begun_until = max(self._ended.begun_until, ended.begun_until)

    def _write(self) -> None:
        state_files.write_private(self._path, msgspec.json.encode(self._ended))


def _hash(token: bytes) -> str:
    return hashlib.sha256(token).hexdigest()
