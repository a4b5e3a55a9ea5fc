"""Who may ask a running Lakescope what: names, other sites, tokens, and how much is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.app.config import ConfigurationError, parse
from lakescope.app.instance import SECRET
from lakescope.core.guesses import WRONG_MAX
from tests.contract._bodies import hermes
from tests.contract._running import QUICK, Running
from tests.e2e._lakescope import Lakescope

TOKEN = "tökén of the lake"
PUSH_TOKEN = "another-token"
PUSHES = f"""
[collectors.guarded]
type = "http"
path = "/guarded"
token = "{PUSH_TOKEN}"
[collectors.push]
type = "http"
[sinks.duck]
type = "duckdb"
"""
BASIC = httpx.BasicAuth("anybody", TOKEN)
BEARER = {"authorization": f"Bearer {TOKEN}".encode()}
PATHS = (
    "/", "/metrics", "/api/status", "/api/openapi.json", "/api/kpis", "/api/dead-letters", "/api/tap",
    "/api/dashboards", "/dashboards/", "/dashboards/page.js", "/nope", "/push/push",
)  # fmt: skip


@pytest.fixture(scope="module")
def open_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """On the loopback, without a token."""
    http = '[http]\nallowed_hosts = ["lake.example.org"]\n'
    with Running(tmp_path_factory.mktemp("open"), f"{http}{QUICK}{PUSHES}") as running:
        yield running


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a token."""
    http = f'[http]\nhost = "0.0.0.0"\ntoken = "{TOKEN}"\n'
    with Running(tmp_path_factory.mktemp("closed"), f"{http}{QUICK}{PUSHES}") as running:
        yield running


def get(running: Running, path: str, **arguments: Any) -> httpx.Response:
    """What it answers."""
    with client(running) as asking:
        return asking.get(path, **arguments)


def client(running: Running) -> httpx.Client:
    """Follows no redirect and keeps cookies."""
    return httpx.Client(base_url=running.url, trust_env=False, timeout=20)


# --- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:8137", "LocalHost", "[::1]:80", "lake.example.org", "192.0.2.7:1"]
)
def test_own_names_and_addresses_are_answered(open_one: Running, host: str) -> None:
    assert get(open_one, "/api/status", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "lake.example.org.evil.example:80", ""]
)
def test_a_name_that_was_bound_to_our_address_is_not(open_one: Running, host: str) -> None:
    with client(open_one) as asking:
        for path in PATHS:
            answer = asking.get(path, headers={"host": host})
            assert answer.status_code == 421 and "allowed_hosts" in answer.text
        assert asking.post("/push/hermes", content=hermes(1)[0], headers={"host": host}).status_code == 421
        assert asking.get("/livez", headers={"host": host}).status_code == 200
        assert asking.get("/readyz", headers={"host": host}).text == "ready\n"


# --- other sites -----------------------------------------------------------------------------------------


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:3000"},
    {"origin": "http://127.0.0.1:1"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"},
]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json"])
@pytest.mark.parametrize("headers", FOREIGN)
def test_another_sites_form_cannot_push_replay_or_drop(
    open_one: Running, headers: dict[str, str], kind: str
) -> None:
    received = open_one.received()
    with client(open_one) as asking:
        for path, body in (
            ("/push/hermes", hermes(1)[0]),
            ("/api/dead-letters/replay", b"[]"),
            ("/api/dead-letters/drop", b"[]"),
        ):
            answer = asking.post(path, content=body, headers=headers | {"content-type": kind})
            assert answer.status_code == 403
            assert "access-control-allow-origin" not in answer.headers
    assert open_one.received() == received


def test_own_pages_links_and_scripts_may(open_one: Running) -> None:
    with client(open_one) as asking:
        body = hermes(1)[0]
        own = {"origin": open_one.url}
        proxied = {"origin": "https://lake.example.org"}
        same = {"origin": "https://lake.example.org", "sec-fetch-site": "same-origin"}
        curl = {"content-type": "application/x-www-form-urlencoded"}
        for headers in (own, proxied, same, curl, {}):
            assert asking.post("/push/hermes", content=body, headers=headers).status_code == 200
        link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        assert asking.get("/dashboards/", headers=link).status_code == 200
        image = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
        assert asking.get("/api/tap", headers=image).status_code == 403


def test_a_refusal_is_a_page_for_a_browser_and_json_for_the_rest(open_one: Running) -> None:
    page = {"accept": "text/html,*/*;q=0.8"}
    with client(open_one) as asking:
        for path, code, text in (
            ("/no/<b>where", 404, "Nothing is at /no/&lt;b&gt;where."),
            ("/reports/weekly/all/2026-W01/x", 422, "path.revision: "),
            ("/syncs/other", 404, "No synchronisation &#x27;other&#x27; is configured."),
        ):
            answer = asking.get(path, headers=page)
            assert answer.status_code == code and text in answer.text, answer.text
            assert answer.headers["content-type"].startswith("text/html")
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert f'href="{"../" * (path.count("/") - 1)}look.css"' in answer.text
            assert asking.get(path).json().keys() == {"detail"}
        assert asking.get("/api/nowhere", headers=page).json() == {"detail": "Not Found"}
        answer = asking.get("/", headers=page | {"host": "evil.example"})
        assert answer.status_code == 421 and "[http] allowed_hosts" in answer.text
        assert answer.headers["content-type"].startswith("text/html")


# --- the token -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_there_is_nothing(closed: Running, path: str) -> None:
    with client(closed) as asking:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {PUSH_TOKEN}"}):
            answer = asking.get(path, headers=headers)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Basic ")
            assert "[http] token" in answer.text and TOKEN not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1/livez?", "localhost/readyz#", "x/guarded/hermes?", "@/livez?"])
def test_a_host_that_looks_like_a_path_opens_nothing(closed: Running, host: str) -> None:
    with client(closed) as asking:
        for path in ("/api/status", "/metrics"):
            assert asking.get(path, headers={"host": host}).status_code in (400, 421)
        answer = asking.post("/api/dead-letters/replay", json=[], headers={"host": host})
        assert answer.status_code in (400, 421)
        for path in (
            "/livez%3F/../api/status",
            "/api/status%3F/livez",
            "/livez/../api/status",
            "//api/status",
        ):
            assert asking.get(path).status_code in (401, 404)


def test_health_is_one_word_without_the_token(closed: Running) -> None:
    with client(closed) as asking:
        assert asking.get("/livez").text == "ok\n"
        assert asking.get("/readyz").text == "ready\n"
        assert asking.get("/readyz", auth=BASIC).json() == {"ready": True, "reasons": []}


def test_the_token_opens_as_bearer_and_as_password(closed: Running) -> None:
    with client(closed) as asking:
        for path in ("/", "/metrics", "/api/status", "/dashboards/"):
            assert asking.get(path, headers=BEARER).status_code == 200
            assert asking.get(path, auth=BASIC).status_code == 200
        assert asking.post("/api/dead-letters/replay", json=[], headers=BEARER).status_code == 200
        assert asking.post("/api/dead-letters/replay", json=[]).status_code == 401


def test_a_collectors_own_token_is_enough_for_its_routes(closed: Running) -> None:
    body, own = hermes(1)[0], {"authorization": f"Bearer {PUSH_TOKEN}"}
    with client(closed) as asking:
        assert asking.post("/guarded/hermes", content=body, headers=own).status_code == 200
        assert asking.post("/guarded/hermes", content=body).status_code == 401
        assert asking.post("/push/hermes", content=body, headers=own).status_code == 401
        assert asking.post("/push/hermes", content=body, headers=BEARER).status_code == 200
        assert asking.get("/guarded/hermes", headers=own).status_code == 401


def test_a_page_asks_for_the_token_and_keeps_a_cookie(closed: Running) -> None:
    page = {"accept": "text/html"}
    with client(closed) as asking:
        form = asking.get("/dashboards/transfers?since=1d", headers=page)
        assert (
            form.status_code == 401
            and 'action="../login?next=dashboards%2Ftransfers%3Fsince%3D1d"' in form.text
        )
        assert asking.post("/login", data={"token": "wrong"}).status_code == 401
        answer = asking.post("/login?next=dashboards%2Ftransfers%3Fsince%3D1d", data={"token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "./dashboards/transfers?since=1d")
        cookie = answer.headers["set-cookie"]
        assert (
            "HttpOnly" in cookie
            and "SameSite=lax" in cookie
            and TOKEN.encode() not in cookie.encode("latin-1")
        )
        assert asking.get("/api/status").status_code == 200
        assert asking.post("/api/dead-letters/replay", json=[]).status_code == 200
        foreign = {"origin": "https://evil.example"}
        assert asking.post("/api/dead-letters/replay", json=[], headers=foreign).status_code == 403


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "a\r\nb: c"]
)
def test_a_login_leads_nowhere_else(closed: Running, target: str) -> None:
    with client(closed) as asking:
        answer = asking.post("/login", params={"next": target}, data={"token": TOKEN})
        assert answer.headers["location"].startswith("./")
        assert (
            httpx.URL(closed.url).join("/login").join(answer.headers["location"]).host
            == httpx.URL(closed.url).host
        )


def test_a_token_in_a_link_becomes_a_cookie(closed: Running) -> None:
    with client(closed) as asking:
        answer = asking.get("/dashboards/", params={"since": "1d", "token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "./?since=1d")
        assert asking.get("/dashboards/").status_code == 200
    with client(closed) as asking:
        assert asking.get("/", params={"token": "wrong"}).status_code == 401


def test_two_instances_on_one_host_have_two_cookies(tmp_path: Path, closed: Running) -> None:
    with Running(tmp_path, f'[http]\ntoken = "a-third-token"\n{QUICK}{PUSHES}') as other:
        names = set()
        for running, token in ((closed, TOKEN), (other, "a-third-token")):
            with client(running) as asking:
                answer = asking.post("/login", data={"token": token})
            names.add(answer.headers["set-cookie"].partition("=")[0])
    assert len(names) == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "lakescope.example.org"])
def test_others_are_not_let_in_without_a_token(host: str) -> None:
    rest = f'[http]\nhost = "{host}"\n{PUSHES}'
    with pytest.raises(ConfigurationError) as raised:
        parse(rest)
    (problem,) = raised.value.problems
    assert problem.place == "http.host" and "token = " in problem.remedy and "openssl" in problem.remedy
    assert parse(rest.replace("[http]", '[http]\ntoken = "a-third-token"', 1)).settings.http.token


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert parse(f'[http]\nhost = "{host}"\n{PUSHES}').settings.http.is_loopback


def test_the_commands_of_another_user_show_the_token_of_their_configuration(tmp_path: Path) -> None:
    store = '[collectors.push]\ntype = "http"\n[sinks.duck]\ntype = "duckdb"\n'
    with Lakescope(tmp_path, f'token = "{TOKEN}"\n{store}') as lakescope:
        lakescope.start()
        (lakescope.data_dir / SECRET).unlink()  # as if it could not be read
        httpx.post(
            f"{lakescope.url}/push/hermes", content=hermes(1)[0], headers=BEARER, trust_env=False
        ).raise_for_status()
        assert "ready" in lakescope.command("top", "--once")
        assert "transfers_done" in lakescope.command("query", "transfers_done", "--since", "3000d")
        lakescope.command("trace", "0" * 32, code=1)
        assert "0 of 0 letters" in lakescope.command("dead-letters", "replay", "--all")
        lakescope.config.write_text(lakescope.config.read_text().replace(TOKEN, "a-wrong-token"))
        lakescope.command("top", "--once", code=2)
        lakescope.command("tap", "-n", "1", code=2)
        assert lakescope.stop() == 0
        assert TOKEN not in lakescope.log.read_text()


# --- bounds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["-1", "0", "1001", "9" * 30, "x"])
def test_an_answer_has_a_bound(open_one: Running, limit: str) -> None:
    assert get(open_one, "/api/dead-letters", params={"limit": limit}).status_code == 422


def test_a_body_that_is_no_push_is_small(open_one: Running) -> None:
    with client(open_one) as asking:
        answer = asking.post("/api/dead-letters/replay", json=["a" * 2**20])
    assert answer.status_code == 413


def test_a_question_has_a_bound(open_one: Running) -> None:
    for query in ({"since": "2000d", "bin": "1s"}, {"since": "19999d", "bin": "1min"}):
        answer = get(open_one, "/api/kpis/transfers_done", params=query)
        assert answer.status_code == 422 and "bin" in answer.json()["detail"]


def test_wrong_tokens_slow_down_and_a_session_goes_on(tmp_path: Path) -> None:
    """By whichever way they come; a collector with tokens of its own counts for itself, and lets in whoever has one."""
    digest = sha256(PUSH_TOKEN.encode()).hexdigest()
    robot = f'[access.tokens.robot]\nrole = "reader"\nshared = true\nsha256 = "{digest}"\n'
    with (
        Running(tmp_path, f'[http]\ntoken = "{TOKEN}"\n{robot}{QUICK}{PUSHES}') as one,
        httpx.Client(base_url=one.url) as client,
    ):

        def bearer(token: str) -> dict[str, bytes]:
            return {"authorization": f"Bearer {token}".encode()}

        ways: dict[str, Callable[[str], httpx.Response]] = {
            "bearer": lambda token: client.get("/api/status", headers=bearer(token)),
            "form": lambda token: client.post("/login", data={"token": token}),
            "query": lambda token: client.get("/", params={"token": token}),
        }

        def push(token: str) -> httpx.Response:
            return client.post("/guarded/hermes", headers=bearer(token), content=hermes(1)[0])

        def check_wait(answer: httpx.Response) -> None:
            assert answer.status_code == 429, "else the right one could be found"
            assert 0 < int(answer.headers["retry-after"]) <= 60 and "wrong tokens" in answer.text

        with httpx.Client(base_url=one.url) as browser:
            assert browser.post("/login", data={"token": TOKEN}).status_code == 303
            for _ in range(WRONG_MAX // 3):
                assert {show("wrong").status_code for show in ways.values()} == {401}
            for show in ways.values():
                check_wait(show("wrong"))
                check_wait(show(TOKEN))
            page = client.get("/dashboards/", headers=bearer("wrong") | {"accept": b"text/html"})
            check_wait(page)
            assert "<h1>Too many requests</h1>" in page.text and "Log in" in page.text
            assert browser.get("/api/me").status_code == 200
        assert ways["bearer"](PUSH_TOKEN).status_code == 200, "one of the table of tokens cannot be guessed"
        check_wait(ways["bearer"]("wrong"))
        assert client.get("/livez").status_code == push(PUSH_TOKEN).status_code == 200
        assert {push("wrong").status_code for _ in range(WRONG_MAX)} == {401}
        check_wait(push("wrong"))
        assert push(PUSH_TOKEN).status_code == 200, "others behind the same proxy are no reason to lose data"
