"""The thread with a contact, and threads that are a program's or a member's test."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models.channels import Channel
from conversations.models.contacts import Contact
from conversations.models.labels import Label


class Conversation(models.Model):
    """The thread with a contact on a channel."""

    class Handler(models.TextChoices):
        AGENT = "agent", _("assistant")
        QUEUE = "queue", _("waiting for a person")
        PERSON = "person", _("a person")

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    class Priority(models.IntegerChoices):
        """Who waits ahead of whom in the queue for a person."""

        NORMAL = 0, _("normal")
        HIGH = 1, _("high")
        URGENT = 2, _("urgent")

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
    labels = models.ManyToManyField(Label, related_name="conversations", blank=True, verbose_name=_("labels"))
    priority = models.PositiveSmallIntegerField(
        _("priority"), choices=Priority, default=Priority.NORMAL, db_default=0
    )
    # How they feel by their own words: -1, 0, 1; None until they wrote some; plain words change it a day on.
    sentiment = models.SmallIntegerField(_("mood"), null=True, blank=True)
    sla_due_at = models.DateTimeField(_("agreed for"), null=True, blank=True)  # the nearest open SlaClock
    person_until = models.DateTimeField(null=True, blank=True)  # then the assistant answers again
    # Minutes after each word of a person until then, as it was when they took over; 0: never by itself.
    person_minutes = models.PositiveIntegerField(null=True, blank=True)
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
            models.Index(
                fields=["person_until"], condition=Q(person_until__isnull=False), name="person_until_due"
            ),
            models.Index(fields=["waiting_since"], condition=Q(handler="queue"), name="conversation_waiting"),
            models.Index(
                fields=["-last_message_at"], condition=Q(unread_count__gt=0), name="conversation_unread"
            ),
        ]

    def __str__(self) -> str:
        return str(_("Conversation %(number)s") % {"number": self.pk})


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
