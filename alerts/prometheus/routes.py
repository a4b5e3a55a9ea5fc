"""Alertmanager's configuration: subscriptions as routes, receivers as its own, and which alert mutes which.

Each receiver has one route that every alert passes, and below it one for each subscription, of which the first that fits
counts: a receiver of two subscriptions is notified once. What Alertmanager lacks is expressed as nearly as it can be: an
escalation is a second route that waits so long for a silence (it knows no acknowledge), a digest one that is open once a day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import Any, get_args

from pydantic import SecretStr

from lakescope.alerts.inhibition import DIMENSIONS, INHIBITIONS, Inhibition, Matcher
from lakescope.alerts.prometheus.rules import DEAD_MANS_SWITCH
from lakescope.alerts.receivers._common import HttpReceiverOptions
from lakescope.alerts.receivers.chat import MattermostOptions, SlackOptions
from lakescope.alerts.receivers.mail import PORTS, MailOptions
from lakescope.alerts.receivers.pagerduty import PagerdutyOptions
from lakescope.alerts.receivers.webhook import WebhookOptions
from lakescope.alerts.routing import LABELS, Day, Subscription, expression
from lakescope.core.options import Options, Tls

NOBODY = "lakescope-nobody"
TEMPLATES = """\
{{ define "lakescope.title" }}[{{ if eq .Status "resolved" }}RESOLVED{{ else }}{{ .CommonLabels.severity | toUpper }}{{ end }}] \
{{ if eq (len .Alerts) 1 }}{{ (index .Alerts 0).Annotations.summary }}\
{{ else }}{{ len .Alerts }} alerts: {{ .GroupLabels.SortedPairs.Values | join ", " }}{{ end }}{{ end }}
{{ define "lakescope.text" }}{{ range .Alerts }}{{ .Annotations.summary }}
{{ .Annotations.description }}
Since {{ .StartsAt.UTC.Format "2006-01-02 15:04 UTC" }}
{{ with .Annotations.completeness }}Data completeness: {{ . }}
{{ end }}\
Runbook: {{ .Annotations.runbook_url }}
Dashboard: {{ .Annotations.dashboard_url }}

{{ end }}{{ end }}
"""
_WEEKDAYS = dict(
    zip(
        get_args(Day),
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        strict=True,
    )
)

Document = dict[str, Any]


def alertmanager_of(
    receivers: Mapping[str, Options], subscriptions: Mapping[str, Subscription]
) -> tuple[Document, list[str]]:
    """`alertmanager.yml`, and one sentence for each thing that it cannot say. It has the receivers' secrets."""
    configured: dict[str, Document] = {}
    faults = []
    for name, options in receivers.items():
        try:
            configured[name] = _receiver(options)
        except ValueError as error:
            faults.append(f"receiver {name} is left out: {error}")
    intervals = {name: made for name, one in subscriptions.items() if (made := _quiet(one))}
    windows = {f"{name}-digest": _window(one) for name, one in subscriptions.items() if one.digest}
    document: Document = {
        "templates": ["templates/*.tmpl"],
        "route": {
            "receiver": NOBODY,
            "group_by": ["alertname", "incident", "site"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": list(_routes(configured, subscriptions)),
        },
        "receivers": [{"name": NOBODY}, *({"name": name} | one for name, one in configured.items())],
        "inhibit_rules": list(_inhibitions()),
    }
    if intervals or windows:
        named = {f"{name}-quiet": made for name, made in intervals.items()} | windows
        document["time_intervals"] = [{"name": name, "time_intervals": made} for name, made in named.items()]
    return document, faults


# --- routes -----------------------------------------------------------------------------------------------


def _routes(receivers: Collection[str], subscriptions: Mapping[str, Subscription]) -> Iterator[Document]:
    switch = f'alertname="{DEAD_MANS_SWITCH}"'
    for receiver in sorted(
        {r for one in subscriptions.values() if DEAD_MANS_SWITCH in (one.rules or ()) for r in one.receivers}
        & {*receivers}
    ):
        times = {"group_wait": "0s", "group_interval": "1m", "repeat_interval": "5m"}
        yield {"receiver": receiver, "matchers": [switch], "continue": True} | times
    yield {"receiver": NOBODY, "matchers": ['severity="none"']}
    for receiver in receivers:
        own = {name: one for name, one in subscriptions.items() if receiver in one.receivers}
        lists = [_notified(receiver, own), _escalated(receiver, subscriptions)]
        for routes in filter(None, map(list, lists)):
            yield {"receiver": NOBODY, "continue": True, "routes": routes}


def _notified(receiver: str, subscriptions: Mapping[str, Subscription]) -> Iterator[Document]:
    """Those that notify at once come first."""
    later = []
    for name, subscription in subscriptions.items():
        for matchers in _matchers(subscription):
            if not subscription.digest and not _quiet(subscription):
                yield {"receiver": receiver, "matchers": matchers}
                continue
            yield {"receiver": receiver, "matchers": [*matchers, 'severity="page"']}
            ticket: Document = {"receiver": receiver, "matchers": [*matchers, 'severity="ticket"']}
            if subscription.digest:
                ticket |= {
                    "active_time_intervals": [f"{name}-digest"],
                    "group_by": ["severity"],
                    "group_interval": "5m",
                    "repeat_interval": "23h",
                }
            else:
                ticket["mute_time_intervals"] = [f"{name}-quiet"]
            later.append(ticket)
    yield from later


def _escalated(receiver: str, subscriptions: Mapping[str, Subscription]) -> Iterator[Document]:
    for subscription in subscriptions.values():
        if receiver in subscription.escalate_to and subscription.escalate_after_s is not None:
            for matchers in _matchers(subscription):
                wait = {"group_by": ["..."], "group_wait": f"{round(subscription.escalate_after_s)}s"}
                yield {"receiver": receiver, "matchers": matchers} | wait


def _matchers(subscription: Subscription) -> Iterator[list[str]]:
    """Lists of matchers, of which one must match: a place has several labels, and a list knows no "or"."""
    common = []
    if subscription.rules is not None:
        common.append(_matcher("alertname", expression(subscription.rules)))
    if subscription.severities is not None:
        common.append(_matcher("severity", "|".join(subscription.severities)))
    if subscription.owners is not None:
        common.append(_matcher("owner", "|".join(subscription.owners)))
    places = [
        [_matcher(label, expression(patterns)) for label in labels]
        for option, labels in LABELS.items()
        if (patterns := getattr(subscription, option)) is not None
    ]
    for choice in product(*places):
        yield [*common, *choice]


def _matcher(label: str, regex: str) -> str:
    text = regex.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{label}=~"{text}"'


# --- hours ------------------------------------------------------------------------------------------------


def _quiet(subscription: Subscription) -> list[Document]:
    made: list[Document] = []
    place = {"location": subscription.timezone}
    if subscription.quiet_hours is not None:
        begin, end = subscription.quiet_hours.split("-")
        ranges = [(begin, end)] if begin < end else [(begin, "24:00"), ("00:00", end)]
        times = [{"start_time": first, "end_time": last} for first, last in ranges if first != last]
        made.append({"times": times} | place)
    if subscription.quiet_days:
        made.append({"weekdays": [_WEEKDAYS[day] for day in subscription.quiet_days]} | place)
    return made


def _window(subscription: Subscription) -> list[Document]:
    """Ten minutes from the digest's time on: a group is looked at every five."""
    hour, minute = map(int, str(subscription.digest).split(":"))
    end = hour * 60 + minute + 10
    ranges = [(hour * 60 + minute, min(end, 1440))] + ([(0, end - 1440)] if end > 1440 else [])
    times = [{"start_time": _clock(first), "end_time": _clock(last)} for first, last in ranges]
    return [{"times": times, "location": subscription.timezone}]


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


# --- who mutes whom ---------------------------------------------------------------------------------------


def _inhibitions() -> Iterator[Document]:
    # a ticket that has become a page: to Alertmanager another alert
    ticket = Inhibition(
        (Matcher("severity", ("page",)),), (Matcher("severity", ("ticket",)),), ("alertname", *DIMENSIONS)
    )
    for one in (ticket, *INHIBITIONS):
        yield {
            "source_matchers": [_text(matcher) for matcher in one.source],
            "target_matchers": [_text(matcher) for matcher in one.target],
            "equal": list(one.equal),
        }


def _text(matcher: Matcher) -> str:
    is_one = len(matcher.values) == 1
    operator = {(True, False): "=", (True, True): "!=", (False, False): "=~", (False, True): "!~"}
    return f'{matcher.label}{operator[is_one, matcher.is_other]}"{"|".join(matcher.values)}"'


# --- receivers --------------------------------------------------------------------------------------------


def _receiver(options: Options) -> Document:
    """As Alertmanager has it. Raises `ValueError` for what it cannot do."""
    title, text = '{{ template "lakescope.title" . }}', '{{ template "lakescope.text" . }}'
    if isinstance(options, MailOptions):
        return {"email_configs": [_mail(options, title, text)]}
    if isinstance(options, (SlackOptions, MattermostOptions)):
        chat = {"api_url": _plain(options.url), "title": title, "text": text, "send_resolved": True}
        if isinstance(options, MattermostOptions):
            own = {"channel": options.channel, "username": options.username}
            chat |= {key: value for key, value in own.items() if value}
        return {"slack_configs": [chat | _http(options)]}
    if isinstance(options, PagerdutyOptions):
        event = {
            "routing_key": _plain(options.routing_key),
            "url": options.url,
            "severity": '{{ if eq .CommonLabels.severity "page" }}critical{{ else }}warning{{ end }}',
            "description": title,
            "details": {"text": text},
            "send_resolved": True,
        }
        return {"pagerduty_configs": [event | _http(options)]}
    if isinstance(options, WebhookOptions):
        hook = {"url": _plain(options.url), "send_resolved": True}
        http = _http(options)
        if options.token is not None:
            if options.token_header.lower() != "authorization":
                raise ValueError(f"Alertmanager sends no header {options.token_header}")
            http.setdefault("http_config", {})["authorization"] = {"credentials": _plain(options.token)}
        return {"webhook_configs": [hook | http]}
    raise ValueError("Alertmanager has no receiver of this type")


def _mail(options: MailOptions, title: str, text: str) -> Document:
    port = options.port or PORTS[options.security]
    if options.security == "tls" and port != 465:
        raise ValueError("Alertmanager speaks TLS from the start on port 465 alone")
    mail: Document = {
        "to": ", ".join(options.to),
        "from": options.sender,
        "smarthost": f"{options.host}:{port}",
        "require_tls": options.security != "none",
        "headers": {"Subject": title},
        "text": text,
        "send_resolved": True,
    }
    if options.username is not None and options.password is not None:
        mail |= {"auth_username": options.username, "auth_password": _plain(options.password)}
    return mail | ({"tls_config": tls} if (tls := _tls(options.tls)) else {})


def _http(options: HttpReceiverOptions) -> Document:
    tls = _tls(options.tls)
    http = {**({"proxy_url": options.proxy} if options.proxy else {}), **({"tls_config": tls} if tls else {})}
    return {"http_config": http} if http else {}


def _tls(tls: Tls) -> Document:
    if tls.ca_dir is not None:
        raise ValueError("Alertmanager takes a file of CAs and no folder: use tls.ca_file")
    files = {"ca_file": tls.ca_file, "cert_file": tls.cert_file, "key_file": tls.key_file or tls.cert_file}
    shown: Document = {name: str(path) for name, path in files.items() if path is not None}
    return shown if tls.verify else shown | {"insecure_skip_verify": True}


def _plain(secret: SecretStr) -> str:
    return secret.get_secret_value()
