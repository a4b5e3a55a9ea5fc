"""Where the lake's storage stands: ESCAPE's sites and RSEs, and cities for the sites of larger lakes."""

from typing import Literal, NamedTuple

Metrics = Literal["collectd", "node_exporter", "telegraf"]
"""The agents that report on hosts."""


class Place(NamedTuple):
    """A site before it has networks: degrees north and east, `gbps` of wide-area link, `trouble` as in `Site`."""

    name: str
    country: str
    region: str
    timezone: str
    latitude: float
    longitude: float
    domain: str
    gbps: int
    trouble: float
    metrics: Metrics


class Storage(NamedTuple):
    """An RSE before it has hosts: `volume` in TB, `filled` as a share of it."""

    name: str
    site: str
    flavour: str
    qos: str
    volume: int
    filled: float


SITES = (
    Place("INFN-CNAF", "Italy", "IT", "Europe/Rome", 44.49, 11.34, "cnaf.example", 100, 0.8, "collectd"),
    Place(
        "DESY-HH", "Germany", "DE", "Europe/Berlin", 53.57, 9.88, "desy.example", 100, 0.6, "node_exporter"
    ),
    Place(
        "CERN-PROD", "Switzerland", "CH", "Europe/Zurich", 46.23, 6.05, "cern.example", 400, 0.5, "collectd"
    ),
    Place(
        "IN2P3-CC", "France", "FR", "Europe/Paris", 45.78, 4.87, "in2p3.example", 100, 0.8, "node_exporter"
    ),
    Place("INFN-NAPOLI", "Italy", "IT", "Europe/Rome", 40.84, 14.25, "na.example", 20, 1.9, "telegraf"),
    Place("LAPP", "France", "FR", "Europe/Paris", 45.92, 6.16, "lapp.example", 20, 1.3, "node_exporter"),
    Place("PIC", "Spain", "ES", "Europe/Madrid", 41.50, 2.11, "pic.example", 40, 1.0, "collectd"),
    Place(
        "SARA-MATRIX",
        "Netherlands",
        "NL",
        "Europe/Amsterdam",
        52.36,
        4.95,
        "sara.example",
        100,
        0.9,
        "telegraf",
    ),
)

RSES = (
    Storage("CNAF-STORM", "INFN-CNAF", "storm", "SAFE", 180, 0.58),
    Storage("DESY-DCACHE", "DESY-HH", "dcache", "FAST", 250, 0.47),
    Storage("EULAKE-1", "CERN-PROD", "eos", "FAST", 400, 0.39),
    Storage("EULAKE-2", "CERN-PROD", "eos", "CHEAP-ANALYSIS", 300, 0.52),
    Storage("IN2P3-CC-DCACHE", "IN2P3-CC", "dcache", "SAFE", 220, 0.66),
    Storage("INFN-NA-DPM", "INFN-NAPOLI", "dpm", "OPPORTUNISTIC", 60, 0.74),
    Storage("LAPP-DCACHE", "LAPP", "dcache", "CHEAP-ANALYSIS", 70, 0.44),
    Storage("LAPP-DPM", "LAPP", "dpm", "OPPORTUNISTIC", 50, 0.71),
    Storage("PIC-DCACHE", "PIC", "dcache", "CHEAP-ANALYSIS", 120, 0.55),
    Storage("SARA-DCACHE", "SARA-MATRIX", "dcache", "SAFE", 200, 0.49),
)

TAPE_RSES = ("CNAF-STORM", "PIC-DCACHE")
"""Disk RSEs of the default lake whose site has a tape endpoint beside it."""

METRICS: tuple[Metrics, ...] = ("collectd", "node_exporter", "telegraf")
FLAVOURS = ("dcache", "storm", "eos", "dpm", "xrootd")
QOS = ("FAST", "SAFE", "CHEAP-ANALYSIS", "OPPORTUNISTIC")

CITIES = (
    ("Aachen", "Germany", "DE", "Europe/Berlin", 50.78, 6.08),
    ("Athens", "Greece", "GR", "Europe/Athens", 37.98, 23.73),
    ("Barcelona", "Spain", "ES", "Europe/Madrid", 41.39, 2.17),
    ("Bari", "Italy", "IT", "Europe/Rome", 41.12, 16.87),
    ("Beijing", "China", "CN", "Asia/Shanghai", 39.90, 116.41),
    ("Bern", "Switzerland", "CH", "Europe/Zurich", 46.95, 7.45),
    ("Bologna", "Italy", "IT", "Europe/Rome", 44.50, 11.34),
    ("Boston", "United States", "US", "America/New_York", 42.36, -71.06),
    ("Bratislava", "Slovakia", "SK", "Europe/Bratislava", 48.15, 17.11),
    ("Brussels", "Belgium", "BE", "Europe/Brussels", 50.85, 4.35),
    ("Bucharest", "Romania", "RO", "Europe/Bucharest", 44.43, 26.10),
    ("Budapest", "Hungary", "HU", "Europe/Budapest", 47.50, 19.04),
    ("Cape-Town", "South Africa", "ZA", "Africa/Johannesburg", -33.92, 18.42),
    ("Catania", "Italy", "IT", "Europe/Rome", 37.50, 15.09),
    ("Chicago", "United States", "US", "America/Chicago", 41.88, -87.63),
    ("Copenhagen", "Denmark", "DK", "Europe/Copenhagen", 55.68, 12.57),
    ("Darmstadt", "Germany", "DE", "Europe/Berlin", 49.87, 8.65),
    ("Dublin", "Ireland", "IE", "Europe/Dublin", 53.35, -6.26),
    ("Edinburgh", "United Kingdom", "GB", "Europe/London", 55.95, -3.19),
    ("Frascati", "Italy", "IT", "Europe/Rome", 41.81, 12.67),
    ("Glasgow", "United Kingdom", "GB", "Europe/London", 55.86, -4.25),
    ("Grenoble", "France", "FR", "Europe/Paris", 45.19, 5.72),
    ("Groningen", "Netherlands", "NL", "Europe/Amsterdam", 53.22, 6.57),
    ("Helsinki", "Finland", "FI", "Europe/Helsinki", 60.17, 24.94),
    ("Karlsruhe", "Germany", "DE", "Europe/Berlin", 49.01, 8.40),
    ("Krakow", "Poland", "PL", "Europe/Warsaw", 50.06, 19.94),
    ("Kyoto", "Japan", "JP", "Asia/Tokyo", 35.01, 135.77),
    ("Lisbon", "Portugal", "PT", "Europe/Lisbon", 38.72, -9.14),
    ("Ljubljana", "Slovenia", "SI", "Europe/Ljubljana", 46.06, 14.51),
    ("London", "United Kingdom", "GB", "Europe/London", 51.51, -0.13),
    ("Lund", "Sweden", "SE", "Europe/Stockholm", 55.70, 13.19),
    ("Lyon", "France", "FR", "Europe/Paris", 45.76, 4.84),
    ("Madrid", "Spain", "ES", "Europe/Madrid", 40.42, -3.70),
    ("Manchester", "United Kingdom", "GB", "Europe/London", 53.48, -2.24),
    ("Marseille", "France", "FR", "Europe/Paris", 43.30, 5.37),
    ("Melbourne", "Australia", "AU", "Australia/Melbourne", -37.81, 144.96),
    ("Montreal", "Canada", "CA", "America/Toronto", 45.50, -73.57),
    ("Mumbai", "India", "IN", "Asia/Kolkata", 19.08, 72.88),
    ("Munich", "Germany", "DE", "Europe/Berlin", 48.14, 11.58),
    ("Orsay", "France", "FR", "Europe/Paris", 48.70, 2.19),
    ("Oslo", "Norway", "NO", "Europe/Oslo", 59.91, 10.75),
    ("Oxford", "United Kingdom", "GB", "Europe/London", 51.75, -1.26),
    ("Padova", "Italy", "IT", "Europe/Rome", 45.41, 11.88),
    ("Perth", "Australia", "AU", "Australia/Perth", -31.95, 115.86),
    ("Pisa", "Italy", "IT", "Europe/Rome", 43.72, 10.40),
    ("Poznan", "Poland", "PL", "Europe/Warsaw", 52.41, 16.93),
    ("Prague", "Czechia", "CZ", "Europe/Prague", 50.08, 14.44),
    ("Santiago", "Chile", "CL", "America/Santiago", -33.45, -70.67),
    ("Sao-Paulo", "Brazil", "BR", "America/Sao_Paulo", -23.55, -46.63),
    ("Seoul", "South Korea", "KR", "Asia/Seoul", 37.57, 126.98),
    ("Sofia", "Bulgaria", "BG", "Europe/Sofia", 42.70, 23.32),
    ("Stockholm", "Sweden", "SE", "Europe/Stockholm", 59.33, 18.07),
    ("Strasbourg", "France", "FR", "Europe/Paris", 48.57, 7.75),
    ("Taipei", "Taiwan", "TW", "Asia/Taipei", 25.03, 121.57),
    ("Tokyo", "Japan", "JP", "Asia/Tokyo", 35.68, 139.69),
    ("Torino", "Italy", "IT", "Europe/Rome", 45.07, 7.69),
    ("Trieste", "Italy", "IT", "Europe/Rome", 45.65, 13.77),
    ("Valencia", "Spain", "ES", "Europe/Madrid", 39.47, -0.38),
    ("Vancouver", "Canada", "CA", "America/Vancouver", 49.28, -123.12),
    ("Vienna", "Austria", "AT", "Europe/Vienna", 48.21, 16.37),
    ("Warsaw", "Poland", "PL", "Europe/Warsaw", 52.23, 21.01),
    ("Zurich", "Switzerland", "CH", "Europe/Zurich", 47.38, 8.54),
)
"""Name, country, its ISO 3166 code, time zone, degrees north and east."""
