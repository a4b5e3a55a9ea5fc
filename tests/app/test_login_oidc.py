"""Logging in at an issuer: the code, PKCE, state, nonce, groups; and what must not log anybody in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.app.config import ConfigurationError, parse
from tests.contract._issuer import AUDIENCE, CLIENT, SECRET, TestIssuer
from tests.contract._running import QUICK, Running

STORE = '[collectors.push]\ntype = "http"\n[sinks.duck]\ntype = "duckdb"\n'


def configuration(issuer: str, redirect_uri: str) -> str:
    """Two groups, one of a VO."""
    return f"""{QUICK}
[access.oidc]
issuer = "{issuer}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
redirect_uri = "{redirect_uri}"
audience = ["{AUDIENCE}"]
[access.groups."/escape/ops"]
role = "operator"
vos = ["escape"]
[access.groups."/ska"]
vos = ["ska"]
[access.groups."/escape/storage"]
role = "operator"
vos = ["test"]
shared = true
{STORE}"""


@pytest.fixture(scope="module")
def shared() -> Iterator[TestIssuer]:
    """An OpenID Connect provider."""
    with TestIssuer() as one:
        one.redirect_uris.add("http://localhost/login/callback")
        yield one


@pytest.fixture(autouse=True)
def issuer(shared: TestIssuer) -> TestIssuer:
    """It, as it is at first."""
    shared.user = {"sub": "0001-ada", "preferred_username": "ada", "groups": ["escape/ops"]}
    shared.changes, shared.status = {}, 200
    return shared


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, shared: TestIssuer) -> Iterator[Running]:
    """One where people log in there."""
    text = configuration(shared.url, "http://localhost/login/callback")
    with Running(tmp_path_factory.mktemp("login"), text) as running:
        yield running


class Visitor:
    """A browser, by hand: what the issuer sends to its callback is asked of the lake at the port of the test."""

    def __init__(self, lake: Running) -> None:
        self.url = lake.url
        self.cookies = httpx.Cookies()

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request; it keeps cookies and follows no redirect."""
        with httpx.Client(base_url=self.url, trust_env=False, cookies=self.cookies) as client:
            answer = client.request(method, path, **arguments)
            self.cookies = client.cookies
        return answer

    def depart(self, target: str = "dashboards/transfers?since=1d") -> httpx.URL:
        """The issuer's address that it is sent to."""
        answer = self.ask("GET", "/login/oidc", params={"next": target})
        assert answer.status_code == 303, answer.text
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie
        return httpx.URL(answer.headers["location"])

    def callback(self, url: httpx.URL) -> dict[str, str]:
        """What the issuer gives to bring back."""
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 302, answer.text
        return dict(httpx.URL(answer.headers["location"]).params)

    def arrive(self, query: dict[str, str]) -> httpx.Response:
        """Back at the lake, as a link of another site is followed."""
        headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "accept": "text/html"}
        return self.ask("GET", "/login/callback", params=query, headers=headers)

    def log_in(self) -> httpx.Response:
        """All of it."""
        return self.arrive(self.callback(self.depart()))

    def me(self) -> dict[str, Any] | int:
        """Who that is; the status for nobody."""
        answer = self.ask("GET", "/api/me")
        return dict(answer.json()) if answer.status_code == 200 else answer.status_code


def test_a_member_logs_in_and_sees_what_they_came_for(lake: Running, issuer: TestIssuer) -> None:
    visitor = Visitor(lake)
    form = visitor.ask("GET", "/dashboards/transfers?since=1d", headers={"accept": "text/html"})
    assert form.status_code == 401
    assert 'href="../login/oidc?next=dashboards%2Ftransfers%3Fsince%3D1d"' in form.text
    assert "<form" not in form.text, "no token is known here"
    answer = visitor.log_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "../dashboards/transfers?since=1d")
    cookies = answer.headers.get_list("set-cookie")
    session = next(one for one in cookies if "_login" not in one.partition("=")[0])
    assert "HttpOnly" in session and "SameSite=lax" in session and "Max-Age=28800" in session
    assert visitor.me() == {
        "name": "ada",
        "role": "operator",
        "vos": ["escape"],
        "shared": False,
        "people": False,
        "asks_name": False,
    }
    assert visitor.ask("POST", "/api/backup", json={"name": "x"}).status_code == 403
    assert visitor.ask("POST", "/logout").status_code == 303
    assert visitor.me() == 401


def test_of_several_groups_those_with_the_highest_role_count(lake: Running, issuer: TestIssuer) -> None:
    issuer.user = {"sub": "2", "wlcg.groups": ["/ska", "/escape/ops", "/escape/storage", "/escape"]}
    visitor = Visitor(lake)
    visitor.log_in()
    assert visitor.me() == {
        "name": "2",
        "role": "operator",
        "vos": ["escape", "test"],
        "shared": True,
        "people": False,
        "asks_name": False,
    }


def test_over_tls_the_cookies_are_for_tls_alone(lake: Running) -> None:
    answer = httpx.get(f"{lake.url}/login/oidc", headers={"x-forwarded-proto": "https"})
    assert "Secure" in answer.headers["set-cookie"]


def test_the_request_to_the_issuer_is_one_of_pkce(lake: Running, issuer: TestIssuer) -> None:
    first, second = Visitor(lake).depart(), Visitor(lake).depart()
    assert first.params["code_challenge_method"] == "S256" and len(first.params["code_challenge"]) == 43
    for name in ("state", "nonce", "code_challenge"):
        assert first.params[name] != second.params[name]
    assert str(first).startswith(f"{issuer.url}/authorize?") and SECRET not in str(first)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nonce of another login": ({"nonce": "x"}, "another login"),
    "no nonce": ({"nonce": None}, "another login"),
    "of another client": ({"aud": "another"}, "another audience"),
    "for several clients": ({"aud": [CLIENT, "another"]}, "another client"),
    "of another issuer": ({"iss": "https://evil.example"}, "another issuer"),
    "expired": ({"exp": int(time.time()) - 3600}, "has expired"),
    "in no group": ({"groups": ["escape/others"]}, "No group of ada may come in here"),
    "without groups": ({"groups": None}, "No group of ada may come in here"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_answer_that_is_not_for_this_login_logs_nobody_in(
    lake: Running, issuer: TestIssuer, name: str
) -> None:
    issuer.changes, reason = REFUSED[name]
    visitor = Visitor(lake)
    answer = visitor.log_in()
    assert (answer.status_code, reason in answer.text) == (403, True), answer.text
    assert visitor.me() == 401


def test_a_login_that_somebody_else_began_is_not_mine(lake: Running) -> None:
    """Login CSRF: an attacker's code in a link."""
    attacker, victim = Visitor(lake), Visitor(lake)
    query = attacker.callback(attacker.depart())
    victim.depart()
    answer = victim.arrive(query)
    assert answer.status_code == 403 and "begun elsewhere" in answer.text
    assert Visitor(lake).arrive(query).status_code == 403, "without any cookie"
    assert victim.me() == attacker.me() == 401


def test_a_code_and_a_departure_are_for_one_use(lake: Running) -> None:
    visitor = Visitor(lake)
    query = visitor.callback(visitor.depart())
    memory = dict(visitor.cookies)
    assert visitor.arrive(query).status_code == 303
    again = Visitor(lake)
    again.cookies.update(memory)
    answer = again.arrive(query)
    assert answer.status_code == 403 and "begun elsewhere" in answer.text and again.me() == 401


def test_a_code_without_its_verifier_is_worth_nothing(lake: Running) -> None:
    """Another login's code, with one's own state: the issuer compares verifier and challenge."""
    thief, owner = Visitor(lake), Visitor(lake)
    stolen = owner.callback(owner.depart())["code"]
    own = thief.callback(thief.depart())
    answer = thief.arrive(own | {"code": stolen})
    assert answer.status_code == 403 and "invalid_grant" in answer.text and thief.me() == 401


@pytest.mark.parametrize(
    "query",
    [
        {"error": "access_denied", "error_description": "<script>x</script>"},
        {"error": "<script>alert(1)</script>"},
        {"iss": "https://evil.example"},
        {},
    ],
)
def test_what_comes_back_is_no_script(lake: Running, query: dict[str, str]) -> None:
    visitor = Visitor(lake)
    state = visitor.depart().params["state"]
    answer = visitor.arrive({"state": state} | query)
    assert answer.status_code == 403 and "<script>x" not in answer.text and "<script>alert" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "../../x", "a\r\nb: c"]
)
def test_a_login_leads_nowhere_else(lake: Running, target: str) -> None:
    visitor = Visitor(lake)
    answer = visitor.arrive(visitor.callback(visitor.depart(target)))
    assert answer.status_code == 303
    here = httpx.URL(lake.url)
    assert here.join("/login/callback").join(answer.headers["location"]).host == here.host


def test_an_issuer_that_is_away_is_no_refusal(tmp_path: Path, issuer: TestIssuer) -> None:
    with Running(tmp_path, configuration(issuer.url, "http://localhost/login/callback")) as lake:
        issuer.status = 500
        answer = httpx.get(f"{lake.url}/login/oidc")
        assert answer.status_code == 503 and "answered 500" in answer.text


def test_a_script_shows_an_access_token(lake: Running, issuer: TestIssuer) -> None:
    def ask(token: str) -> httpx.Response:
        return httpx.get(f"{lake.url}/api/me", headers={"authorization": f"Bearer {token}"})

    me = ask(issuer.token()).json()
    assert (me["name"], me["role"], me["vos"]) == ("sender-1", "operator", ["escape"])
    for changes, status in (
        ({"aud": CLIENT}, 401),
        ({"exp": 1}, 401),
        ({"wlcg.groups": ["/escape"]}, 401),
        ({"iss": "https://evil.example"}, 401),
    ):
        token = issuer.token(**changes)
        answer = ask(token)
        assert answer.status_code == status and token.split(".")[2] not in answer.text


def test_a_departure_is_no_session(lake: Running) -> None:
    visitor = Visitor(lake)
    visitor.depart()
    ((name, value),) = visitor.cookies.items()
    cookies = {name.removesuffix("_login"): value}
    assert httpx.get(f"{lake.url}/api/me", cookies=cookies).status_code == 401


def test_a_restart_keeps_logins_and_asks_the_configuration_anew(tmp_path: Path, issuer: TestIssuer) -> None:
    text = configuration(issuer.url, "http://localhost/login/callback")
    with Running(tmp_path, text) as lake:
        visitor = Visitor(lake)
        visitor.log_in()
        cookies = dict(visitor.cookies)
    with Running(tmp_path, text) as lake:
        assert httpx.get(f"{lake.url}/api/me", cookies=cookies).json()["role"] == "operator"
    with Running(tmp_path, text.replace("/escape/ops", "/escape/others")) as lake:
        assert httpx.get(f"{lake.url}/api/me", cookies=cookies).status_code == 401


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("/login/callback", "/callback"), "ends in /login/callback"),
        (("http://localhost/login", "http://lake.example.org/login"), "expected https"),
        (("[access.groups", "[not"), "lets nobody in"),
        (("[access.oidc]", "[access.oidc]\nscopes = ['profile']"), "expected `openid`"),
        (("http://127.0.0.1:1", "http://iam.example.org"), "expected https"),
    ],
)
def test_options_that_are_not_safe(change: tuple[str, str], expected: str) -> None:
    text = configuration("http://127.0.0.1:1", "http://localhost/login/callback").replace(*change)
    with pytest.raises(ConfigurationError, match=expected):
        parse(text)
