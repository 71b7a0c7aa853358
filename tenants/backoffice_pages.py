"""Ways from the back office into a business: its inbox, its tables, or as one of its members."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from tenants import access, addresses, crossing, entry, impersonating, support
from tenants.backoffice import Page, add_page
from tenants.models import Impersonation, Membership, Tenant, User
from tenants.views_entry import DOORS

SELECT: Any = UnfoldAdminSelectWidget


class ImpersonationForm(forms.Form):
    """Who looks as whom, how far, how long and why. Who and how far is a superuser's to choose."""

    member = forms.ModelChoiceField(
        label=gettext_lazy("See it as"), queryset=Membership.objects.none(), widget=SELECT()
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("What is allowed"),
        choices=Impersonation.Mode,
        initial=Impersonation.Mode.LOOK,
        help_text=gettext_lazy("Passwords, keys, team and money stay out of reach either way."),
        widget=SELECT(),
    )
    staff = forms.ModelChoiceField(
        label=gettext_lazy("Who looks"), queryset=User.objects.none(), widget=SELECT()
    )
    minutes = forms.IntegerField(
        label=gettext_lazy("For how many minutes"),
        min_value=5,
        max_value=impersonating.MOST_MINUTES,
        initial=30,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("The business reads it on its Team page."),
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
    )

    def __init__(self, *args: Any, tenant: Tenant, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        seats = Membership.objects.filter(tenant=tenant, user__is_staff=False, user__is_superuser=False)
        self._field("member").queryset = seats.select_related("user").order_by("role", "user__email")
        self._field("member").label_from_instance = _seat_in_words
        if by.is_superuser:
            staff = User.objects.filter(is_staff=True, is_active=True).order_by("email")
            self._field("staff").queryset, self.initial["staff"] = staff, by.pk
        else:
            del self.fields["staff"], self.fields["mode"]

    def _field(self, name: str) -> Any:
        return self.fields[name]


def _seat_in_words(seat: Membership) -> str:
    return f"{seat.user} · {seat.get_role_display()}"


def ask(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Ask what the form asks; allow it, and go in when it is for oneself."""
    by = access.person(request)
    form = ImpersonationForm(request.POST or None, tenant=tenant, by=by)
    if request.method == "POST" and form.is_valid():
        try:
            row = _allow(form, tenant=tenant, by=by)
        except impersonating.NotAllowed as error:
            form.add_error(None, str(error))
        else:
            return crossing.to(request, _way_in(row)) if row.staff_id == by.pk else _told(request, row)
    site: Any = admin.site
    return site.show(
        request,
        "admin/tenants/impersonate.html",
        title=_("See it as a member"),
        form=form,
        tenant_row=tenant,
        back=reverse("admin:tenants_tenant_change", args=[tenant.pk]),
    )


def _allow(form: ImpersonationForm, *, tenant: Tenant, by: User) -> Impersonation:
    wishes = form.cleaned_data
    return impersonating.allow(
        staff=wishes.get("staff", by),
        tenant=tenant,
        member=wishes["member"].user,
        mode=wishes.get("mode", Impersonation.Mode.LOOK),
        reason=wishes["reason"],
        minutes=wishes["minutes"],
        by=by,
        now=timezone.now(),
    )


def _way_in(row: Impersonation) -> str:
    token = entry.ticket(user=row.staff, tenant=row.tenant, now=timezone.now(), impersonation=row)
    return addresses.tenant_url(row.tenant, f"/enter/{token}")


def _told(request: HttpRequest, row: Impersonation) -> HttpResponse:
    minutes = round((row.expires_at - row.created_at).total_seconds() / 60)
    told = ngettext(
        "%(name)s may go in for %(n)s minute, from the list of impersonations.",
        "%(name)s may go in for %(n)s minutes, from the list of impersonations.",
        minutes,
    )
    messages.success(request, told % {"name": row.staff, "n": minutes})
    return redirect(reverse("admin:tenants_impersonation_changelist"))


def go_in_again(request: HttpRequest, row: Impersonation) -> HttpResponse:
    """Enter by a leave that one has already; of nobody else's, and not when it is over."""
    if row.staff_id != request.user.pk or impersonating.seat(row, now=timezone.now()) is None:
        messages.error(request, _("This is over, or somebody else's."))
        return redirect(reverse("admin:tenants_impersonation_changelist"))
    return redirect(_way_in(row))


@never_cache
def enter(request: HttpRequest, slug: str) -> HttpResponse:
    """To a business's own host, with a ticket instead of a second password."""
    user, door = access.person(request), request.GET.get("to", "admin")
    tenant = get_object_or_404(Tenant, slug=slug, status=Tenant.Status.READY)
    if door not in DOORS or not support.may_enter(user, tenant):
        raise Http404
    token = entry.ticket(user=user, tenant=tenant, now=timezone.now())
    return redirect(addresses.tenant_url(tenant, f"/enter/{token}?to={door}"))


add_page(Page("enter/<slug:slug>/", "enter", "", enter, "tenants.view_tenant", on_public=True))


def inbox(request: HttpRequest) -> HttpResponse:
    """To the live inbox of this business, in the frame for staff."""
    return redirect(DOORS["inbox"])


add_page(
    Page(
        "live-inbox/",
        "live_inbox",
        gettext_lazy("Live inbox"),
        inbox,
        support.LOOKS,
        on_public=False,
        icon="forum",
        about=gettext_lazy("The chats of this business, as its team sees them."),
        rank=1,
    )
)
