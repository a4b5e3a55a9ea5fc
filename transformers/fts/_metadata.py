"""What an issuer, such as Rucio, gives FTS with a job and its files: any JSON, or a text that holds some."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from lakescope.core.events import Transfer
from lakescope.core.messages import RejectedError
from lakescope.transformers._common import any_json
from lakescope.transformers.fts._values import Number, size


class FileMetadata(Struct, gc=False):
    """What Rucio gives FTS with each file; other issuers' keys are theirs, and not counted."""

    activity: str | None = None
    adler32: str | None = None
    dst_rse: str | None = None
    dst_type: str | None = None
    filesize: Number | None = None
    md5: str | None = None
    name: str | None = None
    request_id: str | None = None
    request_type: str | None = None
    scope: str | None = None
    src_rse: str | None = None
    src_type: str | None = None


class JobMetadata(FileMetadata, gc=False):
    """What Rucio, or the script that tests a lake without it, gives FTS with each job.

    Rucio's first submitters made a job of each file, and told here what later ones tell with the file.
    """

    multi_sources: bool | None = None
    multihop: bool | None = None
    previous_attempt_id: str | None = None


# any JSON; a string may hold some more
AboutFile: TypeAlias = FileMetadata | str | int | float | bool | list[Any] | None
AboutJob: TypeAlias = JobMetadata | str | int | float | bool | list[Any] | None

_KINDS: dict[str, Literal["transfer", "stagein"]] = {"transfer": "transfer", "stagein": "stagein"}
_M = TypeVar("_M", FileMetadata, JobMetadata)


def metadata_of(value: Any, kind: type[_M]) -> _M | None:
    """What is known of any JSON that an issuer chose, or of a text that holds some; fields of other types not."""
    if isinstance(value, kind):
        return value
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = any_json(value.encode())
        except RejectedError:
            return None
    if not isinstance(value, dict):
        return None
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, RecursionError):
        return _what_fits(value, kind)


def _what_fits(document: dict[str, Any], kind: type[_M]) -> _M:
    metadata = kind()
    for field in msgspec.structs.fields(kind):
        try:
            value = msgspec.convert(document.get(field.name), field.type, strict=False)
        except (msgspec.ValidationError, RecursionError):
            continue
        setattr(metadata, field.name, value)
    return metadata


def add_metadata(
    transfer: Transfer, about_file: AboutFile, about_job: AboutJob, several_sources: bool | None = False
) -> None:
    """Adds what the issuer told FTS with the job and the file."""
    if type(about_job) is not JobMetadata:
        about_job = metadata_of(about_job, JobMetadata)
    if about_job is not None:
        several_sources = several_sources or about_job.multi_sources
        if transfer.multihop is None:
            transfer.multihop = about_job.multihop
        if transfer.activity in (None, "default"):  # FTS's own word for none
            transfer.activity = about_job.activity or transfer.activity
    if type(about_file) is not FileMetadata:
        about_file = metadata_of(about_file, FileMetadata)
    if about_job is not None and about_job.request_id and not (about_file and about_file.request_id):
        about_file = about_job
        transfer.previous_request_id = about_job.previous_attempt_id or None
    if about_file is None:
        return
    transfer.kind = _KINDS.get((about_file.request_type or "").lower())
    transfer.request_id = about_file.request_id or None
    transfer.scope = about_file.scope or None
    transfer.name = about_file.name or None
    transfer.activity = about_file.activity or transfer.activity
    if not several_sources:  # else the metadata name the first one, and FTS may have taken another
        transfer.src_rse = about_file.src_rse or None
        transfer.src_type = about_file.src_type or None
    transfer.dst_rse = about_file.dst_rse or None
    transfer.dst_type = about_file.dst_type or None
    transfer.adler32 = about_file.adler32 or None
    transfer.md5 = about_file.md5 or None
    if transfer.bytes is None or transfer.bytes < 0:
        filesize = size(about_file.filesize, zero=True)
        transfer.bytes = transfer.bytes if filesize is None else filesize
