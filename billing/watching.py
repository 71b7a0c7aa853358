"""What follows when the balance falls to a mark, or rises: somebody is told, a card is charged.

Each watcher says at which balances it wants to hear; the highest one below the balance stands on the account,
whose row everybody who changes it has at hand. So an answer looks up nothing to know that nothing follows.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from billing.models import CreditAccount, LedgerEntry


class Watcher(Protocol):
    """Who wants to know. Everything happens in the transaction of the change, with the account locked."""

    def marks(self) -> Iterable[int]:
        """The balances at which it wants to hear, as they are set now."""

    def fell(self, entry: LedgerEntry, *, now: datetime) -> None:
        """The balance fell to the highest mark of anybody, or below: perhaps to one of its own."""

    def rose(self, entry: LedgerEntry, *, now: datetime) -> None:
        """Credits were added, or given back."""


_watchers: list[Watcher] = []


def register(watcher: Watcher) -> None:
    """Have this told, once, when the apps are ready."""
    _watchers.append(watcher)


def changed(entry: LedgerEntry, *, watch_at: int | None, now: datetime) -> None:
    """After an entry, under the account's lock; `watch_at` is the account's mark before it."""
    if entry.amount < 0 and (watch_at is None or entry.balance_after > watch_at):
        return
    for watcher in _watchers:
        if entry.amount < 0:
            watcher.fell(entry, now=now)
        else:
            watcher.rose(entry, now=now)
    set_mark(balance=entry.balance_after)


def set_mark(*, balance: int) -> None:
    """Put the next mark on the account, in the caller's transaction: also after an owner set another one."""
    marks = {mark for watcher in _watchers for mark in watcher.marks()}
    following = max((mark for mark in marks if mark < balance), default=None)
    CreditAccount.objects.filter(pk=1).update(watch_at=following)
