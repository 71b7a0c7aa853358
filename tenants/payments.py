"""What the platform knows of payments, in the public schema: who pays, what was bought, what the vendor said.

Amounts are integers of the currency's smallest unit (cents), without tax; credits are whole. Loaded by
`tenants.models`; the ledger that the credits go into is the business's own (billing.models).
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class PaymentCustomer(models.Model):
    """A business as the payment vendor knows it, and the card that it agreed to have charged without it."""

    tenant = models.OneToOneField(
        "tenants.Tenant", models.CASCADE, primary_key=True, related_name="payer", verbose_name=_("business")
    )
    customer_id = models.CharField(_("customer"), max_length=80, unique=True)
    payment_method = models.CharField(_("saved card"), max_length=80, blank=True)
    card_brand = models.CharField(_("brand"), max_length=30, blank=True)
    card_last4 = models.CharField(_("last digits"), max_length=4, blank=True)
    card_expires_on = models.DateField(_("good until"), null=True, blank=True)
    consented_at = models.DateTimeField(_("agreed on"), null=True, blank=True)
    consented_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    frozen_at = models.DateTimeField(_("stopped since"), null=True, blank=True)  # by an open dispute
    # Deleted at the vendor; the next purchase makes another.
    gone_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("payer")
        verbose_name_plural = _("payers")

    def __str__(self) -> str:
        return self.customer_id


class Pack(models.Model):
    """So many credits for so much money; the one with `is_rate` also says what a free amount buys."""

    currency = models.CharField(_("currency"), max_length=3)
    credits = models.PositiveBigIntegerField(_("credits"))
    amount = models.PositiveBigIntegerField(_("price"), help_text=_("In cents, without tax."))
    is_rate = models.BooleanField(_("also the rate of a free amount"), default=False)
    is_offered = models.BooleanField(_("offered"), default=True)

    class Meta:
        verbose_name = _("pack")
        verbose_name_plural = _("packs")
        ordering: ClassVar[list[str]] = ["currency", "amount"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "credits"], name="pack_once"),
            models.UniqueConstraint(fields=["currency"], condition=Q(is_rate=True), name="one_rate"),
            models.CheckConstraint(condition=Q(credits__gt=0, amount__gt=0), name="pack_is_something"),
        ]

    def __str__(self) -> str:
        return f"{self.credits} {self.currency} {self.amount}"


class TopUp(models.Model):
    """Credits that a business wants to buy: made before the vendor is asked, closed by what that says."""

    class Kind(models.TextChoices):
        CHECKOUT = "checkout", _("paid by hand")
        AUTO = "auto", _("recharged by itself")

    class Status(models.TextChoices):
        PENDING = "pending", _("not paid yet")
        PROCESSING = "processing", _("processing")
        PAID = "paid", pgettext_lazy("payment", "paid")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")
        CANCELED = "canceled", _("canceled")

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="topups")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.CHECKOUT)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PENDING)
    credits = models.PositiveBigIntegerField(_("credits"))
    currency = models.CharField(_("currency"), max_length=3)
    amount = models.PositiveBigIntegerField(_("price"))
    charged = models.PositiveBigIntegerField(_("paid with tax"), default=0)  # what refunds are parts of
    customer_id = models.CharField(max_length=80, blank=True)  # who pays, as the vendor knows them
    keeps_card = models.BooleanField(_("keeps the card"), default=False)  # the payer agreed
    session_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    payment_intent = models.CharField(max_length=80, null=True, blank=True, unique=True)
    url = models.URLField(max_length=2000, blank=True)  # where it is paid, or authenticated
    receipt_url = models.URLField(max_length=2000, blank=True)
    method = models.CharField(_("paid with"), max_length=40, blank=True)
    error = models.CharField(_("refused because"), max_length=80, blank=True)  # the vendor's code
    refunded_credits = models.PositiveBigIntegerField(_("taken back"), default=0)
    refunded_amount = models.PositiveBigIntegerField(_("refunded"), default=0)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(pgettext_lazy("payment", "paid"), null=True, blank=True, db_index=True)
    checked_at = models.DateTimeField(null=True, blank=True)  # when the vendor was last asked

    OPEN = (Status.PENDING, Status.PROCESSING)

    class Meta:
        verbose_name = _("top-up")
        verbose_name_plural = _("top-ups")
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="topup_of_tenant"),
            models.Index(
                fields=["created_at"], condition=Q(status__in=["pending", "processing"]), name="topup_open"
            ),
        ]
        constraints = [
            # Never two automatic charges at once.
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(kind="auto", status__in=["pending", "processing"]),
                name="one_auto_recharge",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.credits}"


class PaymentEvent(models.Model):
    """One event that the payment vendor sent: its id once, worked on in the background."""

    class Status(models.TextChoices):
        NEW = "new", _("new")
        DONE = "done", _("done")
        IGNORED = "ignored", _("nothing to do")
        FAILED = "failed", _("failed")

    event_id = models.CharField(_("event"), max_length=80, unique=True)
    type = models.CharField(_("kind"), max_length=80)
    object_id = models.CharField(_("of"), max_length=255)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.NEW)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error = models.CharField(_("error"), max_length=200, blank=True)
    tenant = models.ForeignKey("tenants.Tenant", models.SET_NULL, null=True, blank=True, related_name="+")
    happened_at = models.DateTimeField(_("happened"))
    received_at = models.DateTimeField(_("received"), default=timezone.now, db_index=True)
    next_try_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("payment event")
        verbose_name_plural = _("payment events")
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(status__in=["new", "failed"]), name="event_open")
        ]

    def __str__(self) -> str:
        return self.event_id


class Refund(models.Model):
    """Money that goes back to a card, or that a dispute took: what it took of the credits, and gave again."""

    class Kind(models.TextChoices):
        REFUND = "refund", _("refund")
        DISPUTE = "dispute", _("dispute")

    topup = models.ForeignKey(TopUp, models.CASCADE, related_name="refunds")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    vendor_id = models.CharField(_("refund"), max_length=80, unique=True)
    amount = models.PositiveBigIntegerField(_("amount"))
    credits = models.PositiveBigIntegerField(_("credits"))
    status = models.CharField(_("status"), max_length=40)  # the vendor's word, as of `checked_at`
    is_live = models.BooleanField(_("money is out"), default=False)
    moves = models.PositiveSmallIntegerField(default=0)  # entries in the ledger so far, for their causes
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    checked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("refund or dispute")
        verbose_name_plural = _("refunds and disputes")
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return self.vendor_id


class PaymentSweep(models.Model):
    """One nightly look at what the vendor says happened, beside what its webhooks told."""

    since = models.DateTimeField(_("from"))
    until = models.DateTimeField(_("to"))
    events = models.PositiveIntegerField(_("events"), default=0)
    missed = models.PositiveIntegerField(_("events that never came"), default=0)
    repaired = models.PositiveIntegerField(_("top-ups and refunds put right"), default=0)

    class Meta:
        verbose_name = _("look at the payments")
        verbose_name_plural = _("looks at the payments")
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.until:%Y-%m-%d}"


class CreditRequest(models.Model):
    """A change of credits that somebody of finance asks for, and above a limit a second person allows.

    Credits move when it is done. A refund is done when the vendor has taken the order; the credits follow
    what the vendor says of it (`Refund`), so it may be allowed and then fail.
    """

    class Kind(models.TextChoices):
        GRANT = "grant", _("grant or correction")
        BACK = "back", _("charge given back")
        REFUND = "refund", _("refund to the card")

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting for a second pair of eyes")
        ALLOWED = "allowed", _("allowed, on its way")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("failed")

    OPEN = (Status.WAITING, Status.ALLOWED)

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="credit_requests")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    credits = models.BigIntegerField(_("credits"))
    topup = models.ForeignKey(TopUp, models.CASCADE, null=True, blank=True, related_name="requests")
    amount = models.PositiveBigIntegerField(_("amount"), default=0)  # of a refund: cents of the top-up
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    entry_id = models.BigIntegerField(_("charge"), null=True, blank=True)  # in the business's own ledger
    reason = models.CharField(_("reason"), max_length=200)
    key = models.CharField(_("cause"), max_length=80, unique=True)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.WAITING)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    note = models.CharField(_("note"), max_length=200, blank=True)  # of who decided
    error = models.CharField(_("failed because"), max_length=80, blank=True)  # the vendor's code
    refund_id = models.CharField(max_length=80, blank=True, default="")  # as the vendor calls it
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("request for credits")
        verbose_name_plural = _("requests for credits")
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(status="waiting"), name="request_waiting"),
            models.Index(fields=["next_try_at"], condition=Q(status="allowed"), name="request_allowed"),
            models.Index(fields=["tenant", "created_at"], name="request_of_tenant"),
        ]
        constraints = [
            # Four eyes are two people's, whoever they are.
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=models.F("asked_by")), name="never_oneself"
            ),
            models.CheckConstraint(
                condition=~Q(kind="refund") | Q(amount__gt=0, topup__isnull=False), name="refund_of_something"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class DailyTotal(models.Model):
    """One business's money of one of its days: summed from its ledger and usage, and held against them.

    The four sums are signed as in the ledger, so that they add up to the change of the balance. What was
    given back for an answer counts as less spent. A day without an entry has no row.
    """

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="daily_totals")
    day = models.DateField(_("day"))
    bought = models.BigIntegerField(_("bought"), default=0)
    granted = models.BigIntegerField(_("given"), default=0)  # grants and corrections
    spent = models.BigIntegerField(_("spent"), default=0)
    taken_back = models.BigIntegerField(_("taken back"), default=0)  # refunds and disputes, net
    closing = models.BigIntegerField(_("balance at its end"), default=0)
    vendor_cost = models.BigIntegerField(_("vendors' cost"), default=0)  # millionths of a US dollar
    unpriced = models.PositiveIntegerField(_("uses without a known cost"), default=0)
    entries = models.PositiveIntegerField(_("entries"), default=0)
    agrees = models.BooleanField(_("agrees with the ledger"), default=True)
    refreshed_at = models.DateTimeField(_("as of"), default=timezone.now)

    class Meta:
        verbose_name = _("day of a business")
        verbose_name_plural = _("days of businesses")
        constraints = [models.UniqueConstraint(fields=["tenant", "day"], name="day_once")]
        indexes = [
            models.Index(fields=["day"], name="daily_total_day"),
            models.Index(fields=["tenant"], condition=Q(agrees=False), name="daily_total_wrong"),
        ]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.day}"
