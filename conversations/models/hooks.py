"""The business's own systems that are told what happens."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.secrets import EncryptedTextField


class HookEndpoint(models.Model):
    """An address of the business's own systems that is told what happens."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    url = models.URLField(_("address"), max_length=500)
    events = ArrayField(models.CharField(max_length=40), verbose_name=_("what it is told"), default=list)
    is_active = models.BooleanField(_("active"), default=True)
    secret = EncryptedTextField(_("secret"))
    previous_secret = EncryptedTextField(_("secret before"), blank=True)
    previous_until = models.DateTimeField(_("signs until"), null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)  # somebody delivers to it at this moment
    paused_until = models.DateTimeField(null=True, blank=True)  # after a time-out: a breath for both sides
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    disabled_at = models.DateTimeField(_("switched off by itself"), null=True, blank=True)
    told_at = models.DateTimeField(_("owner told"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("event address")
        verbose_name_plural = _("event addresses")
        indexes = [
            models.Index(
                fields=["disabled_at"],
                condition=Q(disabled_at__isnull=False, told_at=None),
                name="hook_owner_untold",
            )
        ]

    def __str__(self) -> str:
        return self.name


class HookDelivery(models.Model):
    """One event on its way to one address: written with its cause, sent until it is taken or parked."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        DONE = "done", _("delivered")
        PARKED = "parked", _("given up")

    endpoint = models.ForeignKey(HookEndpoint, models.CASCADE, related_name="deliveries")
    event_id = models.CharField(_("event"), max_length=40)
    kind = models.CharField(_("what happened"), max_length=40)
    body = models.TextField()
    status = models.CharField(_("status"), max_length=7, choices=Status, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next try"), null=True, blank=True)
    give_up_at = models.DateTimeField()
    response_status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    response = models.CharField(_("what it said"), max_length=500, blank=True)
    error = models.CharField(_("what went wrong"), max_length=200, blank=True)
    milliseconds = models.PositiveIntegerField(_("milliseconds"), null=True, blank=True)
    tried_at = models.DateTimeField(_("last try"), null=True, blank=True)
    done_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("event delivery")
        verbose_name_plural = _("event deliveries")
        constraints = [models.UniqueConstraint(fields=["endpoint", "event_id"], name="event_once_an_address")]
        indexes = [
            models.Index(
                fields=["endpoint", "next_try_at"], condition=Q(status="pending"), name="hook_delivery_due"
            ),
            models.Index(fields=["endpoint", "-id"], name="hook_delivery_log"),
            models.Index(fields=["created_at"], condition=Q(status="parked"), name="hook_delivery_parked"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
