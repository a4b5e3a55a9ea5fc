"""What the options of all plugins have in common; their specification is their validation."""

from __future__ import annotations

import ast
import inspect
import re
import ssl
import textwrap
from collections.abc import Iterable
from errno import EINVAL
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

DIRECTORY = "directory"
"""Key of the validation's context: where relative paths begin, the directory of the configuration's file."""
LONGEST_S = 1e8  # three years: clocks and locks of the system take no more than some thousand times as much
_NUMBERS = (int, float, int | None, float | None)


def _check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("expected a time zone such as Europe/Zurich") from error
    return name


TimeZone = Annotated[str, AfterValidator(_check_time_zone)]
"""Name of a zone of the IANA time zone database."""


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Option -> the docstring below it. Read from the source, for which a start has no time."""
    texts: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if one is BaseModel or not issubclass(one, BaseModel):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        assert isinstance(body, ast.ClassDef)
        for field, below in pairwise(body.body):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                assert isinstance(field.target, ast.Name)
                assert isinstance(below.value, ast.Constant)
                texts[field.target.id] = inspect.cleandoc(str(below.value.value))
    return texts


class Options(BaseModel):
    """Base of every plugin's options: validation, sample configuration and reference page derive from it.

    Each field has a docstring (see `descriptions`) and, where it has no default, an example.
    """

    # deferred: a start needs the validators of a few models, and pydantic takes long to make all of them
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        options = handler.resolve_ref_schema(schema)["properties"]
        for name, text in descriptions(cls).items():
            options[name]["description"] = text
        return schema

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation in _NUMBERS:
            raise ValueError("expected a number")
        return value

    @field_validator("*")
    @classmethod
    def _in_bounds(cls, value: Any, info: ValidationInfo) -> Any:
        """Paths beside the configuration's file; durations that a clock can wait."""
        if isinstance(value, Path):
            return (info.context or {}).get(DIRECTORY, Path()) / value
        if str(info.field_name).endswith("_s") and isinstance(value, (int, float)) and value > LONGEST_S:
            raise ValueError(f"expected {LONGEST_S:.0f} seconds at most")
        return value

    @model_validator(mode="after")
    def _users_have_passwords(self) -> Self:
        user, password = getattr(self, "username", None), getattr(self, "password", None)
        if "password" in type(self).model_fields and (user is None) != (password is None):
            raise ValueError(
                "`username` without `password`: add it, or remove both"
                if password is None
                else "`password` without `username`: add it, or remove both"
            )
        return self


def closest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that was meant, if any is near."""
    import difflib

    return next(iter(difflib.get_close_matches(name, list(names), 1)), None)


def check_url(
    url: str, schemes: tuple[str, ...], example: str, secrets: str = "`username` and `password`"
) -> None:
    """Raises `ValueError` for what is no URL of one of `schemes`, or has a password in it."""
    try:
        parts = urlsplit(url)
        complete = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, brackets that do not close
        complete = False
    if complete and (parts.username is not None or parts.password is not None):
        raise ValueError(f"a password in a URL ends in logs: use {secrets}")
    if not complete or url != "".join(url.split()):
        raise ValueError(f"expected a URL such as {example}, its scheme one of {', '.join(schemes)}")


def _url_or_path(value: Any) -> Any:
    if isinstance(value, str) and "://" in value:
        check_url(value, ("http", "https"), "https://cric.example.org/api/doma/rse/query/?json&preset=doma")
        return value
    return Path(value) if isinstance(value, str) else value


UrlOrPath = Annotated[str | Path, BeforeValidator(_url_or_path)]
"""What is fetched from a URL (str) or read from a file (Path)."""


class Tls(Options):
    """TLS towards a server."""

    ca_file: Path | None = Field(default=None, examples=["/etc/grid-security/certificates/ca.pem"])
    """CA certificates to trust instead of the system's."""
    ca_dir: Path | None = Field(default=None, examples=["/etc/grid-security/certificates"])
    """Folder of CA certificates to trust likewise, named by their hash (``5168735f.0``) as IGTF's packages are."""
    cert_file: Path | None = Field(default=None, examples=["/etc/lakescope/cert.pem"])
    """Client certificate (PEM)."""
    key_file: Path | None = Field(default=None, examples=["/etc/lakescope/key.pem"])
    """Its key (PEM), if not in `cert_file`."""
    verify: bool = True
    """Whether to check the server's certificate. Leave it on."""

    @model_validator(mode="after")
    def _key_belongs_to_a_certificate(self) -> Self:
        if self.key_file and not self.cert_file:
            raise ValueError("`key_file` without `cert_file`: add the certificate, or remove the key")
        return self

    def context(self) -> ssl.SSLContext:
        """For a client. Raises `OSError` naming the file that cannot be read or holds something else."""
        for file in (self.ca_file, self.cert_file, self.key_file):
            if file is not None:
                file.open("rb").close()  # ssl's own errors name no file
        context = (
            _context_trusting(self.ca_file, self.ca_dir)
            if self.ca_file or self.ca_dir
            else ssl.create_default_context()
        )
        if self.cert_file:
            self._show_certificate(context, self.cert_file)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert_file or self.ca_file:
            _CONTEXTS[context] = self, self._versions()
        return context

    def _versions(self) -> list[tuple[int, int] | None]:
        """Time of change and size of each file; null for one that is not there."""
        return [_version(file) if file else None for file in (self.ca_file, self.cert_file, self.key_file)]

    def _load_again(self, context: ssl.SSLContext) -> None:
        """For connections to come. Raises `OSError`; the context then shows what it did."""
        fresh = self.context()  # whatever is wrong with the files is told by a context that nobody uses
        _CONTEXTS.pop(fresh, None)
        if self.cert_file:
            self._show_certificate(context, self.cert_file)
        if self.ca_file:
            context.load_verify_locations(cafile=str(self.ca_file))

    def explain(self, fault: str) -> str:
        """A connection's fault; where a certificate was not trusted, with what it was checked against."""
        if "CERTIFICATE_VERIFY_FAILED" not in fault or "Hostname" in fault or "IP address" in fault:
            return fault
        return f"{fault}; checked against {self.ca_file or self.ca_dir or 'the CAs of the system'} (option tls.ca_file)"

    def _show_certificate(self, context: ssl.SSLContext, certificate: Path) -> None:
        key = self.key_file or certificate
        try:
            context.load_cert_chain(certificate, self.key_file, password=_ask_nobody)
        except ssl.SSLError as error:
            text = f"expected a certificate (PEM) and its key in {key}: {error.reason or error}"
            raise OSError(EINVAL, text, str(certificate)) from error
        except _EncryptedKeyError as error:
            text = "expected a key without a passphrase: write one with openssl pkey -in KEY -out NEW"
            raise OSError(EINVAL, text, str(key)) from error


_CONTEXTS: WeakKeyDictionary[ssl.SSLContext, tuple[Tls, list[tuple[int, int] | None]]] = WeakKeyDictionary()
"""Every context in use that has files, and these as they were when it read them."""


def renew_certificates() -> int:
    """Reads certificates and CAs of clients again whose files have changed: their next connections show and trust the new ones.

    A CA that is no longer in its file is trusted until the next start. Returns how many files are watched. Raises `OSError`
    naming one that cannot be used, after all others; what was read before then holds.
    """
    faults: list[OSError] = []
    for context, (tls, before) in list(_CONTEXTS.items()):
        versions = tls._versions()
        if versions == before:
            continue
        try:
            tls._load_again(context)
        except OSError as error:
            faults.append(error)
        else:
            _CONTEXTS[context] = tls, versions
    if faults:
        raise faults[0]
    return len(
        {file for tls, _ in _CONTEXTS.values() for file in (tls.ca_file, tls.cert_file, tls.key_file) if file}
    )


def _version(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


class _EncryptedKeyError(Exception):
    """A key needs a passphrase, which nobody is there to give."""


def _ask_nobody() -> str:
    raise _EncryptedKeyError


def _context_trusting(file: Path | None, folder: Path | None) -> ssl.SSLContext:
    if folder is not None and not any(_HASHED.fullmatch(path.name) for path in folder.iterdir()):
        text = "expected CA certificates named by their hash (5168735f.0): run openssl rehash"
        raise OSError(EINVAL, text, str(folder))
    try:
        return ssl.create_default_context(
            cafile=None if file is None else str(file), capath=None if folder is None else str(folder)
        )
    except ssl.SSLError as error:
        text = "expected CA certificates (PEM, -----BEGIN CERTIFICATE-----)"
        raise OSError(EINVAL, text, str(file)) from error


_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
