"""The topology: CRIC's documents in both of its forms, exact hosts, longest prefixes, what two sites claim."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.transformers.topology import AMBIGUOUS, Rse, Topology

PRESET: dict[str, Any] = {
    "rses": {
        "CNAF-STORM": {
            "name": "CNAF-STORM",
            "site": "INFN-CNAF",
            "state": "ACTIVE",
            "country_name": "Italy",
            "rse_type": "",
            "params": {"QOS": "CHEAP-ANALYSIS", "lfn2pfn": "hash"},
            "protocols": [
                {"scheme": "davs", "hostname": "Xfer.cr.cnaf.infn.it", "port": 8443, "prefix": "/escape"},
                {"scheme": "root", "hostname": "xrootd.cr.cnaf.infn.it", "port": 1094, "prefix": "/escape"},
            ],
        },
        "PIC-TAPE": {
            "name": "PIC-TAPE",
            "site": "PIC",
            "country_name": "Spain",
            "rse_type": "TAPE",
            "params": {"qos_class": "COLD"},
            "protocols": [{"scheme": "davs", "hostname": "door.pic.es", "port": 8466}],
        },
        "EULAKE-1": {"name": "EULAKE-1", "site": None, "protocols": None, "params": None},
    },
    "distances": {"CNAF-STORM": {"PIC-TAPE": {"distance": 1}}},
}
BARE = {
    "CNAF-STORM": {
        "rcsite": "INFN-CNAF",
        "country": "Italy",
        "protocols": {
            "davs": {"flavour": "HTTPS", "endpoint": "xfer.cr.cnaf.infn.it:8443", "path": "/escape"}
        },
    }
}
SERVICES = [
    {"endpoint": "ps.site-a.example", "rcsite": "SITE-A", "status": "production"},
    {"endpoint": "https://se.site-a.example:443/path", "rcsite": "SITE-A"},
    {"endpoint": "shared.example:1094", "rcsite": "SITE-A"},
    {"endpoint": "Shared.example", "rcsite": "SITE-B"},
    {"endpoint": "shared.example", "rcsite": "SITE-A"},
    {"endpoint": None, "rcsite": "SITE-A"},
    {"endpoint": "siteless.example", "rcsite": None},
]


def sites(**networks: dict[str, list[str] | None]) -> dict[str, Any]:
    return {site: {"netroutes": {"lhcone": {"networks": families}}} for site, families in networks.items()}


# --- RSEs ------------------------------------------------------------------------------------------------


def test_rses_with_the_preset() -> None:
    topology = Topology(PRESET)
    assert len(topology) == 3
    assert topology.rse("CNAF-STORM") == Rse("INFN-CNAF", "Italy", "DISK", "CHEAP-ANALYSIS")
    assert topology.rse("PIC-TAPE") == Rse("PIC", "Spain", "TAPE", "COLD")
    assert topology.rse("EULAKE-1") == Rse(None, None, None, None)
    assert topology.rse("cnaf-storm") is None
    assert topology.site_of("xfer.cr.cnaf.infn.it") == "INFN-CNAF"
    assert topology.site_of("xrootd.cr.cnaf.infn.it") == "INFN-CNAF"


def test_rses_without_the_preset() -> None:
    topology = Topology(BARE)
    assert topology.rse("CNAF-STORM") == Rse("INFN-CNAF", "Italy", None, None)
    assert topology.site_of("xfer.cr.cnaf.infn.it") == "INFN-CNAF"


def test_attribute_that_is_no_text() -> None:
    rse = Topology({"rses": {"A": {"site": "S", "params": {"QoS": 3}}}}).rse("A")
    assert rse is not None
    assert rse.qos == "3"


# --- hosts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_mapping", [False, True])
def test_services(as_mapping: bool) -> None:
    services: Any = {str(i): service for i, service in enumerate(SERVICES)} if as_mapping else SERVICES
    topology = Topology(services=services)
    assert topology.site_of("ps.site-a.example") == "SITE-A"
    assert topology.site_of("se.site-a.example") == "SITE-A"
    assert topology.site_of("shared.example") == AMBIGUOUS
    assert topology.site_of("siteless.example") is None
    assert topology.site_of("stranger.example") is None
    assert topology.site_of("") is None


def test_rse_names_the_site_where_a_service_has_another_name_for_it() -> None:
    """CRIC knows a place as the experiment's site and as the resource centre: not two sites."""
    services = [{"endpoint": "door.pic.es:8466", "rcsite": "pic-rc"}]
    assert Topology(PRESET, services).site_of("door.pic.es") == "PIC"


def test_door_of_rses_of_two_sites_is_ambiguous() -> None:
    door = {"protocols": [{"hostname": "door.example"}]}
    rses = {"A": {"site": "SITE-A"} | door, "B": {"site": "SITE-B"} | door, "C": {"site": "SITE-A"} | door}
    assert Topology({"rses": rses}).site_of("door.example") == AMBIGUOUS


# --- addresses -------------------------------------------------------------------------------------------

NETWORKS = sites(
    WIDE={"ipv4": ["192.0.0.0/16"], "ipv6": ["2001:db8::/32"]},
    NARROW={"ipv4": ["192.0.2.0/24", "198.51.100.7"], "ipv6": ["2001:db8:2::/48", "2001:db8:3::1/48 "]},
    ODD={"ipv4": ["not a network", "", "10.0.0.0/33"], "ipv6": None},
)


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.10", "NARROW"),
        ("192.0.3.10", "WIDE"),
        ("198.51.100.7", "NARROW"),
        ("198.51.100.8", None),
        ("2001:db8:2::10", "NARROW"),
        ("2001:db8:3::10", "NARROW"),
        ("2001:db8:4::10", "WIDE"),
        ("2001:db9::1", None),
        ("::ffff:192.0.2.10", "NARROW"),
        ("se01", None),
        ("a:b", None),
        ("10.0.0.1", None),
    ],
)
def test_address_by_the_longest_prefix(address: str, site: str | None) -> None:
    topology = Topology(sites=NETWORKS)
    assert topology.site_of(address) == site
    assert topology.site_of(address) == site, "the second answer comes from the cache"


def test_exact_host_before_prefix() -> None:
    services = [{"endpoint": "192.0.2.10:1094", "rcsite": "EXACT"}]
    assert Topology(services=services, sites=NETWORKS).site_of("192.0.2.10") == "EXACT"


def test_network_of_two_sites_is_ambiguous_and_a_longer_prefix_still_wins() -> None:
    topology = Topology(
        sites=sites(A={"ipv4": ["192.0.2.0/24"]}, B={"ipv4": ["192.0.2.0/24", "192.0.2.128/25"]})
    )
    assert topology.site_of("192.0.2.1") == AMBIGUOUS
    assert topology.site_of("192.0.2.129") == "B"


def test_default_routes_of_the_families_do_not_mix() -> None:
    topology = Topology(sites=sites(FOUR={"ipv4": ["0.0.0.0/0"]}, SIX={"ipv6": ["::/0"]}))
    assert topology.site_of("203.0.113.1") == "FOUR"
    assert topology.site_of("2001:db8::1") == "SIX"


# --- the whole -------------------------------------------------------------------------------------------


def test_empty() -> None:
    topology = Topology()
    assert len(topology) == 0
    assert topology.rse("A") is None
    assert topology.site_of("192.0.2.1") is None


def test_travels_to_other_processes() -> None:
    topology = Topology(PRESET, SERVICES, NETWORKS)
    copy = pickle.loads(pickle.dumps(topology))
    assert copy.rse("PIC-TAPE") == topology.rse("PIC-TAPE")
    assert copy.site_of("2001:db8:2::10") == "NARROW"


@pytest.mark.parametrize(
    "documents",
    [
        {"rses": {"rses": None}},
        {"rses": {"rses": {"A": None, "B": {"protocols": [None, "x"]}}}},
        {"services": [None, "x", {}]},
        {"sites": {"A": {}, "B": {"netroutes": None}, "C": {"netroutes": {"x": {"networks": None}}}}},
        {"sites": {"A": {"netroutes": {"x": {"networks": {"ipv4": [None, 5]}}}}}},
    ],
)
def test_gaps_in_crics_documents_are_no_error(documents: dict[str, Any]) -> None:
    assert Topology(**documents).site_of("se01.example") is None


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30) | st.ip_addresses().map(str))
def test_any_text_can_be_asked(host: str) -> None:
    site = Topology(PRESET, SERVICES, NETWORKS).site_of(host)
    assert site is None or isinstance(site, str)


def _rses(**prefixes: str) -> Topology:
    """RSEs behind one door, each with its prefix."""
    return Topology(
        {
            name: {"site": "A", "protocols": [{"hostname": "door.example", "prefix": prefix}]}
            for name, prefix in prefixes.items()
        }
    )


@pytest.mark.parametrize(
    ("url", "rse"),
    [
        ("davs://door.example:2880/data/one", "ONE"),
        ("root://door.example:1094//data/one/", "ONE"),
        ("davs://door.example/data", "ambiguous"),  # holds both
        ("davs://door.example/data/one/part", None),  # a part of it only
        ("davs://door.example/data/on", None),  # another folder
        ("davs://other.example/data/one", None),
        ("davs://door.example", None),
    ],
)
def test_the_rse_within_a_share(url: str, rse: str | None) -> None:
    assert _rses(ONE="/data/one", TWO="/data/two/").rse_within(url) == rse
