"""Forms of the desk: the owner's rules, how each member works, and what is to be done."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations import desk_seats
from conversations.models import DeskRules, Label, Seat
from tenants.models import LANGUAGES

MOMENT = "%Y-%m-%dT%H:%M"
MOST_MINUTES = 60 * 24 * 60  # two months


def moment_field(**options: Any) -> forms.DateTimeField:
    """A date and a time in the business's own zone, as browsers ask for them."""
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT)
    return forms.DateTimeField(widget=widget, input_formats=[MOMENT, f"{MOMENT}:%S"], **options)


class DeskRulesForm(forms.ModelForm):
    """Who gets a chat, by when it is answered, for how long the assistant is silent, and whether we ask."""

    class Meta:
        model = DeskRules
        fields = (
            "assignment",
            "first_reply_minutes",
            "next_reply_minutes",
            "resolve_minutes",
            "warn_percent",
            "give_back_minutes",
            "asks_rating",
        )
        widgets = {"assignment": forms.RadioSelect()}
        help_texts = {
            "first_reply_minutes": _("Minutes from when a chat comes to people. Empty: no time is agreed."),
            "next_reply_minutes": _("Minutes from each message to a person's answer."),
            "resolve_minutes": _(
                "Minutes until it is closed or given back. Stands still while the customer has the word."
            ),
            "warn_percent": _("Whoever has the chat is warned then, and told again when the time is over."),
            "give_back_minutes": _(
                "Minutes of silence after a person's last word. Empty: only a person gives a chat back."
            ),
            "asks_rating": _(
                "A question with five answers, once a closing, only to who may be written to at that moment."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assignment"].choices = DeskRules.Assignment.choices  # type: ignore[attr-defined]

    def clean_warn_percent(self) -> int:
        return self._within("warn_percent", 10, 99) or 75

    def clean_first_reply_minutes(self) -> int | None:
        return self._within("first_reply_minutes", 1, MOST_MINUTES)

    def clean_next_reply_minutes(self) -> int | None:
        return self._within("next_reply_minutes", 1, MOST_MINUTES)

    def clean_resolve_minutes(self) -> int | None:
        return self._within("resolve_minutes", 1, MOST_MINUTES)

    def clean_give_back_minutes(self) -> int | None:
        return self._within("give_back_minutes", 5, 7 * 24 * 60)

    def _within(self, field: str, low: int, high: int) -> int | None:
        value: int | None = self.cleaned_data[field]
        if value is not None and not low <= value <= high:
            raise forms.ValidationError(_("Between %(low)s and %(high)s.") % {"low": low, "high": high})
        return value


class SeatForm(forms.ModelForm):
    """How one member works at the desk."""

    skills = forms.MultipleChoiceField(
        required=False,
        label=_("Languages and labels that are theirs first"),
        widget=forms.CheckboxSelectMultiple,
    )
    away_until = moment_field(required=False, label=_("Away until"))

    class Meta:
        model = Seat
        fields = ("takes_chats", "capacity", "away_until", "skills")
        labels = {"takes_chats": _("Is given chats"), "capacity": _("Chats at once")}

    def __init__(self, *args: Any, member: desk_seats.Member, **kwargs: Any) -> None:
        kwargs |= {"instance": member.seat, "prefix": f"seat-{member.user.pk}"}
        super().__init__(*args, **kwargs)
        self.member = member
        self.fields["skills"].choices = skills()  # type: ignore[attr-defined]
        self.fields["skills"].initial = member.seat.skills

    def clean_capacity(self) -> int:
        value = int(self.cleaned_data["capacity"])
        if not 1 <= value <= 200:
            raise forms.ValidationError(_("Between %(low)s and %(high)s.") % {"low": 1, "high": 200})
        return value

    def clean_away_until(self) -> datetime | None:
        """A moment that is over is no absence."""
        until: datetime | None = self.cleaned_data["away_until"]
        return until if until is not None and until > timezone.now() else None


def skills() -> list[tuple[str, Any]]:
    """What somebody may be good at, as seats keep it: our languages, and the business's labels."""
    languages: list[tuple[str, Any]] = [(code[:2], label) for code, label in LANGUAGES]
    labels = Label.objects.order_by("name").values_list("pk", "name")
    return languages + [(f"label:{pk}", name) for pk, name in labels]


class TodoForm(forms.Form):
    """Something to do for a customer, and when it comes back."""

    text = forms.CharField(
        max_length=300, label=_("What is to be done"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    due_at = moment_field(label=_("Comes back at"))
    who = forms.TypedChoiceField(coerce=int, label=_("For whom"))

    def __init__(self, *args: Any, members: list[desk_seats.Member], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [(one.user.pk, str(one.user)) for one in members]
        self.fields["who"].choices = people  # type: ignore[attr-defined]
