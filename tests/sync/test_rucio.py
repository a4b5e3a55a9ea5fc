"""Rucio's REST client of synchronisations: what Rucio says, and what stands in the way to it. The real Rucio, behind a proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from pydantic import SecretStr

from lakescope.core.rucio import RucioServer
from lakescope.sync.rucio import Rucio, RucioRefusedError, RucioUnreachableError
from tests.contract._http import Answer, HttpServer, proxy_to
from tests.servers.rucio import Rucio as Server

Open = Callable[..., Rucio]


@pytest.fixture
def client() -> Iterator[Open]:
    with ExitStack() as opened:

        def open_(url: str, account: str = "root", password: str = "secret") -> Rucio:
            options = RucioServer(url=url, account=account, username="ddmlab", password=SecretStr(password))
            return opened.enter_context(closing(Rucio(options, pause_s=0.01)))

        yield open_


@pytest.fixture
def proxy(rucio: Server) -> Iterator[HttpServer]:
    with HttpServer(proxy_to(rucio.url)) as server:
        yield server


def test_calls_of_all_kinds_and_refusals_by_rucios_names(
    client: Open, rucio: Server, unique_name: str
) -> None:
    rse = unique_name.upper().replace("_", "-")
    one = client(rucio.url)
    one.post("rses", rse, body={"rse_type": "DISK"})
    one.post("rses", rse, "attr", "a key &?%", body={"value": "x"})
    one.put("rses", rse, body={"availability_write": False})
    assert one.get("rses", rse)["availability_write"] is False
    assert rse in {line["rse"] for line in one.lines("rses", "")}
    with pytest.raises(RucioRefusedError, match=r"answered 409 Duplicate: .*already exists") as duplicate:
        one.post("rses", rse, body={"rse_type": "DISK"})
    assert (duplicate.value.status, duplicate.value.kind) == (409, "Duplicate")
    one.delete("rses", rse)
    with pytest.raises(RucioRefusedError, match="RSENotFound"):
        one.get("rses", f"{rse}-X")


@pytest.mark.parametrize("fault", [503, 502, 429, "hang up"])
def test_a_server_that_is_away_for_a_moment_is_asked_again(
    client: Open, proxy: HttpServer, fault: int
) -> None:
    one = client(proxy.url)
    proxy.order([fault, fault])
    assert one.get("ping")["version"]


def test_a_token_that_is_over_is_renewed(client: Open, proxy: HttpServer) -> None:
    one = client(proxy.url)
    one.get("export")
    proxy.order([401])
    assert "rses" in one.get("export")


def test_who_does_not_answer_is_unreachable_and_not_a_refusal(client: Open, proxy: HttpServer) -> None:
    one = client(proxy.url)
    one.get("ping")
    proxy.order(["hang up"] * 10)
    with pytest.raises(RucioUnreachableError, match=r"no answer in 4 attempts.*\[sync.rucio\]"):
        one.get("ping")
    with pytest.raises(RucioUnreachableError, match=r"ConnectError"):
        client("http://127.0.0.1:9").get("ping")


def test_a_wrong_password_is_named_and_not_shown(client: Open, rucio: Server) -> None:
    with pytest.raises(RucioUnreachableError, match=r"not logged in.*401.*correct `username`") as error:
        client(rucio.url, password="do-not-show-this").get("ping")
    assert "do-not-show-this" not in str(error.value)


def test_an_account_without_the_right_is_told_so(client: Open, rucio: Server, unique_name: str) -> None:
    rucio.client("add_account", unique_name, "USER", "")
    rucio.client("add_identity", unique_name, "ddmlab", "USERPASS", "x@example.org", password="secret")
    with pytest.raises(RucioRefusedError, match=rf"AccessDenied.*give the account {unique_name}"):
        client(rucio.url, unique_name).post("rses", "SOMEWHERE", body={})


def test_a_login_page_with_status_200_is_no_answer(client: Open, rucio: Server) -> None:
    def answer(request: object) -> Answer:
        login = (("x-rucio-auth-token", "t"),)
        return Answer(200, b"<html>Log in</html>", (("content-type", "text/html"), *login))

    with (
        HttpServer(answer) as server,
        pytest.raises(RucioUnreachableError, match=r"expected JSON.*login page"),
    ):
        client(server.url).get("export")
