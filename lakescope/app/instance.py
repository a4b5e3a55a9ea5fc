"""The running instance of a data directory: where other commands find it.

`lakescope run` leaves ``instance.json`` in its data directory; tap, top, trace and replay ask it over HTTP,
because the embedded store can be open in one process only.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakescope.app.lock import holder
from lakescope.core import state_files

if TYPE_CHECKING:  # every command starts with this file, and some ask nobody
    import httpx
    from pydantic import SecretStr

FILE = "instance.json"
SECRET = "instance.secret"  # noqa: S105 - a file's name
"""What commands on this machine show to the instance, where others need a token: a file for its user alone."""


@contextlib.contextmanager
def announcement(data_dir: Path, url: str, secret: str = "", cert_file: Path | None = None) -> Iterator[None]:
    """Says for the time of the block that an instance answers at `url`, and to `secret` as to its owner.

    `cert_file`: what it shows there.
    """
    path = data_dir / FILE
    state_files.write_private(data_dir / SECRET, secret.encode())
    certificate = None if cert_file is None else str(cert_file.absolute())
    path.write_text(json.dumps({"pid": os.getpid(), "url": url, "certificate": certificate}))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        (data_dir / SECRET).unlink(missing_ok=True)


def local_arguments(data_dir: Path, token: SecretStr | None) -> dict[str, Any]:
    """What requests to the running instance need beside its URL: headers with the secret of its start, or, where this user may
    not read it, with `token`; how its certificate is verified."""
    text = None if token is None else token.get_secret_value()
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = (data_dir / SECRET).read_text() or text
    certificate = None
    with contextlib.suppress(OSError, ValueError, AttributeError, RecursionError):
        certificate = json.loads((data_dir / FILE).read_text()).get("certificate")
    headers = {} if text is None else {b"authorization": b"Bearer " + text.encode()}
    return {"headers": headers, "verify": _verification(certificate)}


def _verification(certificate: str | None) -> ssl.SSLContext | bool:
    """Trusts the instance's own certificate, whatever names it has: the instance is asked by address."""
    if certificate is None:
        return True
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def find(data_dir: Path) -> str | None:
    """URL of the instance that runs on this data directory; null if none answers.

    A file that a killed process left names a port that may be another lake's by now: the process in it must be the one
    that holds the directory's lock.
    """
    try:
        instance = json.loads((data_dir / FILE).read_text())
        url: str = instance["url"]
        if holder(data_dir) != instance["pid"]:
            return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    import httpx

    try:
        verify = _verification(instance.get("certificate"))
        httpx.get(f"{url}/livez", timeout=3.0, trust_env=False, verify=verify).raise_for_status()
    except (OSError, ValueError, httpx.HTTPError):
        return None
    return url


def ask(url: str, path: str, **arguments: Any) -> Any:
    """GET of the instance's API, as plain data. Raises `RuntimeError` with what it answered."""
    return _request("GET", f"{url}{path}", timeout=60.0, **arguments)


def tell(url: str, path: str, body: Any, **arguments: Any) -> Any:
    """POST to the instance's API, as plain data. Raises `RuntimeError` with what it answered."""
    return _request("POST", f"{url}{path}", json=body, timeout=600.0, **arguments)


def stream(url: str, path: str, **arguments: Any) -> Iterator[str]:
    """The lines of an answer without end. Raises `RuntimeError` with what it answered, or if it goes away."""
    import httpx

    timeout = httpx.Timeout(10.0, read=None)
    try:
        with httpx.stream("GET", f"{url}{path}", timeout=timeout, trust_env=False, **arguments) as response:
            if not response.is_success:
                response.read()
                raise RuntimeError(f"{response.url} answered {response.status_code}: {_detail(response)}")
            yield from filter(None, response.iter_lines())
    except httpx.HTTPError as error:
        raise RuntimeError(f"{url} went away: {error}") from error


def _request(method: str, url: str, **arguments: Any) -> Any:
    import httpx

    try:
        response = httpx.request(method, url, trust_env=False, **arguments)
    except httpx.HTTPError as error:  # it went away, or takes too long
        raise RuntimeError(f"{url}: no answer: {type(error).__name__}: {error}") from error
    if not response.is_success:
        raise RuntimeError(f"{response.url} answered {response.status_code}: {_detail(response)}")
    try:
        return response.json()
    except ValueError as error:
        raise RuntimeError(f"{response.url} gave no answer of Lakescope's: {response.text[:100]}") from error


def _detail(response: httpx.Response) -> str:
    """The instance's own words, without their wrapping."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        detail = response.json()["detail"]
        return detail if isinstance(detail, str) else json.dumps(detail)[:300]
    return response.text[:300]
