"""What the platform's people work with, in the public schema: how businesses stand, what failed, who looked.

Loaded by `tenants.models`; the names of the tables are those of the app.
"""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class TenantState(models.Model):
    """How one business stands, as of `refreshed_at`: counted by `conversations.rollup`, never by a page."""

    tenant = models.OneToOneField(
        "tenants.Tenant", models.CASCADE, primary_key=True, related_name="state", verbose_name=_("business")
    )
    waiting = models.PositiveIntegerField(_("waiting for a person"), default=0)
    oldest_waiting_at = models.DateTimeField(_("oldest waiting since"), null=True, blank=True)
    urgent = models.PositiveIntegerField(_("urgent"), default=0)
    channels = models.PositiveIntegerField(_("channels"), default=0)
    channels_down = models.PositiveIntegerField(_("channels down"), default=0)
    balance = models.BigIntegerField(_("credits"), default=0)
    held = models.BigIntegerField(_("held"), default=0)
    incidents = models.PositiveIntegerField(_("incidents"), default=0)
    failed_messages = models.PositiveIntegerField(_("not sent"), default=0)
    unknown_messages = models.PositiveIntegerField(_("perhaps sent"), default=0)
    parked_events = models.PositiveIntegerField(_("deliveries parked"), default=0)
    parked_hooks = models.PositiveIntegerField(_("events not taken"), default=0)
    failed_documents = models.PositiveIntegerField(_("documents not read"), default=0)
    failed_tasks = models.PositiveIntegerField(_("failed jobs"), default=0)
    last_in_at = models.DateTimeField(_("last message in"), null=True, blank=True)
    last_answered_at = models.DateTimeField(_("last answered"), null=True, blank=True)
    last_activity_at = models.DateTimeField(_("last activity"), null=True, blank=True)
    refreshed_at = models.DateTimeField(_("as of"), default=timezone.now)

    TROUBLES = (
        "incidents", "channels_down", "failed_messages", "unknown_messages", "parked_events", "parked_hooks",
        "failed_documents", "failed_tasks",
    )  # fmt: skip

    class Meta:
        verbose_name = _("state of a business")
        verbose_name_plural = _("states of businesses")
        indexes = [
            models.Index(fields=["oldest_waiting_at"], condition=Q(waiting__gt=0), name="state_waiting"),
            models.Index(fields=["balance"], name="state_balance"),
        ]

    def __str__(self) -> str:
        return f"{self.tenant_id}"

    @property
    def errors(self) -> int:
        """Everything that somebody should look at, counted together."""
        return sum(getattr(self, name) for name in self.TROUBLES)


class TaskFailure(models.Model):
    """Work in the background that raised for good: which, where, and what kind of error. Ids only.

    One open row for the same work with the same error, counted up. The rows of the work itself are the
    truth and are looked at again by their sweeps; this one is for a person who wants to know.
    """

    schema = models.CharField(_("schema"), max_length=63, blank=True)  # empty or public: the installation's
    task = models.CharField(_("job"), max_length=120)
    ids = models.JSONField(_("for"), default=dict, blank=True)
    error = models.CharField(_("kind of error"), max_length=80)  # its type: a message might quote a customer
    place = models.CharField(_("where"), max_length=160, blank=True)  # file:line of ours, the innermost
    count = models.PositiveIntegerField(_("times"), default=1)
    first_at = models.DateTimeField(_("first"), default=timezone.now)
    last_at = models.DateTimeField(_("last"), default=timezone.now)
    retried_at = models.DateTimeField(_("tried again"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("over"), null=True, blank=True)

    class Meta:
        verbose_name = _("failed job")
        verbose_name_plural = _("failed jobs")
        constraints = [
            models.UniqueConstraint(
                fields=["schema", "task", "ids", "error"],
                condition=Q(resolved_at=None),
                name="task_failure_once_while_open",
            )
        ]
        indexes = [models.Index(fields=["-last_at"], name="task_failure_latest")]

    def __str__(self) -> str:
        return f"{self.task} {self.error}"


class FeatureFlag(models.Model):
    """Whether something that the code names (`tenants.flags`) is on, and for whom."""

    class State(models.TextChoices):
        ON = "on", _("for everybody")
        SHARE = "share", _("for a share of the businesses")
        CHOSEN = "chosen", _("for chosen businesses")
        OFF = "off", _("for nobody")

    name = models.CharField(_("name"), max_length=40, unique=True)
    state = models.CharField(_("is on"), max_length=6, choices=State, default=State.ON)
    percent = models.PositiveSmallIntegerField(
        _("percent"), default=0, help_text=_("Of the businesses; one that is in stays in when it grows.")
    )
    tenants = models.ManyToManyField(
        "tenants.Tenant", blank=True, related_name="+", verbose_name=_("businesses")
    )
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("feature flag")
        verbose_name_plural = _("feature flags")
        constraints = [models.CheckConstraint(condition=Q(percent__lte=100), name="flag_percent_of_100")]

    def __str__(self) -> str:
        return self.name


class Announcement(models.Model):
    """What those who run the installation tell everybody's dashboards, as that there will be maintenance."""

    class Level(models.TextChoices):
        INFO = "info", _("good to know")
        WARNING = "warning", _("something will not work")

    level = models.CharField(_("kind"), max_length=7, choices=Level, default=Level.INFO)
    text_en = models.CharField(_("English"), max_length=300)
    text_pt = models.CharField(_("Portuguese"), max_length=300, blank=True)
    text_es = models.CharField(_("Spanish"), max_length=300, blank=True)
    text_fr = models.CharField(_("French"), max_length=300, blank=True)
    begins_at = models.DateTimeField(
        _("it begins"),
        null=True,
        blank=True,
        help_text=_("Each reader sees it in their business's own time."),
    )
    ends_at = models.DateTimeField(_("it ends"), null=True, blank=True)
    shown_from = models.DateTimeField(_("shown from"), default=timezone.now)
    shown_until = models.DateTimeField(_("shown until"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )

    class Meta:
        verbose_name = _("announcement")
        verbose_name_plural = _("announcements")
        constraints = [
            models.CheckConstraint(
                condition=Q(shown_until__gt=models.F("shown_from")), name="announcement_has_time"
            )
        ]
        indexes = [models.Index(fields=["shown_until"], name="announcement_until")]

    def __str__(self) -> str:
        return self.text_en[:60]

    @property
    def text(self) -> str:
        """In the reader's language where it was written in it, else in English."""
        own: str = getattr(self, f"text_{(get_language() or 'en')[:2]}", "")
        return own or self.text_en


class Dismissal(models.Model):
    """That a person has read an announcement and wants it out of the way."""

    announcement = models.ForeignKey(Announcement, models.CASCADE, related_name="dismissals")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["announcement", "user"], name="dismissed_once")]

    def __str__(self) -> str:
        return f"{self.announcement_id} {self.user_id}"


class Impersonation(models.Model):
    """A look at a business as one of its members sees it, by staff: for a reason and a time, in the audit."""

    class Mode(models.TextChoices):
        LOOK = "look", _("look only")
        ACT = "act", _("act as well")

    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="impersonations", verbose_name=_("staff")
    )
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+", verbose_name=_("business"))
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("seen as")
    )
    mode = models.CharField(_("may"), max_length=4, choices=Mode, default=Mode.LOOK)
    reason = models.CharField(_("reason"), max_length=200)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("allowed by")
    )
    created_at = models.DateTimeField(_("allowed"), default=timezone.now)
    entered_at = models.DateTimeField(_("entered"), null=True, blank=True)
    expires_at = models.DateTimeField(_("until"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("impersonation")
        verbose_name_plural = _("impersonations")
        indexes = [
            models.Index(fields=["tenant", "-id"], name="impersonation_of_tenant"),
            models.Index(fields=["staff"], condition=Q(ended_at=None), name="impersonation_open"),
        ]

    def __str__(self) -> str:
        return f"{self.staff_id} as {self.member_id}"

    @property
    def acts(self) -> bool:
        return self.mode == self.Mode.ACT

    def is_live(self, *, now: datetime) -> bool:
        return self.ended_at is None and self.expires_at > now
