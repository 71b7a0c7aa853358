"""Who asked for credits or a refund hears when it came to nothing: by a letter, and above the back office."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from billing import money
from tenants import addresses, letters
from tenants.background import public_task
from tenants.models import CreditRequest, User

RECENT = timedelta(days=14)
Status = CreditRequest.Status


@public_task()
def tell(request_id: int) -> None:
    """One letter to who asked. A lost one is no loss of the news: the back office says it, too."""
    row = CreditRequest.objects.select_related("tenant", "asked_by").get(pk=request_id)
    if row.asked_by.email:
        letters.to_one(row.asked_by, row.tenant, lambda: _letter(row))


def came_to_nothing(asker: User, *, since: datetime | None, now: datetime) -> int:
    """How many requests of this person others or the vendor refused lately, after they last looked."""
    lately = now - RECENT
    theirs = CreditRequest.objects.filter(asked_by=asker, decided_at__gt=max(since or lately, lately))
    # Who takes their own back is nobody who decided.
    by_others = Q(status=Status.REFUSED, decided_by__isnull=False)
    return theirs.filter(by_others | Q(status=Status.FAILED)).count()


def _letter(row: CreditRequest) -> letters.Written:
    refused = row.status == Status.REFUSED
    subject = _("What you asked for was refused") if refused else _("The refund that you asked for failed")
    what = money.words(row.amount, row.currency) if row.amount else money.in_credits(row.credits)
    lines = [f"{row.tenant.name}: {what}", row.reason, row.note or row.error]
    page = addresses.public_url(f"/admin/finance/requests/{row.pk}/")
    return subject, "\n\n".join([*filter(None, lines), _("Nothing has moved."), page])
