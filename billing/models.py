"""What it costs: one account a tenant, holds, and a ledger that is only ever added to."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class CreditAccount(models.Model):
    """The tenant's credits: exactly one row. `held` is the part of the balance that open holds reserve."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    balance = models.BigIntegerField(_("balance"), default=0)
    held = models.BigIntegerField(_("held"), default=0)

    class Meta:
        verbose_name = _("credit account")
        verbose_name_plural = _("credit accounts")
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="one_account"),
            models.CheckConstraint(condition=Q(held__gte=0), name="held_not_negative"),
            models.CheckConstraint(condition=Q(balance__gte=F("held")), name="balance_covers_holds"),
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
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.HELD)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

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

    SPENT = (Kind.TURN, Kind.SPEECH, Kind.READING, Kind.DRAFT)

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
    """What tokens of a model cost, from a moment on; `*` stands for every model without its own."""

    model = models.CharField(_("model"), max_length=120, default="*")
    input_per_million = models.PositiveIntegerField(_("credits per million tokens read"))
    output_per_million = models.PositiveIntegerField(_("credits per million tokens written"))
    cache_read_per_million = models.PositiveIntegerField(_("credits per million tokens read from cache"))
    cache_write_per_million = models.PositiveIntegerField(_("credits per million tokens put into cache"))
    audio_per_hour = models.PositiveIntegerField(_("credits per hour of speech"), default=720, db_default=720)
    reading_per_hundred_pages = models.PositiveIntegerField(
        _("credits per hundred pages read"), default=10, db_default=10
    )
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
    credits = models.PositiveIntegerField(_("credits"))
    price = models.JSONField(_("price then"))
    exact = models.BooleanField(_("counted by the vendor"), default=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")

    def __str__(self) -> str:
        return self.key
