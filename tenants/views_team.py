"""Account › Team: who may do what here, and invitations by e-mail."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tenants import access, support, team, undoing
from tenants.models import Invitation, Membership, Role

REASONS = {
    team.LastOwner: gettext_lazy("A business needs at least one owner."),
    team.NotYours: gettext_lazy("Only an owner may do that."),
    team.AlreadyHere: gettext_lazy("This person is in the team already."),
    team.InvitationGone: gettext_lazy(
        "This invitation is no longer good, or it is for another address. Ask for a new one."
    ),
}


class InviteForm(forms.Form):
    """An address and a role."""

    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254)
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role, initial=Role.AGENT)


@access.roles(*access.MANAGERS)
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    return _page(request, InviteForm())


@access.roles(*access.MANAGERS)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Send an invitation; the link leads to this business's own host."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        offer, token = team.invite(
            tenant=request.tenant,  # type: ignore[attr-defined]
            by=request.membership,  # type: ignore[attr-defined]
            now=timezone.now(),
            **form.cleaned_data,
        )
    except team.TeamError as error:
        form.add_error(None, str(REASONS[type(error)]))
        return _page(request, form, status=422)
    _send(request, offer, token)
    return redirect("account_team")


@access.roles(*access.MANAGERS)
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an open invitation back."""
    get_object_or_404(Invitation, pk=pk, tenant=request.tenant, accepted_at=None).delete()  # type: ignore[attr-defined]
    messages.success(request, _("The invitation is withdrawn."))
    return redirect("account_team")


@access.roles(*access.MANAGERS)
@require_POST
def role(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a member another role."""
    chosen = request.POST.get("role", "")
    if chosen in Role.values:
        _try(request, _("The role is changed."), team.change_role, _seat(request, pk), role=chosen)
    return redirect("account_team")


@access.roles(*access.MANAGERS)
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a member's seat away; for an hour it can be given back."""
    seat = _seat(request, pk)
    what = {"seat_of": seat.user_id, "role": seat.role}
    try:
        team.remove(seat, by=request.membership)  # type: ignore[attr-defined]
    except team.TeamError as error:
        messages.error(request, str(REASONS[type(error)]))
    else:
        words = _("%(name)s is in the team no more.") % {"name": seat.user}
        undoing.offer(request, words, to=reverse("team_restore"), word=undoing.keep(what))
    return redirect("account_team")


@access.roles(*access.MANAGERS)
@require_POST
def restore(request: HttpRequest) -> HttpResponse:
    """Undo that."""
    what = undoing.kept(request.GET.get("word", ""))
    if what is None or "seat_of" not in what:
        messages.error(request, _("That cannot be taken back any more."))
        return redirect("account_team")
    try:
        team.restore(
            tenant=request.tenant,  # type: ignore[attr-defined]
            user_id=what["seat_of"],
            role=what["role"],
            by=request.membership,  # type: ignore[attr-defined]
        )
    except team.TeamError as error:
        messages.error(request, str(REASONS[type(error)]))
    else:
        messages.success(request, _("The seat is given back."))
    return redirect("account_team")


@access.public
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Accept an invitation, signed in as the invited address."""
    tenant = request.tenant  # type: ignore[attr-defined]
    if request.method == "POST" and request.user.is_authenticated:
        try:
            team.accept(token, tenant=tenant, user=request.user, now=timezone.now())
        except team.TeamError as error:
            messages.error(request, str(REASONS[type(error)]))
            return redirect(request.path)
        return redirect("today")
    offer = team.open_invitation(token, tenant=tenant, now=timezone.now())
    return render(
        request, "tenants/join.html", {"offer": offer, "path": request.path}, status=200 if offer else 404
    )


def _page(request: HttpRequest, form: InviteForm, *, status: int = 200) -> HttpResponse:
    tenant = request.tenant  # type: ignore[attr-defined]
    context = {
        "form": form,
        "seats": Membership.objects.filter(tenant=tenant).select_related("user").order_by("created_at"),
        "offers": Invitation.objects.filter(tenant=tenant, accepted_at=None).order_by("-created_at"),
        "roles": Role.choices,
        "now": timezone.now(),
        **support.shown(tenant, now=timezone.now()),
    }
    return render(request, "tenants/team.html", context, status=status)


def _seat(request: HttpRequest, pk: int) -> Membership:
    seats = Membership.objects.select_related("user")
    return get_object_or_404(seats, pk=pk, tenant=request.tenant)  # type: ignore[attr-defined]


def _try(request: HttpRequest, done: str, change: Any, seat: Membership, **what: str) -> None:
    try:
        change(seat, by=request.membership, **what)  # type: ignore[attr-defined]
    except team.TeamError as error:
        messages.error(request, str(REASONS[type(error)]))
    else:
        messages.success(request, done)


def _send(request: HttpRequest, offer: Invitation, token: str) -> None:
    """Mail the link. When the mail server is away the offer stands and can be sent again."""
    link = request.build_absolute_uri(reverse("team_join", args=[token]))
    context = {"offer": offer, "link": link, "days": team.INVITATION_LIFE.days}
    subject = _("Join %(business)s on Frontdesk") % {"business": offer.tenant.name}
    try:
        send_mail(subject, render_to_string("tenants/email/invitation.txt", context), None, [offer.email])
    except OSError:
        messages.error(request, _("The e-mail could not be sent. Invite them again in a moment."))
    else:
        messages.success(request, _("The invitation is on its way."))
