"""Downtimes: where they are, and that every answer can be told from the next. The bodies are in tests/cases/downtimes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakescope.core.events import Downtime, Poll
from lakescope.core.messages import RejectedError
from lakescope.transformers.downtimes import decode as read
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology
from tests.transformers.properties import decode, holds

URL = "https://goc.example/gocdbpi/public/?method=get_downtime"
BEGIN, END = 1_767_222_000, 1_767_229_200  # an hour before and after the bodies' reception


def gocdb(*hosts: str, end: int | str = END, key: str = "7G0") -> bytes:
    rows = [
        f'<DOWNTIME PRIMARY_KEY="{key}" CLASSIFICATION="SCHEDULED"><HOSTNAME>{host}</HOSTNAME>'
        f"<SERVICE_TYPE>webdav</SERVICE_TYPE><HOSTED_BY>RC-{host[0]}</HOSTED_BY><SEVERITY>OUTAGE</SEVERITY>"
        f"<START_DATE>{BEGIN}</START_DATE><END_DATE>{end}</END_DATE></DOWNTIME>"
        for host in hosts
    ]
    return f"<results>{''.join(rows)}</results>".encode()


def downtimes(body: bytes, **headers: str) -> list[Downtime]:
    events = decode(read, body, {"url": URL, **headers}).events
    return [event for event in events if isinstance(event, Downtime)]


TOPOLOGY = Topology(
    rses={
        "A-DISK": {"site": "ALPHA", "protocols": [{"hostname": "a.example"}]},
        "B-DISK": {"site": "BETA", "protocols": [{"hostname": "b.example"}]},
        "B-TAPE": {"site": "BETA", "protocols": [{"hostname": "b.example"}]},
        "X": {"site": "ONE", "protocols": [{"hostname": "x.example"}]},
        "Y": {"site": "TWO", "protocols": [{"hostname": "x.example"}]},
    },
    services={"ps": {"endpoint": "c.example", "rcsite": "GAMMA"}},
)


@pytest.mark.parametrize(
    ("host", "rse", "site"),
    [
        ("a.example", "A-DISK", "ALPHA"),  # not RC-a: the experiment's name for it
        ("b.example", "ambiguous", "BETA"),  # a host of two RSEs of one site
        ("x.example", "ambiguous", "RC-x"),  # of two sites: the portal knows which
        ("c.example", None, "GAMMA"),
        ("nowhere.example", None, "RC-n"),
    ],
)
def test_the_place_is_found_by_the_host(host: str, rse: str | None, site: str) -> None:
    events = downtimes(gocdb(host))
    Enrichment(TOPOLOGY)(events)
    assert [(event.rse, event.site, event.portal_site) for event in events] == [
        (rse, site, f"RC-{host[0]}")
    ] * 2


def test_reports_differ_by_answer_and_the_beginning_does_not() -> None:
    first, later = (
        downtimes(gocdb("a.example", end=end), date=f"Thu, 01 Jan 2026 00:{minute:02}:00 GMT")
        for minute, end in ((0, END), (15, END + 7200))
    )
    assert [event.event for event in first] == ["reported", "began"]
    assert {event.downtime_id for event in (*first, *later)} == {"7G0"}
    assert first[0].id != later[0].id
    assert first[1].id == later[1].id and first[1].time == later[1].time == first[0].started
    assert later[1].ended == later[0].ended != first[1].ended  # the revision replaces what was stored


def test_services_of_one_downtime_are_told_apart() -> None:
    events = downtimes(gocdb("a.example", "b.example"))
    assert len({event.id for event in events}) == 4 and {event.downtime_id for event in events} == {"7G0"}


def test_the_same_service_twice_is_one_event() -> None:
    assert len({event.id for event in downtimes(gocdb("a.example", "a.example"))}) == 2


def test_an_answer_with_a_bad_downtime_is_not_complete() -> None:
    for body, complete in ((gocdb("a.example"), True), (gocdb("a.example", end="late"), False)):
        (poll,) = (event for event in decode(read, body, {"url": URL}).events if isinstance(event, Poll))
        assert (poll.kind, poll.count, poll.complete) == ("downtimes", 1, complete)


BOMB = b"<!DOCTYPE r [<!ENTITY a0 'x'>%s]><results>&a40;</results>" % b"".join(
    b"<!ENTITY a%d '&a%d;&a%d;'>" % (n, n - 1, n - 1) for n in range(1, 41)
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_entity_bomb_is_refused_in_one_line(encoding: str) -> None:
    with pytest.raises(RejectedError, match="expected XML without a DTD") as error:
        decode(read, BOMB.decode().encode(encoding))
    assert "\n" not in str(error.value)


@given(st.binary(max_size=60), st.integers(0, 400))
def test_no_bytes_crash_it(noise: bytes, place: int) -> None:
    body = gocdb("a.example")
    holds(read, body[:place] + noise + body[place:], {"url": URL})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
            ["id", "site", "services", "start", "end", "severity", "state", "endpoint", "flavour", "7"]), inner, max_size=6),
        max_leaves=12,
    )
)  # fmt: skip
def test_no_json_crashes_it(document: Any) -> None:
    import msgspec

    holds(read, msgspec.json.encode(document), {"url": URL})


@pytest.mark.parametrize("name", ["bogus", "utf-7", "idna"])
def test_encodings_that_are_none_are_rejected(name: str) -> None:
    with pytest.raises(RejectedError) as error:
        decode(read, f'<?xml version="1.0" encoding="{name}"?><results/>'.encode())
    assert re.match("not_json", str(error.value))
