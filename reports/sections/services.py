"""The network, and the services, certificates and hosts."""

from __future__ import annotations

from lakescope.reports.desk import Desk, ask_for, asks_for
from lakescope.reports.model import Finding, Section, worst
from lakescope.reports.sections._common import ALL_ROWS, findings_of, link_of, refusals, sentence, table_of

LINK = ("src_site", "dst_site")


def network(desk: Desk) -> Section:
    """perfSONAR by link, and where FTS and perfSONAR disagree."""
    kpis = ("network_loss", "network_throughput", "network_latency", "fts_network_ratio", "fts_throughput")
    loss, throughput, delay, ratio, fts, share = desk.ask(*asks_for((*kpis, "transfer_efficiency"), *LINK))
    lossy = [key for key, value in loss.ranked() if loss.state(value) in ("warning", "critical")]
    healthy = {key for key, value in share.values.items() if share.state(value) == "good"}
    failing = {key for key, value in share.values.items() if share.state(value) not in ("good", "no data")}
    clean = {key for key, value in loss.values.items() if loss.state(value) == "good"}
    disagreeing = [
        *(key for key in lossy if key in healthy),
        *(key for key, _ in share.ranked(least=True) if key in failing & clean),
    ]
    findings = [
        Finding(
            state="critical" if loss.state(loss.values[key]) == "critical" else "warning",
            sentence=sentence(
                f"Link {link_of(key)}: perfSONAR loses ",
                loss.of(loss.values[key], key),
                " of its test packets.",
                state=loss.state(loss.values[key]),
            ),
            action="Ask the network experts of both sites.",
            weight=0.15 - place / 1000,
        )
        for place, key in enumerate(lossy)
    ]
    return Section(
        name="network",
        title="Network",
        state=worst([one.state for one in findings]) or ("good" if loss.values else None),
        tables=[
            table_of(
                "network",
                "Links by packet loss",
                [
                    ("Packet loss", loss),
                    ("perfSONAR throughput", throughput),
                    ("One-way delay", delay),
                    ("Transfer efficiency", share),
                ],
            ),
            table_of(
                "disagreement",
                "Links on which FTS and perfSONAR disagree: loss where transfers succeed, or failures where nothing is lost",
                [("Packet loss", loss), ("Transfer efficiency", share)],
                keys=disagreeing,
            ),
            table_of(
                "fts_network",
                "Links with the lowest throughput of FTS against perfSONAR",
                [("FTS / perfSONAR", ratio), ("FTS throughput", fts), ("perfSONAR throughput", throughput)],
                least=True,
            ),
        ],
        findings=findings,
        notes=refusals(loss, throughput, delay, ratio, fts, share),
    )


def services(desk: Desk) -> Section:
    """Probes by site, certificates, hosts, daemons, downtimes."""
    of_sites = ("probe_availability", "site_availability", "site_reliability", "downtime")
    (probes, availability, reliability, downtime), (silence, disk, clock), (certificates, daemons) = (
        desk.ask_groups(
            asks_for(of_sites, "site"),
            asks_for(("host_silence", "host_disk", "host_clock_offset"), "host"),
            [ask_for("certificate_days_left", "target"), ask_for("daemons_last_heard", "daemon")],
        )
    )
    findings = [
        *findings_of(certificates, "Certificate of {}: time left ", ".", "Renew it.", 0.4),
        *findings_of(probes, "Services of {}: probe success rate ", ".", "See which probes fail, and tell the site.", 0.4),
        *findings_of(availability, "Site {}: availability ", ".", "Ask the site which services were down, and why.", 0.5),
        *findings_of(daemons, "Rucio daemon {}: last heartbeat ", " ago.", "Restart it.", 0.4),
        *findings_of(silence, "Host {}: silent for ", ".", "See whether the host is up.", 0.1, with_warnings=False),
        *findings_of(disk, "Host {}: ", " of its disks is in use.", "Make room on it.", 0.1),
        *findings_of(clock, "Host {}: its clock is wrong by ", ".", "Start its NTP service.", 0.1),
    ]  # fmt: skip
    return Section(
        name="services",
        title="Services, certificates and hosts",
        state=worst([one.state for one in findings]) or ("good" if probes.values or silence.values else None),
        tables=[
            table_of(
                "sites",
                "By site",
                [
                    ("Probe success rate", probes),
                    ("Availability", availability),
                    ("Reliability", reliability),
                    ("Downtime", downtime),
                ],
                least=True,
                rows=ALL_ROWS,
            ),
            table_of("certificates", "Certificates that expire first", [("Time left", certificates)], least=True),
            table_of(
                "hosts",
                "Hosts, longest silent first",
                [("Silent for", silence), ("Disk", disk), ("Clock offset", clock)],
            ),
            table_of("daemons", "Rucio daemons", [("Last heartbeat", daemons)]),
        ],
        findings=findings,
        notes=refusals(
            probes, availability, reliability, downtime, certificates, silence, disk, clock, daemons
        ),
    )  # fmt: skip
