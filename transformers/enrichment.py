"""What is added to events after decoding: the collector's name, sites, quantities, error classes, the noise mark.

The only code that writes to an event. Dispatch is by dataset, one small function each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from lakescope.events import Deletion, Event, FtsQueue, Host, Network, Probe, Storage, Trace, Transfer
from transformers._common import experiment_of, host_of
from transformers.errors import classify, split_scope
from transformers.quantities import quantity_of
from transformers.topology import Topology

FUNCTIONAL_ACTIVITIES = ("Functional Test", "Functional Tests", "functional-testing", "Functional Testing")
FUNCTIONAL_SCOPES = ("-noise",)


class Enrichment:
    """Adds to events what their source did not say. Picklable; writes nothing but the event.

    `collector` and `vo` fill the fields of that name (`vo` only where the source named none);
    `functional_activities` and `functional_scopes` (name endings) tell noise from production;
    `user_salt` keeps a salted hash of a certificate's subject, null drops it.
    """

    def __init__(
        self,
        topology: Topology | None = None,
        *,
        collector: str | None = None,
        vo: str | None = None,
        functional_activities: Iterable[str] = FUNCTIONAL_ACTIVITIES,
        functional_scopes: Iterable[str] = FUNCTIONAL_SCOPES,
        user_salt: bytes | None = None,
    ) -> None:
        self.topology = topology or Topology()
        self.collector = collector
        self.vo = vo
        self.activities = frozenset(functional_activities)
        self.scopes = tuple(functional_scopes)
        self.user_salt = user_salt
        self._by_dataset: dict[type[Event], Callable[[Any], None]] = {
            Transfer: self._transfer,
            Deletion: self._deletion,
            Trace: self._rse_site,
            FtsQueue: self._link,
            Network: self._link,
            Host: self._host,
            Probe: self._probe,
            Storage: self._storage,
        }

    def __call__(self, events: Iterable[Event]) -> None:
        """Completes `events` in place."""
        collector, vo, by_dataset = self.collector, self.vo, self._by_dataset
        for event in events:
            event.collector = collector
            if event.vo is None:
                event.vo = vo
            complete = by_dataset.get(type(event))
            if complete is not None:
                complete(event)

    def _transfer(self, event: Transfer) -> None:
        rse_of, site_of = self.topology.rse, self.topology.site_of
        rse = rse_of(event.src_rse) if event.src_rse else None
        if rse is not None:
            site, event.src_country, _type, event.src_qos = rse
            event.src_site = site or event.src_site
            if event.src_type is None:
                event.src_type = _type
        elif event.src_host:
            event.src_site = site_of(event.src_host) or event.src_site
        rse = rse_of(event.dst_rse) if event.dst_rse else None
        if rse is not None:
            site, event.dst_country, _type, event.dst_qos = rse
            event.dst_site = site or event.dst_site
            if event.dst_type is None:
                event.dst_type = _type
        elif event.dst_host:
            event.dst_site = site_of(event.dst_host) or event.dst_site
        event.experiment = experiment_of(event.scope)
        if event.functional_test is None:
            if event.activity in self.activities:
                event.functional_test = True
            elif event.scope is not None:
                event.functional_test = event.scope.endswith(self.scopes)
            elif event.activity is not None:
                event.functional_test = False
        if event.error is not None:
            event.error_class, event.error_template = classify(event.error)
            if event.error_scope is None and event.error_code is None:
                event.error_scope, event.error_code, _text = split_scope(event.error)
        if event.user is not None:
            event.user = self._hash_user(event.user)

    def _deletion(self, event: Deletion) -> None:
        self._storage(event)
        event.experiment = experiment_of(event.scope)
        if event.error is not None:
            event.error_class, event.error_template = classify(event.error)

    def _storage(self, event: Storage | Deletion) -> None:
        rse = self.topology.rse(event.rse) if event.rse else None
        if rse is not None:
            event.site, event.country = rse.site, rse.country
            event.qos = event.qos or rse.qos

    def _rse_site(self, event: Trace | Probe) -> None:
        """The topology's word goes before the source's: ESCAPE's probes write the RSE's name as their site."""
        rse = self.topology.rse(event.rse) if event.rse else None
        if rse is not None:
            event.site = rse.site or event.site

    def _link(self, event: FtsQueue | Network) -> None:
        if event.src_host and event.src_site is None:
            event.src_site = self.topology.site_of(event.src_host)
        if event.dst_host and event.dst_site is None:
            event.dst_site = self.topology.site_of(event.dst_host)

    def _host(self, event: Host) -> None:
        event.site = self.topology.site_of(event.host)
        if event.quantity is None:
            event.quantity = quantity_of(event.source, event.metric, event.labels)

    def _probe(self, event: Probe) -> None:
        event.ok = None if event.status == "unknown" else event.status == "ok"
        self._rse_site(event)
        if event.site is None and event.target:
            event.site = self.topology.site_of(host_of(event.target) or "")

    def _hash_user(self, subject: str) -> str | None:
        if self.user_salt is None:
            return None
        return blake2b(subject.encode(), key=self.user_salt[:64], digest_size=16).hexdigest()
