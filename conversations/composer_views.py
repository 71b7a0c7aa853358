"""Chats: what a person sends, notes, has written for them, and picks from what stands ready."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import (
    attachments,
    canned,
    composer,
    handoff,
    notes,
    outbox,
    presence,
    suggesting,
    template_views,
)  # fmt: skip
from conversations.models import Conversation, Message, Note
from conversations.models.answers import Suggestion
from conversations.shown_thread import answer, find, number
from tenants import access
from tenants.models import User

LONGEST_REPLY = 4000
MADE_OF_WORDS = set(Suggestion.Kind.values) - {Suggestion.Kind.DRAFT, Suggestion.Kind.READ}


# -- sending


@access.roles(*access.ANSWERERS)
@require_POST
def chat_send(request: HttpRequest, pk: int) -> HttpResponse:
    """A person answers, in words or with a file; that takes the conversation over: one voice speaks."""
    conversation, file, now = find(pk), request.FILES.get("file"), timezone.now()
    text = request.POST.get("text", "").replace("\x00", "").strip()
    if reason := template_views.refusal(conversation, now=now):
        return _unfit(reason)
    if (other := _overtaken_by(request, conversation)) is not None:
        return _warn(other)
    try:
        attached = _attached(request, file, text, conversation)
    except attachments.Unsuitable as error:
        return _unfit(str(error))
    if conversation.handler != Conversation.Handler.PERSON:
        handoff.take_over(pk, user=access.person(request), now=now)
    _post(request, conversation, text, attached, now=now)
    return answer(request, pk)


def _overtaken_by(request: HttpRequest, conversation: Conversation) -> Message | None:
    """What a colleague has sent since this person saw the thread; asked by pages that say what they saw."""
    seen, key = number(request, "seen"), request.POST.get("key", "")[:64]
    if seen is None or request.POST.get("anyway") or (key and outbox.wished(conversation, key)):
        return None
    return presence.answered_since(conversation, seen=seen, user=access.person(request))


def _warn(other: Message) -> HttpResponse:
    said = _("%(name)s has answered since: “%(words)s”")
    words = said % {"name": other.author or _("A colleague"), "words": (other.body or other.media_name)[:300]}
    return HttpResponse(words, status=409, content_type="text/plain; charset=utf-8")


def _attached(
    request: HttpRequest, file: Any, text: str, conversation: Conversation
) -> outbox.Attached | None:
    """The file in the store, if there is one; raises Unsuitable with what is wrong with it or the words."""
    if file is None and not 0 < len(text) <= LONGEST_REPLY:
        raise attachments.Unsuitable(_("Write between 1 and 4,000 characters."))
    if file is None:
        return None
    if len(text) > attachments.LONGEST_CAPTION:
        raise attachments.Unsuitable(_("With a file, write at most 1,024 characters."))
    spoken = request.POST.get("spoken") == "1"
    return attachments.accept(file, channel=conversation.channel, spoken=spoken)


def _post(
    request: HttpRequest, conversation: Conversation, text: str, attached: outbox.Attached | None, *,
    now: datetime,
) -> None:  # fmt: skip
    """Queue it once a key; a file that is not the message's after all does not stay in the store."""
    stored = ""
    try:
        message = outbox.post_by_person(
            conversation.pk,
            user=access.person(request),
            text=text,
            now=now,
            reply_to_id=number(request, "reply_to"),
            attached=attached,
            key=request.POST.get("key", "")[:64],
        )
        stored = str(message.media.name)
    finally:
        if attached is not None and stored != attached.path:
            attachments.forget(attached)
    if (reply := number(request, "canned")) is not None:
        canned.used(reply)


# -- notes


@access.roles(*access.ANSWERERS)
@require_POST
def chat_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Words for colleagues only."""
    conversation, text = find(pk), _words(request)
    if not 0 < len(text) <= notes.LONGEST:
        return _unfit(_("Write between 1 and 4,000 characters."))
    key = request.POST.get("key", "")[:64]
    notes.write(conversation, text=text, user=access.person(request), key=key, now=timezone.now())
    return answer(request, pk)


@access.roles(*access.ANSWERERS)
@require_http_methods(["GET", "POST"])
def note_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Other words; only who wrote it has them."""
    note = _note(pk)
    if note.author_id != access.person(request).pk:
        return HttpResponse(_("Only who wrote a note may change it."), status=403, content_type="text/plain")
    if request.method == "GET":
        return render(request, "conversations/_note_sheet.html", {"note": note})
    text = _words(request)
    if not 0 < len(text) <= notes.LONGEST:
        return _unfit(_("Write between 1 and 4,000 characters."))
    notes.change(note, text=text, now=timezone.now())
    return answer(request, note.conversation_id)


@access.roles(*access.ANSWERERS)
@require_POST
def note_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a note away, one's own or as a manager; with the way back on the page."""
    note, role = _note(pk), request.membership.role  # type: ignore[attr-defined]
    if note.author_id != access.person(request).pk and not notes.may_remove(role):
        return HttpResponse(_("Only who wrote a note may remove it."), status=403, content_type="text/plain")
    conversation = find(note.conversation_id)
    word = notes.remove(note)
    if not request.headers.get("HX-Request"):
        return redirect("chat", conversation.pk)
    response = answer(request, conversation.pk)
    context = {"conversation": conversation, "word": word}
    response.content += render(request, "conversations/_note_removed.html", context).content
    return response


@access.roles(*access.ANSWERERS)
@require_POST
def note_bring_back(request: HttpRequest, pk: int) -> HttpResponse:
    """The note that was just removed."""
    if notes.bring_back(request.POST.get("word", ""), conversation=find(pk)) is None:
        return _unfit(_("It was removed too long ago."))
    return answer(request, pk)


def _note(pk: int) -> Note:
    return get_object_or_404(Note.objects.select_related("conversation", "author"), pk=pk)


# -- what stands ready


@access.roles(*access.ANSWERERS)
@require_GET
def chat_pick(request: HttpRequest, pk: int) -> HttpResponse:
    """Canned replies for `/`, filled in for this chat; colleagues for `@`."""
    conversation, words = find(pk), request.GET.get("q", "")[:80].strip()
    if request.GET.get("what") == "people":
        people = [one for one in notes.team() if words.casefold() in f"{one} {one.email}".casefold()]
        return render(request, "conversations/_pick_people.html", {"people": people[: canned.OFFERED]})
    user = access.person(request)
    rows = [
        {"reply": one, "words": canned.filled(one.text, conversation, user=user)}
        for one in canned.found(words)[: canned.OFFERED]
    ]
    return render(request, "conversations/_pick_canned.html", {"rows": rows, "q": words})


# -- what a model writes for them


@access.roles(*access.ANSWERERS)
@require_POST
def chat_suggest(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a draft written, or the words in the box said otherwise; they come when they are there."""
    conversation, kind = find(pk), request.POST.get("kind", "")
    given = _words(request)
    if kind != Suggestion.Kind.DRAFT and kind not in MADE_OF_WORDS:
        return _unfit(_("Choose what is to be written."))
    if kind in MADE_OF_WORDS and not given:
        return _unfit(_("Write something first: it is said otherwise then."))
    row = suggesting.ask(
        conversation,
        kind=kind,
        key=request.POST.get("key", "")[:64] or str(timezone.now().timestamp()),
        user=access.person(request),
        given=given,
        language=composer.language_of(conversation),
        now=timezone.now(),
    )
    return _suggested(request, row)


@access.roles(*access.ANSWERERS)
@require_GET
def suggestion(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is."""
    row = get_object_or_404(_own(access.person(request)), pk=pk)
    return _suggested(request, suggesting.look(row, now=timezone.now()))


def _own(user: User) -> Any:
    return Suggestion.objects.filter(user=user).select_related("conversation")


def _suggested(request: HttpRequest, row: Suggestion) -> HttpResponse:
    context = {"row": row, "conversation": row.conversation, "problem": suggesting.problem(row)}
    return render(request, "conversations/_suggestion.html", context)


def _words(request: HttpRequest) -> str:
    return request.POST.get("text", "").replace("\x00", "").strip()


def _unfit(words: str) -> HttpResponse:
    return HttpResponse(words, status=422, content_type="text/plain")
