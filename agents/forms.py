"""What an owner may write into an assistant."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.models import AgentVersion


class VersionForm(forms.ModelForm):
    """The words and limits of the next version."""

    rules = forms.CharField(
        label=_("What it must and must not do"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("One rule a line. For example: Never promise a discount."),
    )

    class Meta:
        model = AgentVersion
        fields = (
            "persona",
            "tone",
            "source_line",
            "memory_messages",
            "memory_minutes",
            "debounce_seconds",
            "debounce_ceiling_seconds",
        )
        widgets = {
            "persona": forms.Textarea(attrs={"rows": 3}),
        }
        help_texts = {
            "persona": _("For example: You are Lia, the receptionist of a dental clinic."),
            "memory_messages": _("How many earlier messages it reads, 0 to 50."),
            "memory_minutes": _("After so many minutes of silence it starts anew."),
            "debounce_seconds": _("Leave empty for the usual time."),
            "debounce_ceiling_seconds": _("Counted from the first message. Leave empty for the usual time."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["rules"] = "\n".join(one["rule"] for one in self.instance.rules)

    def clean_rules(self) -> list[dict[str, str]]:
        lines = self.cleaned_data["rules"].splitlines()
        return [{"rule": line.strip(), "example": ""} for line in lines if line.strip()]

    def clean_memory_messages(self) -> int:
        return self._within("memory_messages", 0, 50)

    def clean_memory_minutes(self) -> int:
        return self._within("memory_minutes", 1, 10080)

    def clean_debounce_seconds(self) -> Any:
        return self._seconds("debounce_seconds", most=30)

    def clean_debounce_ceiling_seconds(self) -> Any:
        return self._seconds("debounce_ceiling_seconds", most=120)

    def _seconds(self, field: str, *, most: int) -> Any:
        value = self.cleaned_data[field]
        if value is not None and not 0 <= value <= most:
            raise forms.ValidationError(_("Between 0 and %(most)s seconds.") % {"most": most})
        return value

    def _within(self, field: str, low: int, high: int) -> int:
        value = int(self.cleaned_data[field])
        if not low <= value <= high:
            raise forms.ValidationError(_("Between %(low)s and %(high)s.") % {"low": low, "high": high})
        return value
