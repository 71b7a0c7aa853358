"""Assistant › Teach › Sources: what is written here, as text or as questions and answers."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from knowledge import documents, pairs, pairs_csv, reaching, texts
from knowledge.models import Document
from knowledge.pairs import Checked, Pair, Row
from knowledge.source_forms import NamedForm, PairsForm, ReachForm, TextForm
from tenants import access

A_PAGE = 40
EMPTY_ROWS = 3
SAMPLE = 12


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def text(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Write a text, or change one."""
    found = _written(pk, Document.Form.TEXT)
    initial = {"title": found.title, "text": texts.of(found), **ReachForm.of(found)} if found else None
    form = TextForm(request.POST or None, document=found, initial=initial)
    if request.method == "POST" and form.is_valid() and _named(found, form):
        data = form.cleaned_data
        try:
            texts.keep(
                title=data["title"], text=data["text"], reach=_reach(form, found),
                added_by=access.person(request), now=timezone.now(),
            )  # fmt: skip
            return _kept(request)
        except documents.StorageFull:
            form.add_error(None, str(documents.NO_ROOM))
    context = {"form": form, "document": found}
    return render(request, "knowledge/text.html", context, status=422 if form.errors else 200)


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def pairs_new(request: HttpRequest) -> HttpResponse:
    """Type questions with their answers."""
    form = PairsForm(request.POST or None)
    rows = _rows(request) if request.method == "POST" else []
    if request.method == "POST":
        read = pairs.checked(rows)
        if form.is_valid() and not read.wrong and read.pairs and _keep(request, form, read.pairs, None):
            return _kept(request)
        rows = _with_problems(rows, read)
        if not read.pairs and not read.wrong:
            form.add_error(None, _("Write at least one question with its answer."))
    return _pairs_page(request, form, rows=rows, found=None)


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def pairs_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change pairs, a page of them at a time; what somebody else saved meanwhile is not overwritten."""
    found = get_object_or_404(Document, pk=pk, form=Document.Form.PAIRS, source=None)
    there = pairs.of(found)
    page = Paginator(there, A_PAGE).get_page(request.POST.get("page") or request.GET.get("page"))
    start, shown = page.start_index() - 1 if there else 0, list(page.object_list)
    form = PairsForm(
        request.POST or None, document=found, initial={"title": found.title, **ReachForm.of(found)}
    )
    rows = [Row(start + n, pair.question, pair.answer) for n, pair in enumerate(shown, start=1)]
    if request.method == "POST":
        rows = _rows(request, first=start + 1)
        others = [*there[:start], *there[start + len(shown) :]]
        if (answer := _change_pairs(request, form, rows, others, start)) is not None:
            return answer
        rows = _with_problems(rows, pairs.checked(rows))
    return _pairs_page(request, form, rows=rows, found=found, page=page)


def _change_pairs(
    request: HttpRequest, form: PairsForm, rows: list[Row], others: list[Pair], start: int
) -> HttpResponse | None:
    """Put the rows where those that were shown stood; None when something is not right yet."""
    found, read = form.document, pairs.checked(rows)
    assert found is not None
    if request.POST.get("version") != found.sha256:
        form.add_error(None, _("Somebody changed this list meanwhile. Yours is below: save it again."))
        return None
    whole = [*others[:start], *read.pairs, *others[start:]]
    if not whole:
        form.add_error(None, _("Write at least one question with its answer."))
    twice = {pairs.same(pair.question) for pair in others} & {pairs.same(p.question) for p in read.pairs}
    if twice:
        form.add_error(None, _("One of these questions is on another page of this list already."))
    if read.wrong or not form.is_valid() or not _named(found, form):
        return None
    return _kept(request) if _keep(request, form, whole, found) else None


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def pairs_import(request: HttpRequest) -> HttpResponse:
    """A CSV file: first what was read and what is wrong where, then, when a person says so, the pairs."""
    into = _written(_number(request.POST.get("into") or request.GET.get("into")), Document.Form.PAIRS)
    if request.method == "POST" and "read" in request.POST:
        return _import(request, into)
    if request.method == "POST":
        return _preview(request, into)
    return render(request, "knowledge/pairs_import.html", {"into": into})


def _preview(request: HttpRequest, into: Document | None) -> HttpResponse:
    file = request.FILES.get("file")
    if file is None:
        problem = _("Choose a file.")
        return render(request, "knowledge/pairs_import.html", {"into": into, "problem": problem}, status=422)
    try:
        sheet = pairs_csv.read(file.read(pairs_csv.MOST_BYTES + 1))
    except pairs_csv.Unreadable as error:
        context = {"into": into, "problem": str(error)}
        return render(request, "knowledge/pairs_import.html", context, status=422)
    read = pairs.checked(sheet.rows)
    if len(read.wrong) > pairs_csv.MOST_WRONG:
        problem = _("Most lines have a mistake: %(what)s Mend the file and choose it again.")
        context = {"into": into, "problem": problem % {"what": read.wrong[0].problem}}
        return render(request, "knowledge/pairs_import.html", context, status=422)
    name = str(file.name or "").rsplit(".", 1)[0]
    form = PairsForm(document=into, initial=_initial(into) if into else {"title": name})
    return _preview_page(request, form, read, into=into, unused=sheet.unused)


def _import(request: HttpRequest, into: Document | None) -> HttpResponse:
    """Keep what was read, and what is right by now of the lines that were wrong; the others come again."""
    form = PairsForm(request.POST, document=into, initial=_initial(into) if into else None)
    good = _read_before(request)
    mended = pairs.checked([*(Row(0, pair.question, pair.answer) for pair in good), *_rows(request)])
    if "leave" in request.POST:
        mended.wrong = []
    if not mended.pairs:
        form.add_error(None, _("There is no question with its answer yet."))
    if mended.wrong or not form.is_valid() or not _named(into, form):
        return _preview_page(request, form, mended, into=into, status=422)
    whole = pairs.merged(pairs.of(into), mended.pairs) if into else mended.pairs
    if len(whole) > pairs.MOST:
        words = _("These are too many: at most %(most)s in one list.") % {"most": pairs.MOST}
        form.add_error(None, words)
        return _preview_page(request, form, mended, into=into, status=422)
    if not _keep(request, form, whole, into):
        return _preview_page(request, form, mended, into=into, status=507)
    return _kept(request)


def _preview_page(
    request: HttpRequest, form: PairsForm, read: Checked, *, into: Document | None,
    unused: Sequence[str] = (), status: int = 200,
) -> HttpResponse:  # fmt: skip
    there = {pairs.same(pair.question) for pair in pairs.of(into)} if into else set()
    context = {
        "form": form,
        "into": into,
        "good": read.pairs,
        "sample": read.pairs[:SAMPLE],
        "more": max(len(read.pairs) - SAMPLE, 0),
        "wrong": read.wrong,
        "repeated": read.repeated,
        "replaced": sum(pairs.same(pair.question) in there for pair in read.pairs),
        "unused": unused,
        "read": json.dumps([[pair.question, pair.answer] for pair in read.pairs], ensure_ascii=False),
    }
    return render(request, "knowledge/pairs_preview.html", context, status=status)


def _read_before(request: HttpRequest) -> list[Pair]:
    """The pairs that the preview carried along; whatever else stands there counts as none."""
    try:
        rows = json.loads(request.POST["read"])
        return [Pair(str(question), str(answer)) for question, answer in rows][: pairs.MOST + 1]
    except (ValueError, TypeError, RecursionError):
        return []


def _rows(request: HttpRequest, *, first: int = 1) -> list[Row]:
    """The pairs that were typed, in their order; each field comes once a pair."""
    questions, answers = request.POST.getlist("question"), request.POST.getlist("answer")
    numbers = request.POST.getlist("line")
    both = zip(questions, answers, strict=False)
    return [
        Row((_number(numbers[n]) if n < len(numbers) else 0) or first + n, question, answer)
        for n, (question, answer) in enumerate(both)
    ]


def _with_problems(rows: Sequence[Row], read: Checked) -> list[Row]:
    """The rows as they were typed, each with what is wrong with it."""
    problems = {row.number: row.problem for row in read.wrong}
    return [Row(row.number, row.question, row.answer, problems.get(row.number, "")) for row in rows]


def _pairs_page(
    request: HttpRequest, form: PairsForm, *, rows: Sequence[Row], found: Document | None, page: Any = None
) -> HttpResponse:
    is_wrong = form.errors or any(row.problem for row in rows)
    context = {
        "form": form, "rows": rows, "empty": [Row(0, "", "")] * EMPTY_ROWS, "document": found,
        "page_obj": page, "problems": sum(bool(row.problem) for row in rows),
    }  # fmt: skip
    return render(request, "knowledge/pairs.html", context, status=422 if is_wrong else 200)


def _keep(request: HttpRequest, form: NamedForm, kept: Sequence[Pair], found: Document | None) -> bool:
    """False, with the reason in the form, when there is no room for them."""
    try:
        pairs.keep(
            title=form.cleaned_data["title"], pairs=kept, reach=_reach(form, found),
            added_by=access.person(request), now=timezone.now(),
        )  # fmt: skip
    except documents.StorageFull:
        form.add_error(None, str(documents.NO_ROOM))
        return False
    return True


def _kept(request: HttpRequest) -> HttpResponse:
    messages.success(request, _("Saved. It is being read."))
    return redirect("assistant")


def _named(found: Document | None, form: NamedForm) -> bool:
    """Give a document that is there its new name first, for a document is replaced by its name."""
    title = form.cleaned_data["title"]
    if found is None or found.title == title:
        return True
    try:
        with transaction.atomic():
            Document.objects.filter(pk=found.pk).update(title=title)
    except IntegrityError:
        form.add_error("title", _("Another document has this name."))
        return False
    return True


def _reach(form: ReachForm, found: Document | None) -> reaching.Reach:
    reach = form.reach()
    if found is not None and "agent_ids" not in form.fields:
        return reaching.Reach(reach.audience, tuple(found.agent_ids))
    return reach


def _initial(found: Document) -> dict[str, Any]:
    return {"title": found.title, **ReachForm.of(found)}


def _written(pk: int | None, form: str) -> Document | None:
    """The document of this form with this id, or 404; None for no id."""
    return None if pk is None else get_object_or_404(Document, pk=pk, form=form, source=None)


def _number(typed: str | None) -> int | None:
    return int(typed) if typed and typed.isascii() and typed.isdigit() and len(typed) < 18 else None
