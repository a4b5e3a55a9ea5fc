"""HTTP poll: Prometheus endpoints and JSON URLs at an interval; a failed scrape is itself a measurement.

As Prometheus does, every scrape of a target adds ``up`` (1 or 0) and ``scrape_duration_seconds``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import Field, SecretStr, field_validator

from lakescope.collectors._common import OneFormat
from lakescope.collectors._reading import cut
from lakescope.core.contracts import EXAMINE_S, Finding, Health, Installation
from lakescope.core.http import http_client
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message, quote
from lakescope.core.oidc import OidcOptions, RefusedLoginError, bearer, credentials
from lakescope.core.options import Tls, check_url
from lakescope.core.unpacking import ENCODINGS, DamagedError, TooLargeError, excess, unpack

ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.8,application/json;q=0.7,*/*;q=0.1"

_TRIED = 20
"""Targets whose certificates an examination reads."""


class PollOptions(OneFormat):
    """Options of the poll collector."""

    format: str = Field(default="node_exporter", examples=["node_exporter"])
    """Name of the format that reads the answers."""
    urls: list[str] = Field(examples=[["http://se01.example.org:9100/metrics"]], min_length=1)
    """What to read."""
    interval_s: float = Field(default=60.0, gt=0)
    """From one reading to the next (seconds)."""
    timeout_s: float = Field(default=10.0, gt=0)
    """Longest wait for an answer (seconds)."""
    max_body_bytes: int = Field(default=64 * 2**20, ge=1)
    """Largest answer (bytes)."""
    headers: dict[str, SecretStr] = Field(default={}, examples=[{"authorization": "Bearer ${TOKEN}"}])
    """Request headers."""
    oidc: OidcOptions = OidcOptions()
    """OpenID Connect: where tokens for the targets come from (``Authorization: Bearer``)."""
    tls: Tls = Tls()
    """TLS towards the targets, and the issuer of `oidc`."""

    @field_validator("urls")
    @classmethod
    def _are_urls(cls, urls: Sequence[str]) -> Sequence[str]:
        for url in urls:
            check_url(url, ("http", "https"), "http://se01.example.org:9100/metrics", "`headers`")
        return urls


class PollCollector:
    """Reads URLs at an interval."""

    Options = PollOptions

    def __init__(self, name: str, options: PollOptions, data_dir: Path) -> None:
        self.options = options
        self.formats = sorted({options.format, "node_exporter"})
        self.health = Health()
        self.credentials = credentials(options.oidc, options.tls, options.timeout_s)
        self._client = http_client(
            auth=bearer(self.credentials) if self.credentials else None,
            tls=options.tls,
            timeout_s=options.timeout_s,
            headers={"accept": ACCEPT, "accept-encoding": ", ".join(ENCODINGS)}
            | {key: value.get_secret_value() for key, value in options.headers.items()},
            follow_redirects=True,
        )

    @staticmethod
    def examine(options: PollOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`: one request a target."""
        from lakescope.core.examination import examine_certificates

        for finding in examine_certificates(options.urls[:_TRIED], options.tls):
            if finding.level != "ok":  # of a hundred hosts what is wrong is enough
                yield finding
        quick_options = options.model_copy(update={"timeout_s": min(options.timeout_s, EXAMINE_S)})
        collector = PollCollector(installation.name, quick_options, installation.data_dir)
        try:
            with ThreadPoolExecutor(min(32, len(options.urls)), "poll") as pool:
                faults = [fault for _, fault in pool.map(collector._scrape, options.urls) if fault]
        finally:
            collector.close()
        for fault in faults[:10]:
            yield Finding(
                "error", fault, "" if ";" in fault else "correct `urls`, or see that target's own log"
            )
        if len(faults) < len(options.urls):
            yield Finding("ok", f"{len(options.urls) - len(faults)} of {len(options.urls)} targets answer")

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """One round an interval, all targets at once, on a clock that does not drift."""
        due = time.monotonic()
        with ThreadPoolExecutor(min(32, len(self.options.urls)), "poll") as pool:
            while not stop.is_set():
                answers = list(pool.map(self._scrape, self.options.urls))
                failures = [fault for _, fault in answers if fault]
                up = f"{len(answers) - len(failures)} of {len(answers)} targets answer"
                self.health.set("error" if failures else "ok", "; ".join([up, *failures[:3]]))
                for messages, _ in answers:
                    if not inbox.put(messages):
                        return
                due += self.options.interval_s
                stop.wait(max(0.0, due - time.monotonic()))
                due = max(due, time.monotonic() - self.options.interval_s)  # after a stall: no burst

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Nothing to tell: a target cannot give an old answer again."""

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()
        if self.credentials:
            self.credentials.close()

    def _scrape(self, url: str) -> tuple[list[Message], str | None]:
        """(the answer, if there is one, and how the scrape went; the fault if it failed)."""
        parts = urlsplit(url)
        instance = parts.netloc
        begin = time.time()
        fault, messages = None, []
        try:
            body, content_type = self._get(url)
        except httpx.HTTPError as error:
            fault = self.options.tls.explain(f"{instance}: {type(error).__name__}: {quote(str(error))}")
        except (ValueError, RefusedLoginError) as error:
            fault = f"{instance}: {error}"
        else:
            headers = {"instance": instance, "url": url, "content-type": content_type}
            headers["interval_s"] = f"{self.options.interval_s:g}"
            messages += [
                Message(part, self.options.format, headers, begin)
                for part in cut([body], self.options.format)
            ]
        report = f"# TYPE up gauge\nup {0 if fault else 1}\n# TYPE scrape_duration_seconds gauge\n"
        report += f"scrape_duration_seconds {time.time() - begin:.6f}\n"
        messages.append(Message(report.encode(), "node_exporter", {"instance": instance, "url": url}, begin))
        return messages, fault

    def _get(self, url: str) -> tuple[bytes, str]:
        packed_body, limit = bytearray(), self.options.max_body_bytes
        end = time.monotonic() + self.options.timeout_s
        with self._client.stream("GET", url) as response:
            if not response.is_success:
                raise ValueError(_refusal(response))
            for piece in response.iter_raw():  # unpacked below, where a bomb has a bound
                packed_body += piece
                if time.monotonic() > end:  # the client's own limit is one of each piece
                    raise ValueError(f"no whole answer within {self.options.timeout_s:g} s (timeout_s)")
                if len(packed_body) > limit:
                    raise ValueError(f"the answer exceeds {limit} bytes (max_body_bytes)")
        encoding = response.headers.get("content-encoding", "identity").lower()
        try:
            body = (
                unpack(bytes(packed_body), encoding, limit) if encoding in ENCODINGS else bytes(packed_body)
            )
        except DamagedError as error:
            raise httpx.DecodingError(str(error)) from error
        except TooLargeError as error:
            raise ValueError(f"the answer exceeds {limit} bytes (max_body_bytes)") from error
        if surplus := excess(body):
            raise ValueError(f"the answer holds {surplus}")
        return body, response.headers.get("content-type", "")


_REMEDIES = {
    401: "show who asks: option `headers` or `oidc`",
    403: "let this user read it: option `headers` or `oidc` says who asks",
    404: "correct the path in `urls`",
}


def _refusal(response: httpx.Response) -> str:
    """What a target answered in place of a page, in its own words, and what to do."""
    status = response.status_code
    plain = "content-encoding" not in response.headers
    words = b"".join(islice(response.iter_raw(200), int(plain))).decode(errors="replace")
    reply_text = quote(" ".join(words.split()) or response.reason_phrase)
    return f"answered {status}: {reply_text}" + (f"; {_REMEDIES[status]}" if status in _REMEDIES else "")
