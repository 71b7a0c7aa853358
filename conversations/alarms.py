"""A channel that does not work is told to the owners: by e-mail once, and once more when it works again.

The row says what was told (`alarmed_at`), so a killed or repeated task tells nothing twice; a mail whose
sending was cut off is sent again after CLAIM_LIFE, since one too many is better than none.
"""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from conversations import telling_team
from conversations.models import Channel
from tenants import access, addresses, current, letters
from tenants.background import ring, task
from tenants.db import connection
from tenants.models import Tenant

CLAIM_LIFE = timedelta(minutes=10)
STEADY = timedelta(minutes=5)  # works again for so long before we say so: a channel may waver


def due(*, now: datetime) -> QuerySet[Channel]:
    """The channels of which the owners do not know yet what is so."""
    news = Q(health=Channel.Health.RED, alarmed_at=None) | Q(
        health=Channel.Health.GREEN, alarmed_at__isnull=False, health_since__lte=now - STEADY
    )
    free = Q(alarm_claimed_at=None) | Q(alarm_claimed_at__lt=now - CLAIM_LIFE)
    return Channel.objects.filter(news, free, is_active=True).order_by("pk")


def ring_when_due(*, now: datetime) -> None:
    """Ask for mails when there is something to tell. The round of every minute does: it is the sweep too."""
    if due(now=now).exists():
        ring(tell, schema=connection.schema_name)


@task()
def tell() -> None:
    """Tell the owners of this business what they do not know yet."""
    tell_all(now=timezone.now())


def tell_all(*, now: datetime) -> None:
    """As `tell`, at this moment."""
    for channel in due(now=now):
        claim = Channel.objects.filter(pk=channel.pk, alarm_claimed_at=channel.alarm_claimed_at)
        if claim.update(alarm_claimed_at=now):
            _tell(channel, now=now)


def _tell(channel: Channel, *, now: datetime) -> None:
    """What could not be sent to anybody is tried again when the claim is old."""
    is_red = channel.health == Channel.Health.RED
    (telling_team.channel_down if is_red else telling_team.works_again)(channel, now=now)
    tenant = current.tenant()
    if not letters.to_each(tenant, lambda: _letter(tenant, channel, is_red=is_red), roles=access.MANAGERS):
        return
    Channel.objects.filter(pk=channel.pk, alarm_claimed_at=now).update(
        alarmed_at=now if is_red else None, alarm_claimed_at=None
    )


def _letter(tenant: Tenant, channel: Channel, *, is_red: bool) -> letters.Written:
    names = {"business": tenant.name, "channel": channel.name}
    subject = (
        _("%(business)s: %(channel)s does not work") if is_red else _("%(business)s: %(channel)s works again")
    )
    link = addresses.tenant_url(tenant, reverse("account_channel", args=[channel.pk]))
    context = {"row": channel, "is_red": is_red, "link": link, **names}
    return subject % names, render_to_string("conversations/email/channel.txt", context)
