"""What a person may say of a settled answer."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from knowledge import settling
from knowledge.models import Audience, PinnedAnswer
from tenants.current import tenant

LANGUAGES = (("pt", _("Portuguese")), ("en", _("English")), ("es", _("Spanish")), ("fr", _("French")))


class TeachForm(forms.Form):
    """A question and its answer."""

    question = forms.CharField(
        label=_("When somebody asks"),
        max_length=settling.LONGEST_QUESTION,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    answer = forms.CharField(
        label=_("It says exactly this"),
        max_length=settling.LONGEST_ANSWER,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    language = forms.ChoiceField(label=_("The answer is in"), choices=LANGUAGES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = tenant().language[:2]
        self.fields["language"].initial = own if own in dict(LANGUAGES) else "en"


class AnswerForm(forms.Form):
    """A settled answer with all ways to ask for it, one a line."""

    questions = forms.CharField(
        label=_("Ways to ask, one a line"),
        max_length=settling.MOST_WAYS * (settling.LONGEST_QUESTION + 2),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    answer = forms.CharField(
        label=_("It says exactly this"),
        max_length=settling.LONGEST_ANSWER,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    language = forms.ChoiceField(label=_("The answer is in"), choices=LANGUAGES)
    audience = forms.ChoiceField(label=_("For"), choices=Audience.choices)

    @staticmethod
    def of(answer: PinnedAnswer) -> dict[str, Any]:
        """What the form shows of an answer."""
        ways = answer.questions.order_by("pk").values_list("text", flat=True)
        shown = {"questions": "\n".join(ways), "answer": answer.text}
        return {**shown, "language": answer.language, "audience": answer.audience}
