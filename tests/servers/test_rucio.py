"""What the shelf's Rucio promises."""

from __future__ import annotations

import httpx

from .rucio import CURRENT, Rucio
from .rucio_lake import make_lake


def test_a_lake_is_in_the_catalogue_the_api_and_the_metrics(rucio: Rucio, unique_name: str) -> None:
    lake = make_lake(rucio, unique_name)
    rule, *_ = rucio.client(
        "add_replication_rule",
        [{"scope": lake.scope, "name": lake.dataset}],
        1,
        lake["B"],
        account=lake.account,
    )
    rucio.run("abacus.rse")

    with httpx.Client(base_url=rucio.url, trust_env=False) as client:
        assert client.get("/ping").json() == {"version": CURRENT}
        login = {
            "X-Rucio-Account": rucio.account,
            "X-Rucio-Username": rucio.user,
            "X-Rucio-Password": rucio.password,
        }
        token = client.get("/auth/userpass", headers=login).raise_for_status().headers["X-Rucio-Auth-Token"]
        client.headers["X-Rucio-Auth-Token"] = token
        assert client.get(f"/rules/{rule}").json()["state"] == "REPLICATING"
        usage = client.get(f"/rses/{lake['A']}/usage").text
        assert f'"used": {sum(file.size for file in lake.files)}' in usage
    queued = rucio.query(f"select name, bytes, state from requests where rule_id = '{rule}' order by name")
    assert queued == [[file.name, str(file.size), "Q"] for file in lake.files]
    for url in (rucio.metrics_url, rucio.daemons.metrics_url):
        page = httpx.get(url, trust_env=False).raise_for_status().text
        assert "# TYPE rucio_" in page
