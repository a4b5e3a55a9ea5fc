"""The variables that dashboards share: one name, one field, everywhere."""

from __future__ import annotations

from lakescope.dashboards.model import Variable


def _of(
    name: str, label: str, dimension: str, dataset: str = "transfers", reverse: str | None = None
) -> Variable:
    return Variable(name=name, label=label, dimension=dimension, dataset=dataset, reverse=reverse)


VO = _of("vo", "VO", "vo")
ACTIVITY = _of("activity", "Activity", "activity")
EXPERIMENT = _of("experiment", "Experiment", "experiment")
SOURCE = _of("source", "Source", "src_site", reverse="dst_site")
DESTINATION = _of("destination", "Destination", "dst_site", reverse="src_site")
SOURCE_RSE = _of("source_rse", "Source RSE", "src_rse", reverse="dst_rse")
DESTINATION_RSE = _of("destination_rse", "Destination RSE", "dst_rse", reverse="src_rse")
PROTOCOL = _of("protocol", "Protocol", "protocol")
ENDPOINT = _of("endpoint", "FTS server", "endpoint")
ERROR = _of("error", "Error class", "error_class")
SITE = _of("site", "Site", "site", "storage")
RSE = _of("rse", "RSE", "rse", "storage")
QOS = _of("qos", "QoS", "qos", "storage")
ACCOUNT = _of("account", "Account", "account", "storage")
HOST = _of("host", "Host", "host", "hosts")
INSTANCE = _of("instance", "Server or daemon", "instance", "rucio")

TRANSFERS = (VO, ACTIVITY, EXPERIMENT, SOURCE, DESTINATION, SOURCE_RSE, DESTINATION_RSE, PROTOCOL)
"""What every view of transfers can be narrowed by."""
