"""Account › Desk: how the team works, and how each member does."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from conversations import desk_rules, desk_seats, rules
from conversations.desk_forms import DeskRulesForm, SeatForm
from tenants import access, audit


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def account_desk(request: HttpRequest) -> HttpResponse:
    """Show the rules and the seats, and keep what was changed of both, or nothing."""
    given = request.POST if request.method == "POST" else None
    form = DeskRulesForm(given, instance=desk_rules.current())
    seats = [SeatForm(given, member=member) for member in desk_seats.members()]
    if given is not None and all([form.is_valid(), *(seat.is_valid() for seat in seats)]):
        _keep(request, form, seats)
        messages.success(request, _("Saved. It holds from now on."))
        return redirect("account_desk")
    wrong = bool(form.errors or any(seat.errors for seat in seats))
    context = {
        "form": form,
        "seats": seats,
        "wrong": wrong,
        "has_hours": bool(rules.current().week),
        "now": timezone.now(),
    }
    return render(request, "conversations/desk.html", context, status=422 if wrong else 200)


@transaction.atomic(durable=True)
def _keep(request: HttpRequest, form: DeskRulesForm, seats: list[SeatForm]) -> None:
    kept = form.save()
    changed = [seat for seat in seats if seat.has_changed()]
    for seat in changed:
        seat.instance.skills = seat.cleaned_data["skills"]
        seat.save()
    audit.record(
        "desk.change",
        actor=access.person(request),
        target=kept,
        seats=[one.member.user.pk for one in changed],
    )
    if desk_rules.assigns(kept):
        desk_seats.fill_soon()
