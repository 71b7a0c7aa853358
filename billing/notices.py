"""What those who see to the money are told of."""

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants import notifying
from tenants.access import MONEY
from tenants.notifying import Kind

KINDS = (
    Kind(
        name="low_balance",
        title=_("The credits run low"),
        words=gettext_noop("%(credits)s credits are left"),
        icon="coins",
        push=True,
        email=True,
        roles=MONEY,
    ),
    Kind(
        name="low_days",
        title=_("The credits end in some days"),
        words=gettext_noop("Days until the credits end at your usual pace: about %(days)s"),
        icon="coins",
        push=True,
        email=True,
        roles=MONEY,
    ),
    Kind(
        name="low_today",
        title=_("The credits end today"),
        words=gettext_noop("At your usual pace the credits end within a day"),
        icon="coins",
        push=True,
        email=True,
        roles=MONEY,
    ),
    Kind(
        name="no_credits",
        title=_("The credits are used up"),
        words=gettext_noop(
            "The credits pay for no answer any more: customers get settled answers and sentences of your "
            "documents, or wait for a person"
        ),
        icon="coins",
        push=True,
        email=True,
        roles=MONEY,
        is_urgent=True,
    ),
    Kind(
        name="spend_limit",
        title=_("A spending limit of the day is reached"),
        words=gettext_noop(
            "A limit of %(limit)s credits a day is reached: until midnight people answer, unless you raise it"
        ),
        icon="gauge",
        push=True,
        email=True,
        roles=MONEY,
        is_urgent=True,
    ),
    Kind(
        name="recharge_failed",
        title=_("An automatic recharge did not work"),
        words=gettext_noop("Your card was not charged for %(credits)s credits; we try again tomorrow"),
        icon="wallet-minimal",
        push=True,
        email=True,
        roles=MONEY,
    ),
    Kind(
        name="recharge_confirm",
        title=_("Your bank asks you to confirm a recharge"),
        words=gettext_noop("Your bank wants you to confirm the recharge of %(credits)s credits: open to pay"),
        icon="wallet-minimal",
        push=True,
        email=True,
        roles=MONEY,
        is_urgent=True,
    ),
    Kind(
        name="recharge_off",
        title=_("The automatic recharge was switched off"),
        words=gettext_noop("The automatic recharge is off now: open to see why, and what to do"),
        icon="wallet-minimal",
        push=True,
        email=True,
        roles=MONEY,
        is_urgent=True,
    ),
    Kind(
        name="recharge_ceiling",
        title=_("The automatic recharge reached its ceiling"),
        words=gettext_noop("Nothing more is charged by itself this month: your ceiling is reached"),
        icon="wallet-minimal",
        push=True,
        email=True,
        roles=MONEY,
    ),
    Kind(
        name="recharged",
        title=_("Credits were bought by themselves"),
        words=gettext_noop("%(credits)s credits were bought with your saved card"),
        icon="wallet-minimal",
        roles=MONEY,
    ),
)


def page() -> str:
    """Where all of this is seen to; also from where only the platform's own pages are known."""
    return reverse("account", urlconf=settings.ROOT_URLCONF)


def register() -> None:
    """Every kind, once, when the apps are ready."""
    for kind in KINDS:
        notifying.register(kind)
