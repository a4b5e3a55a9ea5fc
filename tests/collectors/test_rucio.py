"""The rucio collector against a stand-in of Rucio's REST API; against a real one: tests/e2e/test_rucio_collector.py."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lakescope.app.config import ConfigurationError, parse
from tests.collectors._rucio import PASSWORD, FakeRucio, document, lines, refusal, rule
from tests.contract._http import Answer, HttpServer, Request
from tests.contract._running import Archiving
from tests.e2e._lakescope import until
from tests.servers._tls import Authority, server_context

ALL = (
    '["rses", "rules", "requests", "heartbeats", "bad_replicas", "suspicious", "usage", "limits", "accounts",'
)
ALL += ' "open_requests", "global_usage", "datasets"]'


def collector(url: str, **options: object) -> str:
    """As configuration; options as they stand in TOML."""
    given = {"account": '"monitor"', "username": '"monitor"', "password": f'"{PASSWORD}"', "interval_s": 60}
    given |= {"requests_per_s": 1000, "rule_states": '["S"]'} | options
    text = "\n".join(f"{key} = {value}" for key, value in given.items() if value is not None)
    return f'[collectors.rucio]\ntype = "rucio"\nurl = "{url}"\n{text}\n'


@pytest.fixture
def rucio() -> Iterator[FakeRucio]:
    """Asked by root."""
    with FakeRucio() as server:
        yield server


def stored(lakescope: Archiving, dataset: str) -> list[dict[str, Any]]:
    """Events of a dataset, in order of time."""
    events = (event for events in lakescope.stored().values() for event in events)
    return sorted((one for one in events if one["dataset"] == dataset), key=lambda one: one["time"])


def test_each_question_gives_its_events_and_a_poll(tmp_path: Path, rucio: FakeRucio) -> None:
    with Archiving(tmp_path, collector(rucio.url, ask=ALL)) as lakescope:
        until(lambda: lakescope.told.startswith("ok"), 15, lambda: lakescope.told)
        assert lakescope.told == "ok: 16 questions answered"
        lakescope.polled(16, 10)
        each = ("rses", "rules", "requests", "heartbeats", "bad_replicas", "suspicious", "open_requests")
        per_rse = ("usage", "limits", "accounts", "datasets")
        assert Counter(poll["kind"] for poll in stored(lakescope, "polls")) == {
            **dict.fromkeys((*each, "global_usage"), 1),
            **dict.fromkeys(per_rse, 2),
        }
        assert all(poll["complete"] and poll["interval_s"] == 60 for poll in stored(lakescope, "polls"))
        assert {one["rule_id"][-1] for one in stored(lakescope, "rules")} == {"1", "2"}
        assert {one["usage_source"] for one in stored(lakescope, "storage") if "usage_source" in one} == {
            *("availability", "MinFreeSpace", "global")
        }
        links = stored(lakescope, "requests")
        assert [one.get("queued") for one in links if "queued" in one] == [2]
        assert [(one["open"], one["older_24h"], one["older_48h"]) for one in links if "open" in one] == [
            (1, 1, 0)
        ]
        assert [one["silent"] for one in stored(lakescope, "daemons")] == [False]
        assert sorted(one.get("count", -1) for one in stored(lakescope, "replicas")) == [-1, 3]
    listed = [target for target in rucio.asked if target.startswith("/requests/list")]
    assert listed == ["/requests/list?src_rse=EULAKE-1&dst_rse=PIC-DCACHE&request_states=Q,S"], (
        "idle links are not asked"
    )


@pytest.mark.parametrize(
    ("right", "denied"), [("admin", ["heartbeats"]), ("user", ["requests", "heartbeats"])]
)
def test_a_missing_right_costs_that_call_only_and_is_named(
    tmp_path: Path, right: str, denied: list[str]
) -> None:
    with FakeRucio(right=right) as rucio, Archiving(tmp_path, collector(rucio.url)) as lakescope:
        until(lambda: lakescope.told.startswith("ok"), 15, lambda: lakescope.told)
        for name in ("requests", "heartbeats"):
            assert (
                f"{name}: the account monitor may not ask this (500: monitor cannot do that.): root"
                in lakescope.told
            ) == (name in denied), lakescope.told
        until(lambda: len(stored(lakescope, "rules")) == 2, 10)
        assert len(rucio.tokens) == 1, "a missing right is no reason for another token"


def test_a_token_is_renewed_before_its_end_and_when_the_server_takes_it_no_more(
    tmp_path: Path, rucio: FakeRucio
) -> None:
    rucio.token_life_s = 1.0
    with Archiving(tmp_path, collector(rucio.url, interval_s=0.1, ask='["rules"]')) as lakescope:
        until(lambda: len(rucio.tokens) >= 2, 15, lambda: lakescope.told)
        rucio.token_life_s = 3600.0
        until(lambda: len(rucio.tokens) >= 3, 15, lambda: lakescope.told)
        rucio.valid = set()  # a restart of the server's database
        many = len(rucio.tokens)
        until(lambda: len(rucio.tokens) == many + 1 and lakescope.told == "ok: 1 questions answered", 15)


def test_openid_connect_and_a_file(tmp_path: Path, rucio: FakeRucio) -> None:
    def issue(request: Request) -> Answer:
        assert request.method == "POST" and b"grant_type=client_credentials" in request.body
        rucio.valid.add("jwt-1")
        return Answer(200, b'{"access_token": "jwt-1", "expires_in": 3600}')

    file = tmp_path / "token"
    file.write_text("jwt-1\n")
    with HttpServer(issue) as issuer:
        oidc = f'{{ token_url = "{issuer.url}/token", client_id = "c", client_secret = "s3cret-of-iam" }}'
        for number, way in enumerate(({"oidc": oidc}, {"token_file": f'"{file}"'})):
            options = {"username": None, "password": None, "ask": '["rules"]'} | way
            with Archiving(tmp_path / str(number), collector(rucio.url, **options)) as lakescope:
                until(lambda: lakescope.told == "ok: 1 questions answered", 15, lambda: lakescope.told)
    assert [request.path for request in issuer.requests] == ["/token"] and not rucio.tokens


def test_an_oidc_token_is_renewed_before_its_end(tmp_path: Path, rucio: FakeRucio) -> None:
    """The issuer is a stand-in: one that has the documented answer of RFC 6749, and is no IAM. Rucio would refuse a token
    that is over, and none is ever refused."""
    issued: list[float] = []
    late: list[str] = []

    def issue(request: Request) -> Answer:
        issued.append(time.monotonic())
        rucio.valid = {token := f"jwt-{len(issued)}"}
        return Answer(200, json.dumps({"access_token": token, "expires_in": 3}).encode())

    def rules(request: Request) -> Answer:
        if time.monotonic() - issued[-1] > 3:
            late.append(request.headers["x-rucio-auth-token"])
        return lines(rule(1))

    rucio.answers["/rules/?state=S"] = rules
    with HttpServer(issue) as issuer:
        oidc = f'{{ token_url = "{issuer.url}/token", client_id = "c", client_secret = "s3cret-of-iam" }}'
        options = {"username": None, "password": None, "ask": '["rules"]', "interval_s": 0.05, "oidc": oidc}
        with Archiving(tmp_path, collector(rucio.url, **options)) as lakescope:
            until(lambda: len(issued) >= 3, 15, lambda: lakescope.told)
    gaps = [after - before for before, after in pairwise(issued)]
    assert min(gaps) > 2.1, "a token is used for four fifths of its life"
    assert not late


def test_qos_classes_are_read_once_an_hour_and_kept(tmp_path: Path, rucio: FakeRucio) -> None:
    """An attribute that is only set, or missing, is no class; an answer that is none leaves what was known."""
    values: dict[str, Any] = {"EULAKE-1": "FAST", "PIC-DCACHE": True, "NEW/1": 3}
    rucio.answers["/rses/"] = lines(*({"rse": rse, "availability_write": True} for rse in values))
    for rse, value in values.items():
        rucio.answers[f"/rses/{rse.replace('/', '%2F')}/attr/"] = document({"site": "s", "qos": value})
    options = {"ask": '["rses"]', "qos_attribute": '"qos"', "interval_s": 0.1}
    file = tmp_path / "data/rucio.qos.json"
    with Archiving(tmp_path, collector(rucio.url, **options)) as lakescope:
        until(lambda: len([one for one in rucio.asked if one == "/rses/"]) > 5, 15, lambda: lakescope.told)
        assert len([one for one in rucio.asked if "/attr/" in one]) == 3
        assert {poll["kind"] for poll in stored(lakescope, "polls")} == {"rses"}
        assert not lakescope.engine.dead_letters.ids(), "attributes are no message"
    assert json.loads(file.read_bytes()) == {"attribute": "qos", "rses": {"EULAKE-1": "FAST", "NEW/1": "3"}}

    rucio.answers["/rses/"] = lines({"rse": "EULAKE-1", "availability_write": True})
    rucio.answers["/rses/EULAKE-1/attr/"] = lines({"rse": "EULAKE-1"}, {"rse": "EULAKE-1"})
    with Archiving(tmp_path, collector(rucio.url, **options)) as lakescope:
        until(lambda: lakescope.told.startswith("error"), 15, lambda: lakescope.told)
        assert (
            "qos_attribute: /rses/EULAKE-1/attr/ expected an RSE's attributes, a JSON object"
            in lakescope.told
        )
        until(lambda: b"NEW" not in file.read_bytes(), 10)
    assert json.loads(file.read_bytes())["rses"] == {"EULAKE-1": "FAST"}
    file.write_text("{")
    with pytest.raises(
        RuntimeError, match=r"rucio\.qos\.json: expected the state of the QoS classes of RSEs"
    ):
        Archiving(tmp_path, collector(rucio.url, **options))


def test_a_certificate_logs_in_where_the_server_knows_it(tmp_path: Path, rucio: FakeRucio) -> None:
    """The handshake is real: a server that asks for a certificate of its CA, and lets nobody else in."""
    authority = Authority(tmp_path / "authority")
    context, mine = server_context(authority.issue("server")), authority.issue("lakescope")
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    shown = f'ca_file = "{authority.certificate}", cert_file = "{mine.certificate}", key_file = "{mine.key}"'
    with HttpServer(rucio.server.answer, tls=context) as server:
        options = {"username": None, "password": None, "ask": '["rules"]', "tls": f"{{ {shown} }}"}
        with Archiving(tmp_path / "known", collector(server.url, **options)) as lakescope:
            until(lambda: lakescope.told == "ok: 1 questions answered", 15, lambda: lakescope.told)
        assert server.requests[0].path == "/auth/x509"
        assert server.requests[0].headers["x-rucio-account"] == "monitor"
        stranger = {"ask": '["rules"]', "tls": f'{{ ca_file = "{authority.certificate}" }}'}
        with Archiving(tmp_path / "stranger", collector(server.url, **stranger)) as lakescope:
            until(lambda: lakescope.told.startswith("error"), 15, lambda: lakescope.told)


def test_passwords_and_tokens_are_never_shown(tmp_path: Path, rucio: FakeRucio) -> None:
    """Not even where the server repeats them."""
    with Archiving(tmp_path, collector(rucio.url, password='"wr0ng-s3cret"')) as lakescope:
        until(lambda: "not logged in" in lakescope.told, 15, lambda: lakescope.told)
        assert lakescope.told == (
            "error: not logged in: 127.0.0.1/auth/userpass answered 401: Cannot authenticate to account a with ***;"
            " correct `username` and `password`, or `account`"
        )
        assert lakescope.get("/readyz").status_code == 503
        assert "wr0ng-s3cret" not in lakescope.get("/api/status").text
    rucio.answers["/rules/?state=S"] = lambda r: refusal(500, "X", f"bad {r.headers['x-rucio-auth-token']}")
    with Archiving(tmp_path / "2", collector(rucio.url, ask='["rules"]')) as lakescope:
        until(lambda: "answered 500" in lakescope.told, 15, lambda: lakescope.told)
        assert lakescope.told == "error: 0 questions answered; rules: /rules/?state=S answered 500: bad ***"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            Answer(200, b"<html>Sign in</html>", (("Content-Type", "text/html"),)),
            "/rses/EULAKE-1/usage answered with a web page: a proxy or a login page is in between",
        ),
        (
            Answer(200, b" <html>Sign in</html>"),
            "/rses/EULAKE-1/usage expected JSON, found  <html>Sign in</html>",
        ),
        (
            Answer(302, b"", (("Location", "https://sso"),)),
            "answered 302: a redirect to https://sso: give that address",
        ),
        (
            Answer(200, b'{"rse": 1}\n' * 400),
            "/rses/EULAKE-1/usage the answer exceeds 3000 bytes (max_body_bytes)",
        ),
        (Answer(404, b"gone"), "/rses/EULAKE-1/usage answered 404: gone"),
    ],
)
def test_an_answer_that_is_none_costs_itself_and_says_what_came(
    tmp_path: Path, rucio: FakeRucio, answer: Answer, told: str
) -> None:
    rucio.answers["/rses/EULAKE-1/usage"] = answer
    with Archiving(tmp_path, collector(rucio.url, max_body_bytes=3000)) as lakescope:
        until(lambda: lakescope.told.startswith("error"), 15, lambda: lakescope.told)
        assert told in lakescope.told
        lakescope.polled(12, 10)
        asked = {poll["scope"].removeprefix(rucio.url) for poll in stored(lakescope, "polls")}
        assert "/rses/EULAKE-1/usage" not in asked and "/rses/PIC-DCACHE/usage" in asked


def test_half_a_document_is_a_dead_letter_and_the_rest_goes_on(tmp_path: Path, rucio: FakeRucio) -> None:
    rucio.answers["/heartbeats"] = Answer(200, b'[{"readable": "reaper", "hostna')
    with Archiving(tmp_path, collector(rucio.url)) as lakescope:
        until(lambda: len(stored(lakescope, "polls")) == 12, 15, lambda: lakescope.told)
        until(lambda: len(lakescope.engine.dead_letters.ids()) == 1, 10)
        assert not stored(lakescope, "daemons")


class _Slow:
    """Not Rucio: it streams rules, stops in the middle until `go`, then goes on or hangs up."""

    def __init__(self, records: int, *, hang_up: bool) -> None:
        self.go = threading.Event()
        slow = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("X-Rucio-Auth-Token", "token-of-slow")
                self.send_header("Content-Type", "application/x-json-stream")
                if self.path.startswith("/auth/"):
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for number in range(records):
                    if number == records * 2 // 3:
                        slow.go.wait(30)
                        if hang_up:
                            self.close_connection = True
                            return
                    line = json.dumps(rule(number)).encode() + b"\n"
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> _Slow:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go.set()
        self._server.shutdown()
        self._server.server_close()


def test_ten_thousand_rules_are_read_as_a_stream_and_hold_nothing_back(tmp_path: Path) -> None:
    """While the answer hangs in its middle, what has come of it is stored, and so are transfers."""
    import httpx

    other = '[collectors.push]\ntype = "http"\n'
    with (
        _Slow(10_000, hang_up=False) as slow,
        Archiving(tmp_path, other + collector(slow.url, ask='["rules"]')) as lakescope,
    ):
        until(lambda: len(stored(lakescope, "rules")) > 3000, 30)
        assert not stored(lakescope, "polls"), "nothing is complete yet"
        transfer = {"producer": "test", "type": "t", "number": 1}
        httpx.post(f"{lakescope.url}/push/push", json=transfer, trust_env=False).raise_for_status()
        until(lambda: stored(lakescope, "push"), 10)
        assert len(stored(lakescope, "rules")) < 10_000
        slow.go.set()
        until(lambda: stored(lakescope, "polls"), 30)
        (poll,) = stored(lakescope, "polls")
        assert (poll["count"], poll["complete"]) == (10_000, True)
        rules = stored(lakescope, "rules")
        assert len({one["rule_id"] for one in rules}) == len(rules) == 10_000
        assert {one["time"] for one in rules} == {poll["time"]}


def test_a_stream_that_is_cut_in_the_middle_ends_no_rule(tmp_path: Path) -> None:
    with (
        _Slow(3000, hang_up=True) as slow,
        Archiving(tmp_path, collector(slow.url, ask='["rules"]')) as lakescope,
    ):
        slow.go.set()
        until(lambda: lakescope.told.startswith("error"), 30, lambda: lakescope.told)
        assert "RemoteProtocolError" in lakescope.told
        until(lambda: stored(lakescope, "rules"), 10)
        assert not stored(lakescope, "polls")


def test_an_answer_that_repeats_for_ever_ends_with_its_bound(tmp_path: Path, rucio: FakeRucio) -> None:
    endless = lines(rule(1)).body * 5000
    rucio.answers["/rules/?state=S"] = Answer(200, endless, (("Content-Type", "application/x-json-stream"),))
    with Archiving(tmp_path, collector(rucio.url, max_body_bytes=1_000_000)) as lakescope:
        until(lambda: "exceeds 1000000 bytes" in lakescope.told, 30, lambda: lakescope.told)
        lakescope.polled(12, 10)
        assert {one["rule_id"] for one in stored(lakescope, "rules")} == {rule(1)["id"]}


def test_what_a_round_does_not_reach_comes_first_in_the_next(tmp_path: Path, rucio: FakeRucio) -> None:
    names = [f"RSE-{number:02}" for number in range(40)]
    rucio.answers["/rses/"] = lines(*({"rse": name} for name in names))
    options = {"ask": '["usage"]', "requests_per_s": 50, "round_s": 0.4, "interval_s": 0.5}
    with Archiving(tmp_path, collector(rucio.url, **options)) as lakescope:
        until(lambda: "left for the next round" in lakescope.told, 15, lambda: lakescope.told)
        until(lambda: len({one for one in rucio.asked if one.endswith("/usage")}) == 40, 20)
    usages = [one for one in rucio.asked if one.endswith("/usage")]
    assert len(set(usages[:40])) == 40, "none twice before all were asked"


def test_a_server_that_is_away_is_left_alone_until_the_next_round(tmp_path: Path) -> None:
    with Archiving(tmp_path, collector("http://127.0.0.1:9")) as lakescope:
        until(lambda: lakescope.told.startswith("error"), 15, lambda: lakescope.told)
        assert "ConnectError" in lakescope.told


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"username": None, "password": None}, "no way to authenticate"),
        ({"token_file": '"/run/token"'}, "expected one way to authenticate, found username and token_file"),
        ({"ask": '["rule"]'}, "rule"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(options: dict[str, object], fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        parse(collector("https://rucio.example.org", **options))
