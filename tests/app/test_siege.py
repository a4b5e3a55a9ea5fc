"""Requests as an attacker writes them, byte by byte, as every role: nobody gets more than they may, and nothing breaks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from lakescope.app.viewer import Role
from lakescope.app.web.roles import CHANGES
from lakescope.core import guesses
from tests.app.test_roles import OLD, STORE, TOKENS, bearer, tokens
from tests.contract._running import QUICK, Running

DEEP = b"[" * 400_000
SECRETS = (*TOKENS.values(), OLD)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that knows a token of each role, and does not tire of wrong ones: else they would hide what the others are answered."""
    with (
        pytest.MonkeyPatch.context() as patch,
        Running(tmp_path_factory.mktemp("siege"), f"{QUICK}{tokens()}{STORE}") as running,
    ):
        patch.setattr(guesses, "WRONG_MAX", 10**9)
        yield running


def ask(lake: Running, *lines: str | bytes, body: bytes = b"") -> tuple[int, str]:
    """Status (0: hung up) and text of the answer to a request that is written out."""
    raw = b"\r\n".join(line if isinstance(line, bytes) else line.encode("latin-1") for line in lines)
    port = urlsplit(lake.url).port
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(raw + b"\r\nconnection: close\r\n\r\n" + body)
        answer = b""
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except ConnectionError:
            pass
    head, _, text = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    return int(status[0]) if status else 0, text.decode("utf-8", "replace")


HOST = "host: localhost"
JSON = "content-type: application/json"
PATHS = (
    "/api/dead-letters/drop",
    "/api/dead-letters/drop/",
    "//api/dead-letters/drop",
    "/api//dead-letters/drop",
    "/api/./dead-letters/drop",
    "/livez/../api/dead-letters/drop",
    "/livez/%2e%2e/api/dead-letters/drop",
    "/livez%2f..%2fapi/dead-letters/drop",
    "/api/dead-letters/drop%00",
    "/api/dead-letters/drop;livez",
    "/api/dead-letters/drop?/livez",
    "/api/dead-letters/drop#/livez",
    "/%61pi/dead-letters/drop",
    "/API/dead-letters/drop",
    "/api/dead-letters\\drop",
    "/push/../api/dead-letters/drop",
    "/push/hermes/../../api/dead-letters/drop",
    "http://localhost/api/dead-letters/drop",
    "http://evil.example/api/dead-letters/drop",
    "/look.css/../api/dead-letters/drop",
)
HEADERS: tuple[tuple[str, ...], ...] = (
    (),
    ("x-forwarded-for: 127.0.0.1",),
    ("x-original-url: /livez", "x-rewrite-url: /livez"),
    ("x-forwarded-user: admin", "remote-user: admin", "x-webauth-user: admin"),
    ("x-http-method-override: GET",),
    ("authorization: Bearer",),
    ("authorization: Bearer ",),
    ("authorization: Basic",),
    ("authorization: Basic ====",),
    ("authorization: Basic Og==",),  # no user, no password
    ("authorization: Bearer \xff\xfe",),
    ("authorization: Bearer a.b.c",),
    ("authorization: Bearer " + "a" * 20_000,),
    ("authorization: Negotiate x", "proxy-authorization: Bearer x"),
    ("cookie: lakescope_00000000=x; lakescope_=y",),
    ("cookie: " + "a=b; " * 2000,),
    ("viewer: admin", "sender: admin", "sender-vos: escape"),
)


@pytest.mark.parametrize("path", PATHS)
def test_whoever_may_not_drop_letters_finds_no_way_to(lake: Running, path: str) -> None:
    for role in (None, Role.READER):
        token = [] if role is None else [f"authorization: Bearer {TOKENS[role]}"]
        for extra in HEADERS if role is None else HEADERS[:5]:
            status, text = ask(
                lake, f"POST {path} HTTP/1.1", HOST, JSON, "content-length: 2", *token, *extra, body=b"[]"
            )
            assert status in (0, 307, 400, 401, 403, 404, 405, 421, 431), (path, extra, status, text)
            assert not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("place", CHANGES)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        DEEP,
        b'{"a":' * 100_000,
        b"\xff\xfe",
        b"null",
        b'"x"',
        b"[[]]",
        b"1e999",
        b'{"\\ud800": "\\ud800"}',
        b'["\\ud800", "\\u0000", ""]',
        b'{"name": "\\ud800", "by": "\\ud800", "ids": ["\\ud800"], "reason": "\\ud800", "until": "\\ud800"}',
        b'{"name": "\\u0000", "by": "\\u0000", "ids": ["\\u0000"], "reason": "\\u0000", "until": "\\u0000"}',
    ],
)
def test_an_admins_nonsense_is_refused_and_breaks_nothing(lake: Running, place: str, body: bytes) -> None:
    method, path = place.split()
    headers = bearer(TOKENS[Role.ADMIN]) | {"content-type": "application/json"}
    url = lake.url + path.replace("{id}", "x%2F..%2F\udcff".encode("utf-8", "replace").decode())
    answer = httpx.request(method, url, content=body, headers=headers, trust_env=False, timeout=20)
    assert answer.status_code in (200, 400, 404, 413, 422, 501), answer.text
    assert answer.status_code != 200 or path.endswith(("/ids", "/drop", "/replay", "/end")), answer.text


@pytest.mark.parametrize(
    "lines",
    [
        ("GET /api/status HTTP/1.1",),  # no host
        ("GET /api/status HTTP/1.1", HOST, "host: evil.example"),
        ("GET /api/status HTTP/1.1", "host: evil.example", HOST),
        ("GET /api/status HTTP/1.0",),
        (
            "GET /api/status HTTP/1.1",
            HOST,
            "authorization: Bearer x",
            f"authorization: Bearer {TOKENS[Role.ADMIN]}x",
        ),
        ("POST /api/backup HTTP/1.1", HOST, "content-length: 0", "content-length: 5"),
        ("POST /api/backup HTTP/1.1", HOST, "content-length: 5", "transfer-encoding: chunked"),
        ("POST /api/backup HTTP/1.1", HOST, "transfer-encoding: chunked, identity"),
        ("POST /api/backup HTTP/1.1", HOST, "content-length: -1"),
        ("POST /api/backup HTTP/1.1", HOST, "content-length: 99999999999999999999999"),
        ("GET /api/status HTTP/1.1", HOST, "x: y\r\n z: continued"),
        ("GET /api/status HTTP/1.1", HOST, b"x\x00y: z"),
        ("GET /api/status HTTP/1.1", HOST, *[f"h{number}: v" for number in range(3000)]),
        ("GET /api/status HTTP/1.1", HOST, "x: " + "a" * 100_000),
        (f"GET /{'a' * 70_000} HTTP/1.1", HOST),
        (
            "GET /api/status HTTP/1.1",
            HOST,
            "upgrade: websocket",
            "connection: upgrade",
            "sec-websocket-key: x",
        ),
        ("PRI * HTTP/2.0",),
        ("CONNECT localhost:22 HTTP/1.1", HOST),
        ("TRACE /api/status HTTP/1.1", HOST),
        ("OPTIONS * HTTP/1.1", HOST),
        ("GET /api/status HTTP/1.1", "host: localhost\t"),
        ("\x16\x03\x01\x02\x00\x01\x00",),
    ],
)
def test_what_is_hardly_http_is_no_way_in(lake: Running, lines: tuple[str | bytes, ...]) -> None:
    status, text = ask(lake, *lines, body=b"0\r\n\r\n")
    assert status in (0, 400, 401, 404, 405, 408, 413, 421, 431), (status, text)
    assert not any(secret in text for secret in SECRETS)
    assert httpx.get(f"{lake.url}/livez").status_code == 200


def test_a_token_in_the_address_is_for_pages_alone(lake: Running) -> None:
    """It becomes a cookie, and is no way to have a link do something."""
    for place in CHANGES:
        method, path = place.split()
        url = f"{lake.url}{path.replace('{id}', 'x')}?token={TOKENS[Role.ADMIN]}"
        assert httpx.request(method, url, json=[], trust_env=False).status_code == 401, place


def test_no_answer_has_a_secret(lake: Running) -> None:
    with httpx.Client(base_url=lake.url, headers=bearer(TOKENS[Role.ADMIN]), trust_env=False) as client:
        for path in (
            "/api/me",
            "/api/status",
            "/metrics",
            "/readyz",
            "/api/openapi.json",
            "/api/nope",
            "/nope",
        ):
            text = client.get(path).text
            assert not any(secret in text for secret in SECRETS), path
