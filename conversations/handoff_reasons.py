"""Why a chat goes to a person, in words."""

from django.utils.translation import gettext_noop

from agents.lines import Line

REASONS = {
    Line.ASKED: gettext_noop("asked for a person"),
    Line.CALLED: gettext_noop("the assistant called a person"),
    Line.NO_CREDITS: gettext_noop("no credits"),
    Line.SPEND_LIMIT: gettext_noop("today's spending limit is reached"),
    Line.FAILED: gettext_noop("could not answer"),
    Line.MEDIA: gettext_noop("sent something to look at"),
    Line.MEDICAL: gettext_noop("emergency"),
    Line.SELF_HARM: gettext_noop("emergency"),
    Line.VIOLENCE: gettext_noop("emergency"),
    Line.FIRE: gettext_noop("emergency"),
    Line.LOOP: gettext_noop("looks like another bot"),
    Line.TOO_MANY: gettext_noop("had all answers of a day"),
    Line.OPTED_OUT: gettext_noop("opted out: only a person may answer"),
    Line.OUT_OF_HOURS: gettext_noop("wrote out of hours"),
    Line.OWNERS_CASE: gettext_noop("your assistant leaves this to a person"),
}
EMERGENCIES = (Line.MEDICAL, Line.SELF_HARM, Line.VIOLENCE, Line.FIRE)
_BY_VALUE: dict[str, str] = {line.value: words for line, words in REASONS.items()}


def words_of(reason: str) -> str:
    """The words of a reason as a thread keeps it, to be translated; empty for none."""
    return _BY_VALUE.get(reason, "")
