"""What is added to events after decoding: the collector's name, sites, quantities, error classes, the noise mark.

The only code that writes to an event. Dispatch is by dataset, one small function each.

Where the topology and a source disagree, the topology wins, so that an RSE or a host is in one place whoever speaks of
it: on the site, country, type and QoS class of an RSE that it knows, on the site of a host that one site claims. The
source's word stands where the topology is silent or has two answers. A QoS class that the topology lacks is the one of
the RSE's attribute in Rucio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

from lakescope.core.community import FUNCTIONAL_ACTIVITIES, FUNCTIONAL_SCOPES, RUCIO_VO
from lakescope.core.events import (
    Deletion,
    Downtime,
    Event,
    ExpectedTest,
    FileOperation,
    FtsQueue,
    Host,
    LinkRequests,
    Network,
    Probe,
    Replica,
    RucioMetric,
    Rule,
    Storage,
    Trace,
    Transfer,
)
from lakescope.core.messages import quote
from lakescope.transformers._common import host_of
from lakescope.transformers.errors import classify, kinds_of, split_scope
from lakescope.transformers.quantities import quantity_of, series_of
from lakescope.transformers.topology import AMBIGUOUS, Topology

_SCOPES_MAX = 4096  # whose experiment is remembered


class Enrichment:
    """Adds to events what their source did not say. Picklable; writes nothing but the event.

    `collector` and `vo` fill the fields of that name (`vo` only where the source named none, or `RUCIO_VO`);
    `vo_names`: a source's name of a VO -> the community's; of `RUCIO_VO` where `vo` is null;
    `functional_activities` and `functional_scopes` (name endings) tell noise from production;
    `experiments` are the names that scopes begin with, in any case: of two that fit, the longer one;
    `user_salt` keeps a salted hash of a certificate's subject, null drops it.
    """

    def __init__(
        self,
        topology: Topology | None = None,
        *,
        collector: str | None = None,
        vo: str | None = None,
        vo_names: Mapping[str, str] | None = None,
        functional_activities: Iterable[str] = FUNCTIONAL_ACTIVITIES,
        functional_scopes: Iterable[str] = FUNCTIONAL_SCOPES,
        experiments: Iterable[str] = (),
        user_salt: bytes | None = None,
    ) -> None:
        self.topology = Topology() if topology is None else topology
        self.collector = collector
        names = dict(vo_names or {})
        unnamed = vo if vo is not None else names.get(RUCIO_VO)
        self.vo_by_name: dict[str | None, str | None] = {None: unnamed, RUCIO_VO: unnamed}
        for name, own in names.items():
            self.vo_by_name.setdefault(name, own)
        self.activities = frozenset(functional_activities)
        self.scopes = tuple(functional_scopes)
        self.experiments = sorted(experiments, key=len, reverse=True)
        self.user_salt = user_salt
        self._experiment_by_scope: dict[str | None, str | None] = {None: None}
        self._conflicts: dict[str, str] = {}
        self._by_dataset: dict[type[Event], Callable[[Any], None]] = {
            Transfer: self._transfer,
            Deletion: self._deletion,
            Trace: self._rse_site,
            FileOperation: self._file_operation,
            FtsQueue: self._link,
            Network: self._link,
            ExpectedTest: self._link,
            Host: self._host,
            Probe: self._probe,
            Storage: self._storage,
            Downtime: self._downtime,
            Rule: self._rule,
            LinkRequests: self._requests,
            Replica: self._rse_site,
            RucioMetric: self._rse_site,
        }

    def __call__(self, events: Iterable[Event]) -> dict[str, str]:
        """Completes `events` in place. RSE -> on what its source and the topology disagree."""
        collector, vo_by_name, by_dataset = self.collector, self.vo_by_name, self._by_dataset
        for event in events:
            event.collector = collector
            event.vo = vo_by_name.get(event.vo, event.vo)
            complete = by_dataset.get(type(event))
            if complete is not None:
                complete(event)
        conflicts, self._conflicts = self._conflicts, {}
        return conflicts

    def _transfer(self, event: Transfer) -> None:
        topology = self.topology
        rse = topology.rse(event.src_rse)
        if rse is not None:
            site, event.src_country, _type, event.src_qos = rse
            event.src_site = site or event.src_site
            if _type is None or event.src_type != _type:
                event.src_type = self._settle(event.src_rse, event.src_type, _type)
        else:
            event.src_qos = topology.qos_by_rucio(event.src_rse, event.src_qos)
            if event.src_host:
                event.src_site = _site(topology.site_of(event.src_host), event.src_site)
        rse = topology.rse(event.dst_rse)
        if rse is not None:
            site, event.dst_country, _type, event.dst_qos = rse
            event.dst_site = site or event.dst_site
            if _type is None or event.dst_type != _type:
                event.dst_type = self._settle(event.dst_rse, event.dst_type, _type)
        else:
            event.dst_qos = topology.qos_by_rucio(event.dst_rse, event.dst_qos)
            if event.dst_host:
                event.dst_site = _site(topology.site_of(event.dst_host), event.dst_site)
        scope = event.scope
        event.experiment = self._experiment(scope)
        if event.ok is not None and event.name is not None and scope is not None:
            event.file = f"{scope}:{event.name}"
        if event.functional_test is None:
            if event.activity in self.activities:
                event.functional_test = True
            elif scope is not None:
                event.functional_test = scope.endswith(self.scopes)
            elif event.activity is not None:
                event.functional_test = False
        if event.error is not None:
            event.error_class, event.error_template = classify(event.error)
            event.user_error, event.credential_error = kinds_of(event.error_template)
            if event.error_scope is None and event.error_code is None:
                event.error_scope, event.error_code, _text = split_scope(event.error)
        if event.user is not None:
            event.user = self._hash_user(event.user)

    def _settle(self, rse: str | None, reported_type: str | None, topology_type: str | None) -> str:
        """The topology's type: before 38.0.0 Rucio gave the source's as the destination's (rucio/rucio#7557)."""
        if topology_type is None:
            return reported_type or "DISK"  # CRIC names what is none
        if rse and reported_type and reported_type.upper() != topology_type:
            self._conflicts[rse] = f"type {quote(reported_type)} in messages, {topology_type} in the topology"
        return topology_type

    def _deletion(self, event: Deletion) -> None:
        self._rse(event)
        event.experiment = self._experiment(event.scope)
        if event.error is not None:
            event.error_class, event.error_template = classify(event.error)

    def _storage(self, event: Storage) -> None:
        if event.url is not None:
            event.rse = self.topology.rse_within(event.url) if event.share else None
            event.site = _site(self.topology.site_of(host_of(event.url) or ""), event.site)
        self._rse(event)
        if event.experiment is None:
            event.experiment = self._experiment(event.scope)

    def _experiment(self, scope: str | None) -> str | None:
        """The experiment whose name the scope's begins with, as ``LSST_CCIN2P3_USER-data``."""
        experiments = self._experiment_by_scope
        if scope not in experiments:
            if len(experiments) >= _SCOPES_MAX:
                experiments.clear()
            beginning = (scope or "").upper()
            experiments[scope] = next(
                (one for one in self.experiments if beginning.startswith(one.upper())), None
            )
        return experiments[scope]

    def _rse(self, event: Storage | Deletion) -> None:
        rse = self.topology.rse(event.rse)
        if event.rse and rse is not None:
            event.site, event.country = rse.site, rse.country
            if event.qos and rse.qos and event.qos != rse.qos:
                self._conflicts[event.rse] = f"qos {quote(event.qos)} in messages, {rse.qos} in the topology"
            event.qos = rse.qos or event.qos
        else:
            event.qos = self.topology.qos_by_rucio(event.rse, event.qos)

    def _rule(self, event: Rule) -> None:
        if event.error is not None:
            event.error_class, event.error_template = classify(event.error)

    def _requests(self, event: LinkRequests) -> None:
        src, dst = self.topology.rse(event.src_rse), self.topology.rse(event.dst_rse)
        event.src_site = src.site if src is not None else None
        event.dst_site = dst.site if dst is not None else None

    def _rse_site(self, event: Trace | Probe | Replica | RucioMetric) -> None:
        """The topology's word goes before the source's: ESCAPE's probes write the RSE's name as their site."""
        rse = self.topology.rse(event.rse)
        if rse is not None:
            event.site = rse.site or event.site

    def _file_operation(self, event: FileOperation) -> None:
        if event.host is not None:
            event.site = self.topology.site_of(event.host)
        if event.error is not None:
            event.error_class, event.error_template = classify(event.error)

    def _link(self, event: FtsQueue | Network | ExpectedTest) -> None:
        if event.src_host and event.src_site is None:
            event.src_site = self.topology.site_of(event.src_host)
        if event.dst_host and event.dst_site is None:
            event.dst_site = self.topology.site_of(event.dst_host)

    def _host(self, event: Host) -> None:
        event.site = self.topology.site_of(event.host)
        if event.quantity is None:
            event.quantity = quantity_of(event.source, event.metric, event.labels)
        if event.quantity is not None and event.type == "gauge":
            event.series = series_of(event.metric, event.labels)

    def _probe(self, event: Probe) -> None:
        if event.ok is None and event.status != "unknown":
            event.ok = event.status == "ok"
        self._rse_site(event)
        if event.site is None and event.target:
            event.site = self.topology.site_of(host_of(event.target) or "")
        if event.host:
            event.rse = event.rse or self.topology.rse_of(event.host)
            event.site = _site(self.topology.site_of(event.host), event.site)

    def _downtime(self, event: Downtime) -> None:
        """By the host: a portal's site is the resource centre, which the experiment may call otherwise."""
        if event.host:
            event.rse = self.topology.rse_of(event.host)
            event.site = _site(self.topology.site_of(event.host), event.portal_site)

    def _hash_user(self, subject: str) -> str | None:
        if self.user_salt is None:
            return None
        return blake2b(subject.encode(), key=self.user_salt[:64], digest_size=16).hexdigest()


def _site(topology_site: str | None, source_site: str | None) -> str | None:
    """The topology's site of a host; the source's where two sites claim the host, or none."""
    return source_site or topology_site if topology_site in (None, AMBIGUOUS) else topology_site
