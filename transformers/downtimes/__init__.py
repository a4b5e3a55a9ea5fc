"""Downtimes of sites and services as their portals serve them: GOCDB, OSG's Topology, CRIC; recognised by the body.

- GOCDB's XML (GOCDB 5: ``get_downtime`` and ``get_downtime_nested_services``): `lakescope.transformers.downtimes.gocdb`
- OSG's XML (``topology.opensciencegrid.org/rgdowntime/xml``): `lakescope.transformers.downtimes.osg`
- CRIC's JSON (``/api/core/downtime/query/?json``): `lakescope.transformers.downtimes.cric`

Each affected service of a downtime is a `Downtime`: a site with several hosts has several, with one `downtime_id`. A
report is of the moment of the answer (header ``date``, else its reception), and says whether the downtime is planned,
running or ended then. Where it has begun, a second event of the time of its beginning says so; it has the same id in all
answers, so that stores which replace keep one of them a downtime and service, with its latest revision.

The answer itself is a `Poll`, if it is known what was asked (header ``scope``, or ``url`` as the poll collector has it):
a downtime that the next complete answer to the same question lacks was cancelled or cut short. CRIC merges the others:
ask either CRIC or them.

All times are UTC. No end is an open one. A downtime that ends before it begins is kept as cancelled: it affects nothing.
Downtimes that ended more than a week before the answer are left out: filtered "ended" (OSG serves years of them).
Descriptions may hold HTML's entities, which are read.

Shown against the portals' documented forms only (GOCDB 9c97f14, topology 5270db3): no sample of a real server.
"""

from __future__ import annotations

from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._answers import poll_of, question_of
from lakescope.transformers._common import any_json, shape
from lakescope.transformers._xml import check_is_no_page, parse_xml
from lakescope.transformers.downtimes import cric, gocdb, osg

EXPECTED = "downtimes: GOCDB's XML (<results>), OSG's XML (<Downtimes>) or CRIC's JSON"


@declare(framing="whole", maturity="experimental")
def decode(message: Message, out: DecodeResult) -> None:
    """All downtimes of one answer; a bad one is a `Reject` of its own, and the answer then not complete."""
    question = question_of(message)
    check_is_no_page(message.body, EXPECTED)
    rejects = len(out.rejects)
    body = message.body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if body[:1] in (b"{", b"["):
        source, count = "cric", cric.decode(any_json(body), question, out)
    else:
        root = parse_xml(body)
        match root.tag:
            case "results":
                source, count = "gocdb", gocdb.decode(root, question, out)
            case "Downtimes":
                source, count = "osg", osg.decode(root, question, out)
            case _:
                raise RejectedError("unknown_kind", "$", EXPECTED, f"<{shape(root.tag)}>")
    if question.scope:
        complete = len(out.rejects) == rejects
        out.events.append(poll_of(source, question, "downtimes", count, complete=complete))
    elif not count:
        out.filtered["empty"] += 1
