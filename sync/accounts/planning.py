"""The plan of the accounts: IAM read, mapped, and compared with Rucio."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from lakescope.sync.accounts.comparison import History, compare
from lakescope.sync.accounts.mapping import is_current, map_users
from lakescope.sync.accounts.options import OWNER, AccountsOptions
from lakescope.sync.accounts.scim import Iam, Users
from lakescope.sync.accounts.state import AccountsPlan, states_of
from lakescope.sync.accounts.target import read_accounts, subjects_of
from lakescope.sync.journal import Entry
from lakescope.sync.plan import SyncError
from lakescope.sync.rucio import Rucio

Progress = Callable[[str, int, int], None]
"""Gets what is read, how much is done and how much there is."""


def make_plan(
    options: AccountsOptions,
    rucio: Rucio,
    entries: list[Entry],
    now: float,
    progress: Progress = lambda what, done, total: None,
) -> AccountsPlan:
    """`entries`: the journal. Raises `SyncError` where IAM or Rucio does not answer, or IAM's list is not to be relied on."""
    options = options.model_copy(update={"exclude": (*options.exclude, rucio.options.account)})
    moment = datetime.fromtimestamp(now, UTC)
    with Iam(options) as iam:
        users = iam.read(lambda done, total: progress("users of IAM", done, total))
        mapped = map_users(users, options, moment)
        history = History.read(entries, rucio.label)
        accounts = read_accounts(
            rucio, mapped, history, options, lambda done, total: progress("accounts of Rucio", done, total)
        )
        changes, leavers = compare(mapped, accounts, history, options)
        _check_leavers(
            [subject for one in leavers for subject in subjects_of(one, mapped.issuer)], users, iam, moment
        )
    existing = sum(OWNER in account.attributes for account in accounts.values())
    adopted = {one.object for one in changes if one.kind == "change" and one.part == OWNER}
    return AccountsPlan(
        sync="accounts",
        source=options.url,
        target=rucio.label,
        changes=changes,
        existing={"account": existing + len(adopted)},
        accounts=states_of(accounts, history, mapped.owner, leavers),
    )


def _check_leavers(subjects: list[str], users: Users, iam: Iam, now: datetime) -> None:
    """Whoever the list lacks is looked up before losing access: users who come and go while it is read shift its pages."""
    listed = {user.id for user in users.users}
    for subject in subjects:
        if subject not in listed and (user := iam.user(subject)) is not None and is_current(user, now):
            raise SyncError(  # by the id alone: it is in an event, which more people see than may see names
                f"IAM's list of users lacks user {subject}, and by id IAM has them: the list is not to be relied on;"
                " run it again when nobody changes IAM"
            )
