"""Rucio's accounts as a page, ``/accounts``: as of the last plan, with what it would change, what was changed, and what of IAM is
not synchronised. Neither IAM nor Rucio is asked for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from fastapi import APIRouter, Response

from lakescope.app.sync import LatestAccounts
from lakescope.app.web.markup import html_of, icon, minute, part, table
from lakescope.app.web.pages import SECURITY
from lakescope.app.web.viewing import Viewed
from lakescope.core.printable import rfc3339
from lakescope.dashboards.pages import page
from lakescope.sync.accounts.state import AccountState
from lakescope.sync.journal import Entry
from lakescope.sync.plan import Change, count_kinds, summary, value_text

LINES_MAX = 500
"""Most accounts, and most lines of what is not mapped, that the page lists."""
FIND_MAX = 200
"""Characters that are looked for."""
_NONE = (
    "<p>No plan of accounts has been made: <code>[sync.accounts]</code> names INDIGO IAM, <code>[sync.rucio]</code> the Rucio;"
    " then an operator makes one at <a href='syncs'>Synchronisations</a>, or <code>interval_s</code> does.</p>"
)


def router() -> APIRouter:
    """The page."""
    router = APIRouter()

    @router.get("/accounts", include_in_schema=False)
    def accounts(view: Viewed, find: str = "") -> Response:
        latest, entries = view.accounts()
        content = _NONE if latest is None else _page(latest, entries, find.strip()[:FIND_MAX])
        html = page.html("accounts", "dashboards/", f'<div class="report story">{content}</div>')
        return Response(html, 200, SECURITY | {"cache-control": "no-store"}, media_type="text/html")

    return router


def _page(latest: LatestAccounts, entries: Sequence[Entry], find: str) -> str:
    plan = latest.plan
    lines: dict[str, list[Change]] = {}
    for change in plan.changes:
        lines.setdefault(change.object, []).append(change)
    names = {one.name for one in plan.accounts}
    new = [
        AccountState(name=one.object, status="", email=one.after["email"], is_managed=True)
        for one in plan.changes
        if (one.kind, one.type, one.part) == ("create", "account", "") and one.object not in names
    ]
    accounts = sorted(
        (*plan.accounts, *new), key=lambda one: (one.name not in lines, not one.is_managed, one.name)
    )
    changed = {one.change.object: one.at for one in entries if one.result == "applied"}
    matches = [one for one in accounts if _has(one, find)]
    return "".join(
        (
            _facts(latest, accounts),
            f'<section id="search" data-find="{escape(find)}" aria-label="Search"></section>',
            _accounts(matches, lines, changed, find),
            _unmapped([one for one in plan.changes if one.kind in ("invalid", "unmapped")]),
        )
    )


def _has(account: AccountState, find: str) -> bool:
    texts = (account.name, account.email or "", *account.identities, *account.attributes)
    return any(find.casefold() in text.casefold() for text in texts)


def _facts(latest: LatestAccounts, accounts: Sequence[AccountState]) -> str:
    plan = latest.plan
    level = "warning" if plan.drift() else "good"
    counts = Counter(_state(one, is_short=True) for one in accounts if one.is_managed)
    facts = {
        "As of": f"{minute(rfc3339(latest.at))} UTC",
        "Accounts of IAM's users": ", ".join(f"{count} {state}" for state, count in counts.most_common())
        or "none",
        "Other accounts of Rucio": str(sum(not one.is_managed for one in accounts)),
    }
    items = "".join(f"<dt>{key}</dt><dd>{html_of(value)}</dd>" for key, value in facts.items())
    return (
        f'<p class="verdict" data-level="{level}">{icon(level)}<span>{html_of(summary(plan))}</span></p>'
        f'<section class="panel" aria-label="Facts"><dl>{items}</dl><p><a href="syncs/accounts">The plan</a></p></section>'
    )


def _accounts(
    accounts: Sequence[AccountState],
    lines: Mapping[str, Sequence[Change]],
    changed: Mapping[str, str],
    find: str,
) -> str:
    heads = (
        "account",
        "state",
        "managed by",
        "e-mail",
        "identities",
        "attributes",
        "by the plan",
        "last changed (UTC)",
    )
    rows = [_row(one, lines.get(one.name, ()), changed.get(one.name)) for one in accounts[:LINES_MAX]]
    left = len(accounts) - LINES_MAX
    note = f'<p class="muted">{left} more are not listed here: find them by name.</p>' if left > 0 else ""
    if not rows:
        note = f"<p>No account has “{html_of(find)}”.</p>" if find else "<p>There are no accounts.</p>"
    title = f"Accounts with “{find}”" if find else "Accounts"
    return part("accounts", title, note + (table("accounts", heads, rows) if rows else ""))


def _row(account: AccountState, lines: Sequence[Change], changed: str | None) -> str:
    level = "warning" if account.is_leaver and account.status == "ACTIVE" else None
    mark = f' data-level="{level}"' if level else ""
    kinds = Counter(account.identities.values())
    identities = _details(
        ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())),
        [f"{kind} {identity}" for identity, kind in sorted(account.identities.items())],
    )
    if not identities and account.status == "ACTIVE" and not account.is_managed:
        identities = '<span class="muted">not read</span>'
    attributes = ", ".join(
        key if value == "true" else f"{key}={value}" for key, value in account.attributes.items()
    )
    by_plan = _details(
        ", ".join(f"{count} {kind}" for kind, count in count_kinds(lines).items()), list(map(_line, lines))
    )
    cells = (
        f'<th scope="row">{html_of(account.name)}</th>',
        f'<td class="wrap"{mark}>{icon(level)} {html_of(_state(account))}</td>',
        f"<td>{'IAM' if account.is_managed else 'other'}</td>",
        f'<td class="wrap">{html_of(account.email or "")}</td>',
        f'<td class="wrap">{identities}</td>',
        f'<td class="wrap">{html_of(attributes)}</td>',
        f'<td class="wrap">{by_plan}</td>',
        f'<td class="time">{html_of(minute(changed or ""))}</td>',
    )
    return "".join(cells)


def _state(account: AccountState, *, is_short: bool = False) -> str:
    match account.status:
        case "":
            return "to be created"
        case "ACTIVE":
            if account.is_leaver:
                return "left IAM" if is_short else "active, user left IAM"
            return "active"
        case _ if account.suspended_at and not is_short:
            return f"{account.status.lower()} since {minute(account.suspended_at)} UTC"
    return account.status.lower()


def _line(change: Change) -> str:
    text = f"{change.kind} {change.type} {change.part}".rstrip()
    values = [value_text(one) for one in (change.before, change.after) if one is not None]
    if change.is_action:
        text += f": {' to '.join(values)}"
    return f"{text}; {change.note}" if change.note else text


def _unmapped(changes: Sequence[Change]) -> str:
    rows = [_unmapped_row(one) for one in changes[:LINES_MAX]]
    if not rows:
        return ""
    left = len(changes) - LINES_MAX
    note = f'<p class="muted">{left} more: the API and <code>--json</code> have all.</p>' if left > 0 else ""
    heads = ("what", "type", "object", "part", "note")
    return part("unmapped", "Not synchronised", note + table("unmapped", heads, rows))


def _unmapped_row(change: Change) -> str:
    level = "warning" if change.kind == "invalid" else None
    mark = f' data-level="{level}"' if level else ""
    cells = "".join(
        f'<td class="wrap">{html_of(text)}</td>' for text in (change.object, change.part, change.note)
    )
    return f'<td class="state"{mark}>{icon(level)} {change.kind}</td><td>{html_of(change.type)}</td>{cells}'


def _details(summary: str, lines: Iterable[str]) -> str:
    if not summary:
        return ""
    items = "".join(f"<li>{html_of(one)}</li>" for one in lines)
    return f"<details><summary>{html_of(summary)}</summary><ul>{items}</ul></details>"
