"""Ways in and out, their templates, and what came in at their doors."""

import uuid
from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.secrets import EncryptedTextField


class Channel(models.Model):
    """A way in and out, bound to one agent."""

    class Kind(models.TextChoices):
        WAHA = "waha", _("WhatsApp (WAHA)")
        CLOUD = "cloud", _("WhatsApp (Cloud API)")
        TEST = "test", _("test chat")
        API = "api", _("programs (API)")
        WEB = "web", _("web chat")

    class Restriction(models.TextChoices):
        """What WhatsApp itself forbids a number; it says so, the owner can only wait."""

        TIMELOCK = "timelock", _("may not write to people who never wrote")
        CAPPING = "capping", _("has written to as many new people as it may")

    class Health(models.TextChoices):
        GREEN = "green", _("works")
        AMBER = "amber", _("perhaps")
        RED = "red", _("does not work")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    name = models.CharField(_("name"), max_length=80, unique=True)
    agent = models.ForeignKey("agents.Agent", models.PROTECT, verbose_name=_("assistant"))
    session = models.CharField(_("gateway session"), max_length=54, blank=True)
    base_url = models.URLField(_("gateway URL"), blank=True)
    api_key = EncryptedTextField(_("gateway key"), blank=True)
    hmac_secret = EncryptedTextField(_("webhook secret"), blank=True)
    # WhatsApp Cloud API: which number of which account. Its token and app secret are the two fields above.
    phone_number_id = models.CharField(_("phone number ID"), max_length=40, blank=True, db_default="")
    waba_id = models.CharField(_("business account ID"), max_length=40, blank=True, db_default="")
    verify_token = EncryptedTextField(_("verify token"), blank=True, default="", db_default="")
    templates_synced_at = models.DateTimeField(_("templates read"), null=True, blank=True)
    # name/language of the template that carries what is sent after WhatsApp's 24 hours (conversations.late)
    late_template = models.CharField(
        _("template for late answers"), max_length=540, blank=True, default="", db_default=""
    )
    # How the web chat looks and where it may stand: the shape is conversations.widget.Widget.
    widget = models.JSONField(
        _("web chat"), default=dict, db_default=Value({}, models.JSONField()), blank=True, editable=False
    )
    is_active = models.BooleanField(_("active"), default=True)
    status = models.CharField(_("what the gateway says"), max_length=30, blank=True)
    status_at = models.DateTimeField(_("since"), null=True, blank=True)
    last_in_at = models.DateTimeField(_("last message in"), null=True, blank=True)
    last_answered_at = models.DateTimeField(_("last answered"), null=True, blank=True)
    number = models.CharField(_("number"), max_length=40, blank=True, db_default="", editable=False)
    # What it does, beside what it says (conversations.health): the moments of its latest signs of life.
    health = models.CharField(_("health"), max_length=5, choices=Health, blank=True, db_default="")
    health_reason = models.CharField(max_length=40, blank=True, db_default="", editable=False)  # a Reason
    health_since = models.DateTimeField(_("healthy or not since"), null=True, blank=True)
    last_event_at = models.DateTimeField(_("last event in"), null=True, blank=True)
    last_ack_at = models.DateTimeField(_("last receipt"), null=True, blank=True)
    last_probe_at = models.DateTimeField(_("last asked"), null=True, blank=True)
    probe_failures = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    probe_error = models.CharField(_("what the gateway answered"), max_length=200, blank=True, db_default="")
    watchdog_minutes = models.PositiveSmallIntegerField(
        _("minutes without a receipt until the alarm"), default=15, db_default=15
    )
    alarmed_at = models.DateTimeField(_("owner told"), null=True, blank=True)  # None when all was well last
    alarm_claimed_at = models.DateTimeField(null=True, blank=True, editable=False)  # a mail is on its way
    call_reply = models.TextField(
        _("answer to calls"), max_length=1000, blank=True, default="", db_default=""
    )  # empty: a call is noted, and nothing is said
    restriction = models.CharField(
        _("WhatsApp's restriction"), max_length=8, choices=Restriction, blank=True, default="", db_default=""
    )
    restricted_until = models.DateTimeField(_("restricted until"), null=True, blank=True)
    # Rate shaping (conversations.pacing): when this number is free again, and when its bulk moves next.
    next_send_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_bulk_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=Q(kind="api"), name="one_api_channel"),
            models.UniqueConstraint(
                fields=["phone_number_id"], condition=Q(kind="cloud"), name="one_channel_a_cloud_number"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ChannelStatus(models.Model):
    """What a channel was at some moment: the gateway's word, or our own judgement of it."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="statuses")
    status = models.CharField(_("state"), max_length=30)  # WORKING and so on; green, amber, red
    detail = models.CharField(_("why"), max_length=200, blank=True)
    at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("channel state")
        verbose_name_plural = _("channel states")
        indexes = [models.Index(fields=["channel", "-id"], name="channel_history")]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.status}"


class MessageTemplate(models.Model):
    """A message that WhatsApp has approved beforehand: all that may be sent after 24 hours of silence."""

    APPROVED = "APPROVED"

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="templates")
    name = models.CharField(_("name"), max_length=512)
    language = models.CharField(_("language"), max_length=20)
    category = models.CharField(_("category"), max_length=30, blank=True)
    status = models.CharField(_("status"), max_length=30)  # WhatsApp's own word
    reason = models.CharField(_("why"), max_length=200, blank=True)
    body = models.TextField(_("text"), blank=True)
    components = models.JSONField(
        default=list, blank=True
    )  # as WhatsApp has them: conversations.template_parts
    parameters_count = models.PositiveSmallIntegerField(_("blanks"), default=0)
    is_usable = models.BooleanField(_("can be sent from here"), default=False)
    synced_at = models.DateTimeField(_("read"), default=timezone.now)

    class Meta:
        verbose_name = _("message template")
        verbose_name_plural = _("message templates")
        ordering: ClassVar[list[str]] = ["name", "language"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "name", "language"], name="template_once_a_channel")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"


class WebhookEvent(models.Model):
    """A gateway's delivery as it came: stored by the door, told to the inbox, kept for a month."""

    class Status(models.TextChoices):
        NEW = "new", _("new")
        DONE = "done", _("done")
        PARKED = "parked", _("parked")

    channel = models.ForeignKey(Channel, models.CASCADE, db_constraint=False)
    body = models.BinaryField()
    status = models.CharField(max_length=6, choices=Status, default=Status.NEW, db_default=Status.NEW)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    outcome = models.CharField(max_length=200, blank=True, db_default="")
    # What became of each id in it: [{"key": provider key, "what": said, receipt ..., "outcome": words}].
    traces = models.JSONField(null=True, blank=True)
    received_at = models.DateTimeField(db_default=models.functions.Now())
    # Not to be read before: it changes a message that has not come yet, since deliveries have no order.
    again_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        indexes = [
            models.Index(fields=["id"], condition=Q(status="new"), name="webhook_event_new"),
            models.Index(fields=["id"], condition=Q(status="parked"), name="webhook_event_parked"),
            GinIndex(fields=["traces"], opclasses=["jsonb_path_ops"], name="webhook_event_traces"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"


class Breaker(models.Model):
    """Whether a vendor of this business may be asked: open after failures, then tried by one turn."""

    class Cause(models.TextChoices):
        FAILING = "failing", _("it does not answer")
        ACCOUNT = "account", _("it refuses the key, or the account has no money left")

    vendor = models.CharField(_("vendor"), max_length=60, unique=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    cause = models.CharField(_("why"), max_length=8, choices=Cause, blank=True)
    detail = models.CharField(_("what it said"), max_length=200, blank=True)
    open_until = models.DateTimeField(_("not asked until"), null=True, blank=True)
    opened_at = models.DateTimeField(_("since"), null=True, blank=True)
    told_at = models.DateTimeField(_("owner told"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("vendor's breaker")
        verbose_name_plural = _("vendors' breakers")
        indexes = [
            models.Index(
                fields=["opened_at"],
                condition=Q(opened_at__isnull=False, told_at=None),
                name="breaker_owner_untold",
            )
        ]

    def __str__(self) -> str:
        return self.vendor

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None
