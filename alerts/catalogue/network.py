"""The network, by perfSONAR's tests: loss, delay, throughput, clocks, and hosts that are not heard.

Thresholds as WLCG's alarms have them (sand-ci/AlarmsAndAlerts): 2 % of loss, at least 5 others for a host, 50 % of throughput,
100 ms of clock. None is a page: a network that fails shows as an incident of transfers, and these say where and why.
"""

from __future__ import annotations

from functools import partial

from lakescope.alerts.model import Baseline, Peers, Rule, Threshold, Volume
from lakescope.kpis.model import DAY, HOUR

_MINUTE = 60
_HOSTS = ("src_host", "dst_host")
_SITES = ("src_site", "dst_site")
_LATE_S = 5 * _MINUTE
"""A test's result comes when it has ended and was archived."""

_network = partial(Rule, severity="ticket", owner="network", late_s=_LATE_S)
_links = partial(_network, by=(*_HOSTS, *_SITES), optional=_SITES, hold_s=DAY)
_host = partial(Peers, dimensions=_HOSTS, sites=_SITES, least=5, all_from=3, label="host")

LOSS = 0.02
ALL_LOST = 0.999
"""From here on the link is dead, which is another rule's."""

NETWORK = (
    _links(
        name="network_loss",
        title="Packets are lost",
        kpi="network_loss",
        condition=Threshold(above=LOSS, below=ALL_LOST, clear=LOSS / 2),
        window_s=30 * _MINUTE,
        # more than twice the window: around an outage of any length, it has good tests beside lost ones
        for_s=75 * _MINUTE,
        keep_s=30 * _MINUTE,
        volume=Volume("network_packets", 50),
        peers=_host(
            summary="{peer} loses {value} of test packets (median) with {count} other hosts in {window}; threshold {threshold}"
        ),
        summary="{src_host} to {dst_host}: {value} of {volume} test packets lost in {window}; threshold {threshold}",
        description="perfSONAR loses {value} of its test packets, but not all (threshold {threshold}, window"
        " {window}). TCP slows down from far less. First check whether the way back loses packets too, and whether"
        " the route has changed. With many others at once it is the host or its site, and its links are not alerts"
        " of their own.",
    ),
    _links(
        name="network_unreachable",
        title="No test packet arrives: firewall, or host down",
        kpi="network_loss",
        condition=Threshold(above=ALL_LOST),
        window_s=30 * _MINUTE,
        for_s=10 * _MINUTE,
        keep_s=15 * _MINUTE,
        volume=Volume("network_packets", 20),
        peers=_host(
            least=10,
            summary="{peer}: all test packets of {count} other hosts were lost in {window}; a firewall, or the host"
            " is down",
        ),
        summary="{src_host} to {dst_host}: {value} of {volume} test packets lost in {window}",
        description="Not one of perfSONAR's test packets arrived in {window}. If all, or at least 10, other hosts see"
        " this of one host, it is that host: a firewall drops the tests, or it is down; then its links are not"
        " alerts of their own. First check whether the host answers a ping and its port 443, from outside its site.",
    ),
    _links(
        name="network_delay",
        title="One-way delay has risen",
        kpi="network_latency_p95",
        # no clear_ratio: between clocks that differ the median may be below 0, where a ratio to it says nothing
        condition=Baseline(history_s=7 * DAY, ratio_above=1.5, deviations=3, least=0.002, least_windows=12),
        window_s=6 * HOUR,  # a history of few windows, as there are thousands of links
        for_s=HOUR,
        keep_s=2 * HOUR,
        peers=_host(
            summary="{peer}: one-way delay {value} (median) with {count} other hosts in {window}, above 1.5 times the usual of"
            " each link"
        ),
        summary="{src_host} to {dst_host}: one-way delay {value} in {window}, usually {median}; threshold {threshold}",
        description="The 95th percentile of the one-way delay is {value}; the median of the seven days before is"
        " {median}, the threshold {threshold}. A longer route or full queues do this; a clock that jumps does it on"
        " all links of one host, up in one direction and down in the other. Look first at the route and at the clock"
        " of both hosts.",
    ),
    _links(
        name="network_throughput_low",
        title="Throughput has fallen",
        kpi="network_throughput",
        condition=Baseline(
            history_s=21 * DAY, ratio_below=0.5, deviations=2, clear_ratio=0.8, least_windows=7
        ),
        window_s=DAY,
        for_s=HOUR,
        keep_s=6 * HOUR,
        hold_s=7 * DAY,
        volume=Volume("network_throughput_tests", 2),
        peers=_host(
            summary="{peer}: throughput {value} (median) with {count} other hosts in {window}, below half of the usual of each"
            " link"
        ),
        summary="{src_host} to {dst_host}: throughput {value} in {window} ({volume} tests), usually {median};"
        " threshold {threshold}",
        description="perfSONAR reached {value}; the median of the 21 days before is {median}, the threshold"
        " {threshold}. The end of this alert is the notice that the throughput is up again: at least 80 % of that"
        " median for six hours. What stays low for more than ten days is the new median, and the alert ends as well."
        " Look first at retransmissions, loss and the route of the same link.",
    ),
    _links(
        name="network_ip_version_loss",
        title="Only one IP version loses packets",
        kpi="network_loss_ipv6_excess",
        condition=Threshold(above=0.05, clear=0.02, unsigned=True),
        window_s=2 * HOUR,
        for_s=HOUR,
        keep_s=HOUR,
        volume=Volume("network_packets", 200),
        peers=_host(
            summary="{peer}: loss over IPv6 minus that over IPv4 is {value} (median) with {count} other hosts in {window};"
            " threshold {threshold} either way"
        ),
        summary="{src_host} to {dst_host}: loss over IPv6 minus that over IPv4 is {value} in {window}; threshold"
        " {threshold} either way",
        description="One IP version loses packets between hosts where the other one does not: {value} (above 0: IPv6,"
        " below 0: IPv4). Transfers that prefer the bad one fail or are slow, and a retry does not help. Look first"
        " at the route and the firewall of that version.",
    ),
    _links(
        name="network_ip_version_throughput",
        title="IPv6 is slower than IPv4",
        kpi="network_throughput_ipv6_ratio",
        condition=Threshold(below=0.5, clear=0.7),
        window_s=2 * DAY,
        for_s=HOUR,
        keep_s=6 * HOUR,
        hold_s=7 * DAY,
        volume=Volume("network_throughput_tests", 8),
        peers=_host(
            summary="{peer}: throughput over IPv6 is {value} of that over IPv4 (median) with {count} other hosts in {window};"
            " threshold {threshold}"
        ),
        summary="{src_host} to {dst_host}: throughput over IPv6 is {value} of that over IPv4 in {window} ({volume}"
        " tests); threshold {threshold}",
        description="Between the same hosts, perfSONAR reaches over IPv6 only {value} of what it reaches over IPv4"
        " (threshold {threshold}). Transfers prefer IPv6. Look first at the MTU and the route of both versions: a"
        " tunnel, or a firewall that drops ICMPv6 and so the path MTU discovery.",
    ),
    _links(
        name="network_clock_error",
        title="A perfSONAR host's clock is wrong",
        kpi="clock_error",
        condition=Threshold(above=0.1, clear=0.05),
        window_s=2 * HOUR,
        for_s=30 * _MINUTE,
        keep_s=HOUR,
        peers=_host(
            summary="{peer}: clock error up to {value} (median) reported with {count} other hosts in {window}; threshold"
            " {threshold}"
        ),
        summary="{src_host} and {dst_host}: clock error up to {value} in {window}; threshold {threshold}",
        description="perfSONAR itself reports that the clocks of these hosts may be apart by {value} (threshold"
        " {threshold}), so their one-way delays mean nothing. Look first at chrony or ntpd on the hosts; with"
        " several others at once it is the host that all of them have in common.",
    ),
    _links(
        name="network_clock_correction",
        title="Delays there and back need a clock correction",
        kpi="network_delay_asymmetry",
        # twice the 100 ms of the two clocks; by link, since an average over links would accuse all partners of a bad clock
        condition=Threshold(above=0.2, clear=0.1, unsigned=True),
        window_s=6 * HOUR,
        for_s=HOUR,
        keep_s=2 * HOUR,
        peers=_host(
            all_from=2,
            summary="{peer}: one-way delays to and from {count} other hosts differ by {value} in {window} (median);"
            " threshold {threshold}: its clock is off by half of that",
        ),
        summary="{src_host} to {dst_host}: one-way delay {value} compared with the way back in {window}; threshold"
        " {threshold} either way",
        description="The one-way delay is {value} compared with that of the way back (threshold {threshold} either"
        " way). Real routes differ by some ten milliseconds; more is the difference of the two clocks, twice. The"
        " host that is in all such links has the wrong clock, whatever it says itself. Look first at chrony or ntpd"
        " on that host.",
    ),
    _network(
        name="network_host_silent",
        title="An expected perfSONAR host is not heard",
        kpi="expected_tests_done",
        by=("src_host", "test", "src_site"),
        optional=("src_site",),
        condition=Threshold(below=0.01, clear=0.1),
        window_s=DAY,  # tests of throughput run every six hours or less often
        for_s=HOUR,
        keep_s=HOUR,
        hold_s=DAY,
        peers=Peers(
            dimensions=("src_host",),
            sites=("src_site",),
            least=2,
            label="host",
            summary="{peer}: nothing was heard in {window} of {count} kinds of tests that pSConfig expects",
        ),
        summary="{src_host}: {value} of the {test} tests that pSConfig expects were heard in {window}",
        description="The pSConfig template wants this host to measure, and no result of it came in {window}, not even"
        " a failed one. A link that is not measured looks like one that is healthy. First check whether the host"
        " answers, then whether its pSConfig agent has read the template and its archiver's address is right.",
    ),
    _network(
        name="network_tests_missing",
        title="Fewer than half of the expected tests",
        kpi="expected_tests_done",
        by=("src_host", "test", "src_site"),
        optional=("src_site",),
        condition=Threshold(above=0.01, below=0.5),
        window_s=DAY,
        for_s=2 * DAY + HOUR,  # more than twice the window: a host that was silent for hours is no such
        keep_s=6 * HOUR,
        hold_s=DAY,
        peers=Peers(
            dimensions=("src_host",),
            sites=("src_site",),
            least=2,
            label="host",
            summary="{peer}: {value} (median) of the tests that pSConfig expects were heard in {window}, of {count}"
            " kinds of tests",
        ),
        summary="{src_host}: {value} of the {test} tests that pSConfig expects were heard in {window}",
        description="Of the tests that the pSConfig template wants this host to run, {value} came in {window}: less"
        " than half, but not none. Look first at the host's pScheduler schedule and its archiving errors: it is"
        " overloaded, its clock is off, or its partners refuse it.",
    ),
)
