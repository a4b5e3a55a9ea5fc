"""Enrichment: what each dataset gets, and that the source's own word is kept."""

from __future__ import annotations

import pickle
from typing import Any, TypeVar

import pytest

from lakescope.core.events import (
    Deletion,
    Did,
    Event,
    FtsQueue,
    Host,
    Network,
    Probe,
    Push,
    Rule,
    Storage,
    Trace,
    Transfer,
)
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology

TOPOLOGY = Topology(
    {
        "rses": {
            "A-DISK": {"site": "SITE-A", "country_name": "Italy", "params": {"qos": "FAST"}},
            "B-TAPE": {"site": "SITE-B", "country_name": "Spain", "rse_type": "TAPE"},
            "C-EMPTY": {"site": "SITE-C", "rse_type": ""},
        }
    },
    services=[
        {"endpoint": "a.example", "rcsite": "SITE-A"},
        {"endpoint": "b.example", "rcsite": "SITE-B"},
    ],
    sites={"SITE-C": {"netroutes": {"x": {"networks": {"ipv4": ["192.0.2.0/24"]}}}}},
)
COMMON: dict[str, Any] = {"id": "0" * 32, "time": "2026-01-01T00:00:00Z", "source": "push"}


E = TypeVar("E", bound=Event)


def enriched(event: E, topology: Topology = TOPOLOGY, **options: Any) -> E:
    Enrichment(topology, **options)([event])
    return event


def transfer(**fields: Any) -> Transfer:
    return Transfer(event="done", **COMMON, **fields)


# --- common fields ---------------------------------------------------------------------------------------


def test_collector_and_vo() -> None:
    silent, spoken = enriched(transfer()), enriched(transfer(vo="atlas"), collector="hermes", vo="escape")
    assert (silent.collector, silent.vo) == (None, None)
    assert (spoken.collector, spoken.vo) == ("hermes", "atlas")
    assert enriched(transfer(), vo="escape").vo == "escape"


@pytest.mark.parametrize(
    "event",
    [
        Did(event="close", **COMMON),
        Rule(event="ok", **COMMON),
        Push(producer="p", type="t", data={}, **COMMON),
    ],
)
def test_datasets_without_a_place_get_only_the_common_fields(event: Event) -> None:
    enriched(event, collector="c", vo="v")
    assert (event.collector, event.vo) == ("c", "v")


def test_travels_to_other_processes() -> None:
    copy = pickle.loads(pickle.dumps(Enrichment(TOPOLOGY, collector="c", user_salt=b"s")))
    event = transfer(src_rse="A-DISK", user="/CN=jane")
    copy([event])
    assert event.src_site == "SITE-A"
    assert event.user == enriched(transfer(user="/CN=jane"), user_salt=b"s").user


# --- transfers -------------------------------------------------------------------------------------------


def test_transfer_by_its_rses() -> None:
    event = enriched(transfer(src_rse="A-DISK", dst_rse="B-TAPE", src_host="b.example"))
    assert (event.src_site, event.src_country, event.src_type, event.src_qos) == (
        "SITE-A",
        "Italy",
        "DISK",
        "FAST",
    )
    assert (event.dst_site, event.dst_country, event.dst_type, event.dst_qos) == (
        "SITE-B",
        "Spain",
        "TAPE",
        None,
    )


def test_transfer_by_its_hosts_where_it_names_no_rse() -> None:
    event = enriched(transfer(src_host="a.example", dst_host="192.0.2.7"))
    assert (event.src_site, event.dst_site) == ("SITE-A", "SITE-C")
    assert (event.src_country, event.dst_country) == (None, None)


def test_transfer_of_an_rse_that_the_topology_does_not_know() -> None:
    event = enriched(transfer(src_rse="NEW", src_host="a.example", dst_rse="NEW"))
    assert (event.src_site, event.dst_site) == ("SITE-A", None)


def test_the_topology_wins_on_types_that_it_knows() -> None:
    assert enriched(transfer(dst_rse="B-TAPE", dst_type="DISK")).dst_type == "TAPE"
    assert enriched(transfer(src_rse="B-TAPE", src_type="DISK")).src_type == "TAPE"
    assert enriched(transfer(src_rse="C-EMPTY", src_type="TAPE")).src_type == "DISK"
    assert enriched(transfer(src_rse="A-DISK", src_type="TAPE")).src_type == "TAPE"  # the topology is silent
    assert enriched(transfer(src_rse="NEW", src_type="TAPE")).src_type == "TAPE"


def test_conflicts_are_told() -> None:
    enrichment = Enrichment(TOPOLOGY)
    events: list[Event] = [
        transfer(src_rse="B-TAPE", src_type="tape", dst_rse="B-TAPE", dst_type="DISK"),
        Storage(rse="A-DISK", qos="SLOW", **COMMON),
    ]
    assert enrichment(events) == {
        "B-TAPE": "type DISK in messages, TAPE in the topology",
        "A-DISK": "qos SLOW in messages, FAST in the topology",
    }
    assert enrichment(events) == {}


def test_the_sources_site_stands_where_two_claim_the_host() -> None:
    topology = Topology(services=[{"endpoint": "x.example", "rcsite": site} for site in ("ONE", "TWO")])
    events: list[Event] = [
        transfer(src_host="x.example", src_site="FTS-SITE", dst_host="x.example"),
        transfer(src_host="y.example", src_site="FTS-SITE"),
    ]
    Enrichment(topology)(events)
    assert [(event.src_site, event.dst_site) for event in events if isinstance(event, Transfer)] == [
        ("FTS-SITE", "ambiguous"),
        ("FTS-SITE", None),
    ]


def test_error_gets_a_class() -> None:
    one = enriched(transfer(error="TRANSFER [110] ERROR: Connection timed out to https://a.example:443/x/1"))
    other = enriched(
        transfer(error="TRANSFER [110] ERROR: Connection timed out to https://b.example:443/y/2")
    )
    assert one.error_class is not None
    assert one.error_class == other.error_class
    assert one.error_template == other.error_template
    assert "a.example" not in (one.error_template or "")


def test_error_scope_that_the_source_told_is_kept() -> None:
    event = enriched(transfer(error="DESTINATION [17] File exists", error_scope="SOURCE", error_code=5))
    assert (event.error_scope, event.error_code) == ("SOURCE", 5)


# --- noise -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activity", "scope", "functional"),
    [
        ("Functional Test", "cms", True),
        ("functional-testing", None, True),
        ("Production", "ESCAPE_CERN_TEAM-noise", True),
        (None, "ESCAPE_CERN_TEAM-noise", True),
        ("Production", "ESCAPE_CERN_TEAM-noisemaker", False),
        ("Production", None, False),
        (None, "cms", False),
        (None, None, None),
    ],
)
def test_functional_tests_are_marked(
    activity: str | None, scope: str | None, functional: bool | None
) -> None:
    assert enriched(transfer(activity=activity, scope=scope)).functional_test is functional


def test_functional_tests_by_option() -> None:
    options: dict[str, Any] = {"functional_activities": ["Debug"], "functional_scopes": ["-t"]}
    assert enriched(transfer(activity="Debug"), **options).functional_test is True
    assert enriched(transfer(activity="Functional Test", scope="x-t"), **options).functional_test is True
    assert enriched(transfer(activity="Functional Test"), **options).functional_test is False


def test_mark_that_the_source_told_is_kept() -> None:
    assert enriched(transfer(activity="Functional Test", functional_test=False)).functional_test is False


# --- experiments -----------------------------------------------------------------------------------------

EXPERIMENTS = ["CTA", "SKA", "KM3NET", "CTA-LST"]


@pytest.mark.parametrize(
    ("scope", "experiment"),
    [
        ("SKA_SKAO_USER", "SKA"),
        ("km3net-data", "KM3NET"),
        ("CTA-LST_raw", "CTA-LST"),
        ("CTA_LAPP_USER", "CTA"),
        ("ESCAPE_CERN_TEAM-noise", None),
        ("OURS_SKA", None),
        ("", None),
        (None, None),
    ],
)
def test_experiment_is_the_configured_name_that_the_scope_begins_with(
    scope: str, experiment: str | None
) -> None:
    events = [
        transfer(scope=scope),
        Deletion(event="done", scope=scope, **COMMON),
        Storage(scope=scope, files=1, **COMMON),
    ]
    for event in events:
        assert enriched(event, experiments=EXPERIMENTS).experiment == experiment
        assert enriched(event).experiment in (None, event.experiment if isinstance(event, Storage) else None)


def test_experiment_that_the_source_names_is_kept() -> None:
    assert (
        enriched(Storage(experiment="LOFAR", scope="SKA_1", **COMMON), experiments=EXPERIMENTS).experiment
        == "LOFAR"
    )


def test_many_scopes_are_not_all_remembered() -> None:
    enrichment = Enrichment(experiments=EXPERIMENTS)
    events = [transfer(scope=f"SKA_{i}") for i in range(10_000)] + [transfer(scope="CTA_1"), transfer()]
    enrichment(events)
    assert [event.experiment for event in events[-3:]] == ["SKA", "CTA", None]
    assert len(enrichment._experiment_by_scope) <= 4096


# --- users -----------------------------------------------------------------------------------------------


def test_user_is_dropped_unless_asked_for() -> None:
    assert enriched(transfer(user="/DC=ch/CN=jane")).user is None


def test_user_is_a_salted_hash() -> None:
    jane, again, john = (
        enriched(transfer(user=f"/DC=ch/CN={name}"), user_salt=b"secret").user
        for name in ("jane", "jane", "john")
    )
    assert jane is not None
    assert jane == again != john
    assert len(jane) == 32
    assert "jane" not in jane
    assert jane != enriched(transfer(user="/DC=ch/CN=jane"), user_salt=b"other").user


def test_salt_of_any_length() -> None:
    assert enriched(transfer(user="x"), user_salt=b"s" * 200).user is not None


# --- the other datasets ----------------------------------------------------------------------------------


def test_deletion() -> None:
    event = enriched(Deletion(event="failed", rse="A-DISK", error="no such file /x/1", **COMMON))
    assert (event.site, event.country, event.qos) == ("SITE-A", "Italy", "FAST")
    assert event.error_class is not None


def test_trace() -> None:
    assert enriched(Trace(event="download", rse="B-TAPE", **COMMON)).site == "SITE-B"


def test_queue_and_network_by_their_hosts() -> None:
    queue = enriched(FtsQueue(src_host="a.example", dst_host="b.example", **COMMON))
    assert (queue.src_site, queue.dst_site) == ("SITE-A", "SITE-B")
    network = enriched(Network(test="rtt", src_host="a.example", dst_host="192.0.2.9", **COMMON))
    assert (network.src_site, network.dst_site) == ("SITE-A", "SITE-C")
    told = enriched(Network(test="rtt", src_host="a.example", src_site="TOLD", **COMMON))
    assert (told.src_site, told.dst_site) == ("TOLD", None)


def test_host() -> None:
    assert enriched(Host(host="a.example", metric="m", type="gauge", **COMMON)).site == "SITE-A"
    assert enriched(Host(host="x.example", metric="m", type="gauge", **COMMON)).site is None


@pytest.mark.parametrize(
    ("fields", "site"),
    [
        ({"site": "A-DISK", "rse": "A-DISK"}, "SITE-A"),
        ({"site": "TOLD", "rse": "UNKNOWN"}, "TOLD"),
        ({"rse": "A-DISK", "target": "davs://b.example:443/x"}, "SITE-A"),
        ({"target": "davs://B.example:443/x"}, "SITE-B"),
        ({"target": "rucio"}, None),
        ({}, None),
    ],
)
def test_probe(fields: dict[str, Any], site: str | None) -> None:
    assert enriched(Probe(probe="p", status="ok", **COMMON, **fields)).site == site


def test_storage() -> None:
    event = enriched(Storage(rse="A-DISK", **COMMON))
    assert (event.site, event.country, event.qos) == ("SITE-A", "Italy", "FAST")
    assert enriched(Storage(rse="A-DISK", qos="TOLD", **COMMON)).qos == "FAST"
    assert enriched(Storage(rse="B-TAPE", qos="TOLD", **COMMON)).qos == "TOLD"
    assert enriched(Storage(**COMMON)).site is None


def test_a_qos_class_that_the_topology_lacks_is_rucios() -> None:
    rses = {"A-DISK": {"params": {"qos": "FAST"}}, "B-TAPE": {"site": "SITE-B"}}
    topology = Topology(rses, qos=dict.fromkeys(("A-DISK", "B-TAPE", "NEW"), "BY-RUCIO"))
    by_rse = {"A-DISK": "FAST", "B-TAPE": "BY-RUCIO", "NEW": "BY-RUCIO", "OTHER": None}
    for rse, qos in by_rse.items():
        transferred = enriched(transfer(src_rse=rse, dst_rse=rse, dst_host="h.example"), topology)
        assert (transferred.src_qos, transferred.dst_qos) == (qos, qos)
        assert enriched(Deletion(event="done", rse=rse, **COMMON), topology).qos == qos
        assert enriched(Storage(rse=rse, **COMMON), topology).qos == qos
    assert enriched(Storage(rse="NEW", qos="REPORTED", **COMMON), topology).qos == "BY-RUCIO"
    assert enriched(Storage(rse="OTHER", qos="REPORTED", **COMMON), topology).qos == "REPORTED"
    only_qos = enriched(transfer(src_rse="NEW", src_type="TAPE", src_site="S"), topology)
    assert (only_qos.src_type, only_qos.src_site) == ("TAPE", "S"), (
        "of all else Rucio's attribute says nothing"
    )


def test_without_a_topology_nothing_is_guessed() -> None:
    event = enriched(transfer(src_rse="A-DISK", src_host="a.example"), Topology())
    assert (event.src_site, event.src_country, event.src_type, event.src_qos) == (None, None, None, None)


def test_a_share_has_the_rse_that_it_holds_and_a_service_none() -> None:
    topology = Topology(
        {"A-DISK": {"site": "A", "protocols": [{"hostname": "se.example", "prefix": "/data/"}]}}
    )
    common: dict[str, Any] = {
        "id": "",
        "time": "2026-01-01T00:00:00Z",
        "source": "srr",
        "storage_service": "s",
    }
    share = Storage(share="d", url="https://se.example/data", **common)
    service = Storage(media="online", url="https://se.example/", **common)
    Enrichment(topology)([share, service])
    assert [(one.rse, one.site) for one in (share, service)] == [("A-DISK", "A"), (None, "A")]


def test_a_probes_site_is_that_of_its_host() -> None:
    topology = Topology({"A-DISK": {"site": "A", "protocols": [{"hostname": "se.example"}]}})
    common: dict[str, Any] = {"id": "", "time": "2026-01-01T00:00:00Z", "source": "sam", "probe": "p"}
    known = Probe(status="critical", host="se.example", site="T2_A", **common)
    unknown = Probe(status="warning", ok=True, host="other.example", site="T2_B", **common)
    Enrichment(topology)([known, unknown])
    assert [(one.site, one.rse, one.ok) for one in (known, unknown)] == [
        ("A", "A-DISK", False),
        ("T2_B", None, True),
    ]
