"""What a member may write about a customer."""

from django import forms

from conversations.models import Contact
from tenants.models import LANGUAGES


class ContactForm(forms.ModelForm):
    """Name, language, note."""

    language = forms.ChoiceField(
        required=False, choices=[("", "–"), *[(code[:2], name) for code, name in LANGUAGES]]
    )

    class Meta:
        model = Contact
        fields = ("name", "language", "note")
        widgets = {"note": forms.Textarea(attrs={"rows": 4})}
