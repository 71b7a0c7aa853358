"""Account › Customer fields: what this business wants to know of its customers."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from conversations import customer_field_list
from conversations.models import ContactField
from tenants import access, undoing


class DefinitionForm(forms.ModelForm):
    """A field's name and kind, and for a choice what there is to choose, one a line."""

    options = forms.CharField(
        label=gettext_lazy("To choose from"), required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Only for “one of a list”: one a line."),
    )  # fmt: skip

    class Meta:
        model = ContactField
        fields = ("name", "kind")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["options"].initial = "\n".join(self.instance.choices)
        if self.instance.pk:
            del self.fields["kind"]  # values of one kind are none of another

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].replace("\x00", "").split())
        taken = ContactField.objects.filter(name__iexact=name, deleted_at=None).exclude(pk=self.instance.pk)
        if taken.exists() or name.casefold() in customer_field_list.RESERVED:
            raise forms.ValidationError(_("There is a field of this name."))
        return name

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        lines = [" ".join(line.split()) for line in given.get("options", "").splitlines()]
        given["choices"] = list(dict.fromkeys(line for line in lines if line))
        kind = given.get("kind") or self.instance.kind
        if kind == ContactField.Kind.CHOICE and len(given["choices"]) < 2:
            self.add_error("options", _("Write at least two, each on a line of its own."))
        if len(given["choices"]) > 50 or any(len(one) > 60 for one in given["choices"]):
            self.add_error("options", _("At most 50 lines, each of at most 60 characters."))
        return given


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def fields(request: HttpRequest) -> HttpResponse:
    """The fields in their order; a POST adds one."""
    form = DefinitionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            customer_field_list.add(
                name=given["name"], kind=given["kind"], choices=given["choices"], user=access.person(request)
            )
        except customer_field_list.TooMany:
            form.add_error(None, _("No more fields can be added: take one away first."))
        else:
            messages.success(request, _("Saved."))
            return redirect("account_fields")
    context = {"rows": ContactField.objects.filter(deleted_at=None), "form": form}
    return render(request, "conversations/customer_fields.html", context, status=422 if form.errors else 200)


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def field(request: HttpRequest, pk: int) -> HttpResponse:
    """One field: another name, other choices."""
    row = get_object_or_404(ContactField, pk=pk, deleted_at=None)
    form = DefinitionForm(request.POST or None, instance=row)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        customer_field_list.change(
            pk, name=given["name"], choices=given["choices"], user=access.person(request)
        )
        messages.success(request, _("Saved."))
        return redirect("account_fields")
    context = {"row": row, "form": form}
    return render(request, "conversations/customer_field.html", context, status=422 if form.errors else 200)


@access.roles(*access.MANAGERS)
@require_POST
def field_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a field away; what is kept under it stays and comes back with it."""
    row = get_object_or_404(ContactField, pk=pk)
    customer_field_list.remove(pk, user=access.person(request), now=timezone.now())
    text = _("The field %(name)s is gone.") % {"name": row.name}
    undoing.offer(request, text, to=reverse("account_field_restore", args=[pk]))
    return redirect("account_fields")


@access.roles(*access.MANAGERS)
@require_POST
def field_restore(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(ContactField, pk=pk)
    if not customer_field_list.restore(pk, user=access.person(request)):
        messages.error(request, _("There is another field of the name %(name)s now.") % {"name": row.name})
    return redirect("account_fields")


@access.roles(*access.MANAGERS)
@require_POST
def field_move(request: HttpRequest, pk: int) -> HttpResponse:
    """One place up or down."""
    get_object_or_404(ContactField, pk=pk)
    customer_field_list.move(pk, up=request.POST.get("up") == "1", user=access.person(request))
    return redirect("account_fields")
