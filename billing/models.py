"""What it costs: one account a tenant, holds, and a ledger that is only ever added to."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class CreditAccount(models.Model):
    """The tenant's credits: exactly one row. `held` is the part of the balance that open holds reserve.

    `owed` is how far below zero refunds and disputes alone may have taken what is available; work never does.
    `spent` is what was taken for work on `day`, and what open holds of that day reserve; `by_agent` the same
    by the number of the assistant. They stand here so that whoever reserves asks one row for everything.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    balance = models.BigIntegerField(_("balance"), default=0)
    held = models.BigIntegerField(_("held"), default=0)
    owed = models.BigIntegerField(_("owed"), default=0, db_default=0)
    # Where the balance next means something to somebody (billing.watching); no answer looks that up.
    watch_at = models.BigIntegerField(null=True, blank=True, default=100, db_default=100)
    # With fewer credits than this the least model answers everything; 0 switches that off (billing.ladder).
    saving_below = models.PositiveBigIntegerField(
        _("the least model answers below"), default=20, db_default=20
    )
    day = models.DateField(_("day"), null=True, blank=True)  # of the business
    spent = models.BigIntegerField(_("spent that day"), default=0, db_default=0)
    by_agent = models.JSONField(default=dict, db_default={}, blank=True)

    class Meta:
        verbose_name = _("credit account")
        verbose_name_plural = _("credit accounts")
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="one_account"),
            models.CheckConstraint(condition=Q(held__gte=0), name="held_not_negative"),
            models.CheckConstraint(
                condition=Q(owed__gte=0, balance__gte=F("held") - F("owed")), name="balance_covers_holds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.balance}"

    @property
    def available(self) -> int:
        return self.balance - self.held


class Hold(models.Model):
    """Credits reserved before the model is asked."""

    class Status(models.TextChoices):
        HELD = "held", _("held")
        SETTLED = "settled", _("settled")
        RELEASED = "released", _("released")

    key = models.CharField(_("for"), max_length=80, unique=True)
    amount = models.PositiveBigIntegerField(_("credits"))
    agent_id = models.BigIntegerField(null=True, blank=True)  # for whom
    day = models.DateField(null=True, blank=True)  # on whose spending it counts while it is open
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.HELD)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    # What the statement that made it saw: credits left besides, and where saving begins.
    room: int | None = None
    saving_below: int | None = None

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        indexes = [models.Index(fields=["created_at"], condition=Q(status="held"), name="hold_open")]

    def __str__(self) -> str:
        return self.key


class LedgerEntry(models.Model):
    """One change of the balance. Its cause is its unique key; the database refuses to change or delete it."""

    class Kind(models.TextChoices):
        GRANT = "grant", _("grant")
        CORRECTION = "correction", _("correction")
        TURN = "turn", _("answer")
        SPEECH = "speech", _("voice note")
        READING = "reading", _("document read")
        DRAFT = "draft", _("draft for the team")
        SPOKEN = "spoken", _("speech spoken")
        TEMPLATE = "template", _("message by template")
        TOPUP = "topup", _("top-up")
        REFUND = "refund", _("refund to the card")
        DISPUTE = "dispute", _("payment disputed")

    SPENT = (Kind.TURN, Kind.SPEECH, Kind.READING, Kind.DRAFT, Kind.SPOKEN, Kind.TEMPLATE)
    BOUGHT = (Kind.TOPUP, Kind.REFUND, Kind.DISPUTE)

    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    amount = models.BigIntegerField(_("credits"))
    balance_after = models.BigIntegerField(_("balance after"))
    key = models.CharField(_("cause"), max_length=80, unique=True)
    reason = models.CharField(_("reason"), max_length=200)
    # No database constraint: deleting a person must neither change nor be stopped by the ledger.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("who"),
    )
    created_at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger")
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="entry_changes_something")]

    def __str__(self) -> str:
        return f"{self.key} {self.amount:+d}"

    @property
    def turn_id(self) -> int | None:
        """The turn that was paid, when an answer is the cause."""
        what, _colon, number = self.key.partition(":")
        return int(number) if what == "turn" and number.isdigit() else None


class Price(models.Model):
    """What a model costs, from a moment on; `*` stands for every model without its own.

    A message by template has its price in the row `template:<category>`, as in template:marketing.
    """

    model = models.CharField(_("model"), max_length=120, default="*")
    input_per_million = models.PositiveIntegerField(_("credits per million tokens read"))
    output_per_million = models.PositiveIntegerField(_("credits per million tokens written"))
    cache_read_per_million = models.PositiveIntegerField(_("credits per million tokens read from cache"))
    cache_write_per_million = models.PositiveIntegerField(_("credits per million tokens put into cache"))
    audio_per_hour = models.PositiveIntegerField(_("credits per hour of speech"), default=720, db_default=720)
    reading_per_hundred_pages = models.PositiveIntegerField(
        _("credits per hundred pages read"), default=10, db_default=10
    )
    spoken_per_million = models.PositiveIntegerField(
        _("credits per million characters spoken"), default=20_000, db_default=20_000
    )
    per_message = models.PositiveIntegerField(_("credits a message"), default=0, db_default=0)
    minimum = models.PositiveIntegerField(_("least credits an answer"), default=1)
    effective_from = models.DateTimeField(_("from"))

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        constraints = [models.UniqueConstraint(fields=["model", "effective_from"], name="price_once")]

    def __str__(self) -> str:
        return f"{self.model} {self.effective_from:%Y-%m-%d}"


class Usage(models.Model):
    """What was used, at the price it had then. Append-only, as the ledger."""

    key = models.CharField(_("cause"), max_length=80, unique=True)
    model = models.CharField(_("model"), max_length=120)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    audio_seconds = models.PositiveIntegerField(_("seconds of speech"), default=0, db_default=0)
    pages = models.PositiveIntegerField(_("pages read"), default=0, db_default=0)
    characters = models.PositiveIntegerField(_("characters spoken"), default=0, db_default=0)
    messages = models.PositiveIntegerField(_("messages by template"), default=0, db_default=0)
    # Who it was for, by number: what is deleted later stays explained. Nothing of it names a customer.
    agent_id = models.BigIntegerField(null=True, blank=True)
    channel_id = models.UUIDField(null=True, blank=True)
    conversation_id = models.BigIntegerField(null=True, blank=True)
    vendor_cost = models.BigIntegerField(_("vendor's price"), null=True, blank=True)  # USD / 1,000,000
    credits = models.PositiveIntegerField(_("credits"))
    price = models.JSONField(_("price then"))
    exact = models.BooleanField(_("counted by the vendor"), default=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        indexes = [models.Index(fields=["created_at"], name="usage_when")]

    def __str__(self) -> str:
        return self.key


class AutoRecharge(models.Model):
    """When the saved card is charged without anybody, and what became of it: at most one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    is_on = models.BooleanField(_("on"), default=False)
    threshold = models.PositiveBigIntegerField(_("when fewer credits are left than"), default=0)
    target = models.PositiveBigIntegerField(_("fill up to"), default=0)
    currency = models.CharField(_("currency"), max_length=3, default="brl")
    monthly_ceiling = models.PositiveBigIntegerField(_("at most a month"), default=0)  # cents, without tax
    failures = models.PositiveSmallIntegerField(_("failed in a row"), default=0)
    failed_because = models.CharField(_("refused because"), max_length=80, blank=True)
    next_try_at = models.DateTimeField(_("tried again"), null=True, blank=True)
    stopped_at = models.DateTimeField(_("switched off by itself"), null=True, blank=True)
    agreed_at = models.DateTimeField(_("agreed on"), null=True, blank=True)

    class Meta:
        verbose_name = _("automatic recharge")
        verbose_name_plural = _("automatic recharges")
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="one_recharge"),
            models.CheckConstraint(
                condition=Q(is_on=False) | Q(target__gt=F("threshold")), name="target_above_threshold"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.threshold} {self.target}"


class SpendLimit(models.Model):
    """At most so many credits a day of the business: all together (no agent), or by one agent.

    What is spent already stands on the account, under the lock of every hold.
    """

    agent_id = models.BigIntegerField(_("agent"), null=True, blank=True)
    credits_a_day = models.PositiveBigIntegerField(_("credits a day"))
    reached_on = models.DateField(_("last reached"), null=True, blank=True)  # since it was set, on this day

    class Meta:
        verbose_name = _("spending limit")
        verbose_name_plural = _("spending limits")
        constraints = [
            models.UniqueConstraint(fields=["agent_id"], name="limit_once", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return f"{self.credits_a_day}"


class CreditWarnings(models.Model):
    """When the business wants to hear that credits run low, and when it last did: at most one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    days_left = models.JSONField(_("days left"), default=list, blank=True)  # falling, as [14, 7, 2]
    credits_left = models.JSONField(_("credits left"), default=list, blank=True)  # falling, as [100, 20, 0]
    # The least step told of each since credits were added.
    told_days = models.PositiveIntegerField(null=True, blank=True)
    told_credits = models.BigIntegerField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("warnings of low credits")
        verbose_name_plural = _("warnings of low credits")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_warning")]

    def __str__(self) -> str:
        return f"{self.days_left} {self.credits_left}"
