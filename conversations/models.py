"""What is said: channels, contacts, conversations, messages, turns."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

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


class Contact(models.Model):
    """A person as the business knows them. A phone number is one identity among others, or none."""

    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    note = models.TextField(_("note"), blank=True)
    # What they told the assistant of themselves and said yes to: {"email": text, the business's own fields}.
    details = models.JSONField(_("details"), default=dict, db_default={}, blank=True)
    is_minor = models.BooleanField(
        _("a child: nothing is remembered of them"), default=False, db_default=False
    )
    # Since when nothing is sent to them unasked; what they said word for word is in Consent.
    opted_out_at = models.DateTimeField(_("wants no messages since"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        return self.name or str(_("Customer %(number)s") % {"number": self.pk})


class ContactIdentity(models.Model):
    """How one channel knows a contact."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="identities")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="identities")
    kind = models.CharField(_("kind"), max_length=12)  # c.us, lid, test
    value = models.CharField(_("value"), max_length=190)
    # When the gateway is to be asked who else this is (conversations.identities); None when that is known.
    resolve_at = models.DateTimeField(null=True, blank=True, editable=False)
    resolve_attempts = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = [models.UniqueConstraint(fields=["channel", "value"], name="identity_once_a_channel")]
        indexes = [
            models.Index(
                fields=["resolve_at"], condition=Q(resolve_at__isnull=False), name="identity_unresolved"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"  # never the number itself: this reaches logs


class ContactProfile(models.Model):
    """What a business has learnt of a customer from finished talks, kept only within their consent."""

    contact = models.OneToOneField(Contact, models.CASCADE, related_name="profile", primary_key=True)
    summary = models.TextField(_("summary"), blank=True)
    preferences = models.JSONField(_("preferences"), default=list, blank=True)
    interests = models.JSONField(_("interests"), default=list, blank=True)
    value = models.PositiveSmallIntegerField(_("value, 0 to 100"), default=0)
    value_reasons = models.JSONField(_("why"), default=list, blank=True)
    embedding = HalfVectorField(null=True, blank=True, editable=False)  # of the model `embedding_model` names
    embedding_model = models.CharField(max_length=120, blank=True, editable=False)
    read_until = models.BigIntegerField(default=0, editable=False)  # the last message that went into it
    due_at = models.DateTimeField(null=True, blank=True, editable=False)  # when to look again
    edited_at = models.DateTimeField(_("corrected by a person"), null=True, blank=True)
    updated_at = models.DateTimeField(_("updated"), null=True, blank=True)

    class Meta:
        verbose_name = _("customer profile")
        verbose_name_plural = _("customer profiles")
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="profile_due")]

    def __str__(self) -> str:
        return f"{self.contact_id}"


class ContactMerge(models.Model):
    """Two customers turned out to be one. What was moved stands here, so that it can be undone."""

    class Reason(models.TextChoices):
        SAME_NUMBER = "number", _("the gateway knows both as one")
        PERSON = "person", _("a person said so")

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="merges", verbose_name=_("customer"))
    taken_id = models.BigIntegerField(_("customer that was taken in"))
    reason = models.CharField(_("why"), max_length=8, choices=Reason)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    record = models.JSONField(editable=False)  # the shape is conversations.merging's; {} while it is planned
    due_at = models.DateTimeField(null=True, blank=True, editable=False)  # when it is to be done
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)

    class Meta:
        verbose_name = _("merge of customers")
        verbose_name_plural = _("merges of customers")
        indexes = [
            models.Index(fields=["taken_id"], condition=Q(undone_at__isnull=True), name="merge_taken"),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="merge_due"),
        ]

    def __str__(self) -> str:
        return f"{self.taken_id} > {self.contact_id}"


class Conversation(models.Model):
    """The thread with a contact on a channel."""

    class Handler(models.TextChoices):
        AGENT = "agent", _("assistant")
        QUEUE = "queue", _("waiting for a person")
        PERSON = "person", _("a person")

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    contact = models.ForeignKey(
        Contact, models.CASCADE, related_name="conversations", verbose_name=_("customer")
    )
    channel = models.ForeignKey(
        Channel, models.PROTECT, related_name="conversations", verbose_name=_("channel")
    )
    address = models.CharField(max_length=190)  # where replies go: the chat id as the gateway knows it
    handler = models.CharField(_("answered by"), max_length=6, choices=Handler, default=Handler.AGENT)
    status = models.CharField(_("status"), max_length=6, choices=Status, default=Status.OPEN)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("person"),
    )
    handoff_reason = models.CharField(_("why a person"), max_length=20, blank=True)
    waiting_since = models.DateTimeField(_("waiting since"), null=True, blank=True)
    reply_due_at = models.DateTimeField(null=True, blank=True)
    # Since when we wait for a yes: whether what was heard in a voice note is what was said.
    asked_back_at = models.DateTimeField(null=True, blank=True)
    next_send_at = models.DateTimeField(
        null=True, blank=True, editable=False
    )  # when this person may be sent to
    closed_told_until = models.DateTimeField(null=True, blank=True, editable=False)  # told when we open again
    held_at = models.DateTimeField(null=True, blank=True, editable=False)  # last told that an answer is late
    language = models.CharField(_("language"), max_length=8, blank=True)
    unread_count = models.PositiveIntegerField(_("unread"), default=0)
    last_message_at = models.DateTimeField(_("last message"), null=True, blank=True)
    last_message_text = models.CharField(_("last words"), max_length=160, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        constraints = [models.UniqueConstraint(fields=["channel", "contact"], name="one_thread_a_contact")]
        indexes = [
            models.Index(fields=["reply_due_at"], condition=Q(reply_due_at__isnull=False), name="reply_due"),
            models.Index(fields=["-last_message_at"], name="conversation_latest"),
        ]

    def __str__(self) -> str:
        return str(_("Conversation %(number)s") % {"number": self.pk})


class Turn(models.Model):
    """One answer by the agent: what it read, how it decided, what it cost."""

    class Status(models.TextChoices):
        RUNNING = "running", _("thinking")
        DONE = "done", _("answered")
        MERGED = "merged", _("merged into the next")
        SILENT = "silent", _("a person took over")
        HANDED_OVER = "handed_over", _("handed to a person")
        FAILED = "failed", _("failed")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns")
    agent_version = models.ForeignKey("agents.AgentVersion", models.PROTECT, null=True, related_name="+")
    hold = models.OneToOneField("billing.Hold", models.SET_NULL, null=True, blank=True, related_name="+")
    status = models.CharField(_("status"), max_length=11, choices=Status, default=Status.RUNNING)
    tier = models.CharField(_("tier"), max_length=10, blank=True)
    route_reason = models.CharField(_("why this tier"), max_length=120, blank=True)
    vendor = models.CharField(_("vendor"), max_length=12, blank=True)
    model = models.CharField(_("model"), max_length=120, blank=True)
    supported = models.BooleanField(_("supported by documents"), default=False)
    pinned = models.ForeignKey(
        "knowledge.PinnedAnswer", models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("pinned answer"),
    )  # fmt: skip
    # What part of the answer rests on which passages, where the model told: [{start, end, passages: [rank]}].
    citations = models.JSONField(default=list, db_default=[], blank=True)
    input_tokens = models.PositiveIntegerField(_("tokens read"), default=0)
    output_tokens = models.PositiveIntegerField(_("tokens written"), default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    credits = models.PositiveIntegerField(_("credits"), default=0)
    latency_ms = models.PositiveIntegerField(_("milliseconds"), null=True, blank=True)
    # How the tier was chosen, and who was asked in vain: agents.routing.Decision, {"fallbacks": [...]}.
    route = models.JSONField(_("route"), default=dict, db_default={}, blank=True)
    intent = models.CharField(_("intent"), max_length=30, blank=True, default="", db_default="")
    # What was done in which order: [{"kind", "name", "ms", ...}], for whoever asks why.
    steps = models.JSONField(_("steps"), default=list, db_default=[], blank=True)
    # What the vendor takes for it, in millionths of a US dollar; empty where no price is known.
    provider_cost = models.BigIntegerField(_("vendor's price"), null=True, blank=True)
    cached = models.BooleanField(_("answered from the cache"), default=False, db_default=False)
    # What a vendor would have taken for an answer that was given again.
    provider_saved = models.BigIntegerField(_("vendor's price saved"), null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1)
    # How many drafts were given up before this one, each because the customer wrote again.
    merges = models.PositiveSmallIntegerField(_("drafts before it"), default=0, db_default=0)
    error = models.CharField(_("what went wrong"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("turn")
        verbose_name_plural = _("turns")
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(status="running"), name="one_running_turn"
            )
        ]
        indexes = [
            models.Index(fields=["started_at"], condition=Q(status="running"), name="turn_running"),
            models.Index(fields=["started_at"], name="turn_when"),
        ]

    def __str__(self) -> str:
        return str(_("Turn %(number)s") % {"number": self.pk})


class ToolRun(models.Model):
    """The receipt of one thing that the assistant did, committed before an answer may claim it."""

    class Status(models.TextChoices):
        ASKED = "asked", _("waits for the customer's yes")
        STARTED = "started", _("started")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        REFUSED = "refused", _("not allowed")
        DECLINED = "declined", _("the customer said no")
        UNKNOWN = "unknown", _("nobody knows whether it was done")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="tool_runs")
    turn = models.ForeignKey(Turn, models.SET_NULL, null=True, blank=True, related_name="tool_runs")
    tool = models.CharField(_("tool"), max_length=64)
    # The same wish of the same messages has the same key, however often the turn is tried.
    key = models.CharField(_("idempotency key"), max_length=64, unique=True)
    arguments = models.JSONField(_("arguments"), default=dict, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True)
    claims = models.JSONField(_("stands for"), default=list, blank=True)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.STARTED)
    test = models.BooleanField(_("rehearsed only"), default=False)
    error = models.CharField(_("what went wrong"), max_length=200, blank=True)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("tool receipt")
        verbose_name_plural = _("tool receipts")
        ordering: ClassVar[list[str]] = ["pk"]
        indexes = [
            models.Index(
                fields=["started_at"], condition=Q(status__in=["started", "asked"]), name="tool_run_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.pk}"


class Proof(models.Model):
    """A code on its way to an e-mail address, and whether who writes here has read it there."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="proofs")
    email = models.CharField(_("e-mail"), max_length=254)
    code = models.CharField(max_length=64, blank=True, editable=False)  # its digest, never the code
    send_at = models.DateTimeField(null=True, blank=True, editable=False)  # None when it is not to be sent
    attempts = models.PositiveSmallIntegerField(default=0)  # to send it
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    created_at = models.DateTimeField(_("asked"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    expires_at = models.DateTimeField(_("good until"))
    proved_at = models.DateTimeField(_("proved"), null=True, blank=True)

    class Meta:
        verbose_name = _("proof of an address")
        verbose_name_plural = _("proofs of addresses")
        indexes = [
            models.Index(fields=["send_at"], condition=Q(send_at__isnull=False), name="proof_due"),
            models.Index(fields=["created_at"], name="proof_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"  # never the address: this reaches logs


class FollowUp(models.Model):
    """Words that the assistant promised to send later, unless something happens before."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        DROPPED = "dropped", _("not sent")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="follow_ups")
    key = models.CharField(_("idempotency key"), max_length=64, unique=True)
    text = models.TextField(_("words"))
    status = models.CharField(_("status"), max_length=7, choices=Status, default=Status.WAITING)
    reason = models.CharField(_("why not"), max_length=80, blank=True)
    due_at = models.DateTimeField(_("due"))
    created_at = models.DateTimeField(_("made"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("follow-up")
        verbose_name_plural = _("follow-ups")
        ordering: ClassVar[list[str]] = ["due_at", "pk"]
        indexes = [models.Index(fields=["due_at"], condition=Q(status="waiting"), name="follow_up_due")]

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"


class Message(models.Model):
    """One utterance in or out. Outbound and queued, it is the outbox."""

    class Direction(models.TextChoices):
        IN = "in", _("in")
        OUT = "out", _("out")

    class Author(models.TextChoices):
        CONTACT = "contact", _("customer")
        AGENT = "agent", _("assistant")
        PERSON = "person", _("a person")
        SYSTEM = "system", _("the product")
        PROGRAM = "program", _("a program")

    class Kind(models.TextChoices):
        TEXT = "text", _("text")
        IMAGE = "image", _("image")
        AUDIO = "audio", _("voice note")
        VIDEO = "video", _("video")
        DOCUMENT = "document", _("document")
        OTHER = "other", _("other")

    class Status(models.TextChoices):
        RECEIVED = "received", _("received")
        QUEUED = "queued", _("waiting to be sent")
        SENDING = "sending", _("being sent")
        UNKNOWN = "unknown", _("perhaps sent")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        READ = "read", _("read")
        FAILED = "failed", _("not sent")

    class Priority(models.IntegerChoices):
        """Who goes first on a number. A thread keeps its order between answers and people, not with bulk."""

        ANSWER = 0, _("answer")
        PERSON = 1, _("a person")
        BULK = 2, _("bulk")

    class Outcome(models.TextChoices):
        """How an inbound message ended. Blank is still open; open for long is a bug."""

        ANSWERED = "answered", _("answered")
        ASKED = "asked", _("asked back whether it was understood")
        HANDED_OVER = "handed_over", _("handed to a person")
        IGNORED = "ignored", _("ignored")

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    turn = models.ForeignKey(Turn, models.SET_NULL, null=True, blank=True, related_name="messages")
    direction = models.CharField(max_length=3, choices=Direction)
    author_kind = models.CharField(max_length=7, choices=Author)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.TEXT)
    body = models.TextField(blank=True)
    source_line = models.CharField(max_length=200, blank=True)
    media = models.FileField(upload_to="", max_length=300, blank=True)
    media_type = models.CharField(max_length=80, blank=True)
    media_name = models.CharField(max_length=120, blank=True)
    media_source = models.CharField(
        max_length=500, blank=True
    )  # where the gateway offers it; emptied when fetched
    provider_key = models.CharField(max_length=250, null=True, blank=True)  # session:fromMe:unique id
    # The message of the same thread that this one quotes; sent as a quote where the channel can.
    reply_to = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    # What words cannot hold, in the shapes of events.Said.content; outbound also {"template": ...}.
    content = models.JSONField(default=dict, db_default=Value({}, models.JSONField()), blank=True)
    # {"contact": "👍", "us": "❤"}; and what it said before it was edited, [{"text", "until"}], oldest first.
    reactions = models.JSONField(default=dict, db_default=Value({}, models.JSONField()), blank=True)
    earlier = models.JSONField(default=list, db_default=Value([], models.JSONField()), blank=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)  # taken back by who wrote it
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.ANSWER, db_default=0)
    status = models.CharField(max_length=9, choices=Status)
    outcome = models.CharField(max_length=11, choices=Outcome, blank=True)
    outcome_reason = models.CharField(max_length=80, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    send_after = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    typing_at = models.DateTimeField(null=True, blank=True)  # since when the customer sees somebody type
    error = models.CharField(max_length=200, blank=True)
    provider_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    # When it came to its end: inbound, the moment of its outcome; outbound, of sent or of not sent.
    terminal_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering: ClassVar[list[str]] = ["pk"]
        constraints = [models.UniqueConstraint(fields=["provider_key"], name="message_once")]
        indexes = [
            models.Index(fields=["conversation", "-id"], name="message_thread"),
            models.Index(
                fields=["send_after"], condition=Q(status="queued", priority__lt=2), name="message_outbox"
            ),
            models.Index(
                fields=["conversation", "id"],
                condition=Q(status__in=["queued", "sending", "unknown"]),
                name="message_unsent",
            ),
            models.Index(
                fields=["conversation"], condition=Q(direction="in", outcome=""), name="message_open"
            ),
            models.Index(fields=["created_at"], condition=~Q(media_source=""), name="message_media_due"),
            models.Index(
                fields=["claimed_at"],
                condition=Q(status__in=["sending", "unknown"]),
                name="message_in_flight",
            ),
            models.Index(fields=["id"], condition=Q(status="queued", priority=2), name="message_bulk"),
            models.Index(fields=["id"], condition=Q(status="failed"), name="message_failed"),
            models.Index(fields=["reply_to"], condition=Q(reply_to__isnull=False), name="message_quotes"),
        ]

    def __str__(self) -> str:
        return str(_("Message %(number)s") % {"number": self.pk})

    @property
    def media_url(self) -> str:
        return f"/media/messages/{self.pk}" if self.media else ""

    @property
    def unique_id(self) -> str:
        """The vendor's own id of this message; for ours, chosen before the send."""
        return (self.provider_key or "").rpartition(":")[2]

    @property
    def heard(self) -> "Transcript | None":
        """What became of its voice; None when it has none."""
        return getattr(self, "transcript", None)

    @property
    def words(self) -> str:
        """What was said: text or caption, and what was heard unless the customer said that it is not so."""
        heard = self.heard.text if self.heard and self.heard.confirmed is not False else ""
        return "\n".join(part for part in (self.body.strip(), self.choice, heard.strip()) if part)

    @property
    def choice(self) -> str:
        """The option that was chosen, when the words do not say it: a number typed back says nothing."""
        title = str((self.content.get("choice") or {}).get("title") or "")
        return f"({title})" if title and title not in self.body else ""

    @property
    def is_drawn(self) -> bool:
        """Whether a page draws it from its content (a place, cards, a poll): the body says the same."""
        return bool({"location", "cards", "poll"} & self.content.keys()) and not self.content.get("template")

    @property
    def reacted(self) -> list[str]:
        """The reactions on it, the customer's first."""
        return [self.reactions[who] for who in ("contact", "us") if self.reactions.get(who)]

    @property
    def in_memory(self) -> str:
        """What the other side did with it later, for who reads the thread without seeing it."""
        reaction = self.reactions.get("contact")
        return f"[the customer reacted with {reaction}]" if reaction else ""

    @property
    def whole_text(self) -> str:
        """What the customer reads: the words, and the line that names their source."""
        return f"{self.body}\n\n{self.source_line}" if self.source_line else self.body


class Transcript(models.Model):
    """What a voice note says, as a model heard it. It waits for its file, then for a model."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting for its file")
        DUE = "due", _("not heard yet")
        DONE = "done", _("heard")
        FAILED = "failed", _("could not be heard")

    SURE = 0.85  # below it the customer is asked before anything is done on it

    message = models.OneToOneField(Message, models.CASCADE, related_name="transcript")
    status = models.CharField(_("status"), max_length=7, choices=Status, default=Status.WAITING)
    text = models.TextField(_("what was heard"), blank=True)
    confidence = models.FloatField(_("confidence, 0 to 1"), null=True, blank=True)
    # None until the customer was asked and has answered.
    confirmed = models.BooleanField(_("confirmed by the customer"), null=True, blank=True)
    seconds = models.FloatField(_("seconds"), null=True, blank=True)
    vendor = models.CharField(_("vendor"), max_length=12, blank=True)
    model = models.CharField(_("model"), max_length=120, blank=True)
    hold = models.OneToOneField("billing.Hold", models.SET_NULL, null=True, blank=True, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(_("what went wrong"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("transcript")
        verbose_name_plural = _("transcripts")
        indexes = [models.Index(fields=["due_at"], condition=Q(status="due"), name="transcript_due")]

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"

    @property
    def is_open(self) -> bool:
        return self.status in (self.Status.WAITING, self.Status.DUE)

    @property
    def is_sure(self) -> bool:
        """Whether something may be done on it."""
        return self.confirmed is True or (self.confidence or 0.0) >= self.SURE


class TurnPassage(models.Model):
    """A passage that a turn read, kept as it was, and whether the answer cites it."""

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="passages")
    chunk_id = models.BigIntegerField(null=True)  # the chunk may be replaced; what was read stays
    document_id = models.BigIntegerField(null=True)
    document_title = models.CharField(max_length=200)
    heading = models.CharField(max_length=300, blank=True)
    page = models.PositiveIntegerField(null=True)
    text = models.TextField()
    quote = models.TextField(blank=True)
    score = models.FloatField()
    rank = models.PositiveSmallIntegerField()
    cited = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("passage read")
        verbose_name_plural = _("passages read")
        ordering: ClassVar[list[str]] = ["rank"]
        constraints = [models.UniqueConstraint(fields=["turn", "rank"], name="passage_rank_once")]

    def __str__(self) -> str:
        return f"{self.document_title} {self.rank}"


class Unanswered(models.Model):
    """A turn that had to say "I do not know", the question in it, and the gap that it belongs to."""

    turn = models.OneToOneField(Turn, models.CASCADE, primary_key=True, related_name="unanswered")
    contact = models.ForeignKey("Contact", models.CASCADE, related_name="+")
    # Null until somebody has looked which gap has the same meaning.
    gap = models.ForeignKey("knowledge.Gap", models.CASCADE, null=True, related_name="asked")
    question = models.CharField(_("question"), max_length=500)
    created_at = models.DateTimeField(_("asked"), default=timezone.now)

    class Meta:
        verbose_name = _("unanswered question")
        verbose_name_plural = _("unanswered questions")
        indexes = [models.Index(fields=["created_at"], condition=Q(gap=None), name="unanswered_unsorted")]

    def __str__(self) -> str:
        return f"{self.turn_id}"


class Session(models.Model):
    """A conversation that a program of the business leads on the API channel, under an id of its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.OneToOneField(Conversation, models.CASCADE, related_name="session")
    metadata = models.JSONField(_("what the program keeps with it"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        return str(self.pk)


class Trial(models.Model):
    """A member's test chat with one side of an assistant, or a part that was set aside of such a chat."""

    class Side(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")

    conversation = models.OneToOneField(
        Conversation, models.CASCADE, primary_key=True, related_name="trial", verbose_name=_("conversation")
    )
    agent = models.ForeignKey("agents.Agent", models.CASCADE, related_name="+", verbose_name=_("assistant"))
    side = models.CharField(_("what is tried"), max_length=9, choices=Side, default=Side.PUBLISHED)
    # The chat that it was set aside of, and the message there after which it went on; 0 for the beginning.
    of = models.ForeignKey(Conversation, models.CASCADE, null=True, blank=True, related_name="takes")
    after = models.BigIntegerField(default=0, editable=False)
    set_aside_at = models.DateTimeField(_("set aside"), null=True, blank=True)

    class Meta:
        verbose_name = _("test chat")
        verbose_name_plural = _("test chats")

    def __str__(self) -> str:
        return f"{self.side} {self.conversation_id}"


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
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


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


class Consent(models.Model):
    """What a person allowed or withdrew, in their own words. Only ever added; the database keeps it so."""

    class Purpose(models.TextChoices):
        MESSAGES = "messages", _("messages that they did not ask for")
        PROFILE = "profile", _("being remembered from one talk to the next")
        DETAILS = "details", _("keeping what they told of themselves")

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="consents")
    purpose = models.CharField(_("for what"), max_length=12, choices=Purpose, default=Purpose.MESSAGES)
    given = models.BooleanField(_("allowed"))
    channel = models.ForeignKey(Channel, models.SET_NULL, null=True, related_name="+")
    message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+")
    words = models.CharField(_("their words"), max_length=80)
    text_version = models.CharField(_("version of our text"), max_length=20)
    created_at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.purpose} {self.given} {self.pk}"


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
