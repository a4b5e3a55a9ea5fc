"""Delivers what is due: each receiver by itself, in order, so that one that is away holds back no other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lakescope.alerts.model import Alert
from lakescope.alerts.receivers._common import Receiver
from lakescope.alerts.routing import Delivery, Receipts, Subscription, batches, due, subscriptions_of
from lakescope.core.contracts import RefusedError, TransientError

log = logging.getLogger(__name__)

REPEAT_S = 60.0
"""How often receivers that keep a state hear of an open alert (seconds); Prometheus' `resend_delay`."""


class Outbox:
    """The receivers, and what each has taken. `save` is called with the receipts after each answer, before anything else is
    sent to that receiver: only a kill between the two makes a repeat."""

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        subscriptions: Mapping[str, Subscription],
        receipts: Receipts,
        save: Callable[[Receipts], None],
    ):
        self.receivers = dict(receivers)
        self.subscriptions = subscriptions_of(subscriptions, self.receivers)
        self.receipts = receipts
        self._save = save
        self._lock = threading.Lock()
        self._keep_state = {
            name: REPEAT_S for name, one in self.receivers.items() if getattr(one, "keeps_state", False)
        }

    def deliver(self, alerts: Iterable[Alert], at: float) -> dict[str, str]:
        """Sends what is due at a time (POSIX seconds). Returns receiver -> fault, of those that will be tried again."""
        deliveries = due(alerts, self.receipts, self.subscriptions, at, keep_state=self._keep_state)
        each: dict[str, list[list[Delivery]]] = {}
        for batch in batches(deliveries, self._keep_state):
            each.setdefault(batch[0].receiver, []).append(batch)
        if not each:
            return {}
        with ThreadPoolExecutor(len(each), thread_name_prefix="receiver") as pool:
            faults = dict(zip(each, pool.map(self._send_all, each, each.values()), strict=True))
        return {name: fault for name, fault in faults.items() if fault is not None}

    def pass_over(self, alerts: Iterable[Alert], at: float, before: float) -> None:
        """Takes for delivered what is due of alerts that opened or ended before a time: another instance has notified of it."""
        old = [one for one in alerts if (one.opened if one.ended is None else one.ended) < before]
        for delivery in due(old, self.receipts, self.subscriptions, at):
            self.receipts.note(delivery)

    def close(self) -> None:
        """Closes the receivers."""
        for receiver in self.receivers.values():
            receiver.close()

    def _send_all(self, name: str, batches_of_it: Sequence[list[Delivery]]) -> str | None:
        """Up to the first fault: what comes after it waits, so that an end is never sent before its beginning."""
        for batch in batches_of_it:
            try:
                self.receivers[name].send([one.notification for one in batch])
            except TransientError as error:
                log.warning("receiver %s: %s; tried again in the next round", name, error)
                return str(error)
            except RefusedError as error:
                log.error("receiver %s refuses %s: %s", name, _named(batch), error)
            except Exception as error:  # noqa: BLE001 - a receiver of whatever package: the others go on
                log.error("receiver %s: %s: a bug of it; tried again", name, type(error).__name__)
                return f"{type(error).__name__}: a bug of the receiver"
            with self._lock:
                for one in batch:
                    self.receipts.note(one)
                self._save(self.receipts)
        return None


def _named(batch: Sequence[Delivery]) -> str:
    return ", ".join(one.notification.key for one in batch[:10])
