"""Account › Canned replies: what the team says often."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from conversations import canned
from conversations.models import CannedReply
from tenants import access, audit, undoing

PAGE = 30


class CannedReplyForm(forms.ModelForm):
    """The short name and the words; a blank that nothing fills is refused."""

    class Meta:
        model = CannedReply
        fields = ("shortcut", "text")
        widgets = {"text": forms.Textarea(attrs={"rows": 5, "maxlength": 4000})}
        labels = {"shortcut": gettext_lazy("Short name"), "text": gettext_lazy("Words")}

    def clean_shortcut(self) -> str:
        name = str(self.cleaned_data["shortcut"]).lstrip("/")
        same = CannedReply.objects.filter(shortcut__iexact=name).exclude(pk=self.instance.pk)
        if same.exists():
            raise forms.ValidationError(_("Another reply has this short name."))
        return name

    def clean_text(self) -> str:
        text = str(self.cleaned_data["text"]).replace("\x00", "").strip()
        if unknown := canned.unknown_blanks(text):
            known = ", ".join(f"{{{{{blank}}}}}" for blank in canned.BLANKS)
            said = _("Nothing fills %(blank)s. There are: %(known)s.")
            raise forms.ValidationError(said % {"blank": f"{{{{{unknown[0]}}}}}", "known": known})
        return text


@access.roles(*access.ANSWERERS)
@require_http_methods(["GET", "POST"])
def replies(request: HttpRequest) -> HttpResponse:
    """All of them, searched by name and words; a POST adds one."""
    form = CannedReplyForm(_without_slash(request) if request.method == "POST" else None)
    if request.method == "POST" and CannedReply.objects.count() >= canned.MOST:
        form.add_error(None, _("No more replies can be added."))
    elif request.method == "POST" and form.is_valid():
        form.instance.author = access.person(request)
        reply = form.save()
        audit.record("canned.add", actor=access.person(request), target=reply.pk)
        messages.success(request, _("Added. Type /%(name)s in a chat.") % {"name": reply.shortcut})
        return redirect("account_replies")
    return _page(request, {"form": form}, status=422 if form.errors else 200)


@access.roles(*access.ANSWERERS)
@require_http_methods(["GET", "POST"])
def reply(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them, to be changed."""
    found = get_object_or_404(CannedReply, pk=pk)
    form = CannedReplyForm(_without_slash(request) if request.method == "POST" else None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        audit.record("canned.change", actor=access.person(request), target=pk)
        messages.success(request, _("Saved."))
        return redirect("account_replies")
    return _page(request, {"form": form, "reply": found}, status=422 if form.errors else 200)


@access.roles(*access.ANSWERERS)
@require_POST
def reply_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it away, with the way back."""
    found = get_object_or_404(CannedReply, pk=pk)
    word = canned.remove(found)
    audit.record("canned.remove", actor=access.person(request), target=pk)
    text = _("/%(name)s is removed.") % {"name": found.shortcut}
    undoing.offer(request, text, to=reverse("account_replies_bring_back"), word=word)
    return redirect("account_replies")


@access.roles(*access.ANSWERERS)
@require_POST
def reply_bring_back(request: HttpRequest) -> HttpResponse:
    back = canned.bring_back(request.GET.get("word", ""))
    if back is None:
        messages.error(request, _("It was removed too long ago."))
    else:
        messages.success(request, _("/%(name)s is back.") % {"name": back.shortcut})
    return redirect("account_replies")


def _without_slash(request: HttpRequest) -> Any:
    """People type the short name as they will call it."""
    given = request.POST.copy()
    given["shortcut"] = given.get("shortcut", "").strip().lstrip("/")
    return given


def _page(request: HttpRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    words = request.GET.get("q", "")[:80].strip()
    rows = canned.found(words) if words else CannedReply.objects.order_by("shortcut")
    page = Paginator(rows.select_related("author"), PAGE).get_page(request.GET.get("page"))
    context = {"reply": None, "q": words, "page_obj": page, "blanks": canned.BLANKS, **context}
    return render(request, "conversations/canned_replies.html", context, status=status)
