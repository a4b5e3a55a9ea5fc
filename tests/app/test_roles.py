"""Who may change what: every route, as every role."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from lakescope.app.config import ConfigurationError, parse
from lakescope.app.instance import SECRET
from lakescope.app.viewer import Role
from lakescope.app.web.identities import Sessions
from lakescope.app.web.roles import CHANGES, SAFE
from lakescope.cli import app
from tests.contract._bodies import hermes
from tests.contract._running import QUICK, Running
from tests.e2e._lakescope import Lakescope

TOKENS = {role: f"the {role.name.lower()}'s token" for role in Role}
OLD = "a token of last year"
STORE = '[collectors.push]\ntype = "http"\n[sinks.duck]\ntype = "duckdb"\n'


def digest(token: str) -> str:
    """As the configuration has it."""
    return hashlib.sha256(token.encode()).hexdigest()


def tokens() -> str:
    """A token a role, named after it, and one that has expired."""
    today = datetime.now(UTC).date()
    tables = [
        f'[access.tokens.{role.name.lower()}]\nsha256 = "{digest(token)}"\nrole = "{role.name.lower()}"\n'
        f"all_vos = true\nexpires = {today}\n"
        for role, token in TOKENS.items()
    ]
    last_year = today - timedelta(days=365)
    return "".join(
        [*tables, f'[access.tokens.old]\nsha256 = "{digest(OLD)}"\nshared = true\nexpires = {last_year}\n']
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that knows a token of each role, by their hashes alone."""
    with Running(tmp_path_factory.mktemp("roles"), f"{QUICK}{tokens()}{STORE}") as running:
        yield running


def changes(running: Running) -> list[str]:
    """Method and path of every route that may change something, push routes left out."""
    document = httpx.get(f"{running.url}/api/openapi.json", headers=bearer(TOKENS[Role.READER])).json()
    routes = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    for route in every_route(running.routes):
        routes |= {f"{method} {route.path}" for method in route.methods or ()}
    return sorted(
        place
        for place in routes
        if place.split()[0] not in SAFE and not place.split()[1].startswith("/push/")
    )


def every_route(routes: Iterable[Any]) -> Iterator[Any]:
    """Those of included routers, too, which FastAPI keeps apart."""
    for route in routes:
        if (router := getattr(route, "original_router", None)) is not None:
            yield from every_route(router.routes)
        else:
            yield route


def bearer(token: str) -> dict[str, str]:
    """As a script shows it."""
    return {"authorization": f"Bearer {token}"}


def send(running: Running, place: str, headers: dict[str, str]) -> httpx.Response:
    """What is answered to a request that a route can do nothing with."""
    method, path = place.split()
    url = running.url + re.sub(r"\{\w+\}", "none", path)
    body: Any = [] if path.endswith(("drop", "replay")) else {"name": "../no"} if "id" not in path else {}
    return httpx.request(method, url, json=body, headers=headers, trust_env=False)


def test_every_route_that_changes_something_has_a_role(lake: Running) -> None:
    assert sum(1 for _ in every_route(lake.routes)) > 40, "they are found"
    assert changes(lake) == sorted(CHANGES)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_is_its_own_and_no_more(lake: Running, role: Role) -> None:
    for place, needed in CHANGES.items():
        answer = send(lake, place, bearer(TOKENS[role]))
        if role >= needed:
            assert answer.status_code not in (401, 403), (place, answer.text)
        else:
            assert answer.status_code == 403, place
            expected = f"expected the role {needed.name.lower()}, found {role.name.lower()}"
            assert answer.json() == {"detail": expected}


def test_nobody_may_do_anything(lake: Running) -> None:
    for place in CHANGES:
        for headers in ({}, bearer("a guess"), bearer(OLD), {"cookie": "lakescope_00000000=x"}):
            assert send(lake, place, headers).status_code == 401, place


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_another_sites_page_can_do_nothing_with_an_admins_cookie(
    lake: Running, headers: dict[str, str]
) -> None:
    with httpx.Client(base_url=lake.url, trust_env=False) as browser:
        browser.post("/login", data={"token": TOKENS[Role.ADMIN]})
        cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    for place in CHANGES:
        assert send(lake, place, cookie).status_code not in (401, 403), place
        assert send(lake, place, cookie | headers).status_code == 403, place
        assert send(lake, place, cookie | {"host": "evil.example"}).status_code == 421, place
    for path in ("/login", "/logout"):
        assert httpx.post(f"{lake.url}{path}", headers=cookie | headers).status_code == 403


def test_only_an_admin_pushes_without_a_token_of_the_collector(lake: Running) -> None:
    for role, token in TOKENS.items():
        answer = httpx.post(f"{lake.url}/push/hermes", content=hermes(1)[0], headers=bearer(token))
        assert answer.status_code == (200 if role is Role.ADMIN else 403)


def test_an_expired_token_is_told_so(lake: Running) -> None:
    answer = httpx.get(f"{lake.url}/api/me", headers=bearer(OLD))
    assert answer.status_code == 401 and "the token old was valid until" in answer.text
    assert OLD not in answer.text
    form = httpx.post(f"{lake.url}/login", data={"token": OLD})
    assert form.status_code == 401 and "The token old was valid until" in form.text


def test_a_login_is_somebody_until_its_logout(lake: Running) -> None:
    with httpx.Client(base_url=lake.url, trust_env=False) as browser:
        browser.post("/login", data={"token": TOKENS[Role.OPERATOR]})
        me = browser.get("/api/me").json()
        assert me == {
            "name": "operator",
            "role": "operator",
            "vos": None,
            "shared": False,
            "people": False,
            "asks_name": False,
        }
        stolen = dict(browser.cookies)
        assert browser.post("/logout").headers["set-cookie"].partition(";")[0].endswith('=""')
        assert browser.get("/api/me").status_code == 401
        assert httpx.get(f"{lake.url}/api/me", cookies=stolen).status_code == 401


@pytest.mark.parametrize("change", [lambda value: value[:-4] + "AAAA", lambda value: "e30." + value])
def test_a_cookie_that_was_changed_is_nobodys(lake: Running, change: Any) -> None:
    with httpx.Client(base_url=lake.url, trust_env=False) as browser:
        browser.post("/login", data={"token": TOKENS[Role.ADMIN]})
        ((name, value),) = browser.cookies.items()
    assert httpx.get(f"{lake.url}/api/me", cookies={name: change(value)}).status_code == 401


def test_a_logout_holds_at_each_address_and_after_a_restart(tmp_path: Path) -> None:
    pages, pushes = Sessions(tmp_path, 60), Sessions(tmp_path, 60)
    left, stays = pages.begin({"name": "ada"}), pages.begin({"name": "bob"})
    departure = pages.begin({}, purpose="login")
    assert pushes.read(left)
    pages.end(left)
    pages.end(departure, purpose="login")
    for sessions in (pages, pushes, Sessions(tmp_path, 60)):
        assert sessions.read(left) is None and sessions.read(stays)
    assert pages.read(departure, purpose="login") is None
    (path,) = tmp_path.glob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and "ada" not in path.read_text()
    pages.end(pages.begin({}, seconds=-1))
    assert len(json.loads(path.read_text())["sessions"]) == 1, (
        "neither what had ended nor who left for the issuer"
    )


def test_commands_are_let_in_where_only_hashes_are_known(tmp_path: Path) -> None:
    with Lakescope(tmp_path, f"{tokens()}{STORE}") as lakescope:
        lakescope.start()
        assert "ready" in lakescope.command("top", "--once")
        assert "0 of 0 letters" in lakescope.command("dead-letters", "replay", "--all")
        secret = lakescope.data_dir / SECRET
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert stat.S_IMODE((lakescope.data_dir / "session.key").stat().st_mode) == 0o600
        assert secret.read_text() not in lakescope.log.read_text()
        os.truncate(secret, 0)
        lakescope.command("top", "--once", code=2)
        assert lakescope.stop() == 0
        assert not secret.exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", "nothing may be seen"),
        ('vos = ["escape"]\nall_vos = true', "expected one of the two"),
        ('shared = true\nrole = "root"', "'reader', 'operator' or 'admin'"),
        ("shared = true\nexpires = 2027-02-30", "not TOML"),
    ],
)
def test_rights_that_are_none_are_refused(options: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        parse(f'[access.tokens.mine]\nsha256 = "{digest("x")}"\n{options}\n{STORE}')


def test_a_token_itself_has_no_place_in_the_configuration() -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse(f'[access.tokens.mine]\nsha256 = "my-plain-token"\nshared = true\n{STORE}')
    assert raised.value.problems[0].place == "access.tokens.mine.sha256"


@pytest.mark.parametrize(
    ("arguments", "place", "rights"),
    [
        (["grafana"], "access.tokens.grafana", {"role": "reader", "all_vos": True, "shared": True}),
        (
            ["on call", "--role", "operator", "--vo", "escape", "--no-shared", "--expires", "2099-01-31"],
            'access.tokens."on call"',
            {"role": "operator", "vos": ("escape",), "shared": False},
        ),
        (
            ["--collector", "push", "scripts", "--vo", "ska"],
            "collectors.push.tokens.scripts",
            {"vos": ("ska",)},
        ),
    ],
)
def test_the_command_makes_a_token_that_the_configuration_takes(
    arguments: list[str], place: str, rights: dict[str, Any]
) -> None:
    done = CliRunner().invoke(app, ["access", "token", *arguments])
    assert done.exit_code == 0, done.output
    (secret,) = [word for word in done.stderr.split() if len(word) == 43]
    assert secret not in done.stdout and f"[{place}]" in done.stdout
    loaded = parse(f"{STORE}{done.stdout}")
    options = {
        **loaded.settings.access.tokens,
        **loaded.collectors["push"].options.tokens,
    }
    (one,) = options.values()
    assert one.sha256 == digest(secret) and rights.items() <= one.model_dump().items()


def test_a_role_that_is_none_makes_no_token() -> None:
    done = CliRunner().invoke(app, ["access", "token", "x", "--role", "root"])
    assert done.exit_code == 2 and "expected reader, operator or admin" in done.stderr
