"""What a member may write about a customer."""

from django import forms
from django.utils.translation import gettext_lazy as _

from conversations.models import Contact
from tenants.models import LANGUAGES


class ContactForm(forms.ModelForm):
    """Name, language, note, and whether it is a child."""

    is_minor = forms.BooleanField(
        label=_("A child"), required=False, help_text=_("Nothing is remembered of children.")
    )
    language = forms.ChoiceField(
        required=False, choices=[("", "–"), *[(code[:2], name) for code, name in LANGUAGES]]
    )

    class Meta:
        model = Contact
        fields = ("name", "language", "note", "is_minor")
        widgets = {"note": forms.Textarea(attrs={"rows": 4})}
