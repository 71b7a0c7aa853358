"""Who is told of a week, when and how."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

MONDAY, MORNING = 0, 8


class DigestChoice(models.Model):
    """A member's weekly digest of one business. Owners have one until they say no."""

    membership = models.OneToOneField(
        "tenants.Membership", models.CASCADE, primary_key=True, related_name="digest"
    )
    by_email = models.BooleanField(_("by e-mail"), default=True)
    by_whatsapp = models.BooleanField(_("by WhatsApp"), default=False)
    weekday = models.PositiveSmallIntegerField(_("day"), default=MONDAY)  # 0 is Monday
    hour = models.PositiveSmallIntegerField(_("hour"), default=MORNING)  # of the business's own time
    next_at = models.DateTimeField(_("next"), null=True, blank=True)  # None when nothing is to be sent
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(_("last sent"), null=True, blank=True)
    created_at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("weekly digest")
        verbose_name_plural = _("weekly digests")
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="digest_weekday"),
            models.CheckConstraint(condition=Q(hour__lte=23), name="digest_hour"),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="digest_due"),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id}"
