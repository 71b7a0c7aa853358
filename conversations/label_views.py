"""Account, Labels; and the labels of one chat, put on and taken off beside it."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import labels
from conversations.models import Conversation, Label
from tenants import access, undoing


class LabelForm(forms.Form):
    """A name and a colour."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=40)
    colour = forms.ChoiceField(
        label=gettext_lazy("Colour"), choices=Label.Colour, initial=Label.Colour.GREY, required=False
    )

    def clean_name(self) -> str:
        return " ".join(str(self.cleaned_data["name"]).replace("\x00", "").split())

    def clean_colour(self) -> str:
        return str(self.cleaned_data["colour"] or Label.Colour.GREY)


# -- Account, Labels


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def account_labels(request: HttpRequest) -> HttpResponse:
    """All labels with how often each is used, and a form for another."""
    form = LabelForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _make(request, form):
        messages.success(request, _("Saved."))
        return redirect("account_labels")
    return _page(request, form=form)


def _make(request: HttpRequest, form: LabelForm) -> Label | None:
    """The new label; None with what is wrong in the form."""
    given = form.cleaned_data
    try:
        return labels.make(given["name"], colour=given["colour"], user=access.person(request))
    except labels.NameTaken:
        form.add_error("name", _("There is a label with this name already."))
    except labels.TooMany:
        form.add_error("name", _("There are %(n)d labels: delete one first.") % {"n": labels.MOST})
    return None


@access.roles(*access.MANAGERS)
@require_POST
def label_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Another name or colour; what is wrong with it is said beside it."""
    label, form = get_object_or_404(Label, pk=pk), LabelForm(request.POST)
    if form.is_valid():
        try:
            labels.change(label, **form.cleaned_data, user=access.person(request))
        except labels.NameTaken:
            form.add_error("name", _("There is a label with this name already."))
        else:
            messages.success(request, _("Saved."))
            return redirect("account_labels")
    return _page(request, changed=(pk, form))


@access.roles(*access.MANAGERS)
@require_POST
def label_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Off everything at once, with a way back."""
    label = get_object_or_404(Label, pk=pk)
    labels.delete(label, user=access.person(request), now=timezone.now())
    text = _("The label “%(name)s” is deleted.") % {"name": label.name}
    undoing.offer(request, text, to=reverse("label_restore", args=[pk]))
    return redirect("account_labels")


@access.roles(*access.MANAGERS)
@require_POST
def label_restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Back on all that it was on."""
    try:
        label = labels.restore(pk, user=access.person(request))
    except Label.DoesNotExist:
        raise Http404 from None
    except labels.NameTaken:
        messages.error(request, _("There is another label with this name now: rename it first."))
    else:
        messages.success(request, _("The label “%(name)s” is back.") % {"name": label.name})
    return redirect("account_labels")


def _page(
    request: HttpRequest, *, form: LabelForm | None = None, changed: tuple[int, LabelForm] | None = None
) -> HttpResponse:
    rows = []
    for label in labels.with_counts():
        usual = LabelForm(initial={"name": label.name, "colour": label.colour}, prefix="")
        usual.auto_id = f"label-{label.pk}-%s"
        wrong = changed[1] if changed and changed[0] == label.pk else None
        rows.append((label, wrong or usual))
    wrong_somewhere = changed is not None or (form is not None and bool(form.errors))
    context = {"rows": rows, "form": form or LabelForm(), "colours": Label.Colour.choices}
    return render(request, "conversations/labels.html", context, status=422 if wrong_somewhere else 200)


# -- beside a chat


@require_GET
def chat_labels(request: HttpRequest, pk: int) -> HttpResponse:
    """The labels of a chat, and those that can be put on it."""
    return _of_chat(request, _conversation(pk))


@access.roles(*access.ANSWERERS)
@require_POST
def chat_label(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a label on or take it off (`label`, `on`), or make one by its `name` and put it on."""
    conversation, now, user = _conversation(pk), timezone.now(), access.person(request)
    form = None
    if "label" in request.POST:
        label = get_object_or_404(Label, pk=request.POST["label"] if request.POST["label"].isdigit() else 0)
        change = labels.put if request.POST.get("on") == "1" else labels.take
        change(conversation, label, user=user, now=now)
    else:
        form = LabelForm(request.POST)
        name = form.cleaned_data["name"] if form.is_valid() else ""
        known = Label.objects.filter(name__iexact=name).first() if name else None
        if made := known or (_make(request, form) if name else None):
            labels.put(conversation, made, user=user, now=now)
            form = None
    if request.headers.get("HX-Request"):
        return _of_chat(request, conversation, form=form)
    return redirect("chat", pk)


def _of_chat(request: HttpRequest, conversation: Conversation, form: LabelForm | None = None) -> HttpResponse:
    context = {"conversation": conversation, "label_form": form}
    return render(request, "conversations/_chat_labels.html", context, status=422 if form else 200)


def _conversation(pk: int) -> Conversation:
    return get_object_or_404(Conversation.objects.select_related("contact", "channel"), pk=pk)
