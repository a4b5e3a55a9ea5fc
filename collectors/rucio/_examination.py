"""What `lakescope doctor` looks at in Rucio: login, version, clock, certificate, and one right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx

from lakescope.collectors.rucio import _questions as questions
from lakescope.core.contracts import Finding, TransientError
from lakescope.core.examination import examine_certificates, examine_clock, examine_version
from lakescope.core.http import send
from lakescope.core.messages import quote
from lakescope.core.oidc import RefusedLoginError
from lakescope.core.rucio import Tokens


def examine(client: httpx.Client, tokens: Tokens, options: Any) -> Iterator[Finding]:
    """Raises `TransientError` where nobody answers."""
    yield from examine_certificates([options.url], options.tls)
    ping = send(client, options.tls, "GET", f"{options.url}/ping")
    yield from examine_clock(ping.request.url.host, ping.headers.get("date"))
    with suppress(ValueError, TypeError, AttributeError):
        yield examine_version("Rucio", ping.json().get("version"))
    try:
        headers = tokens.headers()
    except RefusedLoginError as error:
        yield Finding("error", f"not logged in: {error}")
        return
    except httpx.HTTPError as error:
        raise TransientError(f"{options.auth_url or options.url}: {error}") from error
    question = next(
        iter(questions.first(list(options.ask), options.rule_states, options.days, time.time())), None
    )
    if question is None:
        yield Finding("ok", f"logged in as account {options.account}")
        return
    with client.stream("GET", f"{options.url}/{question.path}", headers=headers) as response:
        status = response.status_code
        text = quote(response.headers.get("exceptionmessage", response.reason_phrase), 200)
    if response.is_success:
        yield Finding("ok", f"logged in as account {options.account}; {question.name} was answered")
        return
    remedy = (
        f"give the account {options.account} that right ({questions.RIGHTS.get(question.name, 'see Rucio')}),"
    )
    text = f"/{question.scope} answered {status}: {tokens.mask(text)}"
    yield Finding("error", text, f"{remedy} or take {question.name} out of `ask`")
