"""Users of an INDIGO IAM, by SCIM 2 (RFC 7644) with IAM's extension: its own access, which needs the role of a reader only.

A list that may lack somebody is worse than none, since who is missing loses access: pages are read until one is empty, and the
number of users must be what each page says. A fault of one user is a `Fault` beside the others.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote as quote_path

import httpx
import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from lakescope.core.http import http_client, mask
from lakescope.core.messages import quote
from lakescope.core.oidc import Credentials, OidcOptions, RefusedLoginError, bearer
from lakescope.sync.accounts.options import AccountsOptions
from lakescope.sync.plan import SyncError

PAGE = 100
"""Most users a page: IAM gives no more."""
PAGE_BYTES_MAX = 32 * 2**20
USERS_MAX = 1_000_000
_READINGS = 3
"""So often the list is read before its numbers must agree: users come and go meanwhile."""
_ATTEMPTS = 4
_PASSING = (429, 500, 502, 503, 504)
_RIGHTS = (
    "; the client needs the grant client_credentials and the scope scim:read, and where IAM asks for a role, that of a reader"
    " (ROLE_READER) suffices"
)


class Email(msgspec.Struct):
    """Of ``emails``."""

    value: str
    primary: bool | None = None


class Group(msgspec.Struct):
    """Of ``groups``."""

    display: str
    """The path, such as escape/cta."""


class OidcId(msgspec.Struct):
    """An account at another identity provider that the user has linked."""

    issuer: str
    subject: str


class Certificate(msgspec.Struct, rename="camel"):
    """An X.509 certificate that the user has linked."""

    subject_dn: str
    """RFC 2253."""


class Indigo(msgspec.Struct, rename="camel"):
    """IAM's extension."""

    certificates: tuple[Certificate, ...] | None = None
    oidc_ids: tuple[OidcId, ...] | None = None
    saml_ids: tuple[msgspec.Raw, ...] | None = None
    ssh_keys: tuple[msgspec.Raw, ...] | None = None
    end_time: datetime | None = None
    """When the account ends; null: never."""


class User(msgspec.Struct, rename="camel"):
    """A user, of what IAM says that which Rucio needs."""

    id: str
    """The claim ``sub`` of the user's tokens."""
    user_name: str
    active: bool
    """False: suspended in IAM, by an administrator or for want of a signed AUP."""
    emails: tuple[Email, ...] | None = None
    groups: tuple[Group, ...] | None = None
    indigo: Indigo | None = msgspec.field(name="urn:indigo-dc:scim:schemas:IndigoUser", default=None)

    @property
    def email(self) -> str | None:
        """The primary address, or the first."""
        emails = sorted(self.emails or (), key=lambda email: not email.primary)
        return next((email.value for email in emails if email.value.strip()), None)


class Fault(msgspec.Struct):
    """A user that cannot be read."""

    name: str
    """What is known of them: the user name, the id, or where they stand in the list."""
    text: str
    id: str | None
    user_name: str | None


class Users(msgspec.Struct):
    """What IAM has."""

    issuer: str
    users: list[User]
    faults: list[Fault]


class _Page(msgspec.Struct):
    total: int = msgspec.field(name="totalResults")
    resources: list[msgspec.Raw] = msgspec.field(name="Resources", default_factory=list)


class _Trace(msgspec.Struct, rename="camel"):
    """What is readable of a user that is not."""

    id: Any = None
    user_name: Any = None


class _PassingError(Exception):
    """Worth another attempt."""


class _ChangingError(Exception):
    """The list changed while it was read."""


_decode_user = msgspec.json.Decoder(User).decode
_decode_page = msgspec.json.Decoder(_Page).decode
_decode_trace = msgspec.json.Decoder(_Trace).decode


class Iam:
    """One client's session. A context manager."""

    def __init__(self, options: AccountsOptions, *, timeout_s: float = 60.0, pause_s: float = 0.5) -> None:
        self._options = options
        self._url = options.url.rstrip("/")
        accept = {"accept": "application/json, application/scim+json"}
        self._client = http_client(tls=options.tls, timeout_s=timeout_s, headers=accept)
        oidc = OidcOptions(
            token_url=f"{self._url}/token",
            client_id=options.client_id,
            client_secret=options.client_secret,
            scope=options.scope,
        )
        self._credentials = Credentials(oidc, self._client)
        self._login = bearer(self._credentials)
        self._retrying = Retrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(pause_s, max=8.0),
            retry=retry_if_exception_type(_PassingError),
            reraise=True,
        )

    def __enter__(self) -> Iam:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def read(self, progress: Callable[[int, int], None] = lambda done, total: None) -> Users:
        """All users. Raises `SyncError` where IAM does not answer, refuses, or gives a list whose numbers do not agree."""
        issuer = self._options.issuer or self._discover()
        for reading in range(_READINGS):
            try:
                return Users(issuer, *self._read_all(progress))
            except _ChangingError as error:
                if reading == _READINGS - 1:
                    raise SyncError(
                        f"{self._url}/scim/Users: {error} in each of {_READINGS} readings: users may be missing, and would"
                        " lose access; run it again when nobody changes IAM, or look at what stands between it and Lakescope"
                    ) from error
        raise AssertionError

    def user(self, id_: str) -> User | None:
        """One user by id, null if there is none. Raises `SyncError`, as for one that cannot be read."""
        content = self._get(f"/scim/Users/{quote_path(id_, safe='')}", may_be_missing=True)
        if content is None:
            return None
        try:
            return _decode_user(content)
        except msgspec.DecodeError as error:
            raise self._no_json(f"/scim/Users/{id_}", "a user", content, error) from error

    def _discover(self) -> str:
        path = "/.well-known/openid-configuration"
        content = self._get(path, is_open=True)
        try:
            issuer = msgspec.json.decode(content or b"")["issuer"]
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise self._no_json(path, "an object with `issuer`", content or b"", error) from error
        if not isinstance(issuer, str) or not issuer.startswith(("https://", "http://")):
            raise SyncError(
                f"{self._url}{path}: expected a URL as `issuer`, found {quote(issuer)}; set `issuer` of [sync.accounts]"
            )
        return issuer

    def _read_all(self, progress: Callable[[int, int], None]) -> tuple[list[User], list[Fault]]:
        users: dict[str, User] = {}
        faults: dict[bytes, Fault] = {}
        total, start = 0, 1
        while True:
            page = self._page(start)
            if start > 1 and page.total != total:
                raise _ChangingError(f"totalResults was {total} and is {page.total} at startIndex {start}")
            total = page.total
            if not page.resources:
                break
            count = len(users) + len(faults)
            for position, raw in enumerate(page.resources, start):
                self._take(bytes(raw), position, users, faults)
            if len(users) + len(faults) == count:
                raise SyncError(
                    f"{self._url}/scim/Users: the page at startIndex {start} has only users of the pages before it: the server"
                    " does not heed startIndex, and its list has no end; look at what stands between IAM and Lakescope"
                )
            start += len(page.resources)
            if start > USERS_MAX:
                raise SyncError(f"{self._url}/scim/Users: expected {USERS_MAX} users at most, found more")
            progress(start - 1, max(total, start - 1))
        if len(users) + len(faults) != total:
            raise _ChangingError(f"totalResults is {total}, and {len(users) + len(faults)} users came")
        return list(users.values()), list(faults.values())

    def _take(self, raw: bytes, position: int, users: dict[str, User], faults: dict[bytes, Fault]) -> None:
        try:
            user = _decode_user(raw)
            if not user.id or not user.user_name:
                raise msgspec.ValidationError(
                    "Expected a text that is not empty - at `$.id` and `$.userName`"
                )
        except msgspec.DecodeError as error:
            faults.setdefault(raw, _fault(raw, position, error))
        else:
            users.setdefault(user.id, user)

    def _page(self, start: int) -> _Page:
        path = f"/scim/Users?startIndex={start}&count={PAGE}"
        content = self._get(path) or b""
        try:
            return _decode_page(content)
        except msgspec.DecodeError as error:
            raise self._no_json(path, "a page of users", content, error) from error

    def _get(self, path: str, *, is_open: bool = False, may_be_missing: bool = False) -> bytes | None:
        def attempt() -> bytes | None:
            return self._attempt(path, is_open, may_be_missing)

        try:
            answer: bytes | None = self._retrying(attempt)
        except _PassingError as error:
            raise SyncError(
                f"{self._url}{path}: no answer in {_ATTEMPTS} attempts: {self._mask(str(error))};"
                " is `url` of [sync.accounts] right, and does IAM run?"
            ) from error
        return answer

    def _attempt(self, path: str, is_open: bool, may_be_missing: bool) -> bytes | None:
        content = bytearray()
        try:
            with self._client.stream(
                "GET", self._url + path, auth=None if is_open else self._login
            ) as response:
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > PAGE_BYTES_MAX:
                        raise SyncError(
                            f"{self._url}{path}: expected {PAGE_BYTES_MAX} bytes at most, found more"
                        )
        except httpx.HTTPError as error:
            raise _PassingError(
                self._options.tls.explain(f"{type(error).__name__}: {mask(str(error))}")
            ) from error
        except RefusedLoginError as error:
            raise SyncError(
                f"{self._url}: not logged in: {error}, here of [sync.accounts]{_RIGHTS}"
            ) from error
        if response.status_code == 404 and may_be_missing:
            return None
        self._judge(response, bytes(content), path, _RIGHTS)
        return bytes(content)

    def _judge(self, response: httpx.Response, content: bytes, path: str, remedy: str) -> None:
        status = response.status_code
        if status in _PASSING:
            raise _PassingError(f"{status}: {_text(content)}")
        where = f"{self._url}{path} answered {status}"
        if 300 <= status < 400:
            location = self._mask(response.headers.get("location", ""))
            raise SyncError(
                f"{where}, a redirect to {location}: a login page, or another address; correct `url` of [sync.accounts]"
            )
        if response.headers.get("content-type", "").startswith("text/html"):
            raise SyncError(
                f"{where} with a web page: a proxy or a login page is in between; correct `url` of [sync.accounts]"
            )
        if status != 200:
            raise SyncError(
                f"{where}: {self._mask(_text(content))}{remedy if status in (400, 401, 403) else ''}"
            )

    def _no_json(self, path: str, expected: str, content: bytes, error: Exception) -> SyncError:
        return SyncError(
            f"{self._url}{path}: expected {expected}, found {self._mask(_text(content, 80))}: {error}"
        )

    def _mask(self, text: str) -> str:
        return mask(self._credentials.mask(text))


def _fault(raw: bytes, position: int, error: Exception) -> Fault:
    try:
        trace = _decode_trace(raw)
    except msgspec.DecodeError:
        trace = _Trace()
    id_ = trace.id if isinstance(trace.id, str) and trace.id else None
    user_name = trace.user_name if isinstance(trace.user_name, str) and trace.user_name else None
    name = user_name or id_ or f"user {position} of the list"
    return Fault(name, f"{error}; correct this user in IAM", id_, user_name)


def _text(content: bytes, limit: int = 200) -> str:
    return quote(" ".join(content.decode(errors="replace").split()), limit)
