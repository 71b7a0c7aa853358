"""The owner's rules of conduct, and what follows from them for this moment."""

from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from agents.lines import Line, say, when_back
from agents.models import AgentVersion
from conversations import hours
from conversations.models import ChatRules
from tenants import written
from tenants.current import tenant

LEAST_HOLDING = 10  # seconds: so often the sweep looks who waits
UNKNOWN_FOR = timedelta(days=1)  # closed and nobody knows until when: said again after a day


@dataclass(frozen=True, slots=True)
class Closed:
    """Nobody is there at this moment; `opens` is None when nobody knows when they are back."""

    opens: datetime | None
    now: datetime

    @property
    def told_until(self) -> datetime:
        """Until when a customer who was told need not be told again."""
        return self.opens or self.now + UNKNOWN_FOR

    def back(self, language: str) -> str:
        """When people are back, in words; empty when nobody knows."""
        if self.opens is None:
            return ""
        zone = ZoneInfo(tenant().timezone)
        return when_back(self.opens.astimezone(zone), self.now.astimezone(zone), language)

    def line(self, language: str) -> str:
        """The sentence that says when people are back; empty when nobody knows."""
        back = self.back(language)
        return say(Line.BACK, language).format(back=back) if back else ""

    def text(self, rules: ChatRules, language: str) -> str:
        """The fixed answer out of hours: the owner's own words, else ours. `{back}` says when."""
        back = self.back(language)
        own = rules.out_of_hours_text.strip()
        if own:
            return own.replace("{back}", back).strip()
        return say(Line.OUT_OF_HOURS, language).format(back=back) if back else say(Line.FAILED, language)


def current() -> ChatRules:
    """What the owner set, or the usual rules."""
    return _CURRENT.first() or ChatRules()


_CURRENT = written.Rows(lambda: ChatRules.objects.filter(pk=1))


def as_told(wanted: ChatRules, version: AgentVersion | None) -> ChatRules:
    """The rules as they hold for this assistant: it may have a way of its own while people are away."""
    own = version.hours if version else {}
    if not own:
        return wanted
    told = copy(wanted)
    told.out_of_hours = own.get("out_of_hours") or wanted.out_of_hours
    told.out_of_hours_text = own.get("text") or wanted.out_of_hours_text
    return told


def closed(rules: ChatRules, *, now: datetime) -> Closed | None:
    """Whether people are away at this moment, and until when; None in business hours."""
    if not rules.week and not rules.exceptions:
        return None
    known = hours.parse(week=rules.week, exceptions=rules.exceptions, zone=ZoneInfo(tenant().timezone))
    return None if hours.is_open(known, now) else Closed(hours.opens_at(known, now), now)


def quiet_until(*, now: datetime) -> datetime | None:
    """When something that nobody asked for may be sent again; None when it may now."""
    rules = current()
    zone = ZoneInfo(tenant().timezone)
    return hours.quiet_until(rules.quiet_from, rules.quiet_until, zone=zone, now=now)
