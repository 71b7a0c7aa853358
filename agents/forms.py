"""What an owner may write into an assistant."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents import publishing
from agents.describing import LANGUAGES, OUT_OF_HOURS
from agents.form_rows import RowsField
from agents.hiring import LONGEST_NAME
from agents.models import AgentVersion

MOST_RULES, MOST_TOPICS, MOST_HANDOVERS, MOST_FIELDS = 60, 40, 20, 12


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class DraftForm(forms.Form):
    """The words and limits of the next version. Each field stands for itself: a bad one stops no other."""

    persona = forms.CharField(
        label=_("Who it is"),
        required=False,
        max_length=4000,
        widget=_area(4),
        help_text=_("For example: You are Lia, the receptionist of a dental clinic."),
    )
    tone = forms.CharField(
        label=_("How it speaks"),
        required=False,
        max_length=200,
        help_text=_("For example: warm and short, without slang."),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("the customer's")), *LANGUAGES.items()],
        help_text=_("In which language it answers."),
    )
    greeting = forms.CharField(
        label=_("Greeting"),
        required=False,
        max_length=300,
        widget=_area(2),
        help_text=_("The web chat shows it before anybody writes; elsewhere it begins the first answer."),
    )
    topics = RowsField({"topic": 120}, most=MOST_TOPICS, label=_("What it talks about"))
    rules = RowsField({"rule": 500, "example": 500}, most=MOST_RULES, label=_("Rules"))
    handover = RowsField(
        {"when": 300, "words": 300, "say": 500}, most=MOST_HANDOVERS, label=_("When a person takes over")
    )
    collects = RowsField({"field": 60}, most=MOST_FIELDS, label=_("What it asks customers for"))
    out_of_hours = forms.ChoiceField(
        label=_("Who answers"), required=False, choices=list(OUT_OF_HOURS.items()), widget=forms.RadioSelect()
    )
    hours_text = forms.CharField(
        label=_("Its own text out of hours"),
        required=False,
        max_length=1000,
        widget=_area(2),
        help_text=_("{back} stands for when you are back. Leave empty for the text of Conduct."),
    )
    source_line = forms.BooleanField(label=_("Name the source under an answer"), required=False)
    memory_messages = forms.IntegerField(
        label=_("Messages remembered"),
        min_value=0,
        max_value=50,
        help_text=_("How many earlier messages it reads, 0 to 50."),
    )
    memory_minutes = forms.IntegerField(
        label=_("Minutes remembered"),
        min_value=1,
        max_value=10080,
        help_text=_("After so many minutes of silence it starts anew."),
    )
    debounce_seconds = forms.DecimalField(
        label=_("Seconds to wait for the customer to finish"),
        required=False,
        min_value=0,
        max_value=30,
        decimal_places=1,
        help_text=_("Leave empty for the usual time."),
    )
    debounce_ceiling_seconds = forms.DecimalField(
        label=_("Seconds after which it answers even if the customer still writes"),
        required=False,
        min_value=0,
        max_value=120,
        decimal_places=1,
        help_text=_("Counted from the first message. Leave empty for the usual time."),
    )

    # Which fields of the form make a field of the version, where they are not one and the same.
    MADE_OF: Mapping[str, tuple[str, ...]] = {"hours": ("out_of_hours", "hours_text")}

    @classmethod
    def of(cls, version: AgentVersion, data: Any = None) -> "DraftForm":
        """As it stands in the version, or as it was sent."""
        initial: dict[str, Any] = {name: getattr(version, name, None) for name in cls.base_fields}
        for name, field in cls.base_fields.items():
            if isinstance(field, RowsField) and name not in ("topics", "collects"):
                initial[name] = [dict.fromkeys(field.columns, "") | row for row in initial[name]]
        initial["topics"] = [{"topic": topic} for topic in version.topics]
        initial["collects"] = [{"field": field} for field in version.collects]
        initial["out_of_hours"] = version.hours.get("out_of_hours", "")
        initial["hours_text"] = version.hours.get("text", "")
        return cls(data, initial=initial)

    @classmethod
    def parts(cls) -> dict[str, tuple[str, ...]]:
        """The fields of a version that stand in this form, each with the form's fields that make it."""
        names = [name for name in publishing.EDITABLE if name in cls.base_fields or name in cls.MADE_OF]
        return {name: cls.MADE_OF.get(name, (name,)) for name in names}

    def content(self) -> dict[str, Any]:
        """What of the version can be kept: every field that is right, whatever the others are."""
        good = {
            name: made_of
            for name, made_of in self.parts().items()
            if not any(part in self.errors for part in made_of)
        }
        return {name: self._value(name) for name in good}

    def _value(self, name: str) -> Any:
        if name == "topics":
            return [row["topic"] for row in self.cleaned_data["topics"]]
        if name == "collects":
            return [row["field"] for row in self.cleaned_data["collects"]]
        if name == "hours":
            cleaned = self.cleaned_data
            said = {"out_of_hours": cleaned["out_of_hours"], "text": cleaned["hours_text"]}
            return {key: value for key, value in said.items() if value}
        value = self.cleaned_data[name]
        return value.replace("\r\n", "\n") if isinstance(value, str) else value


class NameForm(forms.Form):
    """What an assistant is called."""

    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME)


class PublishForm(forms.Form):
    """What somebody says when they publish: what changed, and why all the same."""

    seen = forms.CharField(widget=forms.HiddenInput())
    note = forms.CharField(
        label=_("What changed"),
        required=False,
        max_length=200,
        help_text=_("For whoever reads the list of versions later."),
    )
    override = forms.CharField(
        label=_("Why it is published all the same"), required=False, max_length=300, widget=_area(2)
    )
