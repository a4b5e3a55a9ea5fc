"""Tokens that a client fetches for itself: renewed before their end, fetched again when refused, never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from lakescope.core import oidc
from lakescope.core.http import http_client
from lakescope.core.oidc import Credentials, OidcOptions, RefusedLoginError, bearer, credentials
from lakescope.core.options import Tls
from tests.contract._http import Answer, HttpServer, Request
from tests.contract._running import QUICK, Archiving
from tests.e2e._lakescope import until

SECRET = "s3cret-of-iam"


class Clock:
    """The monotonic clock."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """As of `time`."""
        return self.now


class Iam:
    """A token endpoint: it counts what it gives."""

    def __init__(self) -> None:
        self.given = 0
        self.status = 200

    def answer(self, request: Request) -> Answer:
        """Tokens of a hundred seconds."""
        if self.status != 200:
            return Answer(self.status, f"no: {SECRET}".encode())
        self.given += 1
        return Answer(200, json.dumps({"access_token": f"token-{self.given}", "expires_in": 100}).encode())


@pytest.fixture
def iam() -> Iam:
    """One that gives."""
    return Iam()


@pytest.fixture
def issuer(iam: Iam) -> Iterator[HttpServer]:
    """Where it answers."""
    with HttpServer(iam.answer) as server:
        yield server


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In the place of the module's."""
    clock = Clock()
    monkeypatch.setattr(oidc, "time", clock)
    return clock


def client_of(issuer: HttpServer) -> Credentials:
    """Those of a client."""
    options = OidcOptions.model_validate(
        {"token_url": f"{issuer.url}/token", "client_id": "c", "client_secret": SECRET, "audience": "store"}
    )
    one = credentials(options, Tls(), 5)
    assert one is not None
    return one


def test_a_token_is_used_for_four_fifths_of_its_life(issuer: HttpServer, clock: Clock) -> None:
    with closing(client_of(issuer)) as client:
        assert client.life_s == 0
        assert [client.token() for _ in range(3)] == ["token-1"] * 3
        clock.now += 79
        assert client.token() == "token-1" and client.life_s == 21
        clock.now += 2
        assert client.token() == "token-2" and client.life_s == 100
    (first, _) = issuer.requests
    assert first.body == b"grant_type=client_credentials&scope=openid&audience=store"
    assert first.headers["authorization"].startswith("Basic ")


def test_many_threads_fetch_one(issuer: HttpServer) -> None:
    with closing(client_of(issuer)) as client, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: client.token(), range(40))) == {"token-1"}
    assert len(issuer.requests) == 1


def test_an_issuer_that_is_away_costs_nothing_before_the_end(
    iam: Iam, issuer: HttpServer, clock: Clock
) -> None:
    with closing(client_of(issuer)) as client:
        client.token()
        iam.status = 503
        clock.now += 90
        assert client.token() == "token-1" and client.failures == 1
        clock.now += 11
        with pytest.raises(RefusedLoginError, match=r"answered 503: no: \*\*\*; correct `client_id`"):
            client.token()
        asked = len(issuer.requests)
        with pytest.raises(RefusedLoginError):
            client.token()
        assert len(issuer.requests) == asked, "it is not asked at every request"
        iam.status = 200
        clock.now += 6
        assert client.token() == "token-2" and client.failures == 2


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"expires_in": 3}', b'{"access_token": "x", "expires_in": "soon"}']
)
def test_an_answer_that_is_no_token(body: bytes) -> None:
    with (
        HttpServer(lambda _: Answer(200, body)) as server,
        closing(client_of(server)) as client,
        pytest.raises(RefusedLoginError, match="answered 200: no access_token"),
    ):
        client.token()


def test_a_server_that_takes_a_token_no_more_gets_a_new_one_once(issuer: HttpServer) -> None:
    valid = {"Bearer token-2"}

    def guarded(request: Request) -> Answer:
        return Answer(200 if request.headers["authorization"] in valid else 401)

    with (
        HttpServer(guarded) as server,
        closing(client_of(issuer)) as client,
        http_client(server.url, auth=bearer(client)) as asking,
    ):
        assert asking.get("/").status_code == 200
        assert asking.get("/").status_code == 200
        assert len(issuer.requests) == 2
        valid.clear()
        assert asking.get("/").status_code == 401
        assert len(issuer.requests) == 3


def test_targets_are_read_with_tokens_whose_life_is_a_metric(
    tmp_path: Path, iam: Iam, issuer: HttpServer
) -> None:
    def target(request: Request) -> Answer:
        known = request.headers.get("authorization") == f"Bearer token-{iam.given}"
        return Answer(200 if known else 401, b"x 1\n", (("content-type", "text/plain"),))

    with HttpServer(target) as server:
        text = (
            f'[collectors.poll]\ntype = "poll"\nurls = ["{server.url}/metrics"]\ninterval_s = 0.05\n[collectors.poll.oidc]\n'
            f'token_url = "{issuer.url}/token"\nclient_id = "c"\nclient_secret = "{SECRET}"\n'
        )
        with Archiving(tmp_path, text, pipeline=f"{QUICK}health_s = 0.2\n") as lakescope:
            until(lambda: lakescope.told == "ok: 1 of 1 targets answer", 15, lambda: lakescope.told)
            metrics = httpx.get(f"{lakescope.url}/metrics").text
            (life,) = [line for line in metrics.splitlines() if line.startswith("lakescope_token_life")]
            assert 'plugin="collectors.poll"' in life and 0 < float(life.split()[-1]) <= 100
            iam.status = 400
            iam.given = -1  # what was given is valid no more
            until(lambda: "answered 400: no: ***" in lakescope.told, 15, lambda: lakescope.told)
            failures = 'lakescope_token_failures_total{plugin="collectors.poll"}'
            metrics = httpx.get(f"{lakescope.url}/metrics").text
            (count,) = [line for line in metrics.splitlines() if line.startswith(failures)]
            assert float(count.split()[-1]) >= 1
            assert SECRET not in metrics + lakescope.told

            def reports(field: str) -> list[float]:
                events = [one for copies in lakescope.stored().values() for one in copies]
                return [one[field] for one in events if one.get("name") == "poll" and field in one]

            until(lambda: sum(reports("token_failures")) >= 1, 15, lambda: lakescope.told)
            assert all(0 <= life <= 100 for life in reports("token_life_s"))
            assert not [one for copies in lakescope.stored().values() for one in copies
                        if one.get("name") == "store" and "token_life_s" in one]  # fmt: skip
