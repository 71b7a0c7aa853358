"""Chats: work on several chosen chats at once, and the way back from it."""

import json
from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from conversations import filters, list_views, tidying
from conversations.models import Label, Tidying
from tenants import access, undoing
from tenants.models import User

Kind = Tidying.Kind


@access.roles(*access.ANSWERERS)
@require_POST
def tidy(request: HttpRequest) -> HttpResponse:
    """`do`: close, read, unread, assign:<member>, label:<label> or unlabel:<label>; `chat`: which ones."""
    chosen = [pk for text in request.POST.getlist("chat") if (pk := filters.number(text))]
    if not chosen:
        return _refused(request, _("Choose at least one chat."))
    if len(chosen) > tidying.MOST:
        return _refused(request, _("Choose at most %(n)d chats at a time.") % {"n": tidying.MOST})
    verb, _colon, which = request.POST.get("do", "").partition(":")
    if verb not in _VERBS:
        return _refused(request, _("Choose what is to be done."))
    done = _VERBS[verb](chosen, filters.number(which), access.person(request))
    return _said(request, done)


@access.roles(*access.ANSWERERS)
@require_POST
def tidy_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it back; only who did it can, for an hour."""
    try:
        tidying.undo(pk, user=access.person(request), now=timezone.now())
    except Tidying.DoesNotExist:
        raise Http404 from None
    except tidying.TooLate:
        return _refused(request, _("It is too late to undo this."))
    if request.headers.get("HX-Request"):
        return _live(render(request, "parts/toast.html", {"text": _("Undone."), "error": ""}))
    messages.success(request, _("Undone."))
    return redirect("chats")


def _said(request: HttpRequest, done: Tidying) -> HttpResponse:
    """What was done, with its way back: beside the page as it is, or on the next one."""
    text, url = in_words(done), reverse("tidy_undo", args=[done.pk])
    if request.headers.get("HX-Request"):
        return _live(render(request, "conversations/_tidied.html", {"text": text, "undo": url, "done": done}))
    undoing.offer(request, text, to=url)
    wanted = filters.of(QueryDict(request.POST.get("back", "")), me=access.person(request).pk)
    return redirect(f"{reverse('chats')}?{wanted.query}" if wanted.query else "chats")


def _live(response: HttpResponse) -> HttpResponse:
    """The list shows it at once, also while the line is away."""
    response.headers["HX-Trigger"] = "live:refresh"
    return response


def _refused(request: HttpRequest, reason: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        said = json.dumps({"toast": {"text": reason, "kind": "error"}})
        return HttpResponse(status=204, headers={"HX-Trigger": said})
    messages.error(request, reason)
    return redirect("chats")


def in_words(done: Tidying) -> str:
    """What was done to how many chats."""
    count = len(done.record["chats"])
    if not count:
        return _("Nothing had to be changed.")
    words = {
        Kind.LABEL: ngettext("%(n)d chat is labelled.", "%(n)d chats are labelled.", count),
        Kind.UNLABEL: ngettext("The label is off %(n)d chat.", "The label is off %(n)d chats.", count),
        Kind.ASSIGN: ngettext("%(n)d chat is assigned.", "%(n)d chats are assigned.", count),
        Kind.READ: ngettext("%(n)d chat is marked as read.", "%(n)d chats are marked as read.", count),
        Kind.UNREAD: ngettext("%(n)d chat is marked as unread.", "%(n)d chats are marked as unread.", count),
        Kind.CLOSE: ngettext("%(n)d chat is closed.", "%(n)d chats are closed.", count),
    }
    return words[Kind(done.kind)] % {"n": count}


# -- the verbs


def _close(chats: list[int], which: int, user: User) -> Tidying:
    return tidying.close(chats, user=user, now=timezone.now())


def _read(chats: list[int], which: int, user: User) -> Tidying:
    return tidying.read(chats, user=user, now=timezone.now())


def _unread(chats: list[int], which: int, user: User) -> Tidying:
    return tidying.unread(chats, user=user, now=timezone.now())


def _assign(chats: list[int], which: int, user: User) -> Tidying:
    to = next((one for one in list_views.colleagues() if one.pk == which), None)
    if to is None:
        raise Http404
    return tidying.assign(chats, to, user=user, now=timezone.now())


def _label(chats: list[int], which: int, user: User) -> Tidying:
    return tidying.label(chats, _one(which), on=True, user=user, now=timezone.now())


def _unlabel(chats: list[int], which: int, user: User) -> Tidying:
    return tidying.label(chats, _one(which), on=False, user=user, now=timezone.now())


def _one(pk: int) -> Label:
    label = Label.objects.filter(pk=pk).first()
    if label is None:
        raise Http404
    return label


_VERBS: dict[str, Callable[[list[int], int, User], Tidying]] = {
    "close": _close,
    "read": _read,
    "unread": _unread,
    "assign": _assign,
    "label": _label,
    "unlabel": _unlabel,
}
