"""What a person may write into what is remembered of a customer."""

from django import forms
from django.utils.translation import gettext_lazy as _

from conversations import profile_words
from conversations.models import ContactProfile
from conversations.profile_words import Notes


class NotesForm(forms.Form):
    """Summary, preferences and interests; of the lists one item a line."""

    summary = forms.CharField(
        label=_("Summary"), required=False, max_length=profile_words.SUMMARY,
        widget=forms.Textarea(attrs={"rows": 4}),
    )  # fmt: skip
    preferences = forms.CharField(
        label=_("How they like things"), required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}), help_text=_("One a line."),
    )  # fmt: skip
    interests = forms.CharField(
        label=_("What they are interested in"), required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}), help_text=_("One a line."),
    )  # fmt: skip

    def clean_preferences(self) -> list[str]:
        return self._lines("preferences")

    def clean_interests(self) -> list[str]:
        return self._lines("interests")

    def _lines(self, field: str) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data[field].splitlines() if line.strip()]
        if len(lines) > profile_words.ITEMS:
            raise forms.ValidationError(_("At most %(most)s lines.") % {"most": profile_words.ITEMS})
        if any(len(line) > profile_words.ITEM for line in lines):
            most = profile_words.ITEM
            raise forms.ValidationError(_("At most %(most)s characters a line.") % {"most": most})
        return lines

    @property
    def notes(self) -> Notes:
        """What was written; of a valid form."""
        data = self.cleaned_data
        return Notes(data["summary"].strip(), tuple(data["preferences"]), tuple(data["interests"]))


class AgreedForm(forms.Form):
    """How and when the customer agreed to be remembered."""

    words = forms.CharField(
        label=_("How they agreed"), max_length=80,
        help_text=_("For example: said so at the counter on Monday. It is kept as the proof."),
    )  # fmt: skip


def of(profile: ContactProfile) -> NotesForm:
    """The form as the profile stands."""
    lists = {name: "\n".join(getattr(profile, name)) for name in ("preferences", "interests")}
    return NotesForm(initial={"summary": profile.summary, **lists})
