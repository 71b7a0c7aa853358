"""What people do with one customer in place: a field, a label, consent, how channels know them."""

from typing import Any

from django import forms
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import customer_consent, customer_fields, customer_identities, customer_person, remembering
from conversations.customer_fields import Field, Known
from conversations.models import Contact, ContactField, Label
from tenants import access, audit


class FieldForm(forms.Form):
    """One field of a customer, with a sign of what stood there when the form was opened."""

    was = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput)
    value = forms.CharField(required=False, strip=True)

    def __init__(self, data: Any, *, field: Field, stands: Any) -> None:
        initial = {"was": customer_fields.mark_of(stands), "value": _as_typed(field, stands)}
        super().__init__(data, initial=initial, auto_id=f"person-{field.of.replace(':', '-')}-%s")
        self.field = field
        self.fields["value"] = _control(field)
        self.fields["value"].widget.attrs["autofocus"] = True

    def clean_value(self) -> str:
        given = self.cleaned_data["value"]
        try:
            return customer_fields.checked(self.field, "yes" if given is True else str(given or ""))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def clash(self, stands: Any, shown: str) -> None:
        """Somebody else changed it: say to what, and keep what was typed for a second try."""
        self.data = {**self.data.dict(), "was": customer_fields.mark_of(stands)}  # type: ignore[attr-defined]
        words = _("Somebody changed this meanwhile to: %(value)s. Save again to keep yours.")
        self.add_error("value", words % {"value": shown})


def _as_typed(field: Field, stands: Any) -> Any:
    """A kept value in its box, also one that is not of the field's kind."""
    return bool(stands) if field.kind == "yes" else str(stands)


def _control(field: Field) -> forms.Field:
    """The box in which a field of its kind is written; what is typed is checked by `customer_fields`."""
    common: dict[str, Any] = {"label": field.label, "required": False}
    if field.kind == "yes":
        return forms.BooleanField(help_text=_("Nothing is remembered of children."), **common)
    if field.kind == "note":
        widget: forms.Widget = forms.Textarea(attrs={"rows": 4})
        return forms.CharField(max_length=customer_fields.LONGEST_NOTE, widget=widget, **common)
    if field.kind == ContactField.Kind.CHOICE:
        return forms.CharField(widget=forms.Select(choices=[("", "–"), *field.choices]), **common)
    types = {"email": "email", ContactField.Kind.DATE: "date"}
    attrs = {"autocomplete": "off"}
    if field.kind == ContactField.Kind.NUMBER:
        attrs["inputmode"] = "decimal"
    box = forms.TextInput(attrs=attrs)
    box.input_type = types.get(field.kind, "text")
    return forms.CharField(max_length=customer_fields.LONGEST, widget=box, **common)


@access.roles(*access.ANSWERERS)
@require_http_methods(["GET", "POST"])
def customer_field(request: HttpRequest, pk: int) -> HttpResponse:
    """One field in place: the form, what was kept, or the form with what is wrong and all that was typed."""
    contact = get_object_or_404(Contact, pk=pk)
    field = customer_fields.sheet().get(request.POST.get("of") or request.GET.get("of", ""))
    if field is None:
        return HttpResponse(_("There is no such field any more."), status=422, content_type="text/plain")
    if request.GET.get("view"):
        return _row(request, contact, field)
    stands = customer_fields.stored(contact, field)
    form = FieldForm(request.POST if request.method == "POST" else None, field=field, stands=stands)
    if request.method == "POST" and form.is_valid() and _changed(request, contact, field, form):
        contact.refresh_from_db()
        return _row(request, contact, field) if _in_place(request) else redirect("customer", pk)
    if not _in_place(request):
        return redirect(f"{reverse('customer', args=[pk])}?edit={field.of}")
    context = {"form": form, "field": field, "contact": contact}
    status = 422 if form.errors else 200
    return render(request, "conversations/_person_field_form.html", context, status=status)


def _changed(request: HttpRequest, contact: Contact, field: Field, form: FieldForm) -> bool:
    """Whether it was kept; when not, the form says why."""
    given = form.cleaned_data
    try:
        customer_fields.change(
            contact.pk,
            field,
            given["value"],
            was=given["was"],
            user=access.person(request),
            now=timezone.now(),
        )
    except customer_fields.Clash as error:
        contact.refresh_from_db()
        form.clash(customer_fields.stored(contact, field), str(error))
        return False
    return True


def _in_place(request: HttpRequest) -> bool:
    return bool(request.headers.get("HX-Request"))


def _row(request: HttpRequest, contact: Contact, field: Field) -> HttpResponse:
    shown: Known = customer_fields.shown(contact, field)
    context = {"known": shown, "contact": contact, "may_write": True, "autofocus": True}
    return render(request, "conversations/_person_field.html", context)


@access.roles(*access.ANSWERERS)
@require_POST
def customer_label(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a label on them, or take it off."""
    contact = get_object_or_404(Contact, pk=pk)
    given = request.POST.get("label", "")
    try:
        number = int(given) if given.isdecimal() and len(given) < 19 else 0
        customer_person.label(pk, number, on=request.POST.get("on") == "1", user=access.person(request))
    except (Label.DoesNotExist, IntegrityError):
        return HttpResponse(_("Choose a label."), status=422, content_type="text/plain")
    return _part(request, contact, "conversations/_person_labels.html")


class ConsentForm(forms.Form):
    """What a customer said elsewhere of what we may do."""

    purpose = forms.ChoiceField(choices=[(one.value, one.label) for one in customer_consent.BY_HAND])
    given = forms.ChoiceField(choices=[("1", "yes"), ("0", "no")])
    words = forms.CharField(
        label=gettext_lazy("What they said, and where"), max_length=80, strip=True,
        error_messages={"required": gettext_lazy("Write what they said and where: it is kept as the proof.")},
    )  # fmt: skip


@access.roles(*access.ANSWERERS)
@require_POST
def customer_consent_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Write down what they allowed or withdrew, with how they said it."""
    contact = get_object_or_404(Contact, pk=pk)
    form = ConsentForm(request.POST)
    if form.is_valid() and _noted(request, contact, form):
        contact.refresh_from_db()
        return _part(request, contact, "conversations/_person_consent.html", consent_form=None)
    return _part(request, contact, "conversations/_person_consent.html", consent_form=form, status=422)


def _noted(request: HttpRequest, contact: Contact, form: ConsentForm) -> bool:
    given, user = form.cleaned_data, access.person(request)
    try:
        customer_consent.note(
            contact.pk, purpose=given["purpose"], given=given["given"] == "1", words=given["words"],
            user=user, now=timezone.now(),
        )  # fmt: skip
    except remembering.NotAllowed:
        form.add_error("words", _("A child, or somebody who wants no messages, is not remembered."))
        return False
    except customer_consent.OwnWord:
        form.add_error("words", _("They said no themselves: only they can say yes again, by writing to you."))
        return False
    return True


@access.roles(*access.ANSWERERS)
@require_POST
def customer_identities_whole(request: HttpRequest, pk: int) -> HttpResponse:
    """Show numbers and ids whole; that somebody looked is recorded."""
    contact = get_object_or_404(Contact, pk=pk)
    audit.record("contact.reveal", actor=access.person(request), target=pk)
    context = {
        "contact": contact,
        "identities": customer_identities.of(contact, whole=True),
        "may_write": True,
    }
    if not _in_place(request):
        return redirect("customer", pk)
    return render(request, "conversations/_person_identities.html", context)


@require_GET
def customer_part(request: HttpRequest, pk: int) -> HttpResponse:
    """One part of what is shown of a customer, as it stands now."""
    contact = get_object_or_404(Contact, pk=pk)
    parts = {name: f"conversations/_person_{name}.html" for name in ("about", "name")}
    template = parts.get(request.GET.get("of", "about"))
    if template is None:
        raise Http404
    return _part(request, contact, template, consent_form=None)


def _part(
    request: HttpRequest, contact: Contact, template: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    """A part of the person pane by itself; without script, the customer's page."""
    if not _in_place(request) and request.method == "POST" and status == 200:
        return redirect("customer", contact.pk)
    role = request.membership.role  # type: ignore[attr-defined]
    person = customer_person.of(contact, role=role)
    context = {"person": person, "contact": contact, "identities": person.identities, "consent_form": None}
    context |= {"may_write": person.may_write} | more
    return render(request, template, context, status=status)
