"""A real Rucio's own metrics: pages of its server and daemons, a push by its own class, and counts in its database."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.collectors._pushing import Pushing
from tests.e2e._lakescope import until
from tests.servers.postgresql import _program
from tests.servers.rucio import Rucio, _environment, rucio_environment
from tests.servers.rucio_lake import make_lake

STATEMENTS = Path(__file__).parents[2] / "compose/rucio"
PROBE = """
import sys
from rucio.core.monitor import MetricManager
manager = MetricManager(prefix="rucio.probes", push_gateways=[sys.argv[1]])
manager.gauge("messages_to_submit.queues.messages", documentation="Messages in queue, to submit").set(12)
manager.push_metrics_to_gw(job="check_messages_to_submit", grouping_key={"cluster": "tests"})
"""
"""What common/check_messages_to_submit of rucio/probes does."""


def told(lakescope: Pushing) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The events so far, by component and metric."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in (event for repeats in lakescope.stored().values() for event in repeats):
        if event["dataset"] == "rucio":
            found.setdefault((event["component"], event["metric"]), []).append(event)
    return found


@pytest.mark.server("rucio")
def test_pages_and_a_push_of_a_real_rucio(rucio: Rucio, tmp_path: Path, unique_name: str) -> None:
    lake = make_lake(rucio, unique_name)
    did = [{"scope": lake.scope, "name": lake.dataset}]
    rucio.client("add_replication_rule", did, 1, lake["B"], account=lake.account)
    rucio.run("judge.evaluator")
    urls = f'urls = ["{rucio.metrics_url}", "{rucio.daemons.metrics_url}"]\n'
    pages = f'[collectors.pages]\ntype = "poll"\nformat = "rucio_metrics"\ninterval_s = 0.5\n{urls}'
    with Pushing(tmp_path, pages) as lakescope:
        python = _environment(rucio.version) / "bin/python"
        command = [python, "-P", "-c", PROBE, f"{lakescope.url}/push"]
        environment = rucio_environment(rucio.directory / "server.cfg")
        subprocess.run(command, env=environment, cwd=rucio.directory, check=True, timeout=60)
        until(lambda: ("probes", "messages_to_submit_queues_messages") in told(lakescope), 20)
        until(lambda: len(told(lakescope).get(("core.rule", "add_rule_total"), [])) >= 2, 20)
        events = told(lakescope)
        assert not list(lakescope.engine.dead_letters.letters())

    (pushed,) = events["probes", "messages_to_submit_queues_messages"]
    assert (pushed["value"], pushed["job"], pushed["labels"]["cluster"]) == (
        12,
        "check_messages_to_submit",
        "tests",
    )
    added = events["core.rule", "add_rule_total"]
    assert {event["part"] for event in added} == {"count", "sum"} and {
        event.get("unit") for event in added
    } == {
        None,
        "seconds",
    }
    known = ("core.", "daemons.", "transfertool.", "process", "python", "probes", "check_messages_to_submit")
    assert {component for component, _ in events if not component.startswith(known)} == set()


def psql(url: str, *options: str | Path) -> str:
    """What it prints. Raises `CalledProcessError`."""
    command = [_program("psql"), "-AtqX", "-v", "ON_ERROR_STOP=1", "-d", url, *options]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.server("rucio")
def test_statements_count_what_is_in_the_database(rucio: Rucio, tmp_path: Path, unique_name: str) -> None:
    """By a role that can do nothing else, for as many tests as share the database."""
    lake = make_lake(rucio, unique_name)
    did = [{"scope": lake.scope, "name": lake.dataset}]
    rucio.client("add_replication_rule", did, 1, lake["B"], account=lake.account)
    schema = rucio.query("select schemaname from pg_tables where tablename = 'requests'")[0][0]
    if not rucio.query("select 1 from pg_roles where rolname = 'lakescope'"):
        role = ("-v", "password=secret", "-v", f"schema={schema}", "-f", STATEMENTS / "role.sql")
        psql(rucio.database_url, *role)
    reader = f"postgresql://lakescope:secret@{rucio.database.host}:{rucio.database.port}/rucio"
    for statement in ("delete from messages", "set transaction read write; delete from requests"):
        with pytest.raises(subprocess.CalledProcessError):
            psql(reader, "-c", statement)

    page = psql(reader, "-f", STATEMENTS / "probes.sql")
    daily = psql(reader, "-f", STATEMENTS / "daily.sql")
    with Pushing(tmp_path) as lakescope:
        for job, body in (("rucio_database", page), ("rucio_database_daily", daily)):
            answer = lakescope.send(f"/push/metrics/job/{job}", body.encode(), method="PUT")
            assert answer.status_code == 200, answer.text
        until(lambda: ("probes", "db_replicas") in told(lakescope), 20)
        events = told(lakescope)
        assert not list(lakescope.engine.dead_letters.letters())

    def counted(metric: str, **labels: str) -> float:
        chosen = (event for event in events["probes", metric] if labels.items() <= event.items())
        return sum(event["value"] for event in chosen)

    def count(table: str, where: str = "true") -> float:
        return float(rucio.query(f"select count(*) from {table} where {where}")[0][0])

    assert counted("conveyor_queues_requests", state="queued") == count("requests", "state = 'Q'") > 0
    assert counted("judge_rules_state_count", state="replicating") == count("rules", "state = 'R'") > 0
    assert counted("judge_rules_state_count") == count("rules")
    assert counted("messages_to_submit_queues_messages") == count("messages")
    assert counted("judge_updated_dids") == count("updated_dids")
    assert counted("transmogrifier_new_dids") == count("dids", "is_new") > 0
    copies = f"rse_id = (select id from rses where rse = '{lake['A']}') and state = 'A'"
    assert counted("db_replicas", rse=lake["A"], state="available") == count("replicas", copies) > 0
