"""Who may push: tokens by their hashes and tokens of a real issuer; every one that must be refused is, and is told why."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from lakescope.app.config import ConfigurationError, parse
from lakescope.core import issuer as issuer_module
from lakescope.pipeline.dead_letters import Letter
from tests.collectors._pushing import Pushing
from tests.contract._bodies import hermes
from tests.contract._issuer import AUDIENCE, Key, TestIssuer
from tests.e2e._lakescope import until

SCRIPTS, EXPIRED, SLOW, SKA = (
    "token of scripts",
    "token of last year",
    "token of a slow one",
    "token of SKA",
)


def digest(token: str) -> str:
    """As the configuration has it."""
    return hashlib.sha256(token.encode()).hexdigest()


def options(issuer: str) -> str:
    """Of a collector with senders of every kind."""
    return f"""
[collectors.push.tokens.scripts]
sha256 = "{digest(SCRIPTS)}"
formats = ["push", "node_exporter"]
producers = ["escape-scripts", "probes"]
[collectors.push.tokens.old]
sha256 = "{digest(EXPIRED)}"
expires = {datetime.now(UTC).date() - timedelta(days=1)}
[collectors.push.tokens.slow]
sha256 = "{digest(SLOW)}"
rate_per_s = 0.05
[collectors.push.tokens.ska]
sha256 = "{digest(SKA)}"
vos = ["ska"]
[collectors.push.oidc]
issuer = "{issuer}"
audience = ["{AUDIENCE}", "https://wlcg.cern.ch/jwt/v1/any"]
[collectors.push.oidc.groups."/escape/ops"]
vos = ["escape", "test"]
[collectors.push.oidc.scopes."lakescope.push"]
formats = ["push"]
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[TestIssuer]:
    """An OpenID Connect provider."""
    with TestIssuer() as one:
        yield one


@pytest.fixture(scope="module")
def pushing(tmp_path_factory: pytest.TempPathFactory, issuer: TestIssuer) -> Iterator[Pushing]:
    """A collector that trusts it."""
    with Pushing(tmp_path_factory.mktemp("senders"), options(issuer.url)) as running:
        yield running


def document(number: int, producer: str = "escape-scripts", **rest: Any) -> bytes:
    """Of a script."""
    return json.dumps({"producer": producer, "type": "numbers", "n": number} | rest).encode()


def event(number: int, vo: str | None) -> bytes:
    """One that names its VO."""
    one = {
        "dataset": "deletions",
        "id": f"{number:032x}",
        "time": "2026-01-01T00:00:00Z",
        "source": "rucio",
        "event": "done",
        "ok": 1,
    }
    return json.dumps([one if vo is None else one | {"vo": vo}]).encode()


def send(pushing: Pushing, token: str, body: bytes = b"", format: str = "push") -> httpx.Response:
    """A push with a token."""
    return pushing.send(f"/push/{format}", body or document(0), {"authorization": f"Bearer {token}"})


# --- tokens by their hashes --------------------------------------------------------------------------------


def test_a_token_opens_its_formats(pushing: Pushing) -> None:
    assert send(pushing, SCRIPTS).status_code == 200
    answer = send(pushing, SCRIPTS, hermes(1)[0], "hermes")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "scripts may not push the format hermes: expected push, node_exporter"


def test_nobody_and_a_token_that_is_over_push_nothing(pushing: Pushing) -> None:
    assert pushing.send("/push/push", document(1)).status_code == 401
    for token, reason in ((EXPIRED, "the token old was valid until"), ("a guess", "not known here")):
        answer = send(pushing, token)
        assert answer.status_code == 401 and reason in answer.text and token not in answer.text
        assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_sender_that_is_too_quick_is_told_when_to_come_back(pushing: Pushing) -> None:
    assert send(pushing, SLOW).status_code == 200
    answer = send(pushing, SLOW)
    assert answer.status_code == 429 and "0.05 requests a second of slow" in answer.text
    assert 1 <= int(answer.headers["retry-after"]) <= 20
    assert send(pushing, SCRIPTS).status_code == 200, "the others are not held back"


def test_where_no_token_is_asked_for_an_address_has_a_rate(tmp_path: Path) -> None:
    with Pushing(tmp_path, "rate_per_s = 0.05") as running:
        codes = [running.send("/push/push", document(number)).status_code for number in range(3)]
    assert codes == [200, 429, 429]


# --- what is in a body --------------------------------------------------------------------------------------


def all_letters(pushing: Pushing) -> list[Letter]:
    """The dead letters so far."""
    dead = pushing.engine.dead_letters
    return list(dead.letters(ids=dead.ids()))


def letters(pushing: Pushing) -> list[str]:
    """Reason, place, expected, found of each."""
    return [letter.why() for letter in all_letters(pushing)]


def test_events_of_another_vo_become_dead_letters_and_its_own_are_stored(pushing: Pushing) -> None:
    for number, vo in ((1, "ska"), (2, "escape"), (3, None), (4, "def")):
        assert send(pushing, SKA, event(number, vo), "events").status_code == 200
    kept = [f"{number:032x}" for number in (1, 3, 4)]
    stored = {one["id"]: one["vo"] for one in pushing.arrived(kept)}
    assert stored == dict.fromkeys(kept, "ska")
    until(lambda: any("expected an event of the VO ska, found escape" in one for one in letters(pushing)), 10)
    assert f"{2:032x}" not in pushing.stored()


def test_a_group_of_two_vos_must_name_one(pushing: Pushing, issuer: TestIssuer) -> None:
    for number, vo in ((11, "test"), (12, "ska"), (13, None)):
        assert send(pushing, issuer.token(), event(number, vo), "events").status_code == 200
    pushing.arrived([f"{11:032x}"])
    for found in ("ska", "none"):
        text = f"not_allowed at $: expected an event of the VO escape or test, found {found}"
        until(lambda text=text: text in letters(pushing), 10, lambda: letters(pushing))


def test_documents_of_another_producer_become_dead_letters(pushing: Pushing) -> None:
    assert send(pushing, SCRIPTS, document(7, "somebody-else")).status_code == 200
    text = "not_allowed at $.producer: expected the producer escape-scripts or probes, found somebody-else"
    until(lambda: text in letters(pushing), 10, lambda: letters(pushing))


def test_no_sender_can_write_its_own_rights(pushing: Pushing) -> None:
    headers = {"authorization": f"Bearer {SKA}", "sender": "x", "sender-vos": "escape"}
    body = event(21, "escape")
    for path in ("/push/events", "/push/events?sender-vos=escape&sender=x"):
        assert pushing.send(path, body, headers).status_code == 200
    until(lambda: sum(one.times for one in all_letters(pushing) if one.body == body) == 2, 10)
    assert all(one.headers["sender"] == "ska" for one in all_letters(pushing) if one.body == body)


# --- tokens of the issuer ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"wlcg.groups": None, "groups": ["escape/ops"]},
        {"wlcg.groups": None, "groups": "x escape/ops"},
        {"wlcg.groups": ["/other"]},  # by its scope
        {"aud": ["https://other.example.org", AUDIENCE]},
        {"aud": "https://wlcg.cern.ch/jwt/v1/any"},
    ],
)
def test_a_good_token_is_taken(pushing: Pushing, issuer: TestIssuer, changes: dict[str, Any]) -> None:
    assert send(pushing, issuer.token(**changes)).status_code == 200


def test_a_key_on_a_curve_signs_too(pushing: Pushing, issuer: TestIssuer) -> None:
    assert send(pushing, issuer.token(key=issuer.keys[1])).status_code == 200


def encoded(document: dict[str, Any]) -> str:
    """A part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def unsigned(issuer: TestIssuer, algorithm: str) -> str:
    """No signature."""
    return f"{encoded({'alg': algorithm, 'kid': 'first'})}.{encoded(issuer.claims())}."


def confused(issuer: TestIssuer, secret: bytes) -> str:
    """Signed with what everybody knows, the public key, as if it were a shared secret."""
    text = f"{encoded({'alg': 'HS256', 'kid': 'first', 'typ': 'JWT'})}.{encoded(issuer.claims())}"
    signature = hmac.new(secret, text.encode(), "sha256").digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def changed(issuer: TestIssuer) -> str:
    """Other claims below a good signature."""
    head, _, signature = issuer.token().split(".")
    return f"{head}.{encoded(issuer.claims(sub='admin'))}.{signature}"


REFUSED: dict[str, tuple[Any, int, str]] = {
    "alg none": (lambda one: unsigned(one, "none"), 401, "algorithm must be one of"),
    "alg nOnE": (lambda one: unsigned(one, "nOnE"), 401, "algorithm must be one of"),
    "no signature": (lambda one: unsigned(one, "RS256"), 401, "signature does not fit"),
    "key confusion, PEM": (
        lambda one: confused(one, one.keys[0].public_pem),
        401,
        "algorithm must be one of",
    ),
    "key confusion, JWK": (
        lambda one: confused(one, json.dumps(one.keys[0].jwk).encode()),
        401,
        "algorithm must be one of",
    ),
    "another algorithm than the key's": (
        lambda one: one.token(key=one.keys[1], head={"kid": "first"}),
        401,
        "not one for ES256",
    ),
    "expired": (lambda one: one.token(exp=int(time.time()) - 60), 401, "has expired"),
    "not yet valid": (lambda one: one.token(nbf=int(time.time()) + 300), 401, "not valid yet"),
    "issued in the future": (lambda one: one.token(iat=int(time.time()) + 300), 401, "not valid yet"),
    "never ends": (lambda one: one.token(exp=None), 401, '"exp"'),
    "nobody's": (lambda one: one.token(sub=None), 401, '"sub"'),
    "wrong audience": (lambda one: one.token(aud="https://rucio.example.org"), 401, "another audience"),
    "no audience": (lambda one: one.token(aud=None), 401, '"aud"'),
    "wrong issuer": (lambda one: one.token(iss="https://evil.example"), 401, "another issuer"),
    "unknown key": (lambda one: one.token(key=Key("unknown")), 401, "(kid) is none of the issuer's"),
    "a strange key under a known id": (
        lambda one: one.token(key=Key("first")),
        401,
        "signature does not fit",
    ),
    "a key of its own": (
        lambda one: one.token(key=(key := Key("own")), head={"jwk": key.jwk}),
        401,
        "(kid) is none of the issuer's",
    ),
    "an address of keys of its own": (
        lambda one: one.token(key=Key("own"), head={"jku": "http://127.0.0.1:9/keys"}),
        401,
        "(kid) is none of the issuer's",
    ),
    "changed claims": (changed, 401, "signature does not fit"),
    "another VO's": (
        lambda one: one.token(**{"wlcg.groups": ["/ska/ops"], "scope": "openid"}),
        403,
        "expected a group or scope of /escape/ops, lakescope.push",
    ),
    "no group": (lambda one: one.token(**{"wlcg.groups": None, "scope": None}), 403, "expected a group"),
    "a group whose name begins alike": (
        lambda one: one.token(**{"wlcg.groups": ["/escape/opsX", "/escape", "/x/escape/ops"], "scope": ""}),
        403,
        "expected a group",
    ),
    "groups of a wrong type": (
        lambda one: one.token(**{"wlcg.groups": {"/escape/ops": 1}, "scope": 7}),
        403,
        "expected a group",
    ),
    "three dots of nothing": (lambda one: "a.b.c", 401, "expected a signed JWT"),
    "too long": (lambda one: one.token(pad="x" * 16_000), 401, "more than 16384 characters"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_token_is_refused_and_told_why(pushing: Pushing, issuer: TestIssuer, name: str) -> None:
    make, status, reason = REFUSED[name]
    token = make(issuer)
    received = pushing.received()
    answer = send(pushing, token)
    assert (answer.status_code, reason in answer.json()["detail"]) == (status, True), answer.text
    assert all(part not in answer.text for part in token.split(".") if len(part) > 8)
    assert pushing.received() == received


def test_an_unknown_key_asks_the_issuer_again_but_not_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TestIssuer() as issuer, Pushing(tmp_path, options(issuer.url)) as pushing:
        assert send(pushing, issuer.token()).status_code == 200
        assert send(pushing, issuer.token()).status_code == 200
        assert issuer.paths.count("/jwks") == 1
        issuer.keys.insert(0, Key("second"))  # the issuer has a new key, and drops the old one
        old = issuer.keys.pop(1)
        assert send(pushing, issuer.token()).status_code == 401, "it was asked just now"
        assert issuer.paths.count("/jwks") == 1
        monkeypatch.setattr(issuer_module, "AGAIN_S", 0.0)
        assert send(pushing, issuer.token()).status_code == 200
        assert send(pushing, issuer.token(key=old)).status_code == 401
        issuer.status = 500
        assert send(pushing, issuer.token()).status_code == 200, "what is known stays"
        monkeypatch.setattr(issuer_module, "KEYS_S", 0.0)
        assert send(pushing, issuer.token()).status_code == 200


def test_an_issuer_that_is_away_is_no_refusal(tmp_path: Path) -> None:
    with TestIssuer() as issuer, Pushing(tmp_path, options(issuer.url)) as pushing:
        issuer.status = 500
        answer = send(pushing, issuer.token())
        assert answer.status_code == 503 and answer.headers["retry-after"]
        assert "answered 500" in answer.text
        assert send(pushing, SCRIPTS).status_code == 200


def test_a_slow_issuer_holds_back_nobody_whose_key_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        TestIssuer() as issuer,
        Pushing(tmp_path, options(issuer.url)) as pushing,
        ThreadPoolExecutor() as pool,
    ):
        assert send(pushing, issuer.token()).status_code == 200
        monkeypatch.setattr(issuer_module, "AGAIN_S", 0.0)
        issuer.is_prompt.clear()
        stranger = pool.submit(send, pushing, issuer.token(key=Key("strange")))
        until(lambda: issuer.paths.count("/jwks") == 2, 10)
        assert send(pushing, issuer.token()).status_code == 200
        assert send(pushing, issuer.token(key=Key("stranger"))).status_code == 401
        assert not stranger.done()
        issuer.is_prompt.set()
        assert stranger.result(10).status_code == 401


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('issuer = "http://127', 'issuer = "http://iam.example.org/#'), "expected https"),
        (('sha256 = "', 'sha256 = "plain'), "sha256"),
        (('vos = ["ska"]', 'vos = ["ska,escape"]'), "names without commas"),
    ],
)
def test_options_that_would_let_the_wrong_ones_in(change: tuple[str, str], expected: str) -> None:
    text = options("http://127.0.0.1:1").replace(*change, 1)
    with pytest.raises(ConfigurationError, match=expected):
        parse(f'[collectors.push]\ntype = "http"\n{text}\n[sinks.duck]\ntype = "duckdb"\n')


def test_an_issuer_without_groups_lets_nobody_push() -> None:
    text = options("http://127.0.0.1:1").partition("[collectors.push.oidc.groups")[0]
    with pytest.raises(ConfigurationError, match="lets nobody push"):
        parse(f'[collectors.push]\ntype = "http"\n{text}\n[sinks.duck]\ntype = "duckdb"\n')


def test_the_claims_of_this_test_are_a_tokens() -> None:
    with TestIssuer() as issuer:
        claims = jwt.decode(issuer.token(), issuer.keys[0].public_pem, ["RS256"], audience=AUDIENCE)
    assert claims == issuer.claims(iat=claims["iat"], nbf=claims["nbf"], exp=claims["exp"])
