"""What a message holds beside its words, on a page."""

from datetime import date

from django import template
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from conversations import activities, beyond_words, notes, receipt_words, suggesting
from conversations.models import Activity, Message, Note, TurnPassage
from conversations.models.answers import Suggestion

register = template.Library()
register.filter("map_url", beyond_words.map_url)
register.filter("card_words", beyond_words.card_in_words)
register.filter("deeds", receipt_words.deeds)
register.filter("mark_words", activities.in_words)
register.filter("called_because", receipt_words.called_because)


@register.filter
def cited(message: Message) -> list[TurnPassage]:
    """The passages that an answer cites, best first; read beforehand for a whole thread (`citing`)."""
    return getattr(message.turn, "cited_passages", []) if message.turn_id else []


MARKS = {
    Activity.Kind.QUEUED: "hand",
    Activity.Kind.TAKEN: "headset",
    Activity.Kind.GIVEN_BACK: "undo-2",
    Activity.Kind.LAPSED: "undo-2",
    Activity.Kind.ASSIGNED: "user",
    Activity.Kind.CLOSED: "check",
    Activity.Kind.REOPENED: "refresh-cw",
    Activity.Kind.LATE: "timer",
    Activity.Kind.PRIORITY: "triangle-alert",
}


@register.filter
def mark_icon(mark: Activity) -> str:
    """The name of the drawing of a mark in a thread."""
    return MARKS.get(Activity.Kind(mark.kind), "circle-dot")


@register.filter
def day_words(day: date) -> str:
    """Today, yesterday, else the date; in the business's time zone."""
    days = (timezone.localdate() - day).days
    return {0: _("Today"), 1: _("Yesterday")}.get(days) or formats.date_format(day, "DATE_FORMAT")


@register.filter
def note_pieces(note: Note) -> list[notes.Piece]:
    """A note cut at the colleagues that it calls; they are read beforehand for a whole thread (`thread`)."""
    return notes.pieces(note.text, note.mentions.all())


@register.filter
def translated(message: Message) -> Suggestion | None:
    """The message in the reader's language, or on its way there; read beforehand (`thread`)."""
    found = getattr(message, "translated", [])
    return found[-1] if found else None


@register.filter
def no_translation(suggestion: Suggestion) -> str:
    """Why there is none, for a person."""
    return suggesting.problem(suggestion)
