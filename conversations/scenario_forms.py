"""A scenario in a form: what the customer says, and what is expected, without any JSON."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from agents import tools
from agents.expecting import LONGEST_TALK, Expects, problem_of
from agents.models import Agent, Scenario

LANGUAGES = (
    ("", _("as the customer writes")),
    ("pt", "Português"),
    ("en", "English"),
    ("es", "Español"),
    ("fr", "Français"),
)
DECIDED = (("", _("either")), ("yes", _("yes")), ("no", _("no")))


class ScenarioForm(forms.Form):
    """One case, or a pinned one."""

    says = forms.CharField(
        label=_("The customer says"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One message a line; the last answer is looked at."),
    )
    facts = forms.CharField(
        label=_("The answer says"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One fact a line, in one of its ways: R$ 190 | cento e noventa reais."),
    )
    not_said = forms.CharField(
        label=_("It never says"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    cites = forms.CharField(
        label=_("It is from the document"), required=False, max_length=200, help_text=_("Its name.")
    )
    tool = forms.ChoiceField(label=_("It uses the tool"), required=False)
    refuses = forms.ChoiceField(label=_("It says that it does not know"), required=False, choices=DECIDED)
    hands_over = forms.ChoiceField(label=_("A person is called"), required=False, choices=DECIDED)
    language = forms.ChoiceField(label=_("Language"), required=False, choices=LANGUAGES)
    pinned = forms.BooleanField(label=_("A failure stops the publication"), required=False)

    def __init__(self, *args: Any, agent: Agent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.agent = agent
        named = sorted((str(tool.title), name) for name, tool in tools.offered().items())
        choosing: Any = self.fields["tool"]
        choosing.choices = [("", "–"), *((name, title) for title, name in named)]

    def clean_says(self) -> list[str]:
        lines = _lines(self.cleaned_data["says"])
        if not 1 <= len(lines) <= LONGEST_TALK:
            raise forms.ValidationError(_("Between 1 and %(most)s messages.") % {"most": LONGEST_TALK})
        return lines

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        expects = self._expects(cleaned)
        if problem := problem_of(["-"], expects):
            self.add_error(None, problem)
        elif Expects.model_validate(expects).is_empty:
            self.add_error(None, _("Say what is expected of the answer."))
        return {**cleaned, "expects": expects}

    def _expects(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """As `Scenario.expects` keeps it."""
        told: dict[str, Any] = {
            "says": _lines(cleaned.get("facts", "")),
            "says_not": _lines(cleaned.get("not_said", "")),
            "cites": _lines(cleaned.get("cites", "")),
            "tool": _lines(cleaned.get("tool", "")),
        }
        decided = {name: cleaned.get(name) for name in ("refuses", "hands_over")}
        told |= {name: value == "yes" for name, value in decided.items() if value}
        return {name: value for name, value in told.items() if value not in ([], None)}

    def make(self, *, now: datetime) -> Scenario:
        """The scenario; it gets a name of its own from what the customer says first."""
        given = self.cleaned_data
        return Scenario.objects.create(
            agent=self.agent,
            name=self._free_name(given["says"][0]),
            kind=Scenario.Kind.PINNED if given["pinned"] else Scenario.Kind.CASE,
            language=given["language"],
            says=given["says"],
            expects=given["expects"],
            created_at=now,
        )

    def _free_name(self, words: str) -> str:
        stem = slugify(words)[:50].strip("-") or "case"
        taken = set(self.agent.scenarios.filter(name__startswith=stem).values_list("name", flat=True))
        names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
