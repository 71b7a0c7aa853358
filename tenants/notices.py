"""What a person of a team is told, and how they want to be told. Everything here is in the public schema."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.secrets import EncryptedTextField


class Notification(models.Model):
    """One thing that one person should know of one business: ids and numbers, never anybody's words.

    The row is the outbox too: `push_due_at` and `email_due_at` say when it leaves by those ways, if at all.
    """

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+", verbose_name=_("business"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    kind = models.CharField(_("what"), max_length=24)  # the name of a tenants.notifying.Kind
    key = models.CharField(max_length=120)  # its cause: the same is told once
    params = models.JSONField(_("ids and numbers"), default=dict, blank=True)
    url = models.CharField(_("page"), max_length=200)
    created_at = models.DateTimeField(_("told"), default=timezone.now)
    seen_at = models.DateTimeField(_("seen"), null=True, blank=True)
    push_due_at = models.DateTimeField(null=True, blank=True)
    push_left = ArrayField(models.BigIntegerField(), default=list, blank=True)  # devices that have it not yet
    push_attempts = models.PositiveSmallIntegerField(default=0)
    email_due_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user", "kind", "key"], name="notification_once")
        ]
        indexes = [
            models.Index(fields=["user", "tenant", "-id"], name="notification_list"),
            models.Index(fields=["user", "tenant"], condition=Q(seen_at=None), name="notification_unseen"),
            models.Index(fields=["tenant", "url"], condition=Q(seen_at=None), name="notification_of_page"),
            models.Index(
                fields=["push_due_at"], condition=Q(push_due_at__isnull=False), name="notification_to_push"
            ),
            models.Index(
                fields=["email_due_at"], condition=Q(email_due_at__isnull=False), name="notification_to_mail"
            ),
            models.Index(fields=["created_at"], name="notification_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class NotificationChoice(models.Model):
    """How a person wants to be told of one kind; without a row as the kind itself says."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    kind = models.CharField(_("what"), max_length=24)
    push = models.BooleanField(_("by the browser"), default=False)
    email = models.BooleanField(_("by e-mail"), default=False)

    class Meta:
        verbose_name = _("choice of notifications")
        verbose_name_plural = _("choices of notifications")
        constraints = [models.UniqueConstraint(fields=["tenant", "user", "kind"], name="notice_choice_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.user_id}"


class NoticeRules(models.Model):
    """When a person may not be disturbed, by which channels not at all, and whether it makes a sound."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    # In the business's own time; both or none. From 22:00 to 07:00 goes over midnight.
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    sound = models.BooleanField(_("sound"), default=False)
    muted_channels = ArrayField(
        models.UUIDField(), verbose_name=_("muted channels"), default=list, blank=True
    )

    class Meta:
        verbose_name = _("rules of notifications")
        verbose_name_plural = _("rules of notifications")
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="notice_rules_once")]

    def __str__(self) -> str:
        return f"{self.user_id}"


class PushDevice(models.Model):
    """A browser that a person let tell them, while the session lasts in which they did."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    endpoint = EncryptedTextField()  # whoever knows it may push: a secret
    endpoint_hash = models.CharField(max_length=64, editable=False)
    p256dh = models.CharField(max_length=120, editable=False)
    auth = models.CharField(max_length=60, editable=False)
    session = models.CharField(max_length=40, editable=False)  # signed out there, nothing is told there
    name = models.CharField(_("browser"), max_length=80, blank=True)
    created_at = models.DateTimeField(_("since"), default=timezone.now)
    told_at = models.DateTimeField(_("last told"), null=True, blank=True)

    class Meta:
        verbose_name = _("browser that is told")
        verbose_name_plural = _("browsers that are told")
        constraints = [models.UniqueConstraint(fields=["tenant", "endpoint_hash"], name="push_device_once")]
        indexes = [models.Index(fields=["user", "tenant"], name="push_device_of")]

    def __str__(self) -> str:
        return self.name or f"{self.pk}"


class PushKey(models.Model):
    """With what this installation signs its pushes: made once, or every browser would have to ask anew."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    private = EncryptedTextField()
    public = models.CharField(max_length=120)  # as browsers ask for it: base64url of the point

    class Meta:
        verbose_name = _("key of browser notifications")
        verbose_name_plural = _("keys of browser notifications")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_push_key")]

    def __str__(self) -> str:
        return f"{self.pk}"
