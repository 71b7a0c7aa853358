"""One utterance in or out, and what a voice note says."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.answers import Turn
from conversations.models.threads import Conversation


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
    # The key of the form that asked for it: asked twice, also after it has left, it is one message.
    wish = models.CharField(max_length=64, null=True, blank=True, editable=False)
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
        constraints = [
            models.UniqueConstraint(fields=["provider_key"], name="message_once"),
            models.UniqueConstraint(
                fields=["conversation", "wish"], condition=Q(wish__isnull=False), name="wish_once"
            ),
        ]
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
        # Below the prefix of the pages that show it, as staff sees them inside the back office.
        return reverse("message_media", settings.ROOT_URLCONF, [self.pk]) if self.media else ""

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
