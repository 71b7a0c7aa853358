"""Account › Weekly digest: when, by e-mail or on one's own WhatsApp; and the way out for who only has the
letter."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from conversations import digests, team_phones
from conversations.figure_words import WEEKDAYS
from tenants import access
from tenants.models import DigestChoice

HOURS = [(hour, f"{hour}:00") for hour in range(24)]


class DigestForm(forms.ModelForm):
    """When, and by which way."""

    weekday = forms.TypedChoiceField(label=gettext_lazy("Day"), choices=list(enumerate(WEEKDAYS)), coerce=int)
    hour = forms.TypedChoiceField(label=gettext_lazy("Hour"), choices=HOURS, coerce=int)

    class Meta:
        model = DigestChoice
        fields = ("by_email", "by_whatsapp", "weekday", "hour")
        labels = {
            "by_email": gettext_lazy("By e-mail"),
            "by_whatsapp": gettext_lazy("On my WhatsApp, with buttons"),
        }

    def __init__(self, *args: Any, is_proven: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_proven = is_proven
        self.fields["by_whatsapp"].disabled = not is_proven

    def clean_by_whatsapp(self) -> bool:
        return bool(self.cleaned_data["by_whatsapp"]) and self.is_proven


@require_http_methods(["GET", "POST"])
def digest(request: HttpRequest) -> HttpResponse:
    """Show what a member gets, and keep what they want."""
    user = access.person(request)
    phone = team_phones.of(user)
    choice = digests.choice_of(request.membership)  # type: ignore[attr-defined]
    is_proven = phone is not None and phone.proven_at is not None
    form = DigestForm(request.POST or None, instance=choice, is_proven=is_proven)
    if request.method == "POST" and form.is_valid():
        digests.choose(form.save(commit=False), now=timezone.now())
        messages.success(request, _("Saved."))
        return redirect("account_digest")
    return _page(request, form, status=422 if form.errors else 200)


def _page(request: HttpRequest, form: DigestForm, *, code: str = "", status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "phone": team_phones.of(access.person(request)),
        "channels": team_phones.channels(),
        "code": code,
        "choice": form.instance,
        "now": timezone.now(),
    }
    return render(request, "conversations/digest.html", context, status=status)


@require_POST
def digest_phone(request: HttpRequest) -> HttpResponse:
    """A code, shown once, to send from one's own phone to the business's number."""
    wanted = request.POST.get("channel", "")
    channel = next((one for one in team_phones.channels() if str(one.pk) == wanted), None)
    if channel is None:
        messages.error(request, _("Choose one of your numbers."))
        return redirect("account_digest")
    code = team_phones.begin(access.person(request), channel, now=timezone.now())
    choice = digests.choice_of(request.membership)  # type: ignore[attr-defined]
    return _page(request, DigestForm(instance=choice, is_proven=False), code=code)


@require_POST
def digest_phone_forget(request: HttpRequest) -> HttpResponse:
    """This phone is nobody's any more; it can be proven again."""
    team_phones.forget(access.person(request))
    choice = digests.choice_of(request.membership)  # type: ignore[attr-defined]
    if choice.by_whatsapp:
        choice.by_whatsapp = False
        digests.choose(choice, now=timezone.now())
    messages.success(request, _("The phone is forgotten."))
    return redirect("account_digest")


@access.public
@csrf_exempt  # a mail program ends the letters by one POST, without having seen a page
@require_http_methods(["GET", "POST"])
def digest_stop(request: HttpRequest, token: str) -> HttpResponse:
    """End the letters, or begin them again: the address itself is the proof, and good for nothing else."""
    choice = digests.by_token(token, tenant=request.tenant)  # type: ignore[attr-defined]
    if choice is not None and request.method == "POST":
        choice.by_email = request.POST.get("again") == "1"
        digests.choose(choice, now=timezone.now())
    return render(
        request, "conversations/digest_stop.html", {"choice": choice}, status=200 if choice else 404
    )
