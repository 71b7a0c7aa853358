"""The test box: what a question would find, and why, without asking a model."""

import math
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from knowledge import assistants, retrieval
from knowledge.models import Audience
from providers.errors import ProviderError
from tenants import access

MODES = [("both", _("words and meaning")), ("words", _("words")), ("meaning", _("meaning"))]
LIMIT = 8


class BoxForm(forms.Form):
    """A question, and as whom to ask it."""

    question = forms.CharField(label=_("Question"), max_length=500, strip=True)
    mode = forms.ChoiceField(label=_("Look for"), choices=MODES, initial="both", required=False)
    agent = forms.TypedChoiceField(
        label=_("Assistant"), coerce=int, empty_value=None, required=False, choices=()
    )
    audience = forms.ChoiceField(
        label=_("Asked by"),
        choices=[(Audience.CUSTOMERS, _("a customer")), (Audience.STAFF, _("somebody of the team"))],
        initial=Audience.CUSTOMERS,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agent: Any = self.fields["agent"]
        agent.choices = [("", _("any")), *assistants.names().items()]


@require_http_methods(["GET", "POST"])
def teach_test(request: HttpRequest) -> HttpResponse:
    """The box; with a question, what it finds. A question is posted: it stands in no address."""
    may_ask = request.membership.role in access.ANSWERERS  # type: ignore[attr-defined]
    if request.method == "POST" and not may_ask:
        raise PermissionDenied
    form = BoxForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "may_ask": may_ask}
    if request.method == "POST" and form.is_valid():
        context |= _found(form.cleaned_data)
    part = request.headers.get("HX-Target") == "box-result"
    bad = request.method == "POST" and not form.is_valid()
    template = "knowledge/_box_result.html" if part else "knowledge/box.html"
    return render(request, template, context, status=422 if bad else 200)


def _found(asked: dict[str, Any]) -> dict[str, Any]:
    """What retrieval says, with each passage's parts of the score as shares of a bar."""
    mode: retrieval.Mode = asked["mode"] or "both"
    try:
        found = retrieval.explain(
            asked["question"],
            mode=mode,
            limit=LIMIT,
            agent_id=asked["agent"],
            audience=asked["audience"] or Audience.CUSTOMERS,
        )
    except ProviderError:
        return {"away": True}
    return {
        "found": found,
        "rows": [{"passage": one, "bars": _bars(one, mode)} for one in found.passages],
        "support": math.floor(found.support * 100),  # what is just not enough is not 100
    }


def _bars(found: retrieval.Found, mode: str) -> list[dict[str, Any]]:
    """What made the score, each 0 to 100."""
    meaning = {"name": _("meaning"), "share": _share(found.why.cosine)}
    words = {"name": _("words"), "share": _share(found.why.coverage), "words": found.why.words}
    return [bar for bar, of in ((meaning, "words"), (words, "meaning")) if mode != of]


def _share(value: float) -> int:
    return round(min(max(value, 0.0), 1.0) * 100)
