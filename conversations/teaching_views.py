"""Assistant › Teach: questions without an answer, settled answers; and Teach it on a bubble."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import drafting, teaching, telling, turns
from conversations.models import Message
from conversations.teaching_forms import LANGUAGES, TeachForm
from knowledge import likeness, settling
from knowledge.models import Gap
from tenants import access

PAGE = 15
SHOWN = (
    (Gap.Status.OPEN, gettext_lazy("Open")),
    (Gap.Status.ANSWERED, gettext_lazy("Answered")),
    (Gap.Status.DISMISSED, gettext_lazy("Dismissed")),
)


@require_GET
def teach_gaps(request: HttpRequest) -> HttpResponse:
    """What customers asked and nobody has answered for good: what most of them asked comes first."""
    return _gaps(request)


def _gaps(request: HttpRequest, *, kept: dict[int, dict[str, str]] | None = None) -> HttpResponse:
    """The page; `kept` is what was entered for a gap and could not be taken, with what is wrong."""
    wanted = request.GET.get("show", "")
    status = wanted if wanted in Gap.Status.values else Gap.Status.OPEN
    page = Paginator(teaching.ranked(status), PAGE).get_page(request.GET.get("page"))
    asked = teaching.asked_by([gap.pk for gap in page.object_list])
    rows = [_row(gap, asked.get(gap.pk, []), (kept or {}).get(gap.pk)) for gap in page.object_list]
    context = {"rows": rows, "page_obj": page, "status": status, "shown": SHOWN, "languages": LANGUAGES}
    return render(request, "conversations/teach_gaps.html", context, status=422 if kept else 200)


def _row(gap: Gap, asked: list[Any], kept: dict[str, str] | None) -> dict[str, Any]:
    ways = teaching.wordings([gap.question, *(row.question for row in reversed(asked))])
    return {
        "gap": gap,
        "askers": teaching.askers(asked),
        "wordings": ways[1:],
        "entered": kept or {"question": gap.question, "answer": gap.draft, "language": gap.language},
    }


@access.roles(*access.MANAGERS)
@require_POST
def gap_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """The answer becomes a settled one, given to whoever asks the same from now on."""
    gap, form = get_object_or_404(Gap, pk=pk), TeachForm(request.POST)
    if not form.is_valid():
        return _gaps(request, kept={pk: _entered(request, form.errors.as_text())})
    given = form.cleaned_data
    try:
        teaching.approve(
            gap,
            question=given["question"],
            text=given["answer"],
            language=given["language"],
            user=access.person(request),
            now=timezone.now(),
        )
    except settling.Unfit as error:
        return _gaps(request, kept={pk: _entered(request, str(error))})
    messages.success(request, _("Settled. Whoever asks this is told exactly that from now on."))
    return redirect("teach_gaps")


def _entered(request: HttpRequest, error: str) -> dict[str, str]:
    return {
        **{name: request.POST.get(name, "") for name in ("question", "answer", "language")},
        "error": error,
    }


@access.roles(*access.MANAGERS)
@require_POST
def gap_draft(request: HttpRequest, pk: int) -> HttpResponse:
    drafting.ask_for(get_object_or_404(Gap, pk=pk))
    return redirect("teach_gaps")


@access.roles(*access.MANAGERS)
@require_POST
def gap_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    teaching.dismiss(get_object_or_404(Gap, pk=pk), now=timezone.now())
    messages.success(request, _("Dismissed. It comes back when three more customers ask."))
    return redirect("teach_gaps")


@access.roles(*access.MANAGERS)
@require_POST
def gap_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    teaching.reopen(get_object_or_404(Gap, pk=pk), now=timezone.now())
    return redirect("teach_gaps")


@access.roles(*access.MANAGERS)
@require_POST
def gap_merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Both are the same question."""
    gap, into = get_object_or_404(Gap, pk=pk), request.POST.get("into", "")
    other = Gap.objects.filter(pk=int(into)).first() if into.isdigit() and len(into) < 19 else None
    if other is None or other.pk == gap.pk:
        return HttpResponse(_("Choose another question."), status=422, content_type="text/plain")
    teaching.merge(gap, into=other)
    return redirect("teach_gaps")


@access.roles(*access.MANAGERS)
@require_POST
def gap_tell(request: HttpRequest, pk: int) -> HttpResponse:
    """The customers who still wait for the answer get it now, as far as they may be written to."""
    gap = get_object_or_404(Gap.objects.select_related("pinned"), pk=pk)
    told = telling.tell(gap, user=access.person(request), now=timezone.now())
    words = ngettext("%(n)s customer was told.", "%(n)s customers were told.", told)
    messages.success(request, words % {"n": told} if told else _("Nobody can be told now."))
    return redirect(f"{reverse('teach_gaps')}?show=answered")


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def message_teach(request: HttpRequest, pk: int) -> HttpResponse:
    """The sheet on a bubble: what was asked, and what should have been said."""
    message = _answer(pk)
    form = TeachForm(request.POST or None, initial=_understood(message))
    status = 200
    if request.method == "POST" and form.is_valid() and _taught(request, message, form):
        if request.headers.get("HX-Request"):
            return render(request, "conversations/_teach_done.html", {"message": message})
        messages.success(request, _("Settled. Whoever asks this is told exactly that from now on."))
        return redirect("chat", message.conversation_id)
    if form.errors:
        status = 200 if request.headers.get("HX-Request") else 422
    return render(request, "conversations/_teach.html", {"message": message, "form": form}, status=status)


def _answer(pk: int) -> Message:
    answers = Message.objects.select_related("turn__pinned", "conversation")
    return get_object_or_404(answers.exclude(turn=None).filter(direction=Message.Direction.OUT), pk=pk)


def _understood(message: Message) -> dict[str, str]:
    """The question as it was understood, and the answer as it was given."""
    assert message.turn is not None
    asked = message.turn.messages.filter(direction=Message.Direction.IN).select_related("transcript")
    question = turns.question_of(list(asked))
    spoken = message.conversation.language[:2]
    language = {"language": spoken} if spoken in dict(LANGUAGES) else {}
    return {"question": likeness.core(question) or question, "answer": message.body, **language}


def _taught(request: HttpRequest, message: Message, form: TeachForm) -> bool:
    given = form.cleaned_data
    try:
        teaching.teach(
            message,
            question=given["question"],
            text=given["answer"],
            language=given["language"],
            user=access.person(request),
            now=timezone.now(),
        )
    except settling.Unfit as error:
        form.add_error(None, str(error))
        return False
    return True
