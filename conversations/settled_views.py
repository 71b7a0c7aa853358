"""Assistant › Teach › Settled answers: make, change, switch off, forget; and whether they still hold."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from conversations.teaching_forms import AnswerForm, TeachForm
from knowledge import cases, settling
from knowledge.models import PinnedAnswer, PinnedQuestion, RegressionCase
from tenants import access

PAGE = 20
SHOWN = (
    ("", gettext_lazy("All")),
    ("failed", gettext_lazy("Not as settled")),
    ("off", gettext_lazy("Switched off")),
)


@require_http_methods(["GET", "POST"])
def teach_settled(request: HttpRequest) -> HttpResponse:
    """The settled answers; a POST adds one."""
    may = request.membership.role in access.MANAGERS  # type: ignore[attr-defined]
    form = TeachForm(request.POST if request.method == "POST" and may else None)
    if request.method == "POST" and may and form.is_valid() and _made(request, form):
        messages.success(request, _("Settled. Whoever asks this is told exactly that from now on."))
        return redirect("teach_settled")
    status = 403 if request.method == "POST" and not may else 422 if form.errors else 200
    return render(request, "conversations/teach_settled.html", _context(request, form), status=status)


def _context(request: HttpRequest, form: TeachForm) -> dict[str, Any]:
    wanted, query = request.GET.get("show", ""), request.GET.get("q", "").strip()[:80]
    show = wanted if wanted in dict(SHOWN) else ""
    page = Paginator(_answers(show, query), PAGE).get_page(request.GET.get("page"))
    counts = {"failed": cases.failed().count(), "cases": RegressionCase.objects.count()}
    return {"page_obj": page, "form": form, "show": show, "shown": SHOWN, "query": query, **counts}


def _answers(show: str, query: str) -> QuerySet[PinnedAnswer]:
    answers = PinnedAnswer.objects.order_by("-pk")
    if show == "failed":
        answers = answers.filter(cases__in=cases.failed()).distinct()
    if show == "off":
        answers = answers.filter(enabled=False)
    if query:
        found = PinnedQuestion.objects.filter(text__icontains=query).values("answer")
        answers = answers.filter(text__icontains=query) | answers.filter(pk__in=found)
    return answers.prefetch_related(
        Prefetch("questions", PinnedQuestion.objects.defer("vector").order_by("pk")),
        Prefetch("cases", RegressionCase.objects.order_by("pk")),
    )


def _made(request: HttpRequest, form: TeachForm) -> bool:
    given = form.cleaned_data
    try:
        settling.make(
            questions=[given["question"]],
            text=given["answer"],
            language=given["language"],
            made_by=access.person(request),
            now=timezone.now(),
        )
    except settling.Unfit as error:
        form.add_error(None, str(error))
        return False
    return True


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def teach_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """One settled answer with all ways to ask for it; a POST changes it."""
    answer = get_object_or_404(PinnedAnswer, pk=pk)
    form = AnswerForm(request.POST or None, initial=AnswerForm.of(answer))
    if request.method == "POST" and form.is_valid() and _changed(answer, form):
        messages.success(request, _("Saved."))
        return redirect("teach_settled")
    context = {"answer": answer, "form": form, "cases": answer.cases.order_by("pk")}
    return render(request, "conversations/teach_answer.html", context, status=422 if form.errors else 200)


def _changed(answer: PinnedAnswer, form: AnswerForm) -> bool:
    given = form.cleaned_data
    try:
        settling.change(
            answer,
            text=given["answer"],
            language=given["language"],
            questions=given["questions"].split("\n"),
            audience=given["audience"],
            now=timezone.now(),
        )
    except settling.Unfit as error:
        form.add_error(None, str(error))
        return False
    return True


@access.roles(*access.MANAGERS)
@require_POST
def answer_switch(request: HttpRequest, pk: int) -> HttpResponse:
    settling.switch(
        get_object_or_404(PinnedAnswer, pk=pk), on=bool(request.POST.get("on")), now=timezone.now()
    )
    return redirect("teach_settled")


@access.roles(*access.MANAGERS)
@require_POST
def answer_delete(request: HttpRequest, pk: int) -> HttpResponse:
    settling.forget(get_object_or_404(PinnedAnswer, pk=pk), now=timezone.now())
    messages.success(request, _("The documents answer this again."))
    return redirect("teach_settled")


@access.roles(*access.MANAGERS)
@require_POST
def ask_again(request: HttpRequest) -> HttpResponse:
    """Ask all settled questions now."""
    cases.ask_again(now=timezone.now())
    messages.success(request, _("All settled questions are asked again; the results show up here."))
    return redirect("teach_settled")
