"""What is said of the credits that are left, and of what the product does with few."""

from dataclasses import dataclass

from babel.dates import format_skeleton
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from billing import low, money
from billing.foresight import Outlook
from billing.ladder import Step

SOON = 3  # days; so few are a reason to do something today


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: when, what answers then, and whether that is now."""

    when: str
    what: str
    is_now: bool


def warning(ahead: Outlook) -> str:
    """Why somebody should see to the credits now; empty when nobody need."""
    if ahead.step is Step.QUOTING:
        return _(
            "They pay for no answer any more. Customers get settled answers and sentences of your documents, "
            "which cost nothing, or wait for a person."
        )
    if ahead.step is Step.SAVING and ahead.answering.saves:
        return _("Few are left, so the model that costs least answers everything now.")
    if ahead.step is Step.SAVING:
        return _("Few are left.")
    if ahead.days is not None and ahead.days <= SOON and ahead.runway.known >= low.KNOWN_FROM:
        return lasts(ahead)
    return ""


def lasts(ahead: Outlook) -> str:
    """How long they last, in words; empty without any use to reckon from."""
    if ahead.step is Step.QUOTING:
        return _("They pay for no answer any more.")
    if ahead.days is None:
        return _("At your usual pace they last for more than a year.") if ahead.runway.a_day else ""
    if ahead.days == 0:
        return _("At your usual pace they end within a day.")
    return ngettext(
        "At your usual pace they last for about %(n)s day.",
        "At your usual pace they last for about %(n)s days.",
        ahead.days,
    ) % {"n": ahead.days}


def until(ahead: Outlook) -> str:
    """The day on which they end, in the order of the reader's language; empty where none is known."""
    if ahead.runway.ends_on is None or not ahead.days:
        return ""
    day = format_skeleton("MMMEd", ahead.runway.ends_on, locale=to_locale(get_language() or "en"))
    return _("That is until %(day)s.") % {"day": day}


def doubt(ahead: Outlook) -> str:
    """Why this is only a guess; empty when it is not."""
    if ahead.runway.is_sure or not ahead.runway.a_day or ahead.step is Step.QUOTING:
        return ""
    if ahead.runway.known == 0:
        return _("A guess: it has only been used today.")
    if ahead.runway.known < 14:
        return ngettext(
            "A guess: only %(n)s whole day is known yet.",
            "A guess: only %(n)s whole days are known yet.",
            ahead.runway.known,
        ) % {"n": ahead.runway.known}
    return _("A guess: your days differ much from each other.")


def rungs(ahead: Outlook) -> list[Rung]:
    """The whole ladder, from plenty to nothing."""
    saving, least = money.in_credits(ahead.saving_below), money.in_credits(ahead.answering.least)
    steps = [
        Rung(
            _("Enough credits"),
            _("Whichever model your router chooses answers."),
            ahead.step is Step.USUAL,
        )
    ]
    if ahead.saving_below > ahead.answering.least:
        what = (
            _("The model that costs least answers everything.")
            if ahead.answering.saves
            else _("The same model answers: only one is set up.")
        )
        when = _("Fewer than %(credits)s") % {"credits": saving}
        steps.append(Rung(when, what, ahead.step is Step.SAVING))
    is_over = ahead.step is Step.QUOTING
    return [
        *steps,
        Rung(
            _("Fewer than %(credits)s, which is what an answer may need") % {"credits": least},
            _("No model is asked. Settled answers, and sentences of your documents, go out for free."),
            is_over,
        ),
        Rung(
            _("And nothing of that fits"),
            _("The customer is told truthfully that a person will answer, and your team is called."),
            is_over,
        ),
    ]
