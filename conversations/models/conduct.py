"""How chats are conducted, and what must not be."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ChatRules(models.Model):
    """How the product behaves in chats, as the owner set it: at most one row, without it the usual rules."""

    class OutOfHours(models.TextChoices):
        ASSISTANT = "assistant", _("the assistant answers and says when people are back")
        TEXT = "text", _("only the text below is sent, and the message waits for a person")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    # {"mon": ["09:00-12:00"]} and [{"date": "2026-12-25", "name": "", "spans": []}]: conversations.hours.
    week = models.JSONField(_("business hours"), default=dict, blank=True)
    exceptions = models.JSONField(_("holidays and other days"), default=list, blank=True)
    out_of_hours = models.CharField(
        _("out of hours"), max_length=9, choices=OutOfHours, default=OutOfHours.ASSISTANT
    )
    out_of_hours_text = models.TextField(_("text out of hours"), max_length=1000, blank=True)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    answers_a_day = models.PositiveIntegerField(_("answers a customer gets in a day"), default=100)
    breaks_loops = models.BooleanField(_("stop when the other side looks like a bot"), default=True)
    holding_seconds = models.PositiveIntegerField(_("seconds until a customer is told to wait"), default=20)
    # Where the business is, for who asks the way: {"latitude", "longitude", "title"}.
    place = models.JSONField(_("place"), default=dict, db_default={}, blank=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("rules of conduct")
        verbose_name_plural = _("rules of conduct")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_row_of_rules")]

    def __str__(self) -> str:
        return str(_("Rules of conduct"))


class Incident(models.Model):
    """Something that must not be (conversations.invariants): open while it lasts, told once, then kept."""

    kind = models.CharField(_("what"), max_length=24)
    count = models.PositiveIntegerField(_("how many"), default=0)
    detail = models.JSONField(_("which"), default=dict, blank=True)  # ids, never words of a customer
    opened_at = models.DateTimeField(_("since"), default=timezone.now)
    seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    told_at = models.DateTimeField(_("owner told"), null=True, blank=True)
    cleared_at = models.DateTimeField(_("gone"), null=True, blank=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=Q(cleared_at=None), name="one_open_incident")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
